"""The options of the commands of acquisition. Imported at every start: nothing heavy here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from signverse.ingest.acquire.download.settings import CAPTION_MODES, MAX_HEIGHT, SLEEP, Settings, read_sleep
from signverse.ingest.acquire.options import Acquisition
from signverse.ingest.acquire.scheduling.retry_policy import ATTEMPTS, PAUSE_S
from signverse.ingest.cli.shared import LanguageOption
from signverse.lake.cli.option_groups import mistyped, one_of, option_group

RETRY: Final = ("blocked", "failed", "unavailable")
"""Outcomes that --retry takes."""

PARALLEL: Final = 4
"""Download workers, by default."""

AHEAD: Final = "20GB"
KEEP_FREE: Final = "5GB"

ManifestArgument = Annotated[
    Path,
    typer.Argument(metavar="MANIFEST", help="List of video ids or addresses and sign languages (CSV, JSON, Parquet)."),
]

MediaOption = Annotated[Path, typer.Option("--media", metavar="DIR", help="Folder of the videos and captions.")]

OptionalMediaOption = Annotated[
    Path | None, typer.Option("--media", metavar="DIR", help="Folder of the videos and captions.")
]

OptionalLakeOption = Annotated[
    Path | None,
    typer.Option(
        "--lake",
        envvar="SIGNVERSE_LAKE",
        metavar="LAKE",
        help="Folder of the lake; to read one, also its address (s3://...).",
    ),
]

AheadOption = Annotated[
    str,
    typer.Option("--ahead", metavar="SIZE", help="Pause downloading while this much waits for extraction."),
]

KeepMediaOption = Annotated[
    bool,
    typer.Option("--keep-media", help="Keep the downloaded files; a run without this removes them."),
]


def read_size(option: str, text: str) -> int:
    """Bytes; an error names the option."""
    # Here, as in `_make`: this module is not needed at every start.
    from signverse.lake.model.wording import byte_size

    with mistyped(option):
        return byte_size(text)


def _make(**given: Any) -> Acquisition:
    from signverse.ingest.acquire.worklist import read_slice
    from signverse.lake.model.languages import resolve

    keep_free = read_size("--keep-free", given["keep_free"]) if given["keep_free"] not in {"0", "0GB"} else 0
    settings = Settings(
        max_height=given["max_height"],
        captions=given["captions"],
        cookies=given["cookies"],
        proxy=given["proxy"],
        rate=read_size("--rate", given["rate"].removesuffix("/s")) if given["rate"] else None,
        sleep=read_sleep(given["sleep"]),
        # No download starts below --keep-free; running ones may go below it, but not to the last byte.
        least_free=keep_free // 2,
        backoff_s=min(5.0, given["pause"]),
        public_only=given["public_only"],
    )
    return Acquisition(
        settings=settings,
        languages=frozenset(resolve(language) for language in given["language"] or ()),
        limit=given["limit"],
        parallel=given["parallel"],
        attempts=given["attempts"],
        first_pause_s=given["pause"],
        keep_going=given["keep_going"],
        keep_free=keep_free,
        slice=read_slice(given["slice"]) if given["slice"] else (1, 1),
        retry=tuple(dict.fromkeys(given["retry"] or ())),
    )


def _option(kind: Any, *names: str, **more: Any) -> Any:
    return Annotated[kind, typer.Option(*names, **more)]


acquiring = option_group(
    "options",
    {
        "language": (LanguageOption, None),
        "limit": (_option(int | None, min=1, metavar="N", help="Try at most N videos of those left."), None),
        "max_height": (
            _option(int, min=1, metavar="PIXELS", help="Maximum video height to download."),
            MAX_HEIGHT,
        ),
        "captions": (
            _option(
                str,
                metavar="|".join(CAPTION_MODES),
                callback=one_of(*CAPTION_MODES),
                help="Caption tracks to download, human and automatic; a translation only where English is missing.",
            ),
            "all",
        ),
        "cookies": (
            _option(Path | None, metavar="FILE", help="Cookies in Netscape's format; the file is not changed."),
            None,
        ),
        "proxy": (
            _option(str | None, metavar="URL", help="Proxy for all requests (default: from the environment)."),
            None,
        ),
        "public_only": (
            _option(
                bool,
                "--public-only",
                help="Connect to public addresses only, in redirects and playlists too; take no files of this machine.",
            ),
            False,
        ),
        "rate": (_option(str | None, metavar="SIZE", help="Maximum bytes a second of one download: 4MB."), None),
        "sleep": (
            _option(str, metavar="SECONDS", help="Pause of a worker between two videos, or a range: 1-5."),
            SLEEP,
        ),
        "parallel": (_option(int, min=1, max=64, metavar="N", help="Videos downloaded at the same time."), PARALLEL),
        "attempts": (
            _option(int, min=1, metavar="N", help="Attempts for a video in this run, where it is blocked or fails."),
            ATTEMPTS,
        ),
        "pause": (
            _option(
                float,
                min=0.01,
                max=86400,
                metavar="SECONDS",
                help="Pause after the first attempt; four times as long after each further one, up to 64 times.",
            ),
            PAUSE_S,
        ),
        "retry": (
            _option(
                list[str] | None,
                metavar="|".join(RETRY),
                callback=one_of(*RETRY),
                help="Only videos with this outcome, without waiting; repeatable.",
            ),
            None,
        ),
        "keep_going": (
            _option(bool, "--keep-going", help="Wait on where a site keeps blocking; otherwise the run ends."),
            False,
        ),
        "slice": (
            _option(
                str | None,
                "--slice",
                metavar="I/N",
                help="Only the I-th of N slices of the ids, to share the work among N machines: 3/16.",
            ),
            None,
        ),
        "keep_free": (
            _option(str, metavar="SIZE", help="Pause downloading when less than this is free on the media disk."),
            KEEP_FREE,
        ),
    },
    _make,
)
"""Decorates a command with a parameter `options: Acquisition`."""
