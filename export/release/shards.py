"""Release shards: tars of whole videos or chosen clips. The same lake gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from signverse.export.formats.defaults import LAYOUTS, VIDEOS_PER_SHARD
from signverse.export.formats.format import SHARD_FOLDER, SHARD_NAME, File, Written
from signverse.export.formats.index_rows import VideoRow
from signverse.export.formats.registry import SHARD_LAYOUTS
from signverse.export.formats.video_content import Outline, outline_of, parts_of
from signverse.export.release.folder import Folder, WriteBeside, fingerprint
from signverse.export.writers.tar_writer import atomic_tar
from signverse.lake.clips.prefetch import prefetch
from signverse.lake.jobs.executor import UNLIMITED, Engine, WorkerLimits
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.schema import CAPTIONS, SEGMENTS
from signverse.lake.model.wording import document_text
from signverse.lake.storage.integrity.foreign_errors import collect

_BYTES_A_ROW: Final = 2_300
"""Bytes of one person in one frame of a shard, to estimate whether it fits on the disk (measured: card 1,800,
consolidated 2,200)."""

_SEGMENT_COLUMNS: Final = ["segment_id", "video_id", "start_s", "end_s", "start_frame", "end_frame", "text"]


@dataclass(frozen=True)
class Spec:
    """What is written of each video.

    Attributes:
        layout: a name of `SHARD_LAYOUTS`.
        only_segments: the frames of the chosen segments and no others.
        segments: ids of the chosen segments by video id; None for all.
        codes: index codes in place of body scores, see `ShardLayout.coded_files`.
        beside: writes a card, see `Folder.write`.
    """

    layout: str = LAYOUTS[0]
    only_segments: bool = False
    segments: Mapping[str, frozenset[str]] | None = None
    codes: bool = False
    beside: WriteBeside | None = None


@dataclass(frozen=True)
class Shard:
    """A shard to write.

    Attributes:
        videos: rows of `videos`.
        size: about how many bytes it will have.
        segments: their rows of `segments`, in order, of which something goes out.
    """

    name: str
    videos: Sequence[dict[str, Any]] = field(repr=False)
    size: int
    segments: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)


def plan_shards(
    videos: pl.DataFrame,
    *,
    videos_per_shard: int = VIDEOS_PER_SHARD,
    shard_bytes: int = 0,
    frames: Mapping[str, int] | None = None,
) -> list[Shard]:
    """Shares videos out to shards, in their order.

    Args:
        videos_per_shard: of each but the last.
        shard_bytes: about how large a shard may be; used in place of the number of videos where it is given.
        frames: number of frames written of each video; None for all.
    """
    batches: list[list[dict[str, Any]]] = []
    sizes: list[int] = []
    for video in videos.iter_rows(named=True):
        count = video["num_frames"] if frames is None else frames.get(video["video_id"], 0)
        expected = 4096 + count * max(1, video["people_max"] or 1) * _BYTES_A_ROW
        if not batches:
            full = True
        elif shard_bytes:
            full = sizes[-1] + expected > shard_bytes
        else:
            full = len(batches[-1]) >= videos_per_shard
        if full:
            batches.append([])
            sizes.append(0)
        batches[-1].append(video)
        sizes[-1] += expected
    return [
        Shard(SHARD_NAME.format(number), batch, size)
        for number, (batch, size) in enumerate(zip(batches, sizes, strict=True), 1)
    ]


def prepare_folder(
    out: Path, lake: Lake, shards: Sequence[Shard], spec: Spec, *, overwrite: bool
) -> list[Written[VideoRow]]:
    """Makes the folder of an export, and finds what an earlier run of the same export finished in it.

    Returns:
        The finished shards, which need not be written again.

    Raises:
        BadInputError: it holds another export, or the disk has too little room.
    """
    chosen = spec.segments or {}
    content = (
        [shard.name, video["video_id"], video["ingest_id"], sorted(chosen.get(video["video_id"], ()))]
        for shard in shards
        for video in shard.videos
    )
    settings = {"layout": spec.layout, "only_segments": spec.only_segments}
    if spec.codes:
        # Not where it is the default: unfinished exports of earlier checkouts do not say it.
        settings["body_scores"] = "codes"
    if spec.beside is not None:
        settings["card"] = True
    state = fingerprint(lake, settings, content)
    return Folder(out, SHARD_FOLDER).prepare(shards, state, overwrite=overwrite)


def export_shards(
    lake: Lake,
    shards: Sequence[Shard],
    out: Path,
    spec: Spec,
    *,
    done: Sequence[Written[VideoRow]] = (),
    workers: int = 1,
    limits: WorkerLimits = UNLIMITED,
    engine: Engine = LOCAL,
    on_shard: Callable[[Written[VideoRow]], None] | None = None,
) -> list[VideoRow]:
    """Write shards, then members.parquet, index.csv and SHA256SUMS; returns the rows of the index.

    Args:
        done: shards of this export that an earlier run wrote, see `prepare_folder`.
        workers: shards written at once, each by a process.
        limits: what each of these processes may take.
        engine: where these processes run.
        on_shard: called with each finished shard.
    """
    write = partial(write_shard, layout=spec.layout, only_segments=spec.only_segments, codes=spec.codes)
    finished = {written.name for written in done}
    with_segments = _with_segments(lake, [shard for shard in shards if shard.name not in finished], spec)
    units = [with_segments.get(shard.name, shard) for shard in shards]
    folder = Folder(out, SHARD_FOLDER)
    return folder.write(
        lake,
        units,
        write,
        done=done,
        workers=workers,
        limits=limits,
        engine=engine,
        on_unit=on_shard,
        beside=spec.beside,
    )


def _with_segments(lake: Lake, shards: Sequence[Shard], spec: Spec) -> dict[str, Shard]:
    """Shards with their segments, by name.

    The table is read once, 0.1 to 0.5 s a million rows: a scan for each shard takes 12 ms, and there may be 1,400.
    """
    where = pl.DataFrame(
        [(video["video_id"], shard.name) for shard in shards for video in shard.videos],
        schema={"video_id": pl.String, "shard": pl.String},
        orient="row",
    )
    rows = lake.table(SEGMENTS.name)
    if spec.only_segments and spec.segments is not None:
        ids = [segment_id for ids in spec.segments.values() for segment_id in ids]
        rows = rows.join(pl.LazyFrame({"segment_id": ids}, {"segment_id": pl.String}), on="segment_id", how="semi")
    columns = [*_SEGMENT_COLUMNS, "shard"]
    found = collect(rows.join(where.lazy(), on="video_id").sort("video_id", "ordinal").select(columns))
    parts = found.partition_by("shard", as_dict=True)
    nothing = found.clear()
    return {shard.name: replace(shard, segments=parts.get((shard.name,), nothing)) for shard in shards}


def write_shard(
    lake: Lake, out: Path, shard: Shard, *, layout: str, only_segments: bool, codes: bool = False
) -> Written[VideoRow]:
    """Write one shard, which gets its name when all of it is written.

    Raises:
        BadInputError: the layout has no form with index codes.
    """
    rules = SHARD_LAYOUTS[layout]
    files_of = rules.coded_files if codes else rules.files
    if files_of is None:
        raise BadInputError(f"the layout {layout} has no index codes for body scores")
    written: list[Outline] = []
    with (
        atomic_tar(out / shard.name) as tar,
        # The next is read while this is written and the last is hashed.
        closing(prefetch(_read(lake, shard, layout, only_segments))) as reading,
    ):
        for outline in reading:
            assert isinstance(outline, Outline)
            files = files_of(outline, parts_of(outline, iter(reading.__next__, None)))
            for name, data in files.items():
                tar.add(f"{outline.video_id}/{name}", data)
            written.append(outline)
    index = [
        VideoRow(
            video_id=outline.video_id,
            shard=shard.name,
            language=outline.video["sign_language"],
            segments=sum(row["text"] is not None for row in outline.segments),
            frames=len(outline.frame_ids),
            sha256=tar.sha256(f"{outline.video_id}/{rules.keypoints}"),
        )
        for outline in written
    ]
    return Written(shard.name, [File(shard.name, tar.file.size, tar.file.sha256())], index, tar.places())


def _read(lake: Lake, shard: Shard, layout: str, only_segments: bool) -> Iterator[Any]:
    """Yield the outline of each video, the batches of its keypoints, and None after the last."""
    segments = _by_video(shard.segments)
    captions: dict[str, list[dict[str, Any]]] = {}
    if SHARD_LAYOUTS[layout].has_cues:
        ids = [video["video_id"] for video in shard.videos]
        rows = lake.table(CAPTIONS.name).filter(pl.col("video_id").is_in(ids))
        captions = _by_video(collect(rows.sort("video_id", "track", "ordinal")))
    for video in shard.videos:
        chosen, cues = segments.get(video["video_id"], []), captions.get(video["video_id"], [])
        if only_segments:
            # Captions of what is not chosen are not written either.
            video = {**video, "document_text": document_text(chosen)}
            cues = [cue for cue in cues if any(_overlap(cue, segment) for segment in chosen)]
        outline = outline_of(video, chosen, cues, only_segments=only_segments)
        yield outline
        yield from lake.people(outline.video_id)
        yield None


def _overlap(cue: Mapping[str, Any], segment: Mapping[str, Any]) -> bool:
    # Either may have no duration: a cue is then a moment, and a segment takes a frame.
    start, end = segment["start_s"], max(segment["end_s"], segment["start_s"] + 1 / FPS)
    return bool(start <= cue["start_s"] < end or cue["start_s"] < start < cue["end_s"])


def _by_video(rows: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    return {key: part.to_dicts() for (key,), part in rows.partition_by("video_id", as_dict=True).items()}
