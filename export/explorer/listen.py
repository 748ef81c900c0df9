"""The socket that the page is served on, its address, and the browser."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.export.explorer.guard import Guard
from signverse.export.explorer.server import make_app
from signverse.export.explorer.session import Explorer
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK: Final = "127.0.0.1"

_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 (compared with; what is listened on, a person names)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is a free one.

    Raises:
        BadInputError: the port is in use or not allowed, or the host is not of this machine.
    """
    hint = "Name another: --port N, or 0 for a free one."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise BadInputError(
            f"the host {host[:80]!r} is not known: {error}", "Leave --host out for this machine."
        ) from None
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(64)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise BadInputError(f"port {port} is in use", hint) from None
        if error.errno == errno.EACCES:
            raise BadInputError(f"port {port} is not allowed", hint) from None
        raise BadInputError(
            f"cannot listen on {host}: {error.strerror}", "Leave --host out for this machine."
        ) from None
    return opened


def guard_of(host: str, port: int) -> Guard:
    """The guard of a server: beyond loopback with a key."""
    shown = f"[{host}]" if ":" in host else host
    if is_loopback(host):
        return Guard([f"{name}:{port}" for name in (LOOPBACK, "localhost", "[::1]", shown)], None)
    key = secrets.token_urlsafe(24)
    return Guard(None if host in _ANY else [f"{shown}:{port}"], key)


def address_of(host: str, port: int, guard: Guard) -> str:
    """The address of the page."""
    shown = f"[{host}]" if ":" in host else host
    if host in _ANY:
        shown = socket.gethostname()
    return f"http://{shown}:{port}/{f'?key={guard.key}' if guard.key else ''}"


def _server(explorer: Explorer, guard: Guard, *, patience_s: int) -> uvicorn.Server:
    """A server of the page, which prints nothing; answers in progress may take so long when it is to end."""
    import uvicorn

    config = uvicorn.Config(
        make_app(explorer, guard),
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=patience_s,
    )
    return uvicorn.Server(config)


def serve(explorer: Explorer, opened: socket.socket, guard: Guard, ready: Callable[[], None]) -> None:
    """Serves until Ctrl-C.

    Args:
        ready: called once the page can be asked for.
    """
    server = _server(explorer, guard, patience_s=2)

    def announce() -> None:
        while not server.started and not server.should_exit:
            time.sleep(0.01)
        if server.started:
            ready()

    threading.Thread(target=announce, daemon=True).start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[opened])
    finally:
        explorer.close()


@contextlib.contextmanager
def serving(
    lake: Path, *, media: Path | None = None, picks: Path, host: str = LOOPBACK, port: int = 0
) -> Iterator[str]:
    """Serves a lake in a thread while the block runs; gives the address. For tests and notebooks."""
    opened = listen(host, port)
    port = opened.getsockname()[1]
    guard = guard_of(host, port)
    explorer = Explorer(lake, media, picks)
    server = _server(explorer, guard, patience_s=1)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield address_of(host, port, guard)
    finally:
        server.should_exit = True
        thread.join(10)
        opened.close()
        explorer.close()
