"""A file on a web server or the hub, read by ranges.

The address that is asked for may redirect to another, signed for a while, where the bytes are: that one is kept for as
long as it is good, then asked for again. A login or a token goes to the first address only.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from signverse.ingest.acquire.download.reach import is_public
from signverse.ingest.remote.sources.http_client import (
    MAX_REDIRECTS,
    REDIRECTS,
    BrokenError,
    BusyError,
    Client,
    origin,
    peer,
    redirected,
    shown_url,
)
from signverse.ingest.remote.sources.http_limits import Attempts
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, check_range

_GONE: Final = frozenset({404, 410})
_REFUSED: Final = frozenset({401, 403})

_FRESH_S: Final = 60.0
"""A signed address is good for longer than this: one that is refused earlier, and never was good, is refused itself."""

_MUCH: Final = 64 * 1024
"""Bytes after which a connection that breaks counts as the first one that does."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass
class _Place:
    """Where the bytes are.

    Attributes:
        url: the address, maybe a signed one.
        headers: a login, if this is the server that it is for.
        is_own: it is on the server that was asked, not on one that this led to.
        hops: redirects that led here.
        version: what tells the file there from a later one at the same address; None before the first answer.
        was_good: bytes came from it.
    """

    url: str
    headers: Mapping[str, str]
    is_own: bool
    hops: int = 0
    version: str | None = None
    was_good: bool = False
    since: float = field(default_factory=time.monotonic)


