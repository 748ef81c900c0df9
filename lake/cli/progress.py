"""A bar on stderr for work that is counted in bytes; nothing where stderr is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from signverse.lake.cli.shared import CleanStream, is_quiet
from signverse.lake.model.untrusted.terminal_text import clean


def stderr_console() -> Console:
    """A console on stderr. With --quiet it does not count as a terminal, so that bars are left out."""
    # Past what cleans stderr: a bar consists of commands to the terminal.
    stream = sys.stderr.rich_proxied_file if isinstance(sys.stderr, CleanStream) else sys.stderr
    return Console(file=stream, highlight=False, soft_wrap=True, force_terminal=False if is_quiet() else None)


def print_line(console: Console, line: str) -> None:
    """Prints a line above a console's bar: of what is from outside, neither rich nor the terminal obeys anything."""
    console.print(clean(line), markup=False)


@contextmanager
def byte_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows a bar while the block runs.

    Yields:
        A function that advances the bar by a number of bytes.
    """
    console = stderr_console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda done: progress.advance(bar, done)
