"""A video site on this machine, for tests and benches: `with Site(clips) as site`.

    /watch?v=ID               a page with <video> and <track>, for yt-dlp's generic extractor
    /api/ID.json              what `MadeSiteIE` reads, see `plugins/`
    /media/ID.mp4             the video
    /captions/ID/KEY.vtt      a caption track, also .srt and .json3

It can do all that goes wrong on real sites, see `tests.site.troubles`, and keeps an account of what it was asked for.

    python -m tests.site.server --videos DIR --count 2000    # by hand; prints its address
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
from tests.site.handler import Asked, Handler
from tests.site.troubles import CAPTIONS, Trouble

__all__ = ["ALL", "PLUGINS", "Captions", "Clip", "Request", "Site", "Trouble"]

PLUGINS = Path(__file__).parent / "plugins"
"""Belongs on the path of Python wherever yt-dlp should know the site."""

ALL = "*"
"""In place of an id: a trouble of the whole site."""


@dataclass(frozen=True)
class Request:
    """A request that was answered.

    Attributes:
        path: with its query.
        range: header of that name, "" without one.
        status: 0 where the connection was cut or nothing was said.
        at: seconds since the site began.
        connection: number of the connection.
        stage: of `tests.site.troubles.STAGES`.
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
class _Armed:
    """A trouble, and how often it was met."""

    trouble: Trouble
    met: Counter[str] = field(default_factory=Counter)


class Site:
    """A site; it serves while its context is open.

    Attributes:
        requests: all of them, in the order of their answers.
        most_connections: open at once.
        most_at_once: requests that were being answered at once, over all videos.
        faults: of the site itself; leaving the context raises the first one.
    """

    def __init__(self, clips: Iterable[Clip] = (), *, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.most_connections = self.most_at_once = 0
        self.faults: list[BaseException] = []
        self.closing = threading.Event()
        self._clips: dict[str, Clip] = {}
        self._armed: dict[str, list[_Armed]] = {}
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
        if self.faults and kind is None:
            raise self.faults[0]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def made(self, video_id: str) -> str:
        """Address of a video for our own extractor."""
        return f"{self.address}/made/{video_id}"

    def page(self, video_id: str) -> str:
        """Address of a video's page, for the generic extractor."""
        return f"{self.address}/watch?v={video_id}"

    def add(self, *clips: Clip) -> None:
        """More videos; one of a known id takes its place."""
        for clip in clips:
            self._clips[clip.video_id] = clip
            self.break_(clip.video_id, *clip.troubles)

    def clip(self, video_id: str) -> Clip | None:
        return self._clips.get(video_id)

    def break_(self, video_id: str, *troubles: Trouble) -> None:
        """From now on these go wrong with a video, or with `ALL`, in place of what did."""
        with self._lock:
            self._armed[video_id] = [_Armed(trouble) for trouble in troubles]

    def mend(self, video_id: str) -> None:
        """Nothing goes wrong any more with a video, or with `ALL`."""
        self.break_(video_id)

    def of(self, video_id: str, stage: str = "") -> list[Request]:
        """The requests for a video."""
        with self._lock:
            return [one for one in self.requests if one.video_id == video_id and stage in {"", one.stage}]

    def wait_for(self, video_id: str, stage: str = "", count: int = 1, seconds: float = 20) -> None:
        """Returns when a video has been asked for so often.

        Raises:
            TimeoutError: it was not.
        """
        until = time.monotonic() + seconds
        while len(self.of(video_id, stage)) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{video_id} was asked for {len(self.of(video_id, stage))} times, not {count}")
            time.sleep(0.01)

    def counts(self) -> Counter[str]:
        """Requests of each path, without its query."""
        with self._lock:
            return Counter(one.path.partition("?")[0] for one in self.requests)

    def connections_of(self, video_id: str) -> int:
        """How many connections have asked for a video."""
        return len({one.connection for one in self.of(video_id)})

    def most_at_once_of(self, video_id: str) -> int:
        """How many requests for a video were being answered at once."""
        return self._most[video_id]

    def bytes_sent(self, video_id: str) -> int:
        """Bytes of the video that were sent, over all requests; a client that left may not have got the last 64 KiB."""
        return self._sent[video_id]

    # What follows is for the handler.

    def trouble_with(self, asked: Asked) -> Trouble | None:
        """What goes wrong with a request; counts it."""
        found = None
        # A track is counted for itself; a limit of the whole site counts everything.
        own = asked.key if asked.stage == CAPTIONS else ""
        with self._lock:
            shared = [(armed, "") for armed in self._armed.get(ALL, ())]
            for armed, of in [*shared, *((armed, own) for armed in self._armed.get(asked.video_id, ()))]:
                trouble = armed.trouble
                if trouble.stage != asked.stage or (trouble.key and trouble.key != asked.key):
                    continue
                if trouble.unless_cookie and trouble.unless_cookie in asked.cookie:
                    continue
                number = armed.met[of]
                armed.met[of] += 1
                late = trouble.times is not None and number >= trouble.after + trouble.times
                if found is None and number >= trouble.after and not late:
                    found = trouble
        return found

    def note(self, asked: Asked, status: int) -> None:
        at = round(time.monotonic() - self._began, 4)
        one = Request(asked.path, asked.range, status, at, asked.connection, asked.video_id, asked.stage, asked.cookie)
        with self._lock:
            self.requests.append(one)

    def note_sent(self, video_id: str, count: int) -> None:
        with self._lock:
            self._sent[video_id] += count

    def note_connections(self, count: int) -> None:
        with self._lock:
            self.most_connections = max(self.most_connections, count)

    @contextmanager
    def answering(self, video_id: str) -> Iterator[None]:
        with self._lock:
            self._busy[video_id] += 1
            self._most[video_id] = max(self._most[video_id], self._busy[video_id])
            self.most_at_once = max(self.most_at_once, self._busy.total())
        try:
            yield
        finally:
            with self._lock:
                self._busy[video_id] -= 1


class _Server(ThreadingHTTPServer):
    """A thread a connection; knows its connections, so that it can end them."""

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
        self.site.note_connections(len(self._open))
        super().process_request_thread(request, client_address)

    def number_of(self, connection: socket.socket) -> int:
        return self._numbers[id(connection)]

    def shutdown_request(self, request: Any) -> None:
        # Forgotten before it is closed: its id may then belong to another.
        self._open.pop(id(request), None)
        self._numbers.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        # That a client leaves is no fault of the site.
        if error is not None and not isinstance(error, ConnectionError):
            self.site.faults.append(error)

    def close(self) -> None:
        """Ends all connections, and waits for their threads."""
        self.server_close()
        for connection, thread in list(self._open.values()):
            # One that has ended by itself cannot be ended again.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)


if __name__ == "__main__":
    from tests.site.by_hand import main

    main()
