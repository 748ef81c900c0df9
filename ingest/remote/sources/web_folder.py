"""A folder of a web server, by the page that lists it; or one file."""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from signverse.ingest.remote.sources.http_client import Client, Page, origin, shown_url, without_login
from signverse.ingest.remote.sources.http_file import HttpFile, refusal
from signverse.ingest.remote.sources.http_limits import Limiter, Limits
from signverse.ingest.remote.sources.index_page import links_of
from signverse.ingest.remote.sources.protocols import (
    Opened,
    RemoteFileError,
    SourceError,
    SourceFile,
    Traffic,
    is_plain,
    is_tar,
)
from signverse.lake.model.wording import counted, printable, some

_PAGE_BYTES: Final = 32 * 1024**2
_PAGES: Final = 1000
_DEPTH: Final = 5
"""Folders inside folders that are looked into."""


class WebSource(Opened):
    """A folder or a file of a web server as a `TarSource`.

    Args:
        url: the address; a user name and a password in it go to this server only.

    Raises:
        SourceError: the address cannot be used.
    """

    revision: str | None = None

    def __init__(self, url: str, limits: Limits, *, public_only: bool = False) -> None:
        self.traffic = Traffic()
        self._lock = threading.Lock()
        self.remarks: list[str] = []
        self._limiter = Limiter(limits, self.traffic)
        self._client = Client(self._limiter, self.traffic, public_only=public_only)
        try:
            self._url, self._headers = without_login(url)
            _, host, _ = origin(self._url)
        except ValueError:
            host = ""
        if not host:
            raise SourceError(f"{shown_url(url)} is not an address", "Such as https://HOST/FOLDER/.")
        # A query may be a signature: it is asked for, and never shown or kept.
        self.address = shown_url(self._url)
        self._places: dict[str, str] | None = None

    def files(self) -> Sequence[SourceFile]:
        return [SourceFile(path, None, None) for path in self._listed()]

    def _listed(self) -> dict[str, str]:
        """The address of each file, by its path."""
        # Asked for by several threads at once: by the first of them only.
        with self._lock:
            if self._places is None:
                name = unquote(posixpath.basename(urlsplit(self._url).path))
                self._places = {name: self._url} if is_tar(name) and is_plain(name) else self._folder()
            return self._places

    def _folder(self) -> dict[str, str]:
        found: dict[str, str] = {}
        odd: list[str] = []
        seen: set[str] = set()
        waiting = [("", self._url)]
        while waiting:
            folder, url = waiting.pop(0)
            if url in seen:
                continue
            if len(seen) == _PAGES:
                self.remarks.append(f"{self.address}: only {_PAGES:,} folders of it were looked into.")
                break
            seen.add(url)
            page = self._page(url, is_first=not folder)
            if page is None:
                continue
            kind = page.headers.get("content-type", "").lower()
            if not folder and not _lists(kind):
                # It was a file, whatever its name.
                name = unquote(posixpath.basename(urlsplit(page.url).path)) or "tar"
                return {name: self._url}
            links = links_of(page.body, self._base(page, url), kind)
            odd += links.odd
            found |= {folder + path: link for path, link in links.files.items() if folder + path not in found}
            if folder.count("/") < _DEPTH:
                waiting += [(f"{folder}{path}/", link) for path, link in links.folders.items()]
        if odd:
            self.remarks.append(f"{counted(len(odd), 'link')} not read: {some([printable(name) for name in odd])}.")
        return dict(sorted(found.items()))

    def _page(self, url: str, *, is_first: bool) -> Page | None:
        """The page of a folder; None where one inside of the source has none."""
        try:
            page = self._client.page(
                url,
                self._headers,
                most=_PAGE_BYTES,
                explain=lambda response: _no_page(shown_url(url), response),
                wanted=lambda response: _lists(response.headers.get("content-type", "").lower()),
            )
        except RemoteFileError as error:
            if is_first:
                raise SourceError(error.message, error.hint) from None
            self.remarks.append(f"{error.message}: not looked into.")
            return None
        if origin(page.url) != origin(self._url):
            raise SourceError(
                f"{shown_url(url)} leads to another server, {shown_url(page.url)}", "Name that address instead."
            )
        return page

    def _base(self, page: Page, url: str) -> str:
        """The folder of a page: most servers lead from /folder to /folder/; some answer there with its page."""
        if page.url == url and not urlsplit(url).path.endswith("/"):
            parts = urlsplit(url)
            last = parts.path.rpartition("/")[2]
            return urlunsplit(parts._replace(path=parts.path if "." in last else f"{parts.path}/", query=""))
        return page.url

    def open(self, path: str) -> HttpFile:
        url = self._listed().get(path)
        if url is None:
            raise RemoteFileError(f"{self.address} lists no {printable(path)}")
        return HttpFile(self._client, path, url, headers=self._headers)

    def close(self) -> None:
        self._limiter.end()


def _lists(kind: str) -> bool:
    """Whether an answer of this Content-Type can be the page of a folder."""
    return any(word in kind for word in ("html", "json"))


def _no_page(name: str, response: Any) -> RemoteFileError | SourceError:
    status = response.status_code
    if status in (403, 404):
        why = "is not there, or its server lists no folders" if name.endswith("/") else "is not there"
        return RemoteFileError(
            f"{name} {why} (status {status})", "Name a tar, or let the server list the folder (autoindex)."
        )
    return refusal(name, status)
