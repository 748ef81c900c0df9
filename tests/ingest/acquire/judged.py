"""What the fetcher makes of addresses, told as JSON: a line for each. `python -m tests.ingest.acquire.judged FOLDER`

A process of its own, as for workers: there yt-dlp finds our extractor. Addresses come on stdin, a line each.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from signverse.ingest.acquire import fetcher
from signverse.ingest.acquire.settings import Settings
from signverse.ingest.acquire.verdict import Verdict

AT_ONCE = 8


_mine = threading.local()


def verdict(folder: Path, address: str) -> Verdict:
    """Looks at a video and downloads it, or fetches what the address names where that is a caption track."""
    if not hasattr(_mine, "fetcher"):
        _mine.fetcher = fetcher.Fetcher(Settings(proxy=""))
    one: fetcher.Fetcher = _mine.fetcher
    try:
        if "/captions/" in address:
            key = address.split("/captions/")[1]
            one.captions(fetcher.Wanted(key, "en", "manual", "", address, "vtt"), lambda: None)
            return Verdict("done")
        info = one.look(address)
        folder.mkdir()
        one.video(info, folder, lambda there, expected: None)
    except fetcher.NotHadError as error:
        return error.verdict
    except fetcher.BadCaptionsError as error:
        return Verdict("failed", "bad_captions", str(error))
    return Verdict("done")


if __name__ == "__main__":
    # Tests need not be patient with a site of their own.
    fetcher.SOCKET_TIMEOUT_S = 0.5  # type: ignore[misc]
    fetcher._growing = lambda n: 0.0
    fetcher.wait = lambda seconds, alive: None
    addresses = sys.stdin.read().split()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda i: verdict(Path(sys.argv[1]) / str(i), addresses[i]), range(len(addresses)))
        for address, one in zip(addresses, found, strict=True):
            print(json.dumps({"address": address, **asdict(one)}))
