"""The page of `signverse explore` over a lake of the released size (bench/corpus.py): answers, their size, memory.

The server runs in a process of its own; the client is a thin one. Each question is asked with other values each time,
so that no answer is one that was kept: the median and the least of them.

    python -m bench explorer                              makes the lake (about five minutes, 8 GB of disk)
    SIGNVERSE_BENCH_LAKES=FOLDER python -m bench explorer  keeps it there for the next time
    python -m bench.explorer LAKE                          of a lake that is there
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from bench.query import make_lakes

ROUNDS: Final = 9


def main() -> None:
    kept = os.environ.get("SIGNVERSE_BENCH_LAKES")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="signverse-bench-"))
    try:
        measure(make_lakes(folder)["maintained"])
    finally:
        if not kept:
            shutil.rmtree(folder)


def measure(lake: Path) -> None:
    """Prints the table of a lake."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "signverse", "explore", "--lake", str(lake), "--no-browser"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as server:
            try:
                assert server.stdout
                host = urlsplit(server.stdout.readline().strip()).netloc
                listens = time.perf_counter() - started
                _ask(host, "rows", {})
                first = time.perf_counter() - started
                print(f"{'the page can be asked for':44} {listens:8.2f} s after the start")
                print(f"{'the first clips':44} {first:8.2f} s after the start   (goal 1.5)")
                for name, goal, ask in _questions(host):
                    taken, sizes = zip(*(ask(i) for i in range(ROUNDS)), strict=True)
                    middle, least = statistics.median(taken) * 1000, min(taken) * 1000
                    print(f"{name:44} {middle:8.1f} ms, least {least:.1f}, {max(sizes):,} bytes   ({goal})")
                status = Path(f"/proc/{server.pid}/status").read_text()
                peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
                print(f"{'peak memory of the server':44} {peak:8.0f} MB   (goal 600)")
            finally:
                server.terminate()


Question = Callable[[int], tuple[float, int]]


def _questions(host: str) -> Iterator[tuple[str, str, Question]]:
    """Name, goal and question, which gives seconds and bytes."""

    def timed(name: str, **parameters: Any) -> tuple[float, int]:
        started = time.perf_counter()
        body = _ask(host, name, parameters)
        return time.perf_counter() - started, len(body)

    codes = [code for code, _ in json.loads(_ask(host, "facets", {}))["language"]]
    yield "a language", "goal 200", lambda i: timed("rows", language=codes[i % len(codes)])
    yield "a bound", "goal 200", lambda i: timed("rows", **{"min-confidence": f"right_hand={0.3 + i / 50:.2f}"})
    yield "words in captions", "goal 200", lambda i: timed("rows", text="abcdefghijkl"[i : i + 2])
    yield (
        "words, language and bound",
        "goal 200",
        lambda i: timed("rows", text="bcdefghijklm"[i : i + 2], language="ase", **{"min-duration": 1 + i / 8}),
    )
    yield "counts of all filters, all clips", "no goal", lambda i: timed("facets", **{"min-duration": i / 100})
    yield "figures by language", "goal 500", lambda i: timed("languages", **{"min-duration": 1 + i / 100})
    parts = ("body", "face", "left_hand", "right_hand")
    yield (
        "confidence by language",
        "goal 500",
        lambda i: timed("quality", measure=f"{parts[i % 4]}_confidence", **{"min-duration": 2 + i / 100}),
    )
    with_points = json.loads(_ask(host, "sql", {"query": _WITH_POINTS}))["rows"]
    videos = [row[0] for row in with_points]
    found: list[Any] = []
    for video_id in videos[:40]:
        found += json.loads(_ask(host, "rows", {"video": video_id, "count": 400}))["rows"]
    rows = [row["row"] for row in found]
    page = min(200, len(rows) // ROUNDS)
    yield (
        f"{page} thumbnails",
        "goal 150 for 200",
        lambda i: timed("thumbs", rows=",".join(map(str, rows[i * page : (i + 1) * page]))),
    )
    four_seconds = sorted(found, key=lambda row: abs(row["frames"] - 96))
    yield "a clip of four seconds", "goal 20, 64,000 bytes", lambda i: timed("points", id=four_seconds[i]["id"])
    yield "a condition in SQL", "no goal", lambda i: timed("rows", where=f"ordinal = {i}")


_WITH_POINTS: Final = "select distinct video_id from videos where keypoints_file is not null limit 60"


def _ask(host: str, name: str, parameters: dict[str, Any]) -> bytes:
    connection = http.client.HTTPConnection(host, timeout=120)
    connection.request("GET", f"/api/{name}?{urlencode(parameters)}")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{name}: {answer.status} {body[:300]!r}")
    return body


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
