"""Reading a released shard, in a worker process: each video of the tar becomes rows, or a reason why it cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.tracks import Track
from signverse.ingest.manifest import Entry
from signverse.ingest.shards.caption_tracks import CaptionIndex, tracks_of
from signverse.ingest.shards.card import CardCaption, read_caption
from signverse.ingest.shards.dialects import read_poses
from signverse.ingest.shards.poses import Poses
from signverse.ingest.shards.repairs import as_published, repair
from signverse.ingest.shards.tar_files import ShardTask, Started, cut_video, read_member, videos_in
from signverse.ingest.shards.untrusted.quiet import quietly
from signverse.ingest.shards.untrusted.tar_reader import Member, Tar
from signverse.ingest.videos.rows import build_rows
from signverse.lake.jobs.executor import Job, Report
from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import SignverseError, UnknownLanguageError
from signverse.lake.model.ids import normal_form
from signverse.lake.model.wording import printable, some
from signverse.lake.storage.committer import VideoRows
from signverse.lake.storage.forgotten.tombstones import Tombstones

STAGE: Final = "import"


@dataclass(frozen=True)
class Options:
    """How shards are imported.

    Attributes:
        entries: rows of the manifest by video id.
        languages: codes; only videos of these are imported. Empty for all.
        repair: whether known defects of the published bytes are repaired.
        captions: captions from subtitles tars, by video id.
        skip: ids of the videos that the lake has.
        forgotten: videos that the lake has forgotten, and does not take.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()
    repair: bool = True
    captions: CaptionIndex = field(default_factory=CaptionIndex)
    skip: frozenset[str] = frozenset()
    forgotten: Tombstones = field(default_factory=Tombstones)


@dataclass(frozen=True)
class Failure:
    """A video, or a folder of the tar that is not one, that could not be imported; its reason is for `outcomes`."""

    video_id: str
    why: str
    reason: str = "bad_shard"


@dataclass(frozen=True)
class TarSummary:
    """What a tar holds, reported after its videos.

    Attributes:
        video_ids: of all its videos, refused ones too.
        other_languages: by language, how many videos were skipped because of it.
        damage: why the rest of the tar cannot be read; "" where all of it can.
        in_lake: how many the lake has already.
        forgotten: how many the lake has forgotten.
        other_files: names of those that lie in no video's folder, beside videos.
    """

    video_ids: frozenset[str]
    other_languages: Counter[str]
    damage: str = ""
    in_lake: int = 0
    other_files: Counter[str] = field(default_factory=Counter)
    forgotten: int = 0


@dataclass(frozen=True)
class _OtherLanguage:
    """A video that is skipped: it is not of a requested language."""

    code: str


def make_job(options: Options) -> Job:
    """The worker's function: reads a tar; reports each video as Started, then as its rows or as a Failure."""

    def job(task: ShardTask, report: Report) -> None:
        for item in read_shard(task, options):
            report(item)

    return job


def read_shard(task: ShardTask, options: Options) -> Iterator[Started | VideoRows | Failure | TarSummary]:
    """The videos of a tar in its order. A video that cannot be read is a Failure; the others are read all the same.

    Raises:
        BadInputError: the file is not a tar.
    """
    with task.open() as tar:
        others: list[str] = []
        videos, refused = videos_in(tar, others)
        if not videos and not refused and not tar.damage and task.copy is None:
            yield Failure(task.path.name, f"{task.path} holds no video: no folder, only {printable(some(others))}")
        for name, why in refused.items():
            videos.pop(name, None)
            if task.is_wanted(name):
                yield Failure(name, f"{task.path}: {why}")
        other_languages: Counter[str] = Counter()
        gone = options.forgotten.among(videos.keys())
        in_lake = len(videos.keys() & options.skip) if task.copy is None else 0
        cut = cut_video(tar, videos)
        damage_reported = False
        for position, (video_id, members) in enumerate(videos.items()):
            if video_id in options.skip or video_id in gone or not task.is_wanted(video_id):
                continue
            yield Started(video_id)
            if video_id == cut:
                yield Failure(video_id, tar.damage)
                damage_reported = True
                continue
            try:
                with quietly():
                    rows = _read_video(tar, options, video_id, members, (task.origin, position))
            except SignverseError as error:
                yield Failure(video_id, f"{task.path}: {error}")
            except Exception as error:
                # Malformed bytes may raise anything; the other videos of the tar are read all the same.
                yield Failure(video_id, f"{task.path}: {video_id} cannot be read: {type(error).__name__}: {error}")
            else:
                if isinstance(rows, _OtherLanguage):
                    other_languages[rows.code] += 1
                else:
                    yield rows
        yield TarSummary(
            frozenset(videos) | frozenset(refused),
            other_languages,
            tar.damage,
            in_lake,
            Counter(printable(name.removeprefix("./")) for name in others if videos and task.copy is None),
            len(gone) if task.copy is None else 0,
        )
        if tar.damage and not damage_reported and (task.copy is None or (cut not in videos and task.is_wanted(cut))):
            # Of a video whose first file is cut there is nothing else.
            yield Failure(task.path.name if cut in videos else cut or task.path.name, tar.damage)


def _read_video(
    tar: Tar, options: Options, video_id: str, members: Mapping[str, Member], place: tuple[str, int]
) -> VideoRows | _OtherLanguage:
    """The rows of a video. Its language is checked before its poses are read."""
    caption = None
    if "caption.json" in members:
        caption = read_caption(read_member(tar, members["caption.json"]), members["caption.json"].name)
    entry, remarks = _entry(options.entries.get(video_id, Entry(video_id)), caption)
    if caption is not None and caption.left_out:
        remarks.append(("bad_captions", f"caption.json: {caption.left_out}"))
    if options.languages and entry.sign_language not in options.languages:
        return _OtherLanguage(entry.sign_language)

    def on_bad(error: BadCaptionsError) -> None:
        remarks.append(("bad_captions", f"skipped: {error.message}"))

    within = next(iter(members.values())).name.removeprefix("./").split("/")
    if normal_form(within[0]) != video_id:
        remarks.append(("in_subfolder", f"it lies in {within[0]}/ in the tar"))
    tracks = tracks_of(tar, video_id, members, options.captions, on_bad)
    if caption is not None and caption.track is not None:
        tracks.insert(0, caption.track)
    poses = read_poses(tar, video_id, members)
    (repair if options.repair else as_published)(poses)
    if not any(name.endswith(".complete") for name in members):
        remarks.append(("not_marked_complete", "it is not marked complete"))
    return _rows(place, entry, poses, tracks, remarks)


def _entry(entry: Entry, caption: CardCaption | None) -> tuple[Entry, list[tuple[str, str]]]:
    """What is known of a video: the manifest takes precedence over caption.json."""
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
    place: tuple[str, int], entry: Entry, poses: Poses, tracks: Sequence[Track], remarks: list[tuple[str, str]]
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
        points=poses.rows.chunks(),
        body_visible=poses.body_visible,
        tracks=tracks,
        remarks=remarks,
        about={
            "source": "shard",
            "source_shard": place[0],
            "source_position": place[1],
            "absent_frames": poses.absent_frames,
            "repairs": poses.repairs,
        },
    )
