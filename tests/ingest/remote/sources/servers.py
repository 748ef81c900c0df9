"""Web servers of one folder on 127.0.0.1, as they are found outside: with and without ranges, and with faults."""

from __future__ import annotations

import hashlib
import html
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit


@dataclass
class Web:
    """A folder that is served, and what was asked.

    Attributes:
        ranges: those that are asked for are answered (of buckets).
        tags: files are sent with an ETag; else with the time of their last change.
        fault: called with the handler before each answer; true if it has answered.
        page: HTML of a folder's page, given the folder and the names in it.
    """

    folder: Path
    address: str = ""
    tags: bool = True
    ranges: bool = True
    fault: Callable[[Any], bool] = lambda _: False
    page: Callable[[str, list[str]], str] | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)


class Ranged(BaseHTTPRequestHandler):
    """A server that answers ranges, as nginx does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cut: int | None = None

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        login = self.headers.get("Authorization") or ""
        web.asked.append((self.path, self.headers.get("Range") or "", login))
        if web.fault(self):
            return
        place = web.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if place.is_dir():
            if not urlsplit(self.path).path.endswith("/"):
                self.answer(301, b"", {"Location": f"{self.path}/"})
                return
            names = sorted(f"{inside.name}/" if inside.is_dir() else inside.name for inside in place.iterdir())
            page = (web.page or apache)(unquote(urlsplit(self.path).path), names)
            kind = "application/json" if page.startswith("[") else "text/html;charset=UTF-8"
            self.answer(200, page.encode(), {"Content-Type": kind})
            return
        if not place.is_file():
            self.answer(404, b"gone", {})
            return
        data = place.read_bytes()
        about = {"Last-Modified": self.date_time_string(int(place.stat().st_mtime))}
        if web.tags:
            about["ETag"] = f'"{hashlib.md5(data).hexdigest()}"'
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if not found:
            self.answer(200, data, about)
            return
        start, end = int(found[1]), min(int(found[2]) + 1, len(data))
        if start >= len(data):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        self.answer(206, data[start:end], {**about, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})

    def begin(self, name: str, length: int | None) -> None:
        """The headers of the bytes of a file up to 10,000, whose connection ends after them."""
        data = (self.server.web.folder / name).read_bytes()  # type: ignore[attr-defined]
        self.send_response(206)
        self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
        start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        self.send_header("Content-Range", f"bytes {start}-9999/{len(data)}")
        if length is not None:
            self.send_header("Content-Length", str(length - start))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def answer(self, status: int, body: bytes, headers: dict[str, str], *, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body) if length is None else length)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: self.cut])
        if self.cut is not None:
            self.cut, self.close_connection = None, True


class Quiet(SimpleHTTPRequestHandler):
    """Python's own server: it knows no ranges."""

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients leave in the middle of answers."""


@contextmanager
def served(folder: Path, *, ranges: bool = True, host: str = "127.0.0.1", handler: Any = None) -> Iterator[Web]:
    """Serves a folder as long as the block lasts."""
    handler = (handler or Ranged) if ranges else partial(Quiet, directory=str(folder))
    server = Server((host, 0), handler)
    web = server.web = Web(folder, f"http://{host}:{server.server_port}/")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


def apache(folder: str, names: list[str]) -> str:
    """A page as Apache writes it: a table with links that sort it, and one to the parent."""
    rows = "".join(
        f'<tr><td valign="top"><img src="/icons/unknown.gif" alt="[   ]"></td><td><a href="{quote(name)}">'
        f"{html.escape(name)}</a></td><td align=right>2026-11-28 01:00</td><td align=right>1.2G</td></tr>\n"
        for name in names
    )
    return (
        f'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html><head><title>Index of {folder}</title></head>'
        f'<body><h1>Index of {folder}</h1><table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=S;O=A">Size'
        f'</a></th></tr><tr><td><a href="/">Parent Directory</a></td></tr>\n{rows}</table></body></html>'
    )


def nginx(folder: str, names: list[str]) -> str:
    """A page as nginx writes it."""
    rows = "".join(
        f'<a href="{quote(name)}">{html.escape(name[:50])}</a>  28-Nov-2026 01:00  12345\r\n' for name in names
    )
    return f'<html>\r\n<head><title>Index of {folder}</title></head><body><pre><a href="../">../</a>\r\n{rows}</pre>'


def absolute(folder: str, names: list[str]) -> str:
    """A page whose links begin at the root of the server."""
    return "<ul>" + "".join(f"<li><A HREF='{quote(folder + name)}'>{html.escape(name)}</A>" for name in names)


def nginx_json(folder: str, names: list[str]) -> str:
    """A page as nginx writes it with autoindex_format json."""
    import json

    kinds = [("directory" if name.endswith("/") else "file", name.rstrip("/")) for name in names]
    return json.dumps([{"name": name, "type": kind, "mtime": "Sat, 28 Nov 2026"} for kind, name in kinds])


def caddy_json(folder: str, names: list[str]) -> str:
    """A page as Caddy writes it for those who ask for JSON."""
    import json

    return json.dumps([{"name": name, "url": f"./{quote(name)}", "is_dir": name.endswith("/")} for name in names])


class Bucket(Ranged):
    """A server that speaks as much S3 as Arrow needs to list and read: the folders of the folder are its buckets."""

    def do_GET(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        if not key and "list-type" in parts.query:
            web.asked.append((self.path, "", self.headers.get("Authorization") or ""))
            if web.fault(self):
                return
            self.list(web.folder / bucket, parse_qs(parts.query).get("prefix", [""])[0])
        elif not web.ranges and self.headers.get("Range"):
            del self.headers["Range"]
            super().do_GET()
        else:
            super().do_GET()

    do_HEAD = do_GET

    def list(self, bucket: Path, prefix: str) -> None:
        if not bucket.is_dir():
            missing = b"<?xml version='1.0'?><Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"
            self.answer(404, missing, {"Content-Type": "application/xml"})
            return
        rows = ""
        for place in sorted(bucket.rglob("*")):
            key = place.relative_to(bucket).as_posix()
            if place.is_file() and key.startswith(prefix):
                rows += (
                    f"<Contents><Key>{html.escape(key)}</Key><LastModified>2026-11-28T01:00:00.000Z</LastModified>"
                    f"<ETag>&quot;x&quot;</ETag><Size>{place.stat().st_size}</Size></Contents>"
                )
        body = f"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult><IsTruncated>false</IsTruncated>{rows}"
        self.answer(200, f"{body}</ListBucketResult>".encode(), {"Content-Type": "application/xml"})


@contextmanager
def served_bucket(folder: Path) -> Iterator[Web]:
    """Serves the folders of a folder as buckets."""
    with served(folder, handler=Bucket) as web:
        yield web
