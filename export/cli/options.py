"""The options that all exports share, and how their commands run: one meaning, one help text.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from signverse.lake.cli.shared import complain, say

ExportOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the export; made where there is none.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an export that is there.")]


@contextmanager
def writing(noun: str, total: int, done: int) -> Iterator[Callable[[object], None]]:
    """A bar on a terminal while units are written; gives what advances it. After Ctrl-C it says what is kept.

    Args:
        noun: what a unit is called.
        done: how many are there already.
    """
    from rich.progress import MofNCompleteColumn, Progress

    from signverse.lake.cli.progress import stderr_console
    from signverse.lake.model.wording import counted

    if done:
        say(f"{counted(done, noun)} there already")
    console = stderr_console()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task(f"{noun}s", total=total, completed=done)
            yield lambda _: progress.advance(bar)
    except KeyboardInterrupt:
        complain(f"interrupted: the {noun}s that are finished are kept, and the same command goes on from there")
        raise
