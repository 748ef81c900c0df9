"""The card beside an export on disk: `signverse export ... --card`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from signverse.export.formats.format import File, folder_in
from signverse.export.formats.index_rows import ClipRow
from signverse.export.publish.card import README, croissant, licence_in, read_readme, write_card
from signverse.export.publish.croissant import CROISSANT, dump
from signverse.export.publish.dataset_card.clips_table import CLIPS, write_clips
from signverse.export.publish.dataset_card.facts import STATISTICS, Facts, gather
from signverse.export.publish.dataset_card.pictures import pictures
from signverse.export.publish.dataset_card.yaml_text import MAX_CARD, split_card
from signverse.export.release.choice import frames_of
from signverse.export.writers.tar_writer import HashingSink
from signverse.lake.lake import Lake
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.query.selection import Selection
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.sync import sync_names
from signverse.lake.storage.temporary.whole_file import whole_file


@dataclass(frozen=True)
class ExportCard:
    """Writes the card of an export when its content is there; `Folder.write` calls it.

    Attributes:
        remarks: takes what a person should know, a line each.
    """

    lake: Lake
    facts: Facts
    licence: str | None
    remarks: list[str]

    def __call__(self, out: Path, files: Sequence[File]) -> Mapping[str, str]:
        """Writes README.md and croissant.json with what belongs to them; returns the sums of all but README.md.

        Raises:
            BadInputError: a file cannot be written, or a README.md that is there cannot be read.
        """
        found = {file.name: (file.sha256, file.size) for file in files}
        folder_in(out, "images")
        drawn = pictures(self.lake, self.facts)
        for name, data in {**drawn, STATISTICS: self.facts.to_json()}.items():
            found[name] = _write(out / name, data)
        if self.facts.kind == "parquet":
            with whole_file(out / CLIPS) as file:
                hashed = HashingSink(file)
                write_clips(out, [file.name for file in files], hashed)
            found[CLIPS] = hashed.sha256(), hashed.size
        earlier = read_readme(out)
        licence = self.licence or licence_in(earlier)
        found[CROISSANT] = _write(out / CROISSANT, dump(croissant(self.facts, licence, files=found)))
        readme = write_card(self.facts, self.licence, None, earlier, pictures=list(drawn), remarks=self.remarks)
        _write(out / README, readme.encode())
        beside = {name: found[name][0] for name in found.keys() - {file.name for file in files}}
        # SHA256SUMS comes next, and says that these are there: after a power cut too.
        sync_names(out, [*beside, README])
        return beside


def card_of_clips(
    lake: Lake,
    out: Path,
    clips: pl.DataFrame,
    *,
    kind: str,
    licence: str | None = None,
    all_people: bool = False,
    selection: Sequence[str] = (),
) -> ExportCard:
    """The card of an export of clips.

    Args:
        out: the folder of the export; what is wrong with a README.md in it is said before anything is written.
        clips: those that go in, by video_id and start.
        kind: a name of `CLIP_FORMATS`.
        licence: as a person gave it.
        selection: how they were chosen, see `in_words`.

    Raises:
        BadInputError: the README.md cannot be read.
    """
    split_card(read_readme(out))
    videos = collect(lake.videos().join(clips.lazy().select("video_id").unique(), on="video_id", how="semi"))
    facts = gather(
        lake,
        videos,
        clips,
        kind=kind,
        by_language=kind != "pose",
        all_people=all_people,
        # As the index has them: what lies in two clips is written twice.
        frames=dict(clips.group_by("video_id").agg(pl.col("num_frames").sum()).iter_rows()),
        selection=selection,
    )
    return ExportCard(lake, facts, licence, [])


def card_of_shards(
    lake: Lake,
    out: Path,
    videos: pl.DataFrame,
    clips: pl.DataFrame | None,
    *,
    layout: str,
    licence: str | None = None,
    selection: Sequence[str] = (),
) -> ExportCard:
    """The card of release shards.

    Args:
        out, licence, selection: see `card_of_clips`.
        videos: those that go in.
        clips: those whose frames go in; None where all frames of the videos do.
        layout: a name of `SHARD_LAYOUTS`.

    Raises:
        BadInputError: the README.md cannot be read.
    """
    split_card(read_readme(out))
    frames = None if clips is None else frames_of(clips)
    if clips is None:
        clips = collect(lake.unfiltered_clips().join(videos.lazy().select("video_id"), on="video_id", how="semi"))
    facts = gather(lake, videos, clips, kind=layout, frames=frames, selection=selection)
    return ExportCard(lake, facts, licence, [])


def renewed_card(lake: Lake, out: Path, index: Sequence[Any]) -> ExportCard | None:
    """The card of an export of which videos were taken out: with the figures of what is left.

    Args:
        lake: that the export was made of.
        index: the rows of what is left of it.

    Returns:
        None where the lake does not have all of it: it is another one, or its videos were ingested again.

    Raises:
        BadInputError: the card or its figures cannot be read.
    """
    split_card(read_readme(out))
    old = Facts.from_json(read_regular(out / STATISTICS, MAX_CARD), str(out / STATISTICS))
    ids = {row.video_id for row in index}
    videos = collect(lake.videos().filter(pl.col("video_id").is_in(list(ids))))
    clips = collect(lake.unfiltered_clips().filter(pl.col("video_id").is_in(list(ids))))
    frames: dict[str, int] = {}
    for row in index:
        frames[row.video_id] = frames.get(row.video_id, 0) + row.frames
    if index and isinstance(index[0], ClipRow):
        wanted = pl.DataFrame(
            [(row.segment_id, row.start_frame, row.end_frame) for row in index],
            {"segment_id": pl.String, "start_frame": pl.Int32, "end_frame": pl.Int32},
            orient="row",
        )
        clips = clips.join(wanted, on=["segment_id", "start_frame", "end_frame"], how="semi")
        if clips.height < wanted.height:
            return None
    if videos.height < len(ids):
        return None
    facts = gather(
        lake,
        videos,
        clips,
        kind=old.kind,
        by_language=old.by_language,
        all_people=old.all_people,
        frames=frames,
        selection=old.selection,
    )
    return ExportCard(lake, facts, None, [])


def _write(path: Path, data: bytes) -> tuple[str, int]:
    with whole_file(path) as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest(), len(data)


def in_words(path: Path | None, conditions: Selection) -> list[str]:
    """How the content of an export was chosen, a line a condition; [] where all of the lake goes in."""
    if path is not None:
        return [f"the selection file {path.name}"]
    lines = []
    for item in fields(conditions):
        value = getattr(conditions, item.name)
        if value is not None and value not in ((), "") and value != {}:
            lines.append(f"{item.name} = {_shown(value)}")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {bound:g}" for name, bound in sorted(value.items()))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)
