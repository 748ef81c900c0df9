"""The connections of the client library: none is waited for without end, and Ctrl-C ends them.

The library's own session waits for ever, and its threads cannot be interrupted while they do.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from signverse.export.publish.client.upload import StoppedError

TIMEOUT_S: Final = 120.0
"""Without a byte in either direction. The hub itself ends a commit after 60."""

_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
_ended = threading.Event()


def prepare_session() -> None:
    """Gives the library's session its limits; it makes a new one now and then."""
    from huggingface_hub import get_session

    _ended.clear()
    session = get_session()
    session.timeout = TIMEOUT_S
    hooks = session.event_hooks
    if _watch not in hooks["request"]:
        session.event_hooks = {**hooks, "request": [*hooks["request"], _watch]}


def end_connections() -> None:
    """Ends what is being sent or waited for, and lets no further request begin, until `prepare_session`."""
    _ended.set()
    for one in list(_sockets):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _watch(request: Any) -> None:
    if _ended.is_set():
        raise StoppedError
    request.extensions["trace"] = _trace


def _trace(event: str, details: Mapping[str, Any]) -> None:
    if event.endswith(("connect_tcp.complete", "start_tls.complete")):
        opened = details["return_value"].get_extra_info("socket")
        if isinstance(opened, socket.socket):
            _sockets.add(opened)
