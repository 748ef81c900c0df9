"""What all exports share: options, with one help text each, and the progress bar.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.lake.cli.shared import complain, say
from signverse.lake.model.errors import MistypedError

if TYPE_CHECKING:
    from signverse.lake.jobs.executor import WorkerLimits

ExportOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the export; made if missing.")]
WorkersOption = Annotated[int, typer.Option(min=1, metavar="N", help="Files written at once, each by a process.")]
StalledAfterOption = Annotated[
    int | None,
    typer.Option(
        "--stalled-after", min=1, metavar="SECONDS", help="Give up on a video or file after this long without progress."
    ),
]
CardOption = Annotated[
    bool, typer.Option("--card", help="Also write README.md and croissant.json: a card of the data set.")
]
LicenceOption = Annotated[
    str | None,
    typer.Option(
        "--licence", "--license", metavar="SPDX", help="Licence of the data, that of its source; never assumed."
    ),
]
ByLanguageOption = Annotated[
    bool, typer.Option("--by-language", help="Files of each language in data/CODE; with --card they always are.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export in the folder.")]


def wants_card(card: bool, licence: str | None) -> bool:
    """Whether a card is asked for.

    Raises:
        MistypedError: a licence is given, and no card.
    """
    if licence is not None and not card:
        raise MistypedError("--licence is of the card, and no card is asked for", "Give --card too.")
    return card


def say_stale_card(out: Path) -> None:
    """Says that the README.md of an earlier export is still there, where this one has no card."""
    readme = out / "README.md"
    try:
        is_card = readme.is_file() and b"<!-- signverse:begin " in readme.read_bytes()[:1_000_000]
    except OSError:
        return
    if is_card:
        say(f"{readme} is of an earlier export: --card writes it again, with what you wrote in it")


def worker_limits(memory_mb: int | None, stalled_s: float | None) -> WorkerLimits:
    """The limits that the options ask for."""
    from signverse.lake.jobs.executor import WorkerLimits

    return WorkerLimits(memory_mb, math.inf if stalled_s is None else stalled_s)


@contextmanager
def writing(noun: str, total: int, done: int) -> Iterator[Callable[[object], None]]:
    """Show a progress bar while units are written; yields what advances it. After Ctrl-C say what is kept.

    Args:
        noun: name of a unit.
        done: number of units that an earlier run wrote.
    """
    from rich.progress import MofNCompleteColumn, Progress

    from signverse.lake.cli.progress import stderr_console
    from signverse.lake.model.wording import counted

    if done:
        say(f"{counted(done, noun)} already written")
    console = stderr_console()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task(f"{noun}s", total=total, completed=done)
            yield lambda _: progress.advance(bar)
    except KeyboardInterrupt:
        complain(f"interrupted: the {noun}s that are finished are kept, and the same command goes on from there")
        raise
