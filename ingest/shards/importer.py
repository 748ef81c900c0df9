"""Importing released shards: tars of poses and captions, read where they lie, without unpacking to disk."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from signverse.ingest.captions.tracks import Track
from signverse.ingest.captions.webvtt import BadCaptionsError
from signverse.ingest.manifest import Entry
from signverse.ingest.shards.caption_tracks import CaptionIndex, tracks_of
from signverse.ingest.shards.card import CardCaption, read_caption
from signverse.ingest.shards.dialects import dialect_of, read_poses
from signverse.ingest.shards.poses import Poses
from signverse.ingest.shards.repairs import claimed, repair
from signverse.ingest.shards.tar_reader import Member, Tar
from signverse.ingest.videos.rows import build_rows
from signverse.ingest.videos.run import Tally, attempts_so_far
from signverse.lake.jobs.pool import Job, Pool, Report
from signverse.lake.lake import Lake
from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError, SignverseError, UnknownLanguageError
from signverse.lake.model.ids import check_video_id
from signverse.lake.storage.committer import Committer, VideoRows

STAGE: Final = "import"

_MAX_CAPTION_BYTES: Final = 32 * 1024**2


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
class Options:
    """What is asked of an import.

    Attributes:
        entries: what a manifest says of the videos, by id.
        languages: codes; only videos of these. Empty for all.
        repair: whether the defects of the published bytes are put right.
        captions: captions from elsewhere, by video id.
        skip: ids that are left out: those that the lake has already.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()
    repair: bool = True
    captions: CaptionIndex = field(default_factory=CaptionIndex)
    skip: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ShardTask:
    """A tar to import; `skip` are ids that were dealt with before its process died."""

    path: Path
    skip: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Failure:
    """A video, or what was meant to be one, that could not be imported."""

    video_id: str
    why: str


@dataclass(frozen=True)
class Begun:
    """Now this video is read: should the process end, this is why."""

    video_id: str


@dataclass(frozen=True)
class Listed:
    """What a tar holds.

    Attributes:
        other_language: how many were passed over because of their language.
        damage: what hides the rest of it.
        there: how many the lake has already.
    """

    video_ids: frozenset[str]
    other_language: int
    damage: str = ""
    there: int = 0


def make_job(options: Options) -> Job:
    """The worker's side: reads a tar and reports each video as Begun, then as its rows or as a Failure."""

    def job(task: ShardTask, report: Report) -> None:
        for item in read_shard(task, options):
            report(item)

    return job


def videos_in(tar: Tar) -> tuple[dict[str, dict[str, Member]], dict[str, str]]:
    """The files of each video by their names inside its folder; and what can be no video, with why.

    Files that lie in no folder belong to no video and are left alone.

    Raises:
        BadInputError: the file is no tar.
    """
    videos: dict[str, dict[str, Member]] = {}
    refused: dict[str, str] = {}
    for member in tar.members():
        video_id, slash, name = member.name.removeprefix("./").partition("/")
        if not slash:
            continue
        if video_id not in videos:
            try:
                check_video_id(video_id)
            except BadInputError as error:
                refused.setdefault(_shown(video_id), str(error))
                continue
        files = videos.setdefault(video_id, {})
        if name in files:
            # Readers differ in which of two they take: neither is to be trusted.
            refused.setdefault(video_id, f"{_shown(member.name)} comes twice")
        files[name] = member
    for name, what in tar.passed_over:
        video_id = name.removeprefix("./").partition("/")[0]
        if not dialect_of(videos.get(video_id, {})):
            refused.setdefault(_shown(video_id), f"{_shown(name)} is a {what}, which is not read")
    return videos, refused


def _shown(name: str) -> str:
    return ascii(name[:60])[1:-1]


def read_shard(task: ShardTask, options: Options) -> Iterator[Begun | VideoRows | Failure | Listed]:
    """The videos of a tar, one after the other; a video that cannot be read is a Failure and costs only itself.

    Raises:
        BadInputError: the file is no tar.
    """
    with Tar(task.path) as tar:
        videos, refused = videos_in(tar)
        for shown, why in refused.items():
            videos.pop(shown, None)
            if shown not in task.skip:
                yield Failure(shown, f"{task.path}: {why}")
        other = 0
        there = len(videos.keys() & options.skip)
        # Where the tar is cut, the video that it is cut in may lack frames that nobody would miss.
        cut = next(reversed(videos), "") if tar.damage else ""
        told = False
        for position, (video_id, members) in enumerate(videos.items()):
            if video_id in options.skip or video_id in task.skip:
                continue
            yield Begun(video_id)
            if video_id == cut:
                yield Failure(video_id, tar.damage)
                told = True
                continue
            try:
                rows = _video(tar, options, video_id, members, position)
            except SignverseError as error:
                yield Failure(video_id, f"{task.path}: {error}")
            except Exception as error:
                # Made-up bytes may raise anything; whatever it is, the other videos of the tar are none the worse.
                yield Failure(video_id, f"{task.path}: {video_id} cannot be read: {type(error).__name__}: {error}")
            else:
                if rows is None:
                    other += 1
                else:
                    yield rows
        # What was refused is there all the same.
        yield Listed(frozenset(videos) | frozenset(refused), other, tar.damage, there)
        if tar.damage and not told:
            yield Failure(task.path.name, tar.damage)


