"""Whether an export is what it says it is: every file by its checksum, every row of the index by the content."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from signverse.export.release.folder import is_content, walk
from signverse.export.release.index import INDEX, SUMS, ClipRow, IndexRow, Row, read_index
from signverse.export.release.verify_clips import verify_clips
from signverse.lake.model.errors import BadInputError

_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *]((?:(?!\.\.?/)[^/\\]+/)?[^/\\]+)")
"""Of SHA256SUMS: what lies in the folder, or in a folder right in it."""


def is_export(path: Path) -> bool:
    """The folder looks like an export of ours, finished or not."""
    return any((path / name).exists() for name in (SUMS, INDEX)) or any(is_content(name) for name in walk(path))


def verify_export(folder: Path) -> Iterator[str]:
    """The problems of an export, one line each, each naming its file; none where all is well."""
    if not (folder / SUMS).exists():
        yield f"{folder / SUMS} is missing: the export was not finished, or is not one of signverse"
        return
    sums: dict[str, str] = {}
    for number, line in enumerate((folder / SUMS).read_text("utf-8", "replace").splitlines(), 1):
        found = _LINE.fullmatch(line)
        if not found:
            yield f"{folder / SUMS} line {number} is no checksum"
        else:
            sums[found.group(2)] = found.group(1)
    for name in walk(folder):
        if is_content(name) and name not in sums:
            yield f"{folder / name} is not listed in {SUMS}"
    sound: set[str] = set()
    for name, expected in sums.items():
        problem = _checksum(folder / name, expected)
        if problem:
            yield problem
        else:
            sound.add(name)
    if INDEX not in sums:
        yield f"{folder / SUMS} does not list {INDEX}"
        return
    if INDEX not in sound:
        return
    try:
        index: list[Row] = read_index(folder / INDEX, IndexRow, ClipRow)
    except BadInputError as error:
        yield str(error)
        return
    by_file: dict[str, list[Any]] = defaultdict(list)
    for row in index:
        by_file[row.shard if isinstance(row, IndexRow) else cast(ClipRow, row).file].append(row)
    of_clips = isinstance(next(iter(index), None), ClipRow)
    for name in sorted(by_file.keys() | {name for name in sums if is_content(name)}):
        if name in sound:
            path, rows = folder / name, by_file[name]
            yield from verify_clips(path, sums[name], rows) if of_clips else _verify_shard(path, rows)
        elif name not in sums:
            yield f"{folder / name} is in {INDEX} and not in {SUMS}"


def _checksum(path: Path, expected: str) -> str:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return "" if found == expected else f"{path} is damaged: its sha256 is {found[:12]}..., not {expected[:12]}..."


def _verify_shard(path: Path, rows: list[IndexRow]) -> Iterator[str]:
    """What of a shard differs from the index: its checksum may be right and its content not what was announced."""
    digests: dict[str, str] = {}
    captions: dict[str, int] = {}
    names: set[str] = set()
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                names.add(member.name)
                # A link is not followed: what it leads to may lie anywhere, or nowhere.
                data = tar.extractfile(member) if member.isreg() else None
                video_id, _, file = member.name.partition("/")
                if data is None:
                    yield f"{path}: {member.name} is no plain file"
                elif file in {"poses.npz", "npz/poses.npz"}:
                    digests[video_id] = hashlib.file_digest(data, "sha256").hexdigest()  # type: ignore[arg-type]
                elif file == "caption.json":
                    captions[video_id] = len(json.load(data)["segments"])
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        yield f"{path} cannot be read: {' '.join(str(error).split())}"
        return
    for row in rows:
        # The dialect is told by what is there; of a video without anything the card's files are missed.
        files = ["poses.npz", "caption.json", f"{row.video_id}.complete"]
        if f"{row.video_id}/npz/poses.npz" in names:
            files = ["npz/poses.npz", "npz/.complete"]
        wanted = {f"{row.video_id}/{name}" for name in files}
        for name in sorted(wanted - names):
            yield f"{path} lacks {name}"
        if row.video_id in digests and digests[row.video_id] != row.sha256:
            yield f"{path}: {row.video_id}/poses.npz is not the one of {INDEX}"
        if captions.get(row.video_id, row.segments) != row.segments:
            found = captions[row.video_id]
            yield f"{path}: {row.video_id}/caption.json has {found} segments, {INDEX} says {row.segments}"
    for video_id in sorted(digests.keys() - {row.video_id for row in rows}):
        yield f"{path} holds {video_id}, which is not in {INDEX}"
