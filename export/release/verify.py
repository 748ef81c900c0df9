"""Verifying an export: every file by its checksum, every row of the index by the content."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from signverse.export.formats.index_rows import INDEX, MAX_LISTING, MEMBERS, SUMS, ClipRow, Row, VideoRow, sum_of_line
from signverse.export.formats.read_tar import read_members, unreadable
from signverse.export.formats.registry import CLIP_FORMATS, SHARD_LAYOUTS
from signverse.export.release.folder import is_content, walk
from signverse.export.release.index import read_index
from signverse.export.release.members import verify_members
from signverse.export.writers.tar_writer import Place
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular, read_regular

_DEPTH: Final = 2
"""Folders in which a file of an export lies, at most."""


def is_export(path: Path) -> bool:
    """The folder looks like an export of ours, finished or not."""
    return any((path / name).exists() for name in (SUMS, INDEX)) or any(is_content(name) for name in walk(path))


def verify_export(folder: Path) -> Iterator[str]:
    """Yield the problems of an export, one line each, each naming its file."""
    if not (folder / SUMS).exists():
        yield f"{folder / SUMS} is missing: the export was not finished, or is not one of signverse"
        return
    try:
        listing = read_regular(folder / SUMS, MAX_LISTING).decode("utf-8", "replace")
    except BadInputError as error:
        yield str(error)
        return
    sums: dict[str, str] = {}
    for number, line in enumerate(listing.splitlines(), 1):
        found = sum_of_line(line)
        if found is None or found[0].count("/") > _DEPTH:
            yield f"{folder / SUMS} line {number} is not a checksum"
        else:
            sums[found[0]] = found[1]
    for name in walk(folder):
        if (is_content(name) or name == MEMBERS) and name not in sums:
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
        index: list[Row] = read_index(folder / INDEX, VideoRow, ClipRow)
    except BadInputError as error:
        yield str(error)
        return
    by_file: dict[str, list[Any]] = defaultdict(list)
    for row in index:
        by_file[row.path].append(row)
    places: dict[str, list[Place]] = {}
    of_shard = partial(_verify_shard, places=places)
    verify = _verify_clips if isinstance(next(iter(index), None), ClipRow) else of_shard
    for name in sorted(by_file.keys() | {name for name in sums if is_content(name)}):
        if name in sound:
            yield from verify(folder, name, sums[name], by_file[name])
        elif name not in sums:
            yield f"{folder / name} is in {INDEX} and not in {SUMS}"
    if MEMBERS in sound:
        yield from verify_members(folder, sums, places)


def _checksum(path: Path, expected: str) -> str:
    try:
        with open_regular(path) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except BadInputError as error:
        return str(error)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return "" if found == expected else f"{path} is damaged: its sha256 is {found[:12]}..., not {expected[:12]}..."


def _verify_clips(folder: Path, name: str, sha256: str, rows: Sequence[ClipRow]) -> Iterator[str]:
    """Yield what of a file of clips differs from the index."""
    form = next((form for form in CLIP_FORMATS.values() if re.fullmatch(form.folder.file, name)), None)
    if form is None:
        yield f"{folder / name} is not named as a file of clips"
    else:
        yield from form.verify(folder / name, sha256, rows)


def _verify_shard(
    folder: Path, name: str, _: str, rows: Sequence[VideoRow], places: dict[str, list[Place]]
) -> Iterator[str]:
    """Yield what of a shard differs from the index: its checksum may be right and its content not what is listed.

    Args:
        places: takes where its members are, by the shard's name.
    """
    path = folder / name
    try:
        found, problems = _read_shard(path)
    except Exception as error:
        if not unreadable(error):
            raise
        yield f"{path} cannot be read: {' '.join(str(error).split())}"
        return
    yield from problems
    places[name] = found.places
    for row in rows:
        video_id = row.video_id
        # Of a video without keypoints the files of the first layout are missed.
        layouts = SHARD_LAYOUTS.values()
        layout = next(
            (layout for layout in layouts if f"{video_id}/{layout.keypoints}" in found.names), next(iter(layouts))
        )
        required = {f"{video_id}/{file.format(video_id=video_id)}" for file in (layout.keypoints, *layout.others)}
        for missing in sorted(required - found.names):
            yield f"{path} lacks {missing}"
        if found.digests.get(video_id, row.sha256) != row.sha256:
            yield f"{path}: {video_id}/{layout.keypoints} differs from {INDEX}"
        count = found.segments.get(video_id, row.segments)
        if count != row.segments:
            yield f"{path}: {video_id}/{layout.segments} has {count} segments, {INDEX} says {row.segments}"
    for video_id in sorted(found.digests.keys() - {row.video_id for row in rows}):
        yield f"{path} holds {video_id}, which is not in {INDEX}"


@dataclass
class _Shard:
    """What a shard holds: its files, and the sha256 of the keypoints and the number of segments of each video."""

    names: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)


def _read_shard(path: Path) -> tuple[_Shard, list[str]]:
    """Read a shard; returns its problems too."""
    found, problems = _Shard(), []
    keypoints = {layout.keypoints for layout in SHARD_LAYOUTS.values()}
    count_segments = {layout.segments: layout.count_segments for layout in SHARD_LAYOUTS.values()}
    for name, data, offset, size in read_members(path):
        found.names.add(name)
        video_id, _, file = name.partition("/")
        if data is None:
            problems.append(f"{path}: {name} is not a plain file")
            continue
        digest = hashlib.file_digest(data, "sha256").hexdigest()  # type: ignore[arg-type]
        found.places.append(Place(name, offset, size, digest))
        data.seek(0)
        if file in keypoints:
            found.digests[video_id] = digest
        elif (count := count_segments.get(file)) is not None:
            found.segments[video_id] = count(data)
    return found, problems
