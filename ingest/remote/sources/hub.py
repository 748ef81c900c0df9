"""A data set on the Hugging Face hub, as it is at one commit."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin

from signverse.ingest.remote.sources.http_client import Client, origin, shown_url
from signverse.ingest.remote.sources.http_file import HttpFile
from signverse.ingest.remote.sources.http_limits import Limiter, Limits
from signverse.ingest.remote.sources.protocols import (
    AbsentError,
    Opened,
    RemoteFileError,
    SourceError,
    SourceFile,
    Traffic,
    is_plain,
    is_tar,
)
from signverse.lake.model.wording import counted, printable, some

_LISTING_BYTES: Final = 64 * 1024**2
_PAGES: Final = 2000
"""Pages of a listing: the hub gives 1,000 files a page, and advises fewer than 100,000."""

_OWNER: Final = r"[A-Za-z0-9][\w.-]*"
REPOSITORY: Final = re.compile(rf"{_OWNER}/{_OWNER}", re.ASCII)


@dataclass(frozen=True)
class HubAddress:
    """A data set, or a part of one.

    Attributes:
        repository: OWNER/NAME.
        revision: a branch, a tag or a commit.
        path: a folder or a tar inside; "" for all of it.
    """

    repository: str
    revision: str = "main"
    path: str = ""


def endpoint() -> str:
    """The hub that is asked; `HF_ENDPOINT` names another."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or str(constants.ENDPOINT)).rstrip("/")