def _video(tar: Tar, options: Options, video_id: str, members: Mapping[str, Member], position: int) -> VideoRows | None:
    """The rows of a video; None where it is of another language than asked for, known before its poses are read."""
    caption = None
    if "caption.json" in members:
        caption = read_caption(read_member(tar, members["caption.json"]), members["caption.json"].name)
    entry, remarks = _entry(options.entries.get(video_id, Entry(video_id)), caption)
    if options.languages and entry.sign_language not in options.languages:
        return None

    def on_bad(error: BadCaptionsError) -> None:
        remarks.append(("bad_captions", f"left out: {error.message}"))

    tracks = tracks_of(tar, video_id, members, options.captions, on_bad)
    if caption is not None and caption.track is not None:
        tracks.insert(0, caption.track)
    poses = read_poses(tar, video_id, members)
    (repair if options.repair else claimed)(poses)
    if not any(name.endswith(".complete") for name in members):
        remarks.append(("not_marked_complete", "it is not marked complete"))
    return _rows(tar.path, entry, poses, tracks, remarks, position)


def _entry(entry: Entry, caption: CardCaption | None) -> tuple[Entry, list[tuple[str, str]]]:
    """What is known of a video: the manifest's word counts, then that of its caption.json."""
    remarks: list[tuple[str, str]] = []
    if caption is None:
        return entry, remarks
    entry = replace(entry, title=entry.title or caption.title)
    if entry.language_label is None and caption.sign_language:
        code = sign_languages.UNDETERMINED
        try:
            code = sign_languages.resolve(caption.sign_language)
        except UnknownLanguageError as error:
            remarks.append(("unknown_language", str(error)))
        entry = replace(entry, language_label=caption.sign_language, sign_language=code)
    return entry, remarks


def _rows(
    path: Path, entry: Entry, poses: Poses, tracks: Sequence[Track], remarks: list[tuple[str, str]], position: int
) -> VideoRows:
    if poses.repairs:
        remarks.append(("repaired", f"repaired: {', '.join(poses.repairs)}"))
    return build_rows(
        entry,
        stage=STAGE,
        width=poses.width,
        height=poses.height,
        num_frames=poses.num_frames,
        frames=poses.frames,
        persons=poses.slots,
        points=poses.points,
        body_visible=poses.body_visible,
        tracks=tracks,
        remarks=remarks,
        about={
            "source": "shard",
            "source_shard": os.fsencode(path.name).decode("utf-8", "replace"),
            "source_position": position,
            "absent_frames": poses.absent_frames,
            "repairs": poses.repairs,
        },
    )


def read_member(tar: Tar, member: Member) -> bytes:
    """A small file of a tar, such as caption.json.

    Raises:
        BadInputError: it is too large, or the tar ends before.
    """
    if member.size > _MAX_CAPTION_BYTES:
        raise BadInputError(f"{member.name} has {member.size:,} bytes, at most {_MAX_CAPTION_BYTES:,} are read")
    return tar.read(member.start, member.size, member.name)


@dataclass
class ShardTally(Tally):
    """How an import went.

    Attributes:
        repaired: videos by what was repaired in them.
        other_language: videos passed over because of their language.
        absent: videos that the state JSON lists and the tars lack.
        repeated: videos that came in two tars: the one read first is taken.
        there: videos that the lake has already.
        undetermined: videos of which no sign language is known.
    """

    repaired: Counter[str] = field(default_factory=Counter)
    other_language: int = 0
    absent: int = 0
    repeated: int = 0
    there: int = 0
    undetermined: int = 0


def import_shards(
    lake: Lake,
    shards: Sequence[Path],
    options: Options,
    *,
    workers: int = 1,
    redo: bool = False,
    listed: Mapping[str, frozenset[str]] | None = None,
    on_video: Callable[[VideoRows | Failure], None] | None = None,
    on_shard: Callable[[Path], None] | None = None,
) -> ShardTally:
    """Imports tars in worker processes, committing videos as they come.

    Args:
        redo: also videos that the lake has already.
        listed: what a state JSON says that each tar holds, by its name; what a tar lacks of it is noted.
        on_video: told each VideoRows or Failure.
        on_shard: told the path of each finished tar.
    """
    tally = ShardTally()
    attempts = attempts_so_far(lake)
    if not redo:
        options = replace(options, skip=frozenset(lake.visible()["video_id"]))
    waiting = [ShardTask(path) for path in shards]
    with Committer(lake.folder) as committer, Pool(workers, make_job, options) as pool:
        taken: set[str] = set()
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
                if isinstance(item, Listed):
                    tally.other_language += item.other_language
                    tally.there += item.there
                    for video_id in sorted((listed or {}).get(path.name, frozenset()) - item.video_ids):
                        if _is_of_another_language(options, video_id):
                            continue
                        attempt = attempts.get((video_id, STAGE), 0) + 1
                        if item.damage:
                            # It may lie behind the damage: another copy of the tar may have it.
                            why = f"{path.name} is said to hold it; {item.damage}"
                            committer.record(video_id, STAGE, "failed", "bad_shard", why, attempt=attempt)
                            tally.failed += 1
                        else:
                            why = f"{path.name} is said to hold it, and does not"
                            committer.record(video_id, STAGE, "unavailable", "absent_from_shard", why, attempt=attempt)
                            tally.absent += 1
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
                elif item is not None and item.video["video_id"] in taken:
                    tally.repeated += 1
                elif item is not None:
                    taken.add(item.video["video_id"])
                    committer.add(item, attempt=attempts.get((item.video["video_id"], STAGE), 0) + 1)
                    tally.done += 1
                    tally.frames += item.video["num_frames"]
                    tally.undetermined += item.video["sign_language"] == sign_languages.UNDETERMINED
                    tally.repaired.update({word.split(":")[0] for word in item.video["repairs"]})
                if item is not None and on_video is not None:
                    on_video(item)
                if event.kind in {"result", "error"} and on_shard is not None:
                    on_shard(path)
            waiting = again
    return tally


def _is_of_another_language(options: Options, video_id: str) -> bool:
    entry = options.entries.get(video_id)
    return bool(options.languages and entry and entry.sign_language not in options.languages)
