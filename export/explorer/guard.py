"""Who may ask, and what a browser may do with the answers.

The page shows a lake that may be private, from a server that any page of any browser on this machine can reach. So:

- the Host has to be one of ours: a name that is made to point to this machine (DNS rebinding) is refused;
- a request that another site's page makes is refused, by Origin and Sec-Fetch-Site; a link to the page may be followed;
- what changes something is a POST with the token that only the page has;
- beyond loopback each request needs the cookie that the address with the key sets;
- the answers are of the types that they say, are shown in no frame, and load nothing from elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_TOKEN: Final = "x-signverse-token"  # noqa: S105 (the name of a header)

_COOKIE: Final = "signverse_key"

MOST_BYTES: Final = 2 << 20
"""Of a request's body."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Lets requests through to the application, or refuses them.

    Attributes:
        token: of the page; a POST has to send it.
        key: of the address, where the server listens beyond loopback; else None.
    """

    def __init__(self, hosts: Iterable[str] | None, key: str | None) -> None:
        """
        Args:
            hosts: `name:port` as a browser sends it; None for any, which takes a key.
            key: see the class.
        """
        assert hosts is not None or key is not None
        self.token = secrets.token_urlsafe(24)
        self.key = key
        self._hosts = None if hosts is None else {host.lower() for host in hosts}

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason for which a request is refused; None where it is not."""
        headers = _headers(scope)
        host = headers.get("host", "").lower()
        if not host or (self._hosts is not None and host not in self._hosts):
            return 400, "this host is not served"
        method, path = scope["method"], scope["path"]
        if method not in {"GET", "HEAD", "POST"}:
            return 405, "only GET, HEAD and POST"
        if "origin" in headers and headers["origin"].lower() != f"http://{host}":
            return 403, "another site asks"
        site = headers.get("sec-fetch-site", "same-origin")
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if site not in {"same-origin", "none"} and not (followed and method == "GET" and path == "/"):
            return 403, "another site asks"
        if self.key is not None and not self._has_key(headers):
            return 401, "open the address that `signverse explore` printed: it has the key"
        if method == "POST" and not secrets.compare_digest(headers.get(PAGE_TOKEN, "").encode(), self.token.encode()):
            return 403, "the page is of another run: reload it"
        if method == "POST" and headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return 415, "JSON is expected"
        return None

    def opens(self, scope: Scope) -> bool:
        """Whether a request brings the key in its address."""
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=64)
        given = query.get("key", [""])[-1]
        return self.key is not None and secrets.compare_digest(given.encode(), self.key.encode())

    def _has_key(self, headers: Mapping[str, str]) -> bool:
        assert self.key is not None
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        given = cookies[_COOKIE].value if _COOKIE in cookies else ""
        return secrets.compare_digest(given.encode(), self.key.encode())

    @property
    def cookie(self) -> str:
        """The header that keeps the key in the browser."""
        return f"{_COOKIE}={self.key}; HttpOnly; SameSite=Strict; Path=/"


class Guarded:
    """An application behind a guard."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import PlainTextResponse, RedirectResponse, Response

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [
                    (name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given
                ]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        answer: Response
        refusal = self._guard.refusal(scope)
        if refusal is not None and refusal[0] == 401 and scope["path"] == "/" and self._guard.opens(scope):
            # The key leaves the address at once: it would stay in the history, and in what people copy.
            answer = RedirectResponse("/", 303, headers={"set-cookie": self._guard.cookie, "cache-control": "no-store"})
            await answer(scope, receive, send_with_headers)
        elif refusal is not None:
            answer = PlainTextResponse(refusal[1], refusal[0])
            await answer(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def _headers(scope: Scope) -> dict[str, str]:
    """The headers by name; one that comes twice is refused by its joined value."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
