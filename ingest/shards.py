"""Importing released shards: tars of poses and captions, read where they lie, without unpacking to disk."""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ingest.build import build_rows
from ingest.card import read_caption, read_poses
from ingest.manifest import Entry, Manifest
from ingest.pool import Job, Pool, Report
from ingest.videos import Tally, attempts_so_far
from lake import languages as sign_languages
from lake.commit import Committer, VideoRows
from lake.errors import BadInputError, SignverseError, UnknownLanguageError
from lake.ids import check_video_id
from lake.lake import Lake

STAGE: Final = "import"

MAX_MEMBER_BYTES: Final = 8 * 1024**3
"""Of one file in a tar; the largest published poses.npz is below 1 GB."""


def find_shards(sources: Sequence[Path]) -> list[Path]:
    """The tars named, and those in the folders named, by name.

    Raises:
        BadInputError: one does not exist, or there is none.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise BadInputError(f"there is no {source}", "Name tars, or folders of tars.")
        found += sorted(source.glob("*.tar")) if source.is_dir() else [source]
    if not found:
        raise BadInputError(f"no .tar in {', '.join(map(str, sources))}")
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class ShardTask:
    """A tar to import.

    Attributes:
        skip: ids that are left out: those that the lake has already.
        entries: what a manifest says of the videos, by id.
    """

    path: Path
    skip: frozenset[str]
    entries: dict[str, Entry]


@dataclass(frozen=True)
class Failure:
    """A video, or what was meant to be one, that could not be imported."""

    video_id: str
    why: str


@dataclass(frozen=True)
class Begun:
    """Now this video is read: should the process end, this is why."""

    video_id: str


def make_job() -> Job:
    """The worker's side: reads a tar and reports each video as Begun, then as its rows or as a Failure."""

    def job(task: ShardTask, report: Report) -> None:
        for item in read_shard(task):
            report(item)

    return job


def read_shard(task: ShardTask) -> Iterator[Begun | VideoRows | Failure]:
    """The videos of a tar in the `card` format, one after the other.

    Raises:
        BadInputError: the file is no tar.
    """
    try:
        with tarfile.open(task.path, "r:") as tar:
            yield from _videos(tar, task)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInputError(f"{task.path} cannot be read as a tar: {error}") from None


def _videos(tar: tarfile.TarFile, task: ShardTask) -> Iterator[Begun | VideoRows | Failure]:
    files: dict[str, dict[str, tarfile.TarInfo]] = {}
    refused: dict[str, str] = {}
    for member in tar:
        video_id, _, name = member.name.partition("/")
        try:
            check_video_id(video_id)
        except BadInputError as error:
            refused[ascii(video_id[:60])[1:-1]] = str(error)
            continue
        # Members are read by name and never written anywhere: a link or a device is simply not one of them.
        if member.isreg() and member.sparse is None and member.size <= MAX_MEMBER_BYTES:
            files.setdefault(video_id, {})[name] = member
        elif not member.isdir():
            refused.setdefault(video_id, f"{ascii(member.name)[1:-1]} is no plain file, or too large")
    for shown, why in refused.items():
        if shown not in task.skip and "poses.npz" not in files.get(shown, ()):
            files.pop(shown, None)
            yield Failure(shown, f"{task.path}: {why}")
    for position, (video_id, members) in enumerate(files.items()):
        if video_id in task.skip:
            continue
        yield Begun(video_id)
        try:
            yield _video(tar, task, video_id, members, position)
        except SignverseError as error:
            yield Failure(video_id, f"{task.path}: {error}")
        except (OSError, tarfile.TarError):
            raise
        except Exception as error:
            # Made-up bytes may raise anything; whatever it is, the other videos of the tar are none the worse.
            yield Failure(video_id, f"{task.path}: {video_id} cannot be read: {type(error).__name__}: {error}")


def _video(
    tar: tarfile.TarFile, task: ShardTask, video_id: str, members: dict[str, tarfile.TarInfo], position: int
) -> VideoRows:
    if "poses.npz" not in members:
        raise BadInputError(f"{video_id} has no poses.npz", "Only the card format is read so far.")
    poses = read_poses(_read(tar, members["poses.npz"]), f"{video_id}/poses.npz")
    caption = None
    if "caption.json" in members:
        caption = read_caption(_read(tar, members["caption.json"]), f"{video_id}/caption.json")
    entry = task.entries.get(video_id, Entry(video_id))
    remarks = [] if f"{video_id}.complete" in members else [("not_marked_complete", f"{video_id}.complete is missing")]
    if caption is not None:
        entry = replace(entry, title=entry.title or caption.title)
        if entry.language_label is None and caption.sign_language:
            try:
                code = sign_languages.resolve(caption.sign_language)
            except UnknownLanguageError as error:
                code = sign_languages.UNDETERMINED
                remarks.append(("unknown_language", str(error)))
            entry = replace(entry, language_label=caption.sign_language, sign_language=code)
    return build_rows(
        entry,
        stage=STAGE,
        width=poses.width,
        height=poses.height,
        num_frames=poses.num_frames,
        frames=poses.frames,
        persons=poses.persons,
        points=poses.points,
        tracks=[caption.track] if caption and caption.track else [],
        remarks=remarks,
        about={
            "source": "shard",
            "source_shard": task.path.name,
            "source_position": position,
            "absent_frames": poses.absent_frames,
        },
    )


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        raise BadInputError(f"{member.name} ends early: {len(data):,} of {member.size:,} bytes")
    return data


def import_shards(
    lake: Lake,
    shards: Sequence[Path],
    manifest: Manifest | None,
    *,
    workers: int = 1,
    redo: bool = False,
    on_video: Any = None,
    on_shard: Any = None,
) -> Tally:
    """Imports tars in worker processes, committing videos as they come.

    Args:
        redo: also videos that the lake has already.
        on_video: told each VideoRows or Failure.
        on_shard: told the path of each finished tar.
    """
    tally = Tally()
    attempts = attempts_so_far(lake)
    skip = frozenset() if redo else frozenset(lake.visible()["video_id"])
    entries = manifest.entries if manifest else {}
    waiting = [ShardTask(path, skip, entries) for path in shards]
    with Committer(lake.folder) as committer, Pool(workers, make_job) as pool:
        while waiting:
            again: list[ShardTask] = []
            last: dict[Path, str] = {}
            told: dict[Path, set[str]] = defaultdict(set)
            for event in pool.run(waiting):
                item: Any = event.value
                path = event.task.path
                if isinstance(item, Begun):
                    last[path] = item.video_id
                    told[path].add(item.video_id)
                    continue
                if event.kind == "died":
                    # The tar is read again from its next video on.
                    if path in last:
                        again.append(replace(event.task, skip=event.task.skip | told[path]))
                    item = Failure(last.get(path, path.name), f"{path}: the process that read it ended with {item}")
                elif event.kind == "error":
                    item = Failure(path.name, str(item))
                if isinstance(item, Failure):
                    told[path].add(item.video_id)
                    attempt = attempts.get((item.video_id, STAGE), 0) + 1
                    committer.record(item.video_id, STAGE, "failed", "bad_shard", item.why, attempt=attempt)
                    tally.failed += 1
                elif item is not None:
                    committer.add(item, attempt=attempts.get((item.video["video_id"], STAGE), 0) + 1)
                    tally.done += 1
                    tally.frames += item.video["num_frames"]
                if item is not None and on_video is not None:
                    on_video(item)
                if event.kind in {"result", "error"} and on_shard is not None:
                    on_shard(path)
            waiting = again
    return tally
