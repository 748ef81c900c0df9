"""What a disk may hold after a power cut at any moment of a command, by what the command had synced until then.

POSIX promises that bytes of a file are on the disk after an fsync of the file, and its name after an fsync of its
folder; without them the system may have stored anything or nothing. LOSSES are the worst of what file systems do.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from tests.faults.trace import Operation


@dataclass
class Inode:
    """A file or a folder.

    Attributes:
        data, entries: what processes see; entries are None for a file.
        synced, synced_entries: what an fsync has stored.
    """

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    entries: dict[str, Inode] | None = None
    synced_entries: dict[str, Inode] = field(default_factory=dict)


def _names_and_bytes(inode: Inode) -> dict[str, Inode] | bytes:
    return inode.synced if inode.entries is None else inode.synced_entries


def _bytes(inode: Inode) -> dict[str, Inode] | bytes:
    return inode.synced if inode.entries is None else inode.entries


def _half_of_the_bytes(inode: Inode) -> dict[str, Inode] | bytes:
    if inode.entries is not None:
        return inode.entries
    return bytes(inode.data) if inode.data == inode.synced else bytes(inode.data[: len(inode.data) // 2])


def _new_names_and_bytes(inode: Inode) -> dict[str, Inode] | bytes:
    if inode.entries is None:
        return inode.synced
    # What was removed is gone at once, although nothing that was made before it is there.
    still = {id(entry) for entry in inode.entries.values()}
    return {
        name: entry
        for name, entry in inode.synced_entries.items()
        if name in inode.entries or id(entry) in still or entry.entries is not None
    }


LOSSES: Final[dict[str, Callable[[Inode], dict[str, Inode] | bytes]]] = {
    "names and bytes": _names_and_bytes,
    "bytes": _bytes,
    "half of the bytes": _half_of_the_bytes,
    "new names, but not removals": _new_names_and_bytes,
}
"""By what is lost of what was not synced: what is left of a file (bytes) or a folder (its entries)."""


class Replay:
    """A disk that operations change, beginning with a folder as it is stored.

    Args:
        base: the folder.
        place: where the operations saw it.
    """

    def __init__(self, base: Path, place: Path) -> None:
        self._place = PurePosixPath(place.resolve())
        self._root = _read(base)

    def apply(self, operation: Operation) -> None:
        """Does what the command did."""
        at = self._find(operation.path)
        folder, name = self._parent(operation.path)
        if operation.kind in {"rename", "link"}:
            target, new = self._parent(operation.new)
            if target is None or at is None:
                return
            target[new] = at
            if operation.kind == "rename" and folder is not None:
                folder.pop(name, None)
        elif operation.kind == "create" and folder is not None and name not in folder:
            folder[name] = Inode()
        elif operation.kind == "mkdir" and folder is not None:
            folder[name] = Inode(entries={})
        elif operation.kind == "unlink" and folder is not None:
            folder.pop(name, None)
        elif at is not None and operation.kind == "sync":
            at.synced = bytes(at.data)
            at.synced_entries = dict(at.entries or {})
        elif at is not None and operation.kind == "write":
            end = operation.offset + len(operation.data)
            at.data.extend(bytes(max(0, end - len(at.data))))
            at.data[operation.offset : end] = operation.data
        elif at is not None and operation.kind == "truncate":
            at.data.extend(bytes(max(0, operation.offset - len(at.data))))
            del at.data[operation.offset :]

    def files(self, loss: str) -> dict[str, bytes | None]:
        """What is there after a power cut now: bytes of files by their paths, None for folders."""
        found: dict[str, bytes | None] = {}
        left = LOSSES[loss]

        def walk(inode: Inode, path: str) -> None:
            kept = left(inode)
            found[path] = None if isinstance(kept, dict) else kept
            for name, entry in kept.items() if isinstance(kept, dict) else ():
                walk(entry, f"{path}/{name}" if path else name)

        walk(self._root, "")
        return found

    def seen(self) -> dict[str, bytes | None]:
        """What processes see now: bytes of files by their paths, None for folders."""
        found: dict[str, bytes | None] = {}

        def walk(inode: Inode, path: str) -> None:
            for name, entry in (inode.entries or {}).items():
                found[f"{path}{name}"] = bytes(entry.data) if entry.entries is None else None
                walk(entry, f"{path}{name}/")

        walk(self._root, "")
        return found

    def _find(self, path: str) -> Inode | None:
        inode: Inode | None = self._root
        for name in self._inside(path) or ("",):
            if not name:
                return self._root if self._inside(path) == () else None
            inode = (inode.entries or {}).get(name) if inode else None
        return inode

    def _parent(self, path: str) -> tuple[dict[str, Inode] | None, str]:
        parts = self._inside(path)
        if not parts:
            return None, ""
        folder = self._find(str(self._place.joinpath(*parts[:-1])))
        return (folder.entries if folder else None), parts[-1]

    def _inside(self, path: str) -> tuple[str, ...] | None:
        try:
            return PurePosixPath(path).relative_to(self._place).parts
        except ValueError:
            return None


def _read(path: Path) -> Inode:
    if path.is_file():
        return Inode(bytearray(path.read_bytes()), path.read_bytes())
    entries = {entry.name: _read(entry) for entry in path.iterdir()}
    return Inode(entries=entries, synced_entries=dict(entries))


def cuts(
    base: Path, place: Path, operations: Sequence[Operation]
) -> Iterator[tuple[int, str, dict[str, bytes | None]]]:
    """All different disks that power cuts leave: after how many operations, what was lost, and the files.

    A power cut between two writes in a row leaves what one after them leaves, or less of the same file. The last disks,
    after all operations, come whether earlier ones are the same or not: more is asked of them.
    """
    replay, seen = Replay(base, place), set[str]()
    for done in range(len(operations) + 1):
        if done == len(operations):
            seen.clear()
        amid = 0 < done < len(operations) and operations[done - 1].kind == operations[done].kind == "write"
        for loss in () if amid else LOSSES:
            files = replay.files(loss)
            digest = hashlib.sha256()
            for path in sorted(files):
                digest.update(repr((path, files[path])).encode())
            if digest.hexdigest() not in seen:
                seen.add(digest.hexdigest())
                yield done, loss, files
        if done < len(operations):
            replay.apply(operations[done])


def write_disk(files: dict[str, bytes | None], folder: Path) -> None:
    """Makes a folder hold these files and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(files):
        content = files[path]
        if content is None:
            (folder / path).mkdir(parents=True, exist_ok=True)
        else:
            (folder / path).write_bytes(content)
