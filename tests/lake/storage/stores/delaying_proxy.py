"""A proxy in front of an HTTP server that waits before each request, counts them, and refuses on demand."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DELAY_S = 0.03


@dataclass
class Proxy:
    """What came through: of each request when it began and ended, and the bytes of its answer."""

    endpoint: str = ""
    requests: list[tuple[float, float, int]] = field(default_factory=list)
    refuse: tuple[int, bytes] | None = None

    def take(self) -> tuple[int, int]:
        """Rounds, the longest chain of requests of which none overlaps another, and bytes since the last call."""
        seen, self.requests[:] = sorted(self.requests, key=lambda request: request[1]), []
        rounds, end = 0, 0.0
        for began, ended, _ in seen:
            if began >= end:
                rounds, end = rounds + 1, ended
        return rounds, sum(size for *_, size in seen)


@contextmanager
def in_front_of(server: str) -> Iterator[Proxy]:
    """A proxy on a port of its own, until the end of the block."""
    proxy = Proxy()
    upstream = urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            began = time.monotonic()
            time.sleep(DELAY_S)
            if proxy.refuse:
                status, body, headers = *proxy.refuse, []
            else:
                asked = http.client.HTTPConnection(upstream)
                asked.request("GET", self.path, headers=dict(self.headers.items()))
                answer = asked.getresponse()
                status, body, headers = answer.status, answer.read(), answer.getheaders()
                asked.close()
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in {"content-length", "connection", "date", "server", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            proxy.requests.append((began, time.monotonic(), len(body)))
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    listening = Server(("127.0.0.1", 0), Handler)
    proxy.endpoint = f"http://127.0.0.1:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        listening.server_close()