class HubSource(Opened):
    """A data set of the hub as a `TarSource`. The token, if there is one, goes to the hub and to nothing else.

    Raises:
        SourceError: there is no such data set or revision, it may not be read, or the hub cannot be reached.
    """

    def __init__(self, address: HubAddress, limits: Limits, *, public_only: bool = False) -> None:
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # It is in its documentation.

        self.traffic = Traffic()
        self._lock = threading.Lock()
        self.remarks: list[str] = []
        self._limiter = Limiter(limits, self.traffic)
        self._client = Client(self._limiter, self.traffic, public_only=public_only)
        self._at, self._hub = address, endpoint()
        self._headers = build_hf_headers(library_name="signverse")
        if not re.fullmatch(r"[\x21-\x7e ]*", self._headers.get("authorization", "")):
            raise SourceError("the token for the hub has characters that no token has", "Set HF_TOKEN again.")
        # It may hold a password.
        self._shown = shown_url(self._hub)
        self._page = f"{self._shown}/datasets/{address.repository}"
        self._files: dict[str, SourceFile] | None = None
        path = address.path.strip("/")
        self._folder, self._only = (path.rpartition("/")[0], path) if is_tar(path) else (path, "")
        self.address = f"hf://datasets/{address.repository}{'/' if path else ''}{path}"
        self.revision: str | None = self._commit()

    def _commit(self) -> str:
        url = f"{self._hub}/api/datasets/{self._at.repository}/revision/{quote(self._at.revision, safe='')}?expand=sha"
        found = self._json(url)[0]
        oid = found.get("sha") if isinstance(found, dict) else None
        if not isinstance(oid, str) or not re.fullmatch(r"[0-9a-f]{40,64}", oid):
            raise self._not_a_hub()
        return oid

    def _json(self, url: str) -> tuple[Any, str | None]:
        """What the hub answers, and the address of the next page."""
        page = self._client.page(url, self._headers, most=_LISTING_BYTES, explain=self._refused)
        more = re.search(r'<([^>]*)>\s*;\s*rel="?next"?', page.headers.get("link", ""))
        try:
            return json.loads(page.body), more and urljoin(page.url, more[1])
        except (ValueError, RecursionError):
            raise self._not_a_hub() from None

    def _not_a_hub(self) -> SourceError:
        return SourceError(f"{self._shown} does not answer as a hub does", "Look at what HF_ENDPOINT names.")

    def files(self) -> Sequence[SourceFile]:
        return list(self._listed().values())

    def _listed(self) -> dict[str, SourceFile]:
        # Asked for by several threads at once: by the first of them only.
        with self._lock:
            if self._files is None:
                found = {file.path: file for file in self._rows()}
                if self._only and not found:
                    raise SourceError(
                        f"there is no {self.address} at {self.revision}", f"{self._page}/tree/main lists them."
                    )
                self._files = dict(sorted(found.items()))
            return self._files

    def _rows(self) -> Iterator[SourceFile]:
        folder = f"/{quote(self._folder)}" if self._folder else ""
        base = f"{self._hub}/api/datasets/{self._at.repository}/tree/{self.revision}{folder}"
        url: str | None = f"{base}?recursive={'false' if self._only else 'true'}&expand=false"
        seen: set[str] = set()
        odd: list[str] = []
        while url:
            if url in seen or len(seen) == _PAGES or origin(url) != origin(self._hub):
                raise SourceError(f"{self._shown} lists {self._at.repository} without an end, or elsewhere")
            seen.add(url)
            rows, url = self._json(url)
            if not isinstance(rows, list):
                raise self._not_a_hub()
            for row in rows:
                file = self._file(row)
                if file and not is_plain(file.path):
                    odd.append(printable(file.path))
                elif file:
                    yield file
        if odd:
            self.remarks.append(f"{counted(len(odd), 'file')} not read, for their names: {some(odd)}.")

    def _file(self, row: Any) -> SourceFile | None:
        """A row of a listing, if it is of a file of the source."""
        if not isinstance(row, dict) or row.get("type") != "file":
            return None
        path, size, large = row.get("path"), row.get("size"), row.get("lfs")
        large = large if isinstance(large, dict) else {}
        size, oid = large.get("size", size), large.get("oid")
        if not isinstance(path, str) or not isinstance(size, int) or size < 0:
            raise self._not_a_hub()
        if self._only and path != self._only:
            return None
        oid = oid if isinstance(oid, str) and re.fullmatch(r"[0-9a-f]{64}", oid) else None
        return SourceFile(path.removeprefix(f"{self._folder}/" if self._folder else ""), size, oid)

    def open(self, path: str) -> HttpFile:
        file = self._listed().get(path)
        if file is None:
            raise RemoteFileError(f"{self.address} holds no {printable(path)} at {self.revision}")
        whole = f"{self._folder}/{path}" if self._folder else path
        url = f"{self._hub}/datasets/{self._at.repository}/resolve/{self.revision}/{quote(whole)}"
        return HttpFile(
            self._client,
            path,
            url,
            headers=self._headers,
            size=file.size,
            sha256=file.oid,
            explain=self._refused_file,
            counted=True,
        )

    def close(self) -> None:
        self._limiter.end()

    def _refused_file(self, response: Any) -> RemoteFileError | SourceError | None:
        # Of these the file itself knows more.
        return None if response.status_code in (200, 206, 416) else self._refused(response)

    def _refused(self, response: Any) -> RemoteFileError | SourceError:
        """What a refusal of the hub stands for."""
        name, status = self._at.repository, response.status_code
        code = response.headers.get("x-error-code", "")
        has_token = any(header.lower() == "authorization" for header in self._headers)
        if code == "GatedRepo":
            log_in = "" if has_token else ", then log in here with `hf auth login`, or set HF_TOKEN"
            return SourceError(f"{name} is given out on request only", f"Ask for access at {self._page}{log_in}.")
        if code == "RevisionNotFound":
            return SourceError(
                f"{name} has no revision {printable(self._at.revision)}", f"{self._page}/tree/main lists them."
            )
        if code == "EntryNotFound":
            return RemoteFileError(
                f"{shown_url(str(response.url))} is not there", f"{self._page}/tree/main lists the files."
            )
        if code == "RepoNotFound" or status == 401:
            if has_token:
                return AbsentError(
                    f"there is no data set {name} on {self._shown}, or it is private and the token may not read it",
                    "Check the name; `hf auth whoami` says whose token is used, `hf auth login` or HF_TOKEN sets one.",
                )
            return AbsentError(
                f"there is no data set {name} on {self._shown}, or it is private and no token was sent",
                "Check the name; for a private one log in with `hf auth login`, or set HF_TOKEN.",
            )
        if status == 403:
            return SourceError(
                f"{name} may not be read (status 403)",
                f"Look at {self._page}, and whether the token (`hf auth whoami`) has the right to read it.",
            )
        where = shown_url(str(response.url))
        if status in (404, 410):
            return RemoteFileError(f"{where} is not there (status {status})", "Look at what HF_ENDPOINT names.")
        return RemoteFileError(f"{where} cannot be read: the hub answers with status {status}")
