"""How the test site answers a request, with whatever goes wrong."""

from __future__ import annotations

import html
import io
import json
import re
import select
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.site.caption_text import TYPES, to_format
from tests.site.clips import Captions, Clip, api_answer
from tests.site.faults import CAPTIONS, IN_ANSWER, LOOK, MEDIA, MESSAGES, Fault

if TYPE_CHECKING:
    from tests.site.server import _Server

_PIECE = 65_536

_PLACES = (
    (LOOK, re.compile(r"/api/(?P<id>[\w-]+)\.json")),
    (LOOK, re.compile(r"/watch")),
    (MEDIA, re.compile(r"/media/(?P<id>[\w-]+)\.mp4")),
    (CAPTIONS, re.compile(r"/captions/(?P<id>[\w-]+)/(?P<key>[\w-]+)\.(?P<ext>\w+)")),
)

_NO_VIDEO = "<!doctype html><html><head><title>{0}</title></head><body><p>{0}</p></body></html>"


@dataclass(frozen=True)
class ParsedRequest:
    """A request: its address taken apart, and the headers that matter."""

    path: str
    place: str
    query: dict[str, list[str]]
    video_id: str
    stage: str
    key: str
    ext: str
    range: str
    cookie: str
    connection: int


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    # Headers and body are written one after the other: the second would wait for the acknowledgement of the first.
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Writes nothing: the site has a log of its own."""

    def do_GET(self) -> None:
        request = self._parse()
        with self.server.site.answering(request.video_id):
            self._answer(request)

    do_HEAD = do_GET

    def _parse(self) -> ParsedRequest:
        # A request through a proxy names the host too.
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        stage, found = next(
            ((stage, match) for stage, pattern in _PLACES if (match := pattern.fullmatch(parts.path))), ("", None)
        )
        names = found.groupdict() if found else {}
        return ParsedRequest(
            path=self.path,
            place=parts.path,
            query=query,
            video_id=names.get("id") or query.get("v", [""])[0],
            stage=stage,
            key=names.get("key", ""),
            ext=names.get("ext", ""),
            range=self.headers.get("Range", ""),
            cookie=self.headers.get("Cookie", ""),
            connection=self.server.number_of(self.connection),
        )

    def _answer(self, request: ParsedRequest) -> None:
        site = self.server.site
        clip = site.clip(request.video_id)
        if clip is None or not request.stage:
            return self._refuse(request, 404)
        fault = site.next_fault(request)
        if fault is not None and fault.status:
            return self._refuse(request, fault.status, fault.retry_after)
        match fault.kind if fault else "":
            case "hang_up":
                site.log_request(request, 0)
                self.close_connection = True
                return None
            case "silence":
                site.log_request(request, 0)
                return self._wait_for_the_end()
            case "redirect":
                site.log_request(request, 302)
                self._head(302, {"Location": self.path, "Content-Length": "0"})
                return None
        if request.stage == MEDIA:
            with io.BytesIO(clip.file) if isinstance(clip.file, bytes) else clip.file.open("rb") as file:
                return self._give(request, file, clip.size, "video/mp4", fault)
        if request.stage == CAPTIONS:
            track = _track(clip, request)
            if track is None:
                return self._refuse(request, 404)
            data, kind = to_format(track.text, request.ext), TYPES[request.ext]
        elif request.place == "/watch":
            data, kind = _page(clip, fault).encode(), "text/html; charset=utf-8"
        else:
            at_fault = None if request.query.get("part") else fault
            data, kind = json.dumps(api_answer(clip, site.address, at_fault)).encode(), "application/json"
        return self._give(request, io.BytesIO(data), len(data), kind, fault)

    def _refuse(self, request: ParsedRequest, status: int, retry_after: int | None = None) -> None:
        self.server.site.log_request(request, status)
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        page = _NO_VIDEO.format(status).encode()
        self._head(status, {**headers, "Content-Type": "text/html", "Content-Length": str(len(page))})
        self._write(page)

    def _give(self, request: ParsedRequest, file: IO[bytes], size: int, kind: str, fault: Fault | None) -> None:
        """Sends a file, or the range of it that was requested."""
        site = self.server.site
        what = fault.kind if fault else ""
        if what == "html":
            page = _NO_VIDEO.format("One moment, please").encode()
            file, size, kind = io.BytesIO(page), len(page), "text/html; charset=utf-8"
        elif what == "garbage":
            file = io.BytesIO(b"\xa5" * size)
        elif what == "empty":
            size = 0
        span = None if what == "no_range" else _span(request.range, size)
        start, stop = span or (0, size)
        if start >= stop and span:
            site.log_request(request, 416)
            return self._head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
        # Half of the file, not of the range: repeated requests must not get all of it bit by bit.
        end = min(stop, size // 2) if what in {"truncated", "truncated_silently", "stall"} else stop
        headers = {"Content-Type": kind, "Accept-Ranges": "none" if what == "no_range" else "bytes"}
        if span:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if request.stage == LOOK:
            headers["Set-Cookie"] = f"visit={request.connection}; Path=/; Max-Age=86400"
        chunked = what == "truncated_silently"
        headers |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(stop - start)}
        status = 206 if span else 200
        site.log_request(request, status)
        self._head(status, headers)
        if self.command == "HEAD":
            return None
        file.seek(start)
        left = max(end - start, 0)
        size_of_piece = max(1, fault.rate // 20) if fault and what == "slow" else _PIECE
        while left and (piece := file.read(min(size_of_piece, left))):
            if request.stage == MEDIA:
                # Before it is sent: a client that has all of it finds all of it counted.
                site.log_sent(request.video_id, len(piece))
            self._write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            left -= len(piece)
            if what == "slow" and site.closing.wait(0.05):
                break
        if chunked:
            self._write(b"0\r\n\r\n")
        elif what == "stall":
            self._wait_for_the_end()
        elif end < stop:
            self.close_connection = True
        return None

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, data: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(data)

    def _wait_for_the_end(self) -> None:
        """Sends nothing until the client leaves or the site closes."""
        self.close_connection = True
        while not self.server.site.closing.is_set():
            if select.select([self.connection], [], [], 0.05)[0]:
                return


def _span(header: str, size: int) -> tuple[int, int] | None:
    """The range of a Range header, half-open; None for the whole file."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1 if last else size, size)


def _track(clip: Clip, request: ParsedRequest) -> Captions | None:
    kind = (
        "translated"
        if "tlang" in request.query
        else "automatic"
        if "asr" in request.query.get("kind", [])
        else "manual"
    )
    found = [track for track in clip.tracks if (track.key, track.kind) == (request.key, kind)]
    return found[0] if found and request.ext in found[0].formats else None


def _page(clip: Clip, fault: Fault | None) -> str:
    """A page as the generic extractor reads it; of most faults it sees only that there is no video."""
    kind = fault.kind if fault else ""
    if kind in IN_ANSWER - {"playlist", "live", "drm"}:
        return _NO_VIDEO.format(html.escape(". ".join(filter(None, MESSAGES.get(kind, (kind, ""))))))
    tracks = "".join(
        f'<track kind="subtitles" srclang="{track.key}" '
        f'src="/captions/{clip.video_id}/{track.key}.vtt?{html.escape(track.query)}">'
        for track in clip.tracks
        if track.kind == "manual"
    )
    video = f'<video src="/media/{clip.video_id}.mp4" type="video/mp4" controls>{tracks}</video>'
    title = html.escape(clip.title)
    return (
        f"<!doctype html><html><head><title>{title}</title></head>"
        f"<body>{video * (2 if kind == 'playlist' else 1)}</body></html>"
    )
