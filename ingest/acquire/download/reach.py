"""What a download may reach and start, whatever a page, a redirect or a playlist names.

Python tells its audit hooks of every connection and every program before it happens, with the address that is really
connected to: a name that leads elsewhere the second time changes nothing. Downloads are done by Python's sockets alone:
what would use others (curl_cffi, the programs ffmpeg and rtmpdump) is not used.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

JS_RUNTIMES: Final = frozenset({"deno", "node", "bun", "qjs", "quickjs"})
"""The only programs that yt-dlp may start: they compute what YouTube's pages ask for, and read no site's playlist."""

_CONNECTS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTS: Final = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile"})

_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# Public to Python's `ipaddress`, in some of its versions: the host of Azure's machines, blocks for protocols (Oracle's
# host is in the first of them), and documentation's newer prefix.
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(block)
    for block in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "3fff::/20",
    )
)


class NotPublicError(BaseException):
    """An address was refused. No `Exception`: libraries take those for a broken connection, and try again."""


def is_public(address: str) -> bool:
    """Whether an address is one of the internet: not of this machine, a private network, a link or a group.

    An IPv6 address that stands for one of IPv4 (mapped, NAT64, 6to4, Teredo) is what that is.

    Args:
        address: a number, not a name; a name is not public.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inside = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            inside.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        inside = [v4 for v4 in inside if v4 is not None]
        if inside:
            return all(is_public(str(v4)) for v4 in inside)
        if found not in _GLOBAL_V6:
            return False
    return found.is_global and not found.is_multicast and not any(found in block for block in _NOT_PUBLIC)


@dataclass
class _Reach:
    """What is allowed while a video is downloaded in this process.

    Attributes:
        is_limited: a download is under way.
        public_only: its connections may lead to public addresses only.
    """

    is_limited: bool = False
    public_only: bool = False
    is_hooked: bool = False


_reach: Final = _Reach()


class _Thread(threading.local):
    """The same for what one thread connects to.

    Attributes:
        refusal: why its connections may lead to public addresses only; "" where they may lead anywhere.
        name: the last one that it looked up.
    """

    refusal: str = ""
    name: str = ""


_thread: Final = _Thread()


@contextmanager
def public_connections(refusal: str) -> Iterator[None]:
    """While it lasts, this thread connects to public addresses only; others go on as they do.

    Connections that are open already are not looked at.

    Args:
        refusal: how the error goes on after the address.

    Raises:
        NotPublicError: in the block, where a connection would lead to another address.
    """
    _hook()
    before, _thread.refusal = _thread.refusal, refusal
    try:
        yield
    finally:
        _thread.refusal = before


@contextmanager
def limited_reach(*, public_only: bool) -> Iterator[None]:
    """While it lasts, this process starts no program but a JavaScript runtime.

    Args:
        public_only: and connects to public addresses only.

    Raises:
        NotPublicError: in the block, where a connection would lead to another address.
    """
    _hook()
    before = _reach.is_limited, _reach.public_only
    _reach.is_limited, _reach.public_only = True, public_only
    try:
        yield
    finally:
        _reach.is_limited, _reach.public_only = before


def _hook() -> None:
    if not _reach.is_hooked:
        # A hook stays for as long as the process lives.
        sys.addaudithook(_on_event)
        _reach.is_hooked = True


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if not (_reach.is_limited or _thread.refusal):
        return
    if event in _STARTS:
        if _reach.is_limited:
            _check_program(event, arguments)
    elif not (_reach.public_only or _thread.refusal):
        return
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _thread.name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
    elif event in _CONNECTS and arguments[1] is not None:
        _check_address(*arguments)


def _check_program(event: str, arguments: tuple[Any, ...]) -> None:
    """Programs are missing, as far as yt-dlp can see: it goes without them where it can."""
    program = arguments[0]
    if event == "subprocess.Popen" and program is None:
        program = arguments[1][0]
    name = os.path.basename(os.fsdecode(program)).lower().removesuffix(".exe")  # noqa: PTH119 - may be bytes
    if name not in JS_RUNTIMES:
        raise FileNotFoundError(errno.ENOENT, "no program is started on what a site gives", name)


def _check_address(connection: socket.socket, address: Any) -> None:
    # A tuple that begins with the number, or the name of a socket in the file system.
    host = address[0] if isinstance(address, tuple) and address else address
    shown = os.fsdecode(host) if isinstance(host, str | bytes) else str(host)
    if not isinstance(address, tuple) or not is_public(shown):
        # Libraries would close it after an `Exception`.
        connection.close()
        leads = f"{_thread.name[:200]} leads to {shown}" if _thread.name not in ("", shown) else shown
        refusal = _thread.refusal or "not a public address, refused by --public-only"
        raise NotPublicError(f"{leads}: {refusal}")
