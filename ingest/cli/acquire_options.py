"""The options of `ingest download` and `ingest run`. Imported at every start: nothing heavy here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from signverse.ingest.acquire.settings import (
    ATTEMPTS,
    MAX_HEIGHT,
    MODES,
    PAUSE_S,
    SLEEP,
    Acquisition,
    Settings,
    read_sleep,
)
from signverse.lake.cli.option_groups import one_of, stands_for

RETRY: Final = ("blocked", "failed", "unavailable")

PARALLEL: Final = 4
"""Videos fetched side by side: one connection each."""

AHEAD: Final = "20GB"
KEEP_FREE: Final = "5GB"


def _size(option: str, text: str) -> int:
    """Bytes; a refusal names the option."""
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.wording import byte_size

    try:
        return byte_size(text)
    except BadInputError as error:
        raise BadInputError(f"{option} {error.message}", error.hint) from None


def _make(**given: Any) -> Acquisition:
    from signverse.ingest.acquire.queue import read_slice
    from signverse.lake.model.languages import resolve

    keep_free = _size("--keep-free", given["keep_free"]) if given["keep_free"] not in {"0", "0GB"} else 0
    settings = Settings(
        max_height=given["max_height"],
        captions=given["captions"],
        cookies=given["cookies"],
        proxy=given["proxy"],
        rate=_size("--rate", given["rate"].removesuffix("/s")) if given["rate"] else None,
        sleep=read_sleep(given["sleep"]),
        # None begins below the floor; those under way may go below it, but not to the last byte.
        least_free=keep_free // 2,
        backoff_s=min(5.0, given["pause"]),
    )
    return Acquisition(
        settings=settings,
        languages=frozenset(resolve(asked) for asked in given["language"] or ()),
        limit=given["limit"],
        parallel=given["parallel"],
        attempts=given["attempts"],
        first_pause_s=given["pause"],
        keep_going=given["keep_going"],
        keep_free=keep_free,
        share=read_slice(given["slice"]) if given["slice"] else (1, 1),
        retry=tuple(dict.fromkeys(given["retry"] or ())),
    )


def _option(kind: Any, *names: str, **more: Any) -> Any:
    return Annotated[kind, typer.Option(*names, **more)]


acquiring = stands_for(
    "asked",
    {
        "language": (
            _option(
                list[str] | None,
                "--language",
                "-l",
                metavar="LANGUAGE",
                help="Sign language by code, alias or name; repeatable.",
            ),
            None,
        ),
        "limit": (_option(int | None, min=1, metavar="N", help="At most so many videos that are to be fetched."), None),
        "max_height": (
            _option(int, min=1, metavar="PIXELS", help="The largest form up to this height; hands need pixels."),
            MAX_HEIGHT,
        ),
        "captions": (
            _option(
                str,
                metavar="all|english|none",
                callback=one_of(*MODES),
                help="Human tracks and the recogniser's own; a translation only where English is lacking.",
            ),
            "all",
        ),
        "cookies": (
            _option(Path | None, metavar="FILE", help="Cookies in Netscape's format; the file is not changed."),
            None,
        ),
        "proxy": (_option(str | None, metavar="URL", help="For all requests; by default what the system says."), None),
        "rate": (_option(str | None, metavar="4MB", help="Bytes a second of one download, at most."), None),
        "sleep": (
            _option(str, metavar="SECONDS", help="Pause of a worker between two videos, or from-to: 1-5."),
            SLEEP,
        ),
        "parallel": (_option(int, min=1, max=64, metavar="N", help="Videos fetched side by side."), PARALLEL),
        "attempts": (
            _option(int, min=1, metavar="N", help="Tries of a video in this run, where it was blocked or failed."),
            ATTEMPTS,
        ),
        "pause": (
            _option(
                float,
                min=0.01,
                max=86400,
                metavar="SECONDS",
                help="After the first try; four times as long after each further one, up to 64 times.",
            ),
            PAUSE_S,
        ),
        "retry": (
            _option(
                list[str] | None,
                metavar="blocked|failed|unavailable",
                callback=one_of(*RETRY),
                help="Only videos that ended so, and at once; repeatable.",
            ),
            None,
        ),
        "keep_going": (
            _option(bool, "--keep-going", help="Wait on where a site keeps blocking; the run ends otherwise."),
            False,
        ),
        "slice": (
            _option(
                str | None,
                "--slice",
                metavar="3/16",
                help="The third of sixteen shares of the ids, for as many machines.",
            ),
            None,
        ),
        "keep_free": (
            _option(str, metavar="SIZE", help="Downloading waits while less is free on the disk of the media."),
            KEEP_FREE,
        ),
    },
    _make,
)
"""Decorates a command with a parameter `asked: Acquisition`."""

MediaOption = Annotated[Path, typer.Option("--media", metavar="DIR", help="Folder of the videos and captions.")]
MaybeMediaOption = Annotated[
    Path | None, typer.Option("--media", metavar="DIR", help="Folder of the videos and captions; looked at as well.")
]
ManifestArgument = Annotated[
    Path,
    typer.Argument(metavar="MANIFEST", help="CSV of video ids and sign languages, and a url where it is not YouTube."),
]
