"""The hub as publishing sees it: a repository's files, commits, tags and large objects.

Requests are tried again where that can help, waiting as long as the hub asks; other errors become a line that says what
to do. Bytes go by plain HTTP (LFS), also where the Xet protocol is installed: a file in sight of this process can be
counted, and compared with its checksum while it is sent.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

from signverse.export.publish.client.answers import (
    PASSING,
    is_of_the_network,
    pause,
    refused,
    says,
    second_writer,
    status_of,
)
from signverse.export.publish.client.credentials import redacted
from signverse.export.publish.client.session import end_connections, prepare_session
from signverse.export.publish.client.upload import Upload
from signverse.export.publish.content import Source
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.interrupt import run_interruptibly
from signverse.lake.model.wording import lasting

T = TypeVar("T")

ATTEMPTS: Final = 8
"""Of a request, in all; of the first one, which shows that the hub can be reached, three."""

MAX_PAGE: Final = 64 << 20
"""Bytes of a file that is read back: a card, an index, a list of checksums."""

_THREADS: Final = 4


@dataclass(frozen=True)
class Remote:
    """A file in the repository: the sha256 of a large one, the git oid of another."""

    size: int
    oid: str
    large: bool


@dataclass(frozen=True)
class State:
    """A repository: the commit at the end of the branch, and what readers meet.

    Attributes:
        commit: where the branch does not exist yet, that of `main`, from which it will start.
    """

    commit: str
    private: bool
    gated: bool
    has_branch: bool = True


@dataclass
class Hub:
    """A data set of the hub, and who asks for it.

    Attributes:
        name: OWNER/NAME.
        branch: what is committed to.
        say: takes a line where a request has to wait.
    """

    name: str
    branch: str = "main"
    token: str = field(default="", repr=False)
    say: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars

        # The client's own bars and remarks: this program has one bar, and says what is to be said.
        disable_progress_bars()
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=self.token or False)
        self._reached = False

    @property
    def endpoint(self) -> str:
        """The hub's address, without a name and a password that may be in it."""
        parts = urlsplit(self._api.endpoint)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @staticmethod
    def name_beside(name: str, kind: str) -> str:
        """A name for what cannot be published under this one."""
        return f"{name}-{kind.replace(' ', '-')}"

    @property
    def address(self) -> str:
        """Where the data set is seen in a browser."""
        return f"{self.endpoint}/datasets/{self.name}"

    def state(self) -> State | None:
        """What is there; None where there is no such data set, or none that the token may see."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        def ask() -> State | None:
            try:
                info = self._api.dataset_info(self.name, revision=self.branch)
            except RepositoryNotFoundError:
                return None
            except RevisionNotFoundError:
                info = self._api.dataset_info(self.name)
                return State(str(info.sha), bool(info.private), bool(info.gated), has_branch=False)
            return State(str(info.sha), bool(info.private), bool(info.gated))

        return self._ask(f"look for {self.name}", ask)

    def files(self, revision: str) -> dict[str, Remote]:
        """The files of a commit by their paths."""
        from huggingface_hub.hf_api import RepoFile

        def ask() -> dict[str, Remote]:
            listed = self._api.list_repo_tree(self.name, revision=revision, recursive=True, repo_type="dataset")
            return {
                row.path: Remote(row.size, row.lfs.sha256 if row.lfs else row.blob_id, bool(row.lfs))
                for row in listed
                if isinstance(row, RepoFile)
            }

        return self._ask("list its files", ask)

    def read(self, path: str, revision: str) -> bytes:
        """A file of a commit, which is small.

        Raises:
            BadInputError: it is not.
        """
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils._headers import build_hf_headers
        from huggingface_hub.utils._http import hf_raise_for_status

        url = hf_hub_url(self.name, path, repo_type="dataset", revision=revision, endpoint=self._api.endpoint)
        headers = build_hf_headers(token=self.token or False)

        def ask() -> bytes:
            content = bytearray()
            with get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=60) as answer:
                if answer.status_code >= 400:
                    answer.read()
                hf_raise_for_status(answer)
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > MAX_PAGE:
                        raise BadInputError(f"{path} of {self.name} is larger than {MAX_PAGE >> 20} MiB")
            return bytes(content)

        return self._ask(f"read {path}", ask)

    def check_card(self, card: str) -> None:
        """Asks whether the hub takes a card: it would refuse it in the last commit, after all that was sent.

        Raises:
            BadInputError: it does not; says why.
        """
        from huggingface_hub import get_session
        from huggingface_hub.utils._headers import build_hf_headers
        from huggingface_hub.utils._http import hf_raise_for_status

        def ask() -> list[str]:
            answer = get_session().post(
                f"{self._api.endpoint}/api/validate-yaml",
                json={"content": card, "repoType": "dataset"},
                headers=build_hf_headers(token=self.token or False),
            )
            if answer.status_code != 400:
                hf_raise_for_status(answer)
            return [str(error.get("message")) for error in answer.json().get("errors", [])]

        errors = self._ask("check the card", ask)
        if errors:
            raise BadInputError(
                f"the hub does not take the header of README.md: {redacted('; '.join(errors), self.token)}",
                "Mend it there, or in the folder.",
            )

    def create(self, private: bool) -> None:
        """Makes the data set.

        Raises:
            BadInputError: the token may not.
        """
        self._ask(
            "make it",
            lambda: self._api.create_repo(self.name, repo_type="dataset", private=private or None, exist_ok=True),
        )

    def create_branch(self, start: str) -> None:
        """Makes the branch, from a commit."""
        self._ask(
            f"make its branch {self.branch}",
            lambda: self._api.create_branch(
                self.name, branch=self.branch, revision=start, repo_type="dataset", exist_ok=True
            ),
        )

    def restrict(self, *, private: bool, gated: bool) -> None:
        """Makes the data set private, or one that asks its readers first."""
        wanted: dict[str, Any] = {**({"private": True} if private else {}), **({"gated": "auto"} if gated else {})}
        self._ask(
            "change its settings", lambda: self._api.update_repo_settings(self.name, repo_type="dataset", **wanted)
        )

    def tags(self) -> dict[str, str]:
        """The commit that each tag names."""
        refs = self._ask("list its tags", lambda: self._api.list_repo_refs(self.name, repo_type="dataset"))
        return {tag.name: tag.target_commit for tag in refs.tags}

    def other_branches(self) -> list[str]:
        """The other branches."""
        refs = self._ask("list its branches", lambda: self._api.list_repo_refs(self.name, repo_type="dataset"))
        return [branch.name for branch in refs.branches if branch.name != self.branch]

    def tag(self, name: str, revision: str) -> None:
        """Names a commit; one that has the name already may have got it by an earlier attempt."""
        self._ask(
            f"set the tag {name}",
            lambda: self._api.create_tag(self.name, tag=name, revision=revision, repo_type="dataset", exist_ok=True),
        )

    def commits(self, revision: str | None = None) -> list[tuple[str, str]]:
        """The commits of the branch, or up to a commit, the newest first: oid and title."""
        listed = self._ask(
            "list its commits",
            lambda: self._api.list_repo_commits(self.name, repo_type="dataset", revision=revision or self.branch),
        )
        return [(commit.commit_id, commit.title) for commit in listed]

    def large_objects(self) -> Sequence[Any]:
        """The large objects of all commits, as the client has them: `filename`, `oid`, `size`."""
        return self._ask("list its large files", lambda: list(self._api.list_lfs_files(self.name, repo_type="dataset")))

    def delete_for_good(self, objects: Iterable[Any]) -> None:
        """Removes large objects from every commit. This cannot be taken back."""
        objects = list(objects)
        self._ask(
            "remove old files for good",
            lambda: self._api.permanently_delete_lfs_files(self.name, objects, repo_type="dataset"),
        )

    def commit(
        self,
        title: str,
        add: Sequence[Source],
        remove: Sequence[str],
        parent: str,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> str:
        """Sends files and commits them; returns the commit's oid.

        Args:
            parent: the commit that the branch ends in; another one means that another writer is at work.
            on_bytes: called with bytes that are sent.

        Raises:
            BadInputError: it was refused, another writer committed, or a file is damaged.
            KeyboardInterrupt: Ctrl-C came; nothing was committed.
        """
        stop = threading.Event()

        def attempt() -> str:
            open_files: list[Upload] = []
            try:
                operations = self._operations(add, remove, stop, on_bytes, open_files)
                with warnings.catch_warnings():
                    # That a header lacks something that the hub would like to see.
                    warnings.simplefilter("ignore")
                    made = self._api.create_commit(
                        self.name,
                        operations,
                        commit_message=title,
                        repo_type="dataset",
                        revision=self.branch,
                        parent_commit=parent,
                        num_threads=_THREADS,
                    )
                return str(made.oid)
            finally:
                for file in open_files:
                    file.close()

        return self._ask(f"commit {title}", attempt, stop, lambda: self._went_through(title, parent))

    def _operations(
        self,
        add: Sequence[Source],
        remove: Sequence[str],
        stop: threading.Event,
        on_bytes: Callable[[int], None],
        opened: list[Upload],
    ) -> list[Any]:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete
        from huggingface_hub.lfs import UploadInfo

        operations: list[Any] = [CommitOperationDelete(path, is_folder=False) for path in remove]
        for source in add:
            upload = Upload(source, stop, on_bytes)
            opened.append(upload)
            with source.open() as file:
                sample = file.read(512)
            operation: Any = CommitOperationAdd(source.path, b"")
            # Hashing is spared: the sha256 is known, and compared while the file is sent.
            operation.upload_info = UploadInfo(source.size, sample, bytes.fromhex(source.digest()))
            operation.path_or_fileobj = upload
            operations.append(operation)
        return operations

    def _went_through(self, title: str, parent: str) -> str | None:
        """The oid of a commit whose answer was lost: the newest one, with its title, right after its parent."""
        commits = self.commits()
        if len(commits) > 1 and commits[0][1] == title and commits[1][0] == parent:
            return commits[0][0]
        if commits and commits[0][0] != parent:
            raise second_writer(self.name)
        return None

    def _ask(
        self,
        what: str,
        request: Callable[[], T],
        stop: threading.Event | None = None,
        went_through: Callable[[], T | None] | None = None,
    ) -> T:
        """Makes a request, and makes it again where that may help.

        Args:
            what: what it is for, as an error says it.
            stop: set by Ctrl-C: ends the request.
            went_through: asks whether a request that failed has had its effect; gives its result then.
        """
        stop = stop or threading.Event()

        def end() -> None:
            stop.set()
            end_connections()

        attempts = ATTEMPTS if self._reached else 3
        for attempt in range(1, attempts + 1):
            prepare_session()
            try:
                done = run_interruptibly(request, end)
            except SignverseError:
                raise
            except Exception as error:
                status, headers = status_of(error)
                if status is None and not is_of_the_network(error):
                    raise refused(self.name, self.endpoint, self.token, what, error, None) from None
                again = status is None or status in PASSING or (status == 412 and went_through is not None)
                if again and went_through is not None and self._reached:
                    result = went_through()
                    if result is not None:
                        return result
                if not again or attempt == attempts:
                    raise refused(self.name, self.endpoint, self.token, what, error, status) from None
                wait = pause(attempt, status, headers)
                self.say(f"{self.endpoint} {says(status)}: trying again in {lasting(round(wait))}")
                time.sleep(wait)
            else:
                self._reached = True
                return done
        raise AssertionError("every attempt returns or raises")
