"""What holds for every kind of source: whatever is read, and whatever goes wrong on the way, it is the file's bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.http_limits import Limits
from signverse.ingest.remote.sources.protocols import RangedFile
from tests.fakehub.hub import Answer, Cut, Drop, Hub
from tests.ingest.remote.sources.servers import served, served_bucket

DATA = random.Random(14).randbytes(300_000)
LIMITS = Limits(wait_s=0.0005, longest_wait_s=0.002, answer_s=5.0, attempts=30)


@dataclass
class Served:
    """A file of a source, and what makes the next requests for it fail, each in its way."""

    file: RangedFile
    disturb: Callable[[list[int]], None]


def of_web(faults: list[int]) -> Callable[[Any], bool]:
    """Answers in place of those to ranges: statuses; and broken connections, before and inside of the body."""

    def fault(handler: Any) -> bool:
        if not handler.headers.get("Range") or not faults:
            return False
        kind = faults.pop()
        if kind < 3:
            handler.answer([500, 503, 429][kind], b"", {"Retry-After": "0"} if kind == 2 else {})
        elif kind == 3:
            handler.close_connection = True
        else:
            # The body ends early, after a byte or ten thousand.
            handler.cut = 10 ** (kind - 4)
            return False
        return True

    return fault


@pytest.fixture(params=["local", "hub", "https", "s3"])
def served_file(request, tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    (tmp_path / "folder" / "inside" / "1.tar").write_bytes(DATA)
    hub.put("owner/name", {"inside/1.tar": DATA})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")

    def disturb_hub(kinds: list[int]) -> None:
        hub.heal()
        what = [
            Answer(500),
            Answer(503),
            Answer(429, {"Retry-After": "0"}),
            Drop(),
            Cut(1),
            Cut(10),
            Cut(100),
            Cut(9999),
        ]
        for kind in kinds:
            hub.fail(what[kind], path="/cdn/|/resolve/")
        if kinds and kinds[0] % 2:
            hub.expire()

    with served(tmp_path / "folder") as web, served_bucket(tmp_path) as buckets:
        monkeypatch.setenv("AWS_ENDPOINT_URL", buckets.address)
        address = {"local": tmp_path / "folder", "hub": "owner/name", "https": web.address, "s3": "s3://folder"}
        server = buckets if request.param == "s3" else web

        def disturb(kinds: list[int]) -> None:
            server.fault = of_web(list(kinds))

        with open_source(address[request.param], limits=LIMITS) as source:
            assert [file.path for file in source.files() if file.path.endswith(".tar")] == ["inside/1.tar"]
            file = source.open("inside/1.tar")
            yield Served(file, disturb_hub if request.param == "hub" else disturb)
            file.close()


RANGES = st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, 40_000)), max_size=8).map(
    lambda found: [(start, min(size, len(DATA) - start)) for start, size in found]
)


@given(RANGES, st.lists(st.integers(0, 7), max_size=4), st.integers(1, 4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_of_any_source_are_the_slices_of_the_file_whatever_breaks_on_the_way(
    served_file: Served, ranges: list[tuple[int, int]], faults: list[int], streams: int
) -> None:
    """Errors of the server, pauses, connections that break, before and inside of a body, and expired addresses."""
    served_file.disturb(faults)
    with ThreadPoolExecutor(streams) as pool:
        read = list(pool.map(lambda each: served_file.file.pread(*each), ranges))
    assert read == [DATA[start : start + size] for start, size in ranges]
