"""What the fake hub holds: repositories, their branches, commits, files and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LARGE = (".tar", ".parquet", ".npz", ".pose", ".mp4")
"""Names that the hub's .gitattributes keep as large files (LFS); others are from 10 MiB on."""

LARGE_FROM = 10 * 2**20

ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE).encode()


def git_oid(data: Any) -> str:
    """The name that git gives a file's content."""
    digest = hashlib.sha1(b"blob %d\0" % len(data))
    digest.update(data[:])
    return digest.hexdigest()


def is_large(path: str, size: int) -> bool:
    return path.endswith(LARGE) or size > LARGE_FROM


@dataclass(frozen=True)
class Entry:
    """A file of a commit."""

    sha256: str
    size: int
    oid: str
    large: bool

    def row(self, path: str) -> dict[str, Any]:
        """The file in a listing."""
        row = {"type": "file", "path": path, "size": self.size, "oid": self.oid}
        if self.large:
            row["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 134}
        return row


def entry_of(path: str, data: Any, *, large: bool | None = None) -> Entry:
    sha256 = hashlib.sha256(data[:]).hexdigest()
    kept_large = is_large(path, len(data)) if large is None else large
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
    return Entry(sha256, len(data), git_oid(pointer if kept_large else data), kept_large)


@dataclass(frozen=True)
class Commit:
    oid: str
    files: dict[str, Entry]
    summary: str


@dataclass
class Repository:
    """A repository; a new one has the hub's own first commit, which holds .gitattributes."""

    private: bool = False
    branches: dict[str, list[Commit]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    attributes: Entry = field(default_factory=lambda: entry_of(".gitattributes", ATTRIBUTES))

    def __post_init__(self) -> None:
        if not self.branches:
            self.branches["main"] = [Commit("a" * 40, {".gitattributes": self.attributes}, "initial commit")]

    def at(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or an oid names."""
        if revision in self.branches:
            return self.branches[revision][-1]
        oid = self.tags.get(revision, revision)
        every = (commit for branch in self.branches.values() for commit in branch)
        return next((commit for commit in every if commit.oid == oid), None)

    def history(self, revision: str) -> list[Commit] | None:
        """The commits up to the one that a branch, a tag or an oid names, the first one first."""
        end = self.at(revision)
        for commits in self.branches.values():
            if end in commits:
                return commits[: commits.index(end) + 1]
        return None

    def commit(self, branch: str, changes: Mapping[str, Entry | None], summary: str) -> str:
        """A commit on a branch; None removes a file."""
        before = self.branches[branch][-1]
        files = {**before.files, **{path: entry for path, entry in changes.items() if entry}}
        for path, entry in changes.items():
            if entry is None:
                files.pop(path, None)
        content = repr((before.oid, summary, sorted(files.items())))
        oid = hashlib.sha1(content.encode()).hexdigest()
        self.branches[branch].append(Commit(oid, files, summary))
        return oid

    def large_files(self) -> dict[str, tuple[str, Entry]]:
        """The large objects of all commits, by sha256, each with a path that it had."""
        every = (commit for branch in self.branches.values() for commit in branch)
        return {entry.sha256: (path, entry) for commit in every for path, entry in commit.files.items() if entry.large}

    def forget(self, objects: set[str]) -> None:
        """Takes large objects out of every commit; the commits get other oids, and tags follow them."""
        renamed: dict[str, str] = {}
        for name, commits in self.branches.items():
            written: list[Commit] = []
            for commit in commits:
                files = {path: entry for path, entry in commit.files.items() if entry.sha256 not in objects}
                changed = len(files) < len(commit.files) or (written and written[-1].oid in renamed.values())
                oid = hashlib.sha1(f"{commit.oid} without".encode()).hexdigest() if changed else commit.oid
                if changed:
                    renamed[commit.oid] = oid
                written.append(Commit(oid, files, commit.summary))
            self.branches[name] = written
        self.tags = {tag: renamed.get(oid, oid) for tag, oid in self.tags.items()}
