"""Requests over HTTP: by the connections of the hub's own client, within the limits of a source.

Errors name an address without user name and query: these may be keys, and signatures.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from signverse.ingest.acquire.download.reach import NotPublicError, is_public, public_connections
from signverse.ingest.remote.sources.http_limits import TRANSIENT, Attempts, Limiter
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, Traffic
from signverse.lake.model.wording import printable

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_LOOK_S: Final = 0.5
"""How often one looks whether the source was closed, while an answer is waited for."""

_PORTS: Final = {"http": 80, "https": 443}


class BrokenError(Exception):
    """A connection that could not be made, or ended before the answer did; a later one may do better."""


class BusyError(Exception):
    """An answer that may be another a little later.

    Attributes:
        status: the answer's.
        headers: may say how much later.
    """

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"status {status}")
        self.status, self.headers = status, headers


@dataclass(frozen=True)
class Page:
    """A listing as a server gave it.

    Attributes:
        url: where it lies, after redirects.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Makes requests; used by several threads at once.

    Args:
        public_only: connections may lead to public addresses only.
    """

    def __init__(self, limiter: Limiter, traffic: Traffic, *, public_only: bool = False) -> None:
        self.limiter, self.traffic = limiter, traffic
        self._public_only = public_only

    def ask_again(self, attempts: Attempts, error: BrokenError | BusyError) -> None:
        """Waits before the next request.

        Raises:
            RemoteFileError, SourceError: there were too many.
        """
        if isinstance(error, BusyError):
            attempts.busy(error.status, error.headers)
        else:
            attempts.broken(str(error))

    def attempts(self, what: str) -> Attempts:
        """Counts and spaces the requests for one thing."""
        return Attempts(self.limiter, what)

    @contextmanager
    def get(
        self, url: str, headers: Mapping[str, str], *, from_public: bool = False, resolves: bool = False
    ) -> Iterator[Any]:
        """The answer to a GET, whose body is to be read by `receive`; redirects are not followed.

        Args:
            from_public: a public server named this address, which then may not lead into a private network.
            resolves: this is a request that the hub counts as one for a file's address.

        Raises:
            BrokenError: there was no answer, or it ended early.
            BusyError: the server cannot answer now.
            RemoteFileError: the address cannot be used, or is not a public one.
            SourceError: the source was closed, or the hub's client is set to be offline.
        """
        from huggingface_hub.errors import OfflineModeIsEnabled

        self.limiter.wait()
        with ExitStack() as stack, self.limiter.slots:
            # A pause may have begun while others held all slots.
            self.limiter.wait()
            self.traffic.add(requests=1, resolves=int(resolves))
            refusal = "a public server may not lead into a private network" if from_public else ""
            if self._public_only:
                refusal = "not a public address, refused by --public-only"
            try:
                response = stack.enter_context(
                    closing(self._answer(url, {"Accept-Encoding": "identity", **headers}, refusal))
                )
                self.limiter.has_answered = True
                if response.status_code in TRANSIENT:
                    raise BusyError(response.status_code, response.headers)
                yield response
            except OfflineModeIsEnabled:
                raise SourceError(
                    f"{shown_url(url)} is not asked: HF_HUB_OFFLINE is set", "Unset it to fetch from elsewhere."
                ) from None
            except NotPublicError as error:
                raise RemoteFileError(f"{shown_url(url)} is not read: {error}") from None
            except network_errors() as error:
                raise BrokenError(_why(error)) from None
            except (UnicodeError, invalid_url()) as error:
                # Without their words: these may quote a header.
                raise RemoteFileError(f"{shown_url(url)} cannot be asked: {type(error).__name__}") from None

    def _answer(self, url: str, headers: Mapping[str, str], refusal: str) -> Any:
        """The answer to a GET, up to its headers.

        In a thread of its own, which is left where it takes too long: the library's limits are for each piece of the
        headers, and the system has none for looking up a name.
        """
        from huggingface_hub import get_session

        limits = self.limiter.limits
        answered: Future[Any] = Future()

        def ask() -> None:
            try:
                with public_connections(refusal) if refusal else nullcontext():
                    session = get_session()
                    request = session.build_request(
                        "GET", url, headers=headers, timeout=(limits.connect_s, limits.answer_s, limits.answer_s, 600.0)
                    )
                    response = session.send(request, stream=True, follow_redirects=False)
                if not answered.set_running_or_notify_cancel():
                    response.close()
                else:
                    answered.set_result(response)
            except BaseException as error:
                if answered.set_running_or_notify_cancel():
                    answered.set_exception(error)

        threading.Thread(target=ask, name="ask", daemon=True).start()
        until = time.monotonic() + limits.connect_s + 2 * limits.answer_s
        try:
            while not answered.done():
                left = until - time.monotonic()
                if left <= 0:
                    raise BrokenError("no answer in time")
                self.limiter.check()
                wait([answered], timeout=min(_LOOK_S, left))
        except BaseException:
            if not answered.cancel():
                # It came just now.
                answered.add_done_callback(_close)
            raise
        return answered.result()

    def receive(self, response: Any, most: int) -> Iterator[bytes]:
        """The body of an answer as it arrives.

        Args:
            most: bytes that were asked for; of a longer body, one byte more is given.

        Raises:
            BrokenError: less arrives than a line brings that works at all.
        """
        limits = self.limiter.limits
        began, received = time.monotonic(), 0
        # The server was asked for bytes as they are: unpacking could make many out of few.
        for chunk in response.iter_raw():
            received += len(chunk)
            yield chunk[: len(chunk) - max(0, received - most - 1)]
            self.limiter.check()
            lasted = time.monotonic() - began
            if received > most:
                return
            if lasted > 2 * limits.answer_s and received < lasted * limits.slowest:
                raise BrokenError(f"{received:,} bytes in {lasted:.0f} s")

    def page(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        most: int,
        explain: Callable[[Any], Exception],
        wanted: Callable[[Any], bool] = lambda _: True,
    ) -> Page:
        """A listing, whole; redirects are followed, and other servers get none of the headers.

        Args:
            most: bytes that it may have.
            explain: the error that a refusal stands for.
            wanted: by an answer's headers, whether the body is one; b"" otherwise.

        Raises:
            RemoteFileError, SourceError: it cannot be had; what `explain` gives.
        """
        attempts, first, hops = self.attempts(shown_url(url)), url, 0
        from_public = False
        while True:
            own = headers if origin(url) == origin(first) else {}
            try:
                with self.get(url, own, from_public=from_public and url != first) as response:
                    if not hops:
                        from_public = is_public(peer(response))
                    if response.status_code == 200:
                        return Page(url, response.headers, self._body(response, most, url) if wanted(response) else b"")
                    if response.status_code not in REDIRECTS:
                        raise explain(response)
                    if hops == MAX_REDIRECTS:
                        raise RemoteFileError(f"{shown_url(first)} leads on and on, {MAX_REDIRECTS} times")
                    url, hops = redirected(url, response.headers.get("location", "")), hops + 1
            except (BrokenError, BusyError) as error:
                self.ask_again(attempts, error)

    def _body(self, response: Any, most: int, url: str) -> bytes:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise SourceError(f"{shown_url(url)} is sent packed, which was not asked for")
        body = b"".join(self.receive(response, most))
        if len(body) > most:
            raise SourceError(f"{shown_url(url)} is larger than {most:,} bytes, which a listing never is")
        return body


def _close(answered: Future[Any]) -> None:
    if not answered.exception():
        answered.result().close()


@cache
def network_errors() -> tuple[type[Exception], ...]:
    """What a request raises whose connection fails: the errors of the hub client's HTTP library, and the system's."""
    from huggingface_hub.errors import HfHubHTTPError

    # By way of the client's own error: which library it uses has changed before.
    return HfHubHTTPError.__bases__


@cache
def invalid_url() -> type[Exception]:
    """What that library raises for an address that is not one."""
    from importlib import import_module

    library = import_module(network_errors()[0].__module__.partition(".")[0])
    return getattr(library, "InvalidURL", ValueError)


def _why(error: Exception) -> str:
    """An error of the network in a few words; its own text may hold an address."""
    kind = type(error).__name__
    if "Timeout" in kind:
        return "no connection in time" if "Connect" in kind else "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return printable(cause.strerror.lower())
        cause = cause.__cause__ or cause.__context__
    return "it cannot be connected to" if "Connect" in kind else "the connection broke off"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what gets a login or a token that is meant for one of these."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower(), 0)


def shown_url(url: str) -> str:
    """An address for messages and records: without user name, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address that is not one"
    text = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return text if text.isprintable() else ascii(text)[1:-1]


def without_login(url: str) -> tuple[str, dict[str, str]]:
    """An address without user name and password, and the header that says these."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return urlunsplit(parts._replace(fragment="")), {}
    login, _, host = parts.netloc.rpartition("@")
    name, _, password = login.partition(":")
    encoded = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return urlunsplit(parts._replace(netloc=host, fragment="")), {"Authorization": f"Basic {encoded}"}


def redirected(url: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        RemoteFileError: to what may not be followed: another protocol, or out of encryption.
    """
    try:
        target, _ = without_login(urljoin(url, location))
        scheme, host, _ = origin(target)
    except ValueError:
        scheme, host, target = "", "", ""
    if scheme not in _PORTS or not host:
        raise RemoteFileError(f"{shown_url(url)} leads to what is not a web address")
    if origin(url)[0] == "https" and scheme != "https":
        raise RemoteFileError(f"{shown_url(url)} leads out of encryption, to {shown_url(target)}")
    return target


def peer(response: Any) -> str:
    """The number of the address that an answer came from; "" where it is not known."""
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    return str(address[0]) if isinstance(address, tuple) and address else ""
