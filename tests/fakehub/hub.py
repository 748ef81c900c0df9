"""A fake Hugging Face hub on 127.0.0.1, which the real client library, `HfFileSystem` and `datasets` work against.

What it holds is in memory; nothing of it is checked against the real hub beyond what documents and the client's source
say. In a test, with the fixture `hub` of tests/conftest.py (environment, token and no Xet are set up by it):

    hub.put("owner/name", {"data/000001.tar": content})        # a repository, filled without the client
    hub.fail(Answer(429, {"RateLimit": '"api";r=0;t=1'}), path=r"/api/.*/commit/", times=2)
    ...
    assert hub.files("owner/name") == {...}                    # what lies at main now, by path
    assert len(hub.requests_for(r"/resolve/")) == 2

Where it runs beside the client (the fixture says `hub.address`), the address of its CDN has another host name:
`localhost`, so that tokens and redirects are treated as foreign hosts are. The other files: repositories.py (commits
and files), faults.py (what can go wrong), handler.py (requests and their log), routes_read.py (tree, resolve, CDN) and
routes_write.py (create, preupload, LFS, commit, tag, settings, deletion).
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.fakehub.faults import Altered, Answer, Cut, Drop, Fault
from tests.fakehub.handler import Handler
from tests.fakehub.repositories import Entry, Repository, entry_of

__all__ = ["READ_TOKEN", "WRITE_TOKEN", "Altered", "Answer", "Cut", "Drop", "Hub", "Request"]

WRITE_TOKEN = "hf_" + "FakeWriteTokenOfTheTests" + "0" * 10
READ_TOKEN = "hf_" + "FakeReadTokenOfTheTests" + "0" * 11


@dataclass(frozen=True)
class Request:
    """A request of the log; `status` is 0 where no answer was given."""

    method: str
    path: str
    host: str
    range: str
    token: str
    status: int
    received: int
    sent: int


class Hub:
    """A hub; it serves while its context is open.

    Attributes:
        repositories: by "datasets/OWNER/NAME".
        blobs: contents by sha256; anything that has a length and gives bytes for a slice will do.
        tokens: what each token may: "read" or "write"; owners that may be written to are in `owners`.
        gated: repositories (as in `repositories`) that a token must have been granted access to.
        requests: the log, in the order of the answers.
        page: rows a page of a tree listing.
        lifetime: seconds that a signed address of the CDN is good for.
        part_size: bytes of a part of a large file, where such files are sent in parts.
        card_errors: what it finds wrong with the header of any card.
        pause: seconds that pass before an answer to a POST or PUT.
        ignored: names that the server leaves out of a commit without an error, as a .gitignore there does.
    """

    def __init__(self, port: int = 0) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, Any] = {}
        self.tokens = {WRITE_TOKEN: "write", READ_TOKEN: "read"}
        self.owners = {"owner"}
        self.gated: set[str] = set()
        self.requests: list[Request] = []
        self.page = 1000
        self.lifetime = 3600.0
        self.pause = 0.0
        self.part_size = 0
        self.parts: dict[str, dict[int, bytes]] = {}
        self.card_errors: list[str] = []
        self.ignored: set[str] = set()
        self.signed: dict[str, tuple[str, float]] = {}
        self.errors: list[BaseException] = []
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        self._wanted_port = port

    def __enter__(self) -> Hub:
        self._server = Server(self, self._wanted_port)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self.errors and kind is None:
            raise self.errors[0]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def cdn(self) -> str:
        """Where the bytes of large files are: another host name, which gets no token."""
        return f"http://localhost:{self._server.server_port}"

    def put(
        self,
        name: str,
        files: Mapping[str, bytes],
        *,
        private: bool = False,
        kind: str = "dataset",
        summary: str = "put",
    ) -> str:
        """Commits files to a repository, made where it is not there, without the client; gives the commit's oid."""
        with self.lock:
            repository = self.repositories.setdefault(f"{kind}s/{name}", Repository(private=private))
            return repository.commit("main", {path: self.store(path, data) for path, data in files.items()}, summary)

    def store(self, path: str, data: Any) -> Entry:
        """Keeps a file's content; its entry for a commit."""
        entry = entry_of(path, data)
        with self.lock:
            self.blobs[entry.sha256] = data
        return entry

    def files(self, name: str, revision: str = "main", *, kind: str = "dataset") -> dict[str, bytes]:
        """The files of a repository at a revision, without what the hub itself puts there."""
        found = self.repositories[f"{kind}s/{name}"].at(revision)
        assert found is not None, f"{name} has no {revision}"
        return {path: self.blobs[entry.sha256][:] for path, entry in found.files.items() if path != ".gitattributes"}

    def commits(self, name: str, revision: str = "main", *, kind: str = "dataset") -> list[str]:
        """The summaries of a branch's commits, the first one first."""
        return [commit.summary for commit in self.repositories[f"{kind}s/{name}"].branches[revision]]

    def fail(
        self,
        what: Answer | Drop | Cut | Altered,
        *,
        path: str = "",
        method: str = "",
        times: int | None = 1,
        after: int = 0,
    ) -> None:
        """Lets requests fail whose path holds a regular expression.

        Args:
            times: how many of them; None: all.
            after: how many get the true answer before.
        """
        with self.lock:
            self._faults.append(Fault(what, re.compile(path), method, times, after))

    def heal(self) -> None:
        """Ends all faults."""
        with self.lock:
            self._faults.clear()

    def expire(self) -> None:
        """Ends the lifetime of all signed addresses that were given out."""
        with self.lock:
            self.signed = {signature: (sha, 0.0) for signature, (sha, _) in self.signed.items()}

    def requests_for(self, path: str, method: str = "") -> list[Request]:
        """The requests whose path holds a regular expression."""
        with self.lock:
            return [entry for entry in self.requests if re.search(path, entry.path) and method in {"", entry.method}]

    def clear_log(self) -> None:
        with self.lock:
            self.requests.clear()

    # The methods below are for the handler.

    def next_fault(self, method: str, path: str) -> Answer | Drop | Cut | Altered | None:
        with self.lock:
            for fault in self._faults:
                if fault.path.search(path) and fault.method in {"", method} and fault.due():
                    return fault.what
        return None

    def sign(self, sha256: str) -> str:
        """An address of the CDN, good for a while."""
        with self.lock:
            until = time.time() + self.lifetime
            signature = hashlib.sha256(f"{sha256} {len(self.signed)} {until}".encode()).hexdigest()[:32]
            self.signed[signature] = (sha256, until)
        return f"{self.cdn}/cdn/get/{sha256}?Expires={int(until)}&Signature={signature}"


class Server(ThreadingHTTPServer):
    """A thread a connection."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, hub: Hub, port: int) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        import sys

        error = sys.exc_info()[1]
        # That a client leaves is not an error of the hub.
        if error is not None and not isinstance(error, ConnectionError):
            self.hub.errors.append(error)
