"""A video site that runs on this machine, for the tests of downloading.

It serves videos and caption tracks as YouTube does, to yt-dlp's generic extractor and to an extractor of its own, fails
in the ways that real sites fail in, and logs the requests it gets. In a test:

    fault = Fault("429", times=2)               # the first two requests are refused
    with Site([Clip("one", small_video(2), tracks=(Captions("en"),), fault=fault)]) as site:
        ...                                     # download site.url("one")
        site.clear_faults("one")
        assert len(site.requests_for("one", MEDIA)) == 1

A process in which yt-dlp should know the site's extractor needs PLUGINS in its PYTHONPATH. To try things by hand:
`python -m tests.site --count 2000 --manifest manifest.csv`. What it answers to:

    /watch?v=ID               a page with <video> and <track>, for yt-dlp's generic extractor
    /api/ID.json              what the site's extractor reads, see plugins/
    /media/ID.mp4             the video
    /captions/ID/KEY.vtt      a caption track, also .srt and .json3

The other files: clips.py (what the site has), faults.py (what can go wrong), handler.py (how a request is answered),
caption_text.py (WebVTT as people and as a speech recogniser write it), videos.py (small real videos), population.py
(clips by the thousand) and probe.py (what yt-dlp makes of an address).
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.site.clips import Captions, Clip
from tests.site.faults import CAPTIONS, Fault
from tests.site.handler import Handler, ParsedRequest

__all__ = ["ALL", "PLUGINS", "Captions", "Clip", "Fault", "Request", "Site"]

PLUGINS = Path(__file__).parent / "plugins"
"""Belongs in PYTHONPATH where yt-dlp should know the site's own extractor."""

ALL = "*"
"""In place of a video id: a fault of the whole site."""


@dataclass(frozen=True)
class Request:
    """A request of the log.

    Attributes:
        path: with its query.
        range: header of that name, "" without one.
        status: of the answer; 0 where there was none.
        at: seconds since the site started.
        connection: number of the connection.
        stage: of `tests.site.faults.STAGES`.
        cookie: header of that name.
    """

    path: str
    range: str
    status: int
    at: float
    connection: int
    video_id: str
    stage: str
    cookie: str = ""


@dataclass
class _ActiveFault:
    """A fault, and how many requests it could concern so far, by caption track (\"\" for other requests)."""

    fault: Fault
    seen: Counter[str] = field(default_factory=Counter)