class HttpFile:
    """A file on a server as a `RangedFile`.

    Args:
        client: makes the requests.
        path: the name inside the source.
        url: the address, without login.
        headers: what this server gets, such as a token; other servers get none of it.
        size: bytes, where a listing says it; None: the server is asked at once.
        sha256: of the file, where a listing says it: the server must name the same.
        explain: the error that a refusal of the server stands for; None: a general one.
        counted: requests to the address are those that the hub limits.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        url: str,
        *,
        headers: Mapping[str, str],
        size: int | None = None,
        sha256: str | None = None,
        explain: Callable[[Any], RemoteFileError | SourceError | None] | None = None,
        counted: bool = False,
    ) -> None:
        self.path = path
        self._client, self._url, self._headers, self._counted = client, url, headers, counted
        self._explain = explain
        self._name = shown_url(url)
        self._lock = threading.Lock()
        self._place: _Place | None = None
        self._sha256 = sha256
        self._version: str | None = None
        self._is_pinned = False
        self._size = size
        self._is_public = False
        self._is_closed = False
        if size is None:
            self._located(client.attempts(self._name))

    @property
    def size(self) -> int:
        assert self._size is not None
        return self._size

    @property
    def oid(self) -> str | None:
        """The sha256, a strong ETag, or the time of the last change: see `RangedFile`."""
        version = self._sha256 or self._version
        return None if version is None or version.startswith("W/") else version

    def close(self) -> None:
        self._is_closed = True

    def pread(self, start: int, size: int) -> bytes:
        check_range(self._name, start, size, self.size)
        attempts = self._client.attempts(f"{self._name} at byte {start:,}")
        pieces: list[bytes] = []
        done = refused = 0
        while done < size:
            if self._is_closed:
                raise RemoteFileError(f"{self._name} was closed while it was read")
            place = self._located(attempts)
            at, before = start + done, done
            try:
                with self._ask(place, at, size - done) as response:
                    if response.status_code == 206:
                        self._check(response, place, at, size - done)
                        for piece in self._client.receive(response, size - done):
                            # Added before the next piece is waited for: what is there stays, should that one not come.
                            pieces.append(piece)
                            done += len(piece)
                            self._client.traffic.add(bytes=len(piece))
                            if done > size:
                                raise RemoteFileError(f"{self._name}: the server sends more than it was asked for")
                        if done < size:
                            raise BrokenError("the answer ended early")
                    else:
                        refused = self._not_given(response, place, refused)
            except (BrokenError, BusyError) as error:
                if done - before >= _MUCH:
                    attempts.progress()
                attempts.what = f"{self._name} at byte {start + done:,}"
                self._client.ask_again(attempts, error)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _ask(self, place: _Place, start: int, size: int) -> Any:
        return self._client.get(
            place.url,
            {**place.headers, "Range": f"bytes={start}-{start + size - 1}"},
            from_public=self._is_public and not place.is_own,
            resolves=self._counted and place.is_own,
        )

    def _check(self, response: Any, place: _Place, start: int, size: int) -> None:
        """Refuses a part that is not what was asked for, or of another file."""
        headers = response.headers
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RemoteFileError(f"{self._name} is sent packed, which was not asked for: ranges of it mean nothing")
        found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", headers.get("content-range", "").strip())
        if not found:
            raise RemoteFileError(f"{self._name}: the server does not say which bytes it sends")
        first, last = int(found[1]), int(found[2])
        if first != start or not start <= last < start + size:
            raise RemoteFileError(
                f"{self._name}: the server sends bytes {first:,} to {last:,} for {start:,} to {start + size - 1:,}"
            )
        version = version_of(headers)
        if (found[3] != "*" and int(found[3]) != self.size) or (place.version or version) != version:
            raise self._changed()
        place.version, place.was_good = version, True

    def _not_given(self, response: Any, place: _Place, refused: int) -> int:
        """Does what an answer without bytes asks for, or raises what it stands for; counts refusals of addresses."""
        status = response.status_code
        if status in REDIRECTS:
            self._replace(place, self._next(response, place))
            return refused
        if status in _REFUSED | _GONE and place.hops:
            # The signed address has expired, unless it is a new one.
            is_new = not place.was_good and time.monotonic() - place.since < _FRESH_S
            if is_new and refused:
                if place.is_own:
                    raise self._error(response)
                raise RemoteFileError(
                    f"{self._name}: two addresses in a row for its bytes were refused as soon as they were given out "
                    f"(status {status})",
                    "The fault is on the server's side: run the command again later.",
                )
            self._replace(place, None)
            return refused + is_new
        if status == 416 and re.fullmatch(rf"bytes \*/{self.size}", response.headers.get("content-range", "").strip()):
            raise BrokenError("a range inside of the file is called one outside")
        if status in (412, 416):
            raise self._changed()
        raise self._error(response)

    def _replace(self, place: _Place, other: _Place | None) -> None:
        with self._lock:
            # Another thread may have asked for a new address already.
            if self._place is place:
                self._place = other

    def _located(self, attempts: Attempts) -> _Place:
        """Where the bytes are; asks for it where that is not known, one thread for all."""
        with self._lock:
            while self._place is None:
                try:
                    self._place = self._locate()
                except (BrokenError, BusyError) as error:
                    self._client.ask_again(attempts, error)
            return self._place

    def _locate(self) -> _Place:
        """Asks for one byte of the file: where it leads, how large the file is, and which one it is."""
        place = _Place(self._url, self._headers, is_own=True)
        while True:
            with self._ask(place, 0, 1) as response:
                headers = response.headers
                if not place.hops:
                    self._is_public = is_public(peer(response))
                if response.status_code in REDIRECTS:
                    linked, size = headers.get("x-linked-etag"), headers.get("x-linked-size", "").strip()
                    is_said = place.is_own and linked and re.fullmatch(r"\d{1,18}", size)
                    place = self._next(response, place)
                    if is_said:
                        # The hub says of a large file what lies behind the redirect.
                        self._pin(strong(linked), int(size), is_listed=True)
                        return place
                elif response.status_code == 206:
                    total = headers.get("content-range", "").rpartition("/")[2].strip()
                    if not re.fullmatch(r"\d{1,18}", total):
                        raise RemoteFileError(f"{self._name}: the server does not say how large it is")
                    place.version = version_of(headers)
                    self._pin(place.version, int(total))
                    return place
                elif self._is_empty(response):
                    self._pin(version_of(headers), 0)
                    return place
                else:
                    raise self._error(response)

    def _is_empty(self, response: Any) -> bool:
        """Of an empty file no range can be given."""
        headers = response.headers
        if response.status_code == 416:
            return bool(re.fullmatch(r"bytes \*/0", headers.get("content-range", "").strip()))
        return bool(response.status_code == 200 and headers.get("content-length") == "0")

    def _next(self, response: Any, place: _Place) -> _Place:
        if place.hops >= MAX_REDIRECTS:
            raise RemoteFileError(f"{self._name} leads on and on, {MAX_REDIRECTS} times")
        url = redirected(place.url, response.headers.get("location", ""))
        is_own = origin(url) == origin(self._url)
        return _Place(url, self._headers if is_own else {}, is_own, hops=place.hops + 1)

    def _pin(self, version: str | None, size: int, *, is_listed: bool = False) -> None:
        """Keeps which file this is; another one is refused.

        Args:
            is_listed: the hub says it of its own file, as its listing did. Other servers name the same file otherwise.
        """
        if is_listed and self._sha256 is not None:
            is_other = self._sha256 != version
        else:
            is_other = self._is_pinned and self._version != version
            self._version, self._is_pinned = version, True
        if is_other or (self._size is not None and self._size != size):
            raise self._changed()
        self._size = size

    def _changed(self) -> RemoteFileError:
        return RemoteFileError(
            f"{self._name} is another file by now than when it was opened",
            "Run the command again: what was read of the earlier one cannot be combined with it.",
        )

    def _error(self, response: Any) -> RemoteFileError | SourceError:
        status = response.status_code
        if explained := self._explain(response) if self._explain else None:
            return explained
        if status == 200:
            return SourceError(
                f"{self._name}: the server knows no ranges, and would send the whole file for every part of it",
                "Download the file, and name it or its folder; or use a server that answers ranges, such as nginx.",
            )
        return refusal(self._name, status)


def refusal(name: str, status: int) -> RemoteFileError | SourceError:
    """What a web server's refusal stands for."""
    if status in _GONE:
        return RemoteFileError(f"{name} is not there (status {status})", "List its folder: it may have another name.")
    if status in _REFUSED:
        return SourceError(
            f"{name} may not be read (status {status})",
            "If it takes a login, write it into the address: https://USER:PASSWORD@HOST/FOLDER/.",
        )
    return RemoteFileError(f"{name} cannot be read: the server answers with status {status}")


def version_of(headers: Mapping[str, str]) -> str | None:
    """What tells the file of an answer from a later one at the same address; see `RangedFile.oid`."""
    tag = headers.get("etag", "").strip()
    if tag.startswith("W/"):
        return tag
    if tag:
        return strong(tag)
    changed = headers.get("last-modified", "").strip()
    return f"modified:{changed}" if changed else None


def strong(tag: str) -> str:
    """A strong ETag; one that is a sha256, as those of the hub are, as such."""
    bare = tag.strip().removeprefix("W/").strip('"')
    return bare if _SHA256.fullmatch(bare) else f"etag:{bare}"
