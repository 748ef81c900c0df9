"""Prints what yt-dlp makes of addresses as JSON, a line each: `python -m tests.site.probe FOLDER ADDRESS...`.

It runs in a process of its own, as workers do; `probe()` starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.site.server import PLUGINS

ROOT = Path(__file__).parents[2]

_THREADS = 8


@dataclass(frozen=True)
class Probed:
    """What yt-dlp made of an address.

    Attributes:
        classes: of the exception and its causes, outermost first; empty where there was none.
        messages: of these exceptions.
        info: the part of yt-dlp's info that tests look at.
        size: bytes of the file; None where there is none.
        partial: bytes of the part file.
        warnings: of yt-dlp.
    """

    address: str
    classes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    partial: int | None = None
    warnings: tuple[str, ...] = ()


def probe(folder: Path, *addresses: str) -> dict[str, Probed]:
    """Tries addresses in a new process, eight at a time; that of a caption track is only fetched."""
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
        line["address"]: Probed(**{k: tuple(v) if isinstance(v, list) else v for k, v in line.items()})
        for line in lines
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
    """An exception and its causes, which yt-dlp keeps in `exc_info`, in `cause`, and as Python does."""
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
    result: dict[str, Any] = {"info": {}}
    try:
        if "/captions/" in address:
            with ydl.urlopen(address) as response:
                result["size"] = len(response.read())
        else:
            info = ydl.extract_info(address, download=False)
            result["info"] = _part_of(info)
            path = Path(ydl.prepare_filename(info))
            if info.get("_type", "video") == "video":
                try:
                    ydl.process_info(info)
                finally:
                    half = path.with_name(path.name + ".part")
                    result["size"] = path.stat().st_size if path.exists() else None
                    result["partial"] = half.stat().st_size if half.exists() else None
    except Exception as error:
        errors = list(chain(error))
        result["classes"] = [type(cause).__name__ for cause in errors]
        result["messages"] = [str(cause) for cause in errors]
    return result


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
    part = {name: info.get(name) for name in names}
    return part | {
        "entries": len(list(info.get("entries") or ())),
        "formats": [f["format_id"] for f in info.get("formats") or ()],
    }


def main(folder: Path, addresses: list[str]) -> None:
    from yt_dlp import YoutubeDL

    local = threading.local()

    def line(address: str) -> str:
        if not hasattr(local, "ydl"):
            local.log = _Log()
            local.ydl = YoutubeDL(_options(folder, local.log))
        local.log.warnings.clear()
        result = _try(local.ydl, address)
        return json.dumps(result | {"address": address, "warnings": local.log.warnings})

    # Most of the time they wait for a site that is silent.
    with ThreadPoolExecutor(_THREADS) as pool:
        for text in pool.map(line, addresses):
            print(text, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