class Site:
    """A video site; it serves while its context is open.

    Attributes:
        requests: the log, in the order of the answers.
        max_connections: the most that were open at the same time.
        max_concurrent: the most requests that were answered at the same time.
        errors: of the site itself; leaving the context raises the first one.
    """

    def __init__(self, clips: Iterable[Clip] = (), *, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.max_connections = self.max_concurrent = 0
        self.errors: list[BaseException] = []
        self.closing = threading.Event()
        self._clips: dict[str, Clip] = {}
        self._active: dict[str, list[_ActiveFault]] = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._sent: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._wanted_port = port
        self.add(*clips)

    def __enter__(self) -> Site:
        self._server = _Server(self, self._wanted_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close()
        if self.errors and kind is None:
            raise self.errors[0]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def url(self, video_id: str) -> str:
        """The address of a video for the site's own extractor."""
        return f"{self.address}/made/{video_id}"

    def page_url(self, video_id: str) -> str:
        """The address of a video's page, for the generic extractor."""
        return f"{self.address}/watch?v={video_id}"

    def add(self, *clips: Clip) -> None:
        """Adds videos; one with a known id replaces it."""
        for clip in clips:
            self._clips[clip.video_id] = clip
            self.set_faults(clip.video_id, *clip.faults)

    def clip(self, video_id: str) -> Clip | None:
        return self._clips.get(video_id)

    def set_faults(self, video_id: str, *faults: Fault) -> None:
        """Replaces the faults of a video, or of the whole site (`ALL`)."""
        with self._lock:
            self._active[video_id] = [_ActiveFault(fault) for fault in faults]

    def clear_faults(self, video_id: str) -> None:
        """Ends the faults of a video, or of the whole site (`ALL`)."""
        self.set_faults(video_id)

    def requests_for(self, video_id: str, stage: str = "") -> list[Request]:
        """The requests for a video, of one stage or of all."""
        with self._lock:
            return [
                request for request in self.requests if request.video_id == video_id and stage in {"", request.stage}
            ]

    def wait_for(self, video_id: str, stage: str = "", count: int = 1, seconds: float = 20) -> None:
        """Returns when there were so many requests for a video.

        Raises:
            TimeoutError: there were not, in so many seconds.
        """
        until = time.monotonic() + seconds
        while len(self.requests_for(video_id, stage)) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(self.requests_for(video_id, stage))} requests for {video_id}, not {count}")
            time.sleep(0.01)

    def request_counts(self) -> Counter[str]:
        """Requests of each path, without its query."""
        with self._lock:
            return Counter(request.path.partition("?")[0] for request in self.requests)

    def connections_of(self, video_id: str) -> int:
        """How many connections had requests for a video."""
        return len({request.connection for request in self.requests_for(video_id)})

    def max_concurrent_for(self, video_id: str) -> int:
        """The most requests for a video that were answered at the same time."""
        return self._most[video_id]

    def bytes_sent(self, video_id: str) -> int:
        """Bytes of the video that were sent, in all requests; a client that left may lack the last 64 KiB of them."""
        return self._sent[video_id]

    # The methods below are for the handler.

    def next_fault(self, request: ParsedRequest) -> Fault | None:
        """The fault that a request meets; counts the request."""
        found = None
        # Each caption track is counted by itself; a fault of the whole site counts all requests.
        own = request.key if request.stage == CAPTIONS else ""
        with self._lock:
            shared = [(active, "") for active in self._active.get(ALL, ())]
            for active, track in [*shared, *((active, own) for active in self._active.get(request.video_id, ()))]:
                fault = active.fault
                if fault.stage != request.stage or (fault.key and fault.key != request.key):
                    continue
                if fault.unless_cookie and fault.unless_cookie in request.cookie:
                    continue
                number = active.seen[track]
                active.seen[track] += 1
                late = fault.times is not None and number >= fault.after + fault.times
                if found is None and number >= fault.after and not late:
                    found = fault
        return found

    def log_request(self, request: ParsedRequest, status: int) -> None:
        at = round(time.monotonic() - self._began, 4)
        logged = Request(
            path=request.path,
            range=request.range,
            status=status,
            at=at,
            connection=request.connection,
            video_id=request.video_id,
            stage=request.stage,
            cookie=request.cookie,
        )
        with self._lock:
            self.requests.append(logged)

    def log_sent(self, video_id: str, count: int) -> None:
        with self._lock:
            self._sent[video_id] += count

    def log_connections(self, count: int) -> None:
        with self._lock:
            self.max_connections = max(self.max_connections, count)

    @contextmanager
    def answering(self, video_id: str) -> Iterator[None]:
        with self._lock:
            self._busy[video_id] += 1
            self._most[video_id] = max(self._most[video_id], self._busy[video_id])
            self.max_concurrent = max(self.max_concurrent, self._busy.total())
        try:
            yield
        finally:
            with self._lock:
                self._busy[video_id] -= 1


class _Server(ThreadingHTTPServer):
    """A thread a connection; it knows its connections, so that it can end them."""

    request_queue_size = 256

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        self._open: dict[int, tuple[socket.socket, threading.Thread]] = {}
        self._numbers: dict[int, int] = {}
        self._count = 0
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._count += 1
        self._numbers[id(request)] = self._count
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._open[id(request)] = (request, threading.current_thread())
        self.site.log_connections(len(self._open))
        super().process_request_thread(request, client_address)

    def number_of(self, connection: socket.socket) -> int:
        return self._numbers[id(connection)]

    def shutdown_request(self, request: Any) -> None:
        # Removed before it is closed: then its id may be that of another one.
        self._open.pop(id(request), None)
        self._numbers.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        # That a client leaves is not an error of the site.
        if error is not None and not isinstance(error, ConnectionError):
            self.site.errors.append(error)

    def close(self) -> None:
        """Ends all connections, and waits for their threads."""
        self.server_close()
        for connection, thread in list(self._open.values()):
            # One that has ended by itself cannot be ended again.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)
