"""What the commands of ingestion share: their groups, and messages that several of them print.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from signverse.lake.cli.groups import CommandGroup
from signverse.lake.cli.shared import complain, say

if TYPE_CHECKING:
    from signverse.ingest.manifest import Manifest

ingest_group = typer.Typer(
    cls=CommandGroup, help="Bring videos and released shards into a lake.", no_args_is_help=True, rich_markup_mode=None
)
models_group = typer.Typer(
    cls=CommandGroup, help="The two ONNX models that extraction needs.", no_args_is_help=True, rich_markup_mode=None
)

ManifestOption = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        metavar="FILE",
        help="List of video ids and sign languages (CSV, JSON, Parquet); its labels take precedence over the files'.",
    ),
]

LanguageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        "-l",
        metavar="LANGUAGE",
        help="Sign language by code, alias or name; repeatable.",
    ),
]

StalledAfterOption = Annotated[
    int,
    typer.Option(
        "--stalled-after", min=1, metavar="SECONDS", help="Give up on a video or file after this long without progress."
    ),
]


@contextmanager
def resumable(kept: str = "finished videos are in the lake, and the same command goes on from there") -> Iterator[None]:
    """Says after Ctrl-C that finished work is kept, and where."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"interrupted: {kept}")
        raise


def say_relabelled(changed: list[str]) -> None:
    """Says which videos of the lake got another language from the manifest."""
    from signverse.lake.model.wording import counted, some

    if changed:
        say(f"{counted(len(changed), 'video')} relabelled by the manifest: {some(changed)}")


_SHOWN: Final = 20
"""At most so many rows of a manifest are named for the same reason; `signverse inspect` names all."""


def say_manifest(listed: Manifest, *, download: bool = False) -> None:
    """Says how a manifest was read, and which of its rows are refused.

    Args:
        download: whether ids without an address are looked for on YouTube; those that it cannot have are named.
    """
    for line in (listed.summary, *listed.remarks):
        say(line)
    for lines in ([why for _, why in listed.refused], listed.about_not_youtube() if download else []):
        for line in lines[:_SHOWN]:
            say(line)
        if len(lines) > _SHOWN:
            say(f"  and {len(lines) - _SHOWN:,} more rows like this: signverse inspect {listed.path}")


def say_failed(count: int, lake: Path) -> None:
    """Says how many videos failed, and how to see why."""
    complain(f"{count:,} failed; to see why: signverse sql \"from outcomes where outcome = 'failed'\" --lake {lake}")
