"""Ctrl-C: delayed while something runs that must not be interrupted, and passed on to queries that would not notice it.

Python handles a signal in its main thread, between two of its own instructions. A query that this thread waits for, in
the C++ of DuckDB or the Rust of Polars, would therefore run to its end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from multiprocessing import resource_tracker
from typing import Final, Protocol, TypeVar

_T = TypeVar("_T")

_WAKE_S: Final = 0.5
"""How often a thread that waits looks up: on Windows, Ctrl-C does not end a wait."""

_HANDLED_WITHIN_S: Final = 0.3
"""Python's handler of SIGTERM has run by then, unless the main thread is inside a library."""


class Stoppable(Protocol):
    """A connection whose query another thread can stop; it can be used again afterwards."""

    def interrupt(self) -> None: ...


def run_interruptibly(function: Callable[[], _T], stop: Callable[[], None]) -> _T:
    """Runs a function that Ctrl-C would not stop, in a thread of its own, while this thread waits for it.

    Args:
        stop: makes the function end before its time; called from another thread.

    Raises:
        KeyboardInterrupt: Ctrl-C came, and the function has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python interrupts its main thread only.
        return function()
    outcome: Future[_T] = Future()
    ended = threading.Event()

    def work() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)
        ended.set()

    try:
        threading.Thread(target=work, daemon=True).start()
        while not ended.wait(_WAKE_S):
            pass
    except KeyboardInterrupt:
        # Once more would break off the wait only, and what the function uses be closed while it does.
        with held():
            stop()
            while not ended.wait(_WAKE_S):
                pass
        raise
    return outcome.result()


class Terminated(KeyboardInterrupt):
    """SIGTERM came: Ctrl-C by another name, but a program that goes on after Ctrl-C ends."""


class Sigterm:
    """What SIGTERM does to a command: it ends as by Ctrl-C.

    Attributes:
        received: it came.
    """

    def __init__(self) -> None:
        self.received = False
        self._sent_on = False

    def install(self) -> None:
        """Handles SIGTERM from now on; in the main thread."""
        signal.signal(signal.SIGTERM, self.on_signal)
        _listener().listen()

    def on_signal(self, *_: object) -> None:
        self.received = True
        if not self._sent_on:
            raise Terminated

    def send_on(self) -> None:
        """Sends SIGINT to this process unless SIGTERM was handled: Polars notices that one only."""
        time.sleep(_HANDLED_WITHIN_S)
        if not self.received:
            self._sent_on = True
            os.kill(os.getpid(), signal.SIGINT)


def stop_on_interrupt(connection: Stoppable) -> None:
    """Makes Ctrl-C stop the queries of a connection that is used in the main thread, and only there."""
    if threading.current_thread() is threading.main_thread():
        listener = _listener()
        listener.connections.add(connection)
        listener.listen()


class _Listener:
    """A thread that gets signals at once: the system's handler writes their numbers to a socket.

    Attributes:
        connections: their queries are stopped.
    """

    def __init__(self) -> None:
        self.connections: weakref.WeakSet[Stoppable] = weakref.WeakSet()
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        self._next_fd = -1
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_stop_listening)
        threading.Thread(target=self._serve, daemon=True).start()

    def listen(self) -> None:
        """Takes the place of who listened before, such as an event loop, which gets every signal as well."""
        earlier = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        if earlier != self._sender.fileno():
            self._next_fd = earlier

    def _serve(self) -> None:
        while numbers := self._receiver.recv(64):
            if self._next_fd != -1:
                with contextlib.suppress(OSError):
                    os.write(self._next_fd, numbers)
            for number in numbers:
                self._on_signal(number)

    def _on_signal(self, number: int) -> None:
        # Who handles a signal in another way, or delays it, does not want a query stopped.
        handler = signal.getsignal(number)
        sigterm = getattr(handler, "__self__", None)
        if handler is signal.default_int_handler or isinstance(sigterm, Sigterm):
            for connection in list(self.connections):
                connection.interrupt()
        if isinstance(sigterm, Sigterm):
            sigterm.send_on()


@cache
def _listener() -> _Listener:
    return _Listener()


def _stop_listening() -> None:
    # A process that was forked shares the socket: its signals are not those of its parent.
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(-1)


@contextmanager
def held() -> Iterator[None]:
    """Delays Ctrl-C (and SIGTERM) until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        # Python interrupts its main thread only.
        yield
        return
    received: list[int] = []
    earlier = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


@contextmanager
def blocked_in_children() -> Iterator[None]:
    """Blocks Ctrl-C in processes that start meanwhile, until they ignore it themselves; this process gets it later."""
    # The mask is what new processes inherit. It does not block other threads, such as those of numpy: Python then
    # interrupts this one, and a process whose parent was interrupted while starting it ends with a traceback.
    with held():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        # The tracker is started with the first process, and lifts the mask then.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
