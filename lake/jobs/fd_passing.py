"""Messages from a worker to its parent, open files included: a long video's keypoints lie in files without a name.

An open file (its descriptor) is sent over the same pipe, after the message that holds it. multiprocessing would use a
socket in $TMPDIR: its name must be shorter than 108 letters, and the socket of a killed process stays.
"""

from __future__ import annotations

import io
import pickle
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

from signverse.lake.storage.spill import Spill


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self.spills: list[Spill] = []

    def persistent_id(self, obj: Any) -> int | None:
        if not isinstance(obj, Spill):
            return None
        self.spills.append(obj)
        return obj.num_rows


class _Unpickler(pickle.Unpickler):
    """Reads what a worker of this package wrote; nothing that came from a file is ever unpickled."""

    def __init__(self, data: bytes, pipe: Connection) -> None:
        super().__init__(io.BytesIO(data))
        self._pipe = pipe

    def persistent_load(self, pid: Any) -> Spill:
        # In the order of pickling, which is that of the descriptors in the pipe.
        return Spill.of(recv_handle(self._pipe), num_rows=pid)


def send(pipe: Connection, message: Any) -> None:
    """Send a message to the other end's `receive`.

    Raises:
        ConnectionError: the other end is closed.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    pickler.dump(message)
    pipe.send_bytes(buffer.getbuffer())
    for spill in pickler.spills:
        # The process id is needed on Windows only.
        send_handle(pipe, spill.fileno(), None)


def receive(pipe: Connection) -> Any:
    """Receive the next message of the other end's `send`.

    Raises:
        EOFError: the other end is closed.
        OSError: it was closed in the middle of a message.
    """
    return _Unpickler(pipe.recv_bytes(), pipe).load()
