"""How the fake hub answers a request: its log, its faults, who may ask, and the route."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakehub.faults import Altered, Answer, Cut, Drop

if TYPE_CHECKING:
    from tests.fakehub.hub import Hub, Server

RATE = {"RateLimit": '"api";r=499;t=55', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}


class Refused(Exception):
    """An answer other than success: its status, the hub's word for it, and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


@dataclass
class Asked:
    """A request: `raw` as it was sent, so that revisions keep their escapes; `path` unquoted."""

    hub: Hub
    method: str
    raw: str
    path: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes

    @property
    def may(self) -> str:
        """What the request's token may: "", "read" or "write"."""
        return self.hub.tokens.get(str(self.headers.get("Authorization") or "").removeprefix("Bearer "), "")


@dataclass
class Reply:
    """An answer; a body that is no bytes goes as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    # Headers and body are written one after the other: the second would wait for the acknowledgement of the first.
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *_: Any) -> None:
        """Writes nothing: the hub has a log of its own."""

    def do_GET(self) -> None:
        hub = self.server.hub
        parts = urlsplit(self.path)
        asked = Asked(
            hub, self.command, parts.path, unquote(parts.path), parse_qs(parts.query), self.headers, self._read()
        )
        if hub.pause and self.command in ("POST", "PUT"):
            time.sleep(hub.pause)
        fault = hub.next_fault(self.command, self.path)
        instead = refusal(fault.status, "", fault.message, fault.headers) if isinstance(fault, Answer) else None
        if isinstance(fault, Answer | Drop) and not fault.after_doing:
            reply = instead
        else:
            with hub.lock:
                done = answer(asked)
            reply = done if fault is None or isinstance(fault, Cut | Altered) else instead
            if isinstance(fault, Altered):
                reply = fault.change(done)
        if reply is None:
            self._log(asked, 0, 0)
            self.close_connection = True
        else:
            self._send(asked, reply, fault.at if isinstance(fault, Cut) else None)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            content += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                return content

    def _send(self, asked: Asked, reply: Reply, cut: int | None = None) -> None:
        body = reply.body
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **RATE, **reply.headers}
        headers["Content-Length"] = str(len(body) if reply.length is None else reply.length)
        # Logged first: a client that has read the answer may look at the log.
        self._log(asked, reply.status, 0 if self.command == "HEAD" else len(body))
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def _log(self, asked: Asked, status: int, sent: int) -> None:
        from tests.fakehub.hub import Request

        with asked.hub.lock:
            asked.hub.requests.append(
                Request(
                    method=self.command,
                    path=self.path,
                    host=str(self.headers.get("Host")),
                    range=str(self.headers.get("Range") or ""),
                    token=str(self.headers.get("Authorization") or ""),
                    status=status,
                    received=len(asked.body),
                    sent=sent,
                )
            )


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    named = {"X-Error-Code": code} if code else {}
    return Reply({"error": message}, status, {**named, "X-Error-Message": message, **(headers or {})})


def answer(asked: Asked) -> Reply:
    """What the hub says where nothing goes wrong."""
    from tests.fakehub.routes_read import READING
    from tests.fakehub.routes_write import WRITING

    try:
        for method, pattern, route in (*WRITING, *READING):
            found = pattern.fullmatch(asked.raw)
            if found and asked.method in method:
                return route(asked, *(unquote(part or "") for part in found.groups()))
    except Refused as refused:
        return refusal(refused.status, refused.code, refused.message)
    return refusal(404, "", f"no route {asked.path}")
