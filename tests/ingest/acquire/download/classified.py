"""Prints the outcome of downloads as JSON, a line each: `python -m tests.ingest.acquire.download.classified FOLDER`.

Addresses come on stdin, a line each. It runs in a process of its own, as workers do, where yt-dlp finds the extractor
of the test site.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from signverse.ingest.acquire.download import ytdlp
from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.download.settings import Settings

THREADS = 8

_local = threading.local()


def outcome_of(folder: Path, address: str) -> Outcome:
    """Downloads what an address names: a video, or a caption track."""
    if not hasattr(_local, "downloader"):
        _local.downloader = ytdlp.Downloader(Settings(proxy=""))
    downloader: ytdlp.Downloader = _local.downloader
    try:
        if "/captions/" in address:
            key = address.split("/captions/")[1]
            downloader.fetch_captions(ytdlp.CaptionTrack(key, "en", "manual", "", address, "vtt"), lambda: None)
            return Outcome("done")
        info = downloader.fetch_info(address)
        folder.mkdir()
        downloader.fetch_video(info, folder, lambda done, expected: None)
    except ytdlp.NotDownloadedError as error:
        return error.outcome
    except ytdlp.BadCaptionsError as error:
        return Outcome("failed", "bad_captions", str(error))
    return Outcome("done")


if __name__ == "__main__":
    # The test site needs no patience.
    ytdlp.SOCKET_TIMEOUT_S = 0.5  # type: ignore[misc]
    ytdlp._ytdlp_backoff = lambda n: 0.0
    ytdlp.sleep = lambda seconds, keep_alive: None
    addresses = sys.stdin.read().split()
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = pool.map(lambda i: outcome_of(Path(sys.argv[1]) / str(i), addresses[i]), range(len(addresses)))
        for address, outcome in zip(addresses, outcomes, strict=True):
            print(json.dumps({"address": address, **asdict(outcome)}))
