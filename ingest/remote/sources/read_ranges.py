"""Reads many ranges of a file: near ones in one request, several requests at a time, handed on in order.

A request costs a round trip, some 40 ms, in which 1 MB arrives on a line of 200 Mbit/s: bytes between two ranges that
are less than that are read along and dropped, while they are few beside the bytes that are wanted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Final

from signverse.ingest.remote.sources.protocols import RangedFile

GAP: Final = 1_000_000
"""Bytes between two ranges that are read along, at most."""

WASTE: Final = 0.05
"""Share of the wanted bytes that may be read along."""

_ALWAYS: Final = 4096
"""Bytes between two ranges that are read along in any case: headers and padding between two members of a tar."""

REQUEST: Final = 16 * 1024**2
"""Bytes of a request at most: a connection that breaks costs little, and the round trip is short beside it."""

STREAMS: Final = 3
"""Requests for one file at a time."""


def merge(
    ranges: Iterable[tuple[int, int]], *, gap: int = GAP, waste: float = WASTE
) -> Iterator[list[tuple[int, int]]]:
    """Groups of ranges that are read together: those that come after each other with little between them.

    Args:
        ranges: start and size of each; those of one group are in ascending order, so sorted ones make few groups.
        gap: bytes between two of a group, at most.
        waste: bytes between the ranges of a group as a share of its wanted bytes, at most.
    """
    group: list[tuple[int, int]] = []
    end = wanted = between = 0
    for start, size in ranges:
        space = start - end
        near = bool(group) and start >= group[-1][0] and space <= gap
        if not near or (space > _ALWAYS and between + space > waste * (wanted + size)):
            if group:
                yield group
            group, end, wanted, between = [], start, 0, 0
        group.append((start, size))
        between += max(0, start - end)
        wanted += size
        end = max(end, start + size)
    if group:
        yield group


def read_ranges(
    file: RangedFile,
    ranges: Iterable[tuple[int, int]],
    *,
    gap: int = GAP,
    waste: float = WASTE,
    request: int = REQUEST,
    streams: int = STREAMS,
) -> Iterator[bytes]:
    """The bytes of each range, in the order of the ranges.

    Holds `streams` requests and one range in memory. A range larger than a request is read by several.

    Args:
        ranges: start and size of each, in bytes; best sorted.
        gap, waste: see `merge`.
        request: bytes of a request, at most.
        streams: requests at a time.

    Raises:
        RemoteFileError, SourceError: see `RangedFile.pread`. Ranges before the failed one were yielded.
    """
    # Read twice: once to plan the requests, and once, a little later, to cut them into the ranges.
    groups = list(merge(ranges, gap=gap, waste=waste))
    pieces = _read_ahead(file, _requests(groups, request), streams)
    for group in groups:
        yield from _cut(group, pieces)


def stream(
    file: RangedFile, start: int, size: int, *, request: int = REQUEST, streams: int = STREAMS
) -> Iterator[bytes]:
    """The bytes of one range in pieces, in order: for a large one that goes to disk, or through a hash.

    Args and errors: see `read_ranges`.
    """
    for _, piece in _read_ahead(file, _requests([[(start, size)]], request), streams):
        yield piece


def _requests(groups: Iterable[list[tuple[int, int]]], request: int) -> Iterator[tuple[int, int]]:
    for group in groups:
        start, end = group[0][0], max(start + size for start, size in group)
        for at in range(start, end, request):
            yield at, min(request, end - at)


def _cut(group: list[tuple[int, int]], pieces: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """The ranges of a group out of the pieces of the file that hold them."""
    held: deque[tuple[int, bytes]] = deque()
    for start, size in group:
        while held and held[0][0] + len(held[0][1]) <= start:
            held.popleft()
        have = held[-1][0] + len(held[-1][1]) if held else -1
        while size and have < start + size:
            piece = next(pieces)
            have = piece[0] + len(piece[1])
            if have > start:
                held.append(piece)
        parts = [data[max(0, start - at) : max(0, start + size - at)] for at, data in held]
        yield parts[0] if len(parts) == 1 else b"".join(parts)


def _read_ahead(file: RangedFile, requests: Iterator[tuple[int, int]], streams: int) -> Iterator[tuple[int, bytes]]:
    """Where each request starts, and its bytes, in order; the next ones are read meanwhile."""
    waiting: deque[tuple[int, Future[bytes]]] = deque()
    for start, size in islice(requests, max(1, streams)):
        waiting.append((start, _begin(file, start, size)))
    while waiting:
        at, future = waiting.popleft()
        yield at, future.result()
        for start, size in islice(requests, 1):
            waiting.append((start, _begin(file, start, size)))


def _begin(file: RangedFile, start: int, size: int) -> Future[bytes]:
    """Reads a range in a thread of its own, which does not keep the program from ending: a server may be slow."""
    future: Future[bytes] = Future()

    def work() -> None:
        try:
            future.set_result(file.pread(start, size))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name=f"read {start:,}", daemon=True).start()
    return future
