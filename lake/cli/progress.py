"""A bar on stderr for work that is counted in bytes; nothing where stderr is not a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from signverse.lake.cli.shared import is_quiet


def stderr_console() -> Console:
    """A console on stderr. With --quiet it does not count as a terminal, so that bars are left out."""
    return Console(stderr=True, highlight=False, soft_wrap=True, force_terminal=False if is_quiet() else None)


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
