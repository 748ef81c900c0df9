"""What yt-dlp makes of addresses, told as JSON: a line for each. `python -m tests.site.probe FOLDER ADDRESS...`

A process of its own, as for workers: `ask()` starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.site.server import PLUGINS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Told:
    """What became of an address.

    Attributes:
        classes: of the exception and those below it, outermost first; empty where all went well.
        messages: theirs.
        info: of what yt-dlp told of the video, what tests look at.
        size: bytes of the file; None where there is none.
        partial: bytes that lie in a part file.
        warnings: that yt-dlp gave.
    """

    address: str
    classes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    partial: int | None = None
    warnings: tuple[str, ...] = ()


def ask(folder: Path, *addresses: str) -> dict[str, Told]:
    """Has a new process try addresses, one after the other; a caption file's address is just fetched."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.site.probe", str(folder), *addresses],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {
        line["address"]: Told(**{k: tuple(v) if isinstance(v, list) else v for k, v in line.items()}) for line in lines
    }


class _Log:
    """Keeps yt-dlp's warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, _: str) -> None: ...
    def error(self, _: str) -> None: ...
    def warning(self, text: str) -> None:
        self.warnings.append(text)


def chain(error: object) -> Iterator[BaseException]:
    """An exception and what caused it, as yt-dlp keeps that: in `exc_info`, in `cause`, and as Python does."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [(getattr(one, "exc_info", None) or (None, None))[1], getattr(one, "cause", None), one.__cause__]


def _options(folder: Path, log: _Log) -> dict[str, Any]:
    return {
        "quiet": True,
        "noprogress": True,
        "logger": log,
        "color": {"stdout": "no_color", "stderr": "no_color"},
        "proxy": "",
        "cachedir": False,
        "format": "bv/b",
        "format_sort": ["res:720", "vcodec:h264"],
        "outtmpl": f"{folder}/%(id)s.%(ext)s",
        "playlist_items": "1:2",
        "retries": 1,
        "extractor_retries": 1,
        "socket_timeout": 0.5,
    }


def _try(ydl: Any, address: str) -> dict[str, Any]:
    told: dict[str, Any] = {"info": {}}
    try:
        if "/captions/" in address:
            with ydl.urlopen(address) as response:
                told["size"] = len(response.read())
        else:
            info = ydl.extract_info(address, download=False)
            told["info"] = _part_of(info)
            path = Path(ydl.prepare_filename(info))
            if info.get("_type", "video") == "video":
                try:
                    ydl.process_info(info)
                finally:
                    half = path.with_name(path.name + ".part")
                    told["size"] = path.stat().st_size if path.exists() else None
                    told["partial"] = half.stat().st_size if half.exists() else None
    except Exception as error:
        errors = list(chain(error))
        told["classes"] = [type(one).__name__ for one in errors]
        told["messages"] = [str(one) for one in errors]
    return told


def _part_of(info: dict[str, Any]) -> dict[str, Any]:
    names = (
        "id",
        "title",
        "channel",
        "channel_id",
        "duration",
        "language",
        "format_id",
        "height",
        "vcodec",
        "filesize",
    )
    names += ("extractor", "live_status", "subtitles", "automatic_captions", "_type")
    some = {name: info.get(name) for name in names}
    return some | {
        "entries": len(list(info.get("entries") or ())),
        "formats": [f["format_id"] for f in info.get("formats") or ()],
    }


def main(folder: Path, addresses: list[str]) -> None:
    from yt_dlp import YoutubeDL

    log = _Log()
    with YoutubeDL(_options(folder, log)) as ydl:
        for address in addresses:
            log.warnings.clear()
            told = _try(ydl, address)
            print(json.dumps(told | {"address": address, "warnings": log.warnings}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
