"""Named splits: which videos train, which validate, which test. Making, storing and checking them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import SEGMENTS, SPLITS, VIDEOS
from signverse.lake.model.wording import counted, printable, some
from signverse.lake.query.engines import nothing_selected, select_clips
from signverse.lake.query.selection import Selection
from signverse.lake.splits.apportion import Integers, assign_parts, group_hashes
from signverse.lake.splits.channels import ChannelList, channel_groups
from signverse.lake.storage import delta
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.stored_splits import split_videos, stored_split

TOLERANCE: Final = 0.02
"""How far a part's share of a language may be from its ratio. The help of `split` says it too."""

WEIGHTS: Final = {"clips": "clips", "hours": "frames", "videos": "one"}
"""What shares are of, and the column of `chosen_videos` that has it as a whole number per video."""

ALL: Final = "(all)"
"""Stands among the languages for all of them together."""


@dataclass(frozen=True)
class Plan:
    """How videos are to be split.

    Attributes:
        name: what the split is called.
        ratios: by part, more than 0, of sum 1.
        by: channel or video: what is never divided between parts.
        stratify: whether each language is divided by the ratios, not only all together.
        weight: clips, hours or videos: what the shares are of.
        seed: of the assignment.
    """

    name: str = "main"
    ratios: tuple[tuple[str, float], ...] = (("train", 0.9), ("val", 0.05), ("test", 0.05))
    by: str = "channel"
    stratify: bool = True
    weight: str = "clips"
    seed: int = 0

    def check(self) -> None:
        """Refuses a plan that cannot be stored.

        Raises:
            BadInputError: the name is empty, too long or not printable, or the seed too large.
        """
        if not self.name.strip() or len(self.name) > 100 or not self.name.isprintable():
            raise BadInputError(f"{self.name[:60]!a} is not a name for a split", "Such as main.")
        if not -(2**63) <= self.seed < 2**63:
            raise BadInputError(f"the seed {self.seed} has more than 64 bits")


def read_ratios(text: str) -> tuple[tuple[str, float], ...]:
    """Reads ratios such as 90/5/5 (train, val, test) or 90/10 (train, test) as parts and their shares, of sum 1.

    Raises:
        BadInputError: they are not two or three numbers above 0.
    """
    example = "Such as 90/5/5 for train, val and test, or 90/10 for train and test."
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        raise BadInputError(f"the ratios '{text[:60]}' are not numbers with / between them", example) from None
    if len(numbers) not in (2, 3):
        raise BadInputError(f"the ratios '{text[:60]}' are {counted(len(numbers), 'number')}", example)
    if not all(number > 0 for number in numbers) or sum(numbers) == math.inf:
        raise BadInputError(f"the ratios '{text[:60]}' are not all above 0, or too large", example)
    names = ("train", "val", "test") if len(numbers) == 3 else ("train", "test")
    return tuple((name, number / sum(numbers)) for name, number in zip(names, numbers, strict=True))


@dataclass(frozen=True)
class Split:
    """A split that was made, and is not stored yet.

    Attributes:
        videos: video_id, sign_language, clips, frames, one, group and part of each video, by video_id.
        groups: how many groups (channels or videos) there are.
        moved: how many of them were moved from the part of their hash to meet the ratios.
        filled: parts that would have been empty, and got one group.
        off: a description of each language that is further than the tolerance from the ratios.
    """

    plan: Plan
    videos: pl.DataFrame
    groups: int
    moved: int
    off: tuple[str, ...]
    filled: tuple[str, ...] = ()


def chosen_videos(snapshot: Snapshot, selection: Selection) -> pl.DataFrame:
    """The videos that a selection takes clips of, by video_id: video_id, sign_language, clips, frames, one (always 1).

    All visible videos where the selection has no condition, also those without a clip.
    """
    sums = [pl.len().cast(pl.Int64).alias("clips"), pl.col("num_frames").cast(pl.Int64).sum().alias("frames")]
    every_clip = _without_seed(selection).empty
    clips = snapshot.table(SEGMENTS.name) if every_clip else select_clips(snapshot, _without_seed(selection))
    counts = clips.select("video_id", "num_frames").group_by("video_id").agg(sums)
    videos = snapshot.table(VIDEOS.name).select("video_id", "sign_language")
    joined = videos.join(counts, on="video_id", how="left" if every_clip else "inner")
    return collect(
        joined.with_columns(pl.col("clips", "frames").fill_null(0), one=pl.lit(1, pl.Int64)).sort("video_id")
    )


def _without_seed(selection: Selection) -> Selection:
    """The selection without the seed where only the split uses it: the selection draws nothing then."""
    drawn_by = (selection.per_language, selection.hours, selection.temperature, selection.limit)
    return selection if any(value is not None for value in drawn_by) else replace(selection, seed=None)


def make_split(snapshot: Snapshot, plan: Plan, selection: Selection, channels: ChannelList | None = None) -> Split:
    """Assigns the videos of a selection to parts.

    Args:
        channels: of videos that came without one.

    Raises:
        BadInputError: videos have no channel; there are fewer groups than parts; or see `Plan.check`.
        EmptySelectionError: there is no video.
    """
    plan.check()
    videos = chosen_videos(snapshot, selection)
    if videos.is_empty():
        raise nothing_selected(snapshot, _without_seed(selection))
    if plan.by == "video":
        videos = videos.with_columns(group=pl.col("video_id"))
    else:
        videos = videos.join(channel_groups(snapshot, channels), on="video_id", how="left", maintain_order="left")
        without = videos.filter(pl.col("group").is_null())["video_id"].to_list()
        if without:
            raise BadInputError(
                f"{len(without):,} of {counted(videos.height, 'video')} ({len(without) / videos.height:.1%}) "
                f"have no channel: {some(without)}",
                "Split by video (--by video), or name their channels (--channels CSV of video_id, channel).",
            )
    names = [name for name, _ in plan.ratios]
    groups = videos["group"].unique().sort()
    if len(groups) < len(names):
        raise BadInputError(
            f"{counted(len(groups), plan.by)} cannot be split into {len(names)} parts: {', '.join(names)}",
            "Ingest more, or choose fewer parts (--ratios 90/10)."
            if plan.by == "video"
            else "Split by video (--by video), or choose fewer parts (--ratios 90/10).",
        )
    languages, weights = _weights(videos, groups, plan)
    hashes = group_hashes(groups.to_list(), plan.seed)
    assignment = assign_parts(weights, hashes, [share for _, share in plan.ratios], TOLERANCE)
    parts = pl.DataFrame({"group": groups, "part": [names[part] for part in assignment.parts.tolist()]})
    off = tuple(
        f"{printable(language)} {_slashed(assignment.shares[:, column])} ({_why(weights[:, column], plan.by)})"
        for column, language in enumerate(languages)
        if assignment.off[column]
    )
    videos = videos.join(parts, on="group", how="left", maintain_order="left")
    return Split(plan, videos, len(groups), assignment.moved, off, tuple(names[part] for part in assignment.filled))


def _weights(videos: pl.DataFrame, groups: pl.Series, plan: Plan) -> tuple[list[str], Integers]:
    """The languages to be divided by the ratios, with ALL last, and [G, L] how much of each a group has."""
    # Where no video has a clip, videos are weighed instead.
    weight = WEIGHTS[plan.weight] if videos[WEIGHTS[plan.weight]].sum() else "one"
    languages = videos["sign_language"].fill_null("und")
    names = languages.unique().sort()
    table = np.zeros((len(groups), len(names) + 1), np.int64)
    rows, columns = groups.search_sorted(videos["group"]), names.search_sorted(languages)
    np.add.at(table, (np.asarray(rows), np.asarray(columns)), videos[weight].to_numpy())
    table[:, -1] = table.sum(axis=1)
    # A language without weight cannot be divided: one whose videos have no clip.
    kept = [i for i in range(len(names) + 1) if table[:, i].any() and (plan.stratify or i == len(names))]
    return [[*names, ALL][i] for i in kept], table[:, kept]


def _slashed(shares: Integers) -> str:
    return "/".join(f"{share / 10_000:.3g}" for share in shares.tolist())


def _why(weights: Integers, noun: str) -> str:
    count, largest = int((weights > 0).sum()), float(weights.max() / weights.sum())
    return f"1 {noun}" if count == 1 else f"{counted(count, noun)}, the largest {largest:.0%}"


def store(snapshot: Snapshot, split: Split) -> None:
    """Adds a split to the lake, in one transaction. It replaces an earlier one of the same name."""
    before = stored_split(snapshot, split.plan.name)["made_at"].max()
    now = datetime.now(UTC)
    if isinstance(before, datetime):
        # Readers take the newest: it must be newer even if the clock was set back.
        now = max(now, before + timedelta(microseconds=1))
    common = {"ingest_id": new_ingest_id(), "name": split.plan.name, "seed": split.plan.seed, "made_at": now}
    rows = split.videos.select("video_id", "group", "part").iter_rows(named=True)
    delta.append(snapshot.folder / SPLITS.name, SPLITS, [{**row, **common} for row in rows])


def changes(snapshot: Snapshot, split: Split) -> str | None:
    """Says how a split differs from the stored one of the same name that it replaces; None where there is none."""
    before = stored_split(snapshot, split.plan.name)
    if before.is_empty():
        return None
    both = before.join(split.videos, on="video_id", suffix="_now")
    moved = both.filter(pl.col("part") != pl.col("part_now")).height
    made_at = before["made_at"][0]
    return f"replaces the split of {made_at:%Y-%m-%d %H:%M}: {moved:,} of {counted(both.height, 'video')} change part"


def by_part(split: Split) -> pl.DataFrame:
    """One row per part: part, groups, videos, clips, hours, share."""
    weight = WEIGHTS[split.plan.weight]
    order = pl.DataFrame({"part": [name for name, _ in split.plan.ratios]})
    sums = _sums(split.videos, ["part"], weight, pl.col("group").n_unique().alias("groups"))
    total = max(1, split.videos[weight].sum())
    rows = order.join(sums, on="part", how="left", maintain_order="left").with_columns(pl.exclude("part").fill_null(0))
    return rows.select("part", "groups", "videos", "clips", "hours", share=(pl.col("weight") / total).round(4))


def _sums(videos: pl.DataFrame, keys: Sequence[str], weight: str, *more: pl.Expr) -> pl.DataFrame:
    return videos.group_by(keys).agg(
        pl.col("one").sum().alias("videos"),
        pl.col("clips").sum(),
        (pl.col("frames").sum() / (FPS * 3600)).round(3).alias("hours"),
        pl.col(weight).sum().alias("weight"),
        *more,
    )


@dataclass(frozen=True)
class Report:
    """The result of checking a stored split.

    Attributes:
        rows: sign_language, part, videos, clips, hours, share: first all together, then each language, by size.
        by: channel or video: what the split keeps in one part.
        faults: a line for each thing that is wrong.
        remarks: a line for each thing worth knowing.
    """

    rows: pl.DataFrame
    by: str
    faults: tuple[str, ...]
    remarks: tuple[str, ...]


def check_split(
    snapshot: Snapshot, name: str, selection: Selection, weight: str = "clips", channels: ChannelList | None = None
) -> Report:
    """Checks that a stored split has no group in two parts, and counts what is in each part.

    Args:
        selection: which clips are counted, and which videos should have a part.
        weight: what shares are of; see `WEIGHTS`.
        channels: of videos that came without one.

    Raises:
        BadInputError: there is no such split.
    """
    rows = stored_split(snapshot, name)
    if rows.is_empty():
        # Raises, and lists the splits that there are.
        split_videos(snapshot, name, "")
    by = "video" if (rows["group"] == rows["video_id"]).all() else "channel"
    faults = [*_in_several(rows, "video_id", "video")]
    if by == "channel":
        now = (
            rows.drop("group").join(channel_groups(snapshot, channels), on="video_id", how="inner").drop_nulls("group")
        )
        faults += dict.fromkeys([*_in_several(rows, "group", "channel"), *_in_several(now, "group", "channel")])
    gone = rows.join(snapshot.visible(), on="video_id", how="anti")["video_id"].unique().sort().to_list()
    if gone:
        faults.append(f"{counted(len(gone), 'video')} no longer in the lake: {some(gone)}")
    videos = chosen_videos(snapshot, selection)
    remarks = _without_part(snapshot, videos, rows)
    with_part = videos.join(rows.select("video_id", "part").unique(), on="video_id", how="inner")
    return Report(_by_language(with_part, WEIGHTS[weight]), by, tuple(faults), tuple(remarks))


def _in_several(rows: pl.DataFrame, column: str, noun: str) -> list[str]:
    """A fault where a channel is in two parts, or a video has several rows."""
    test = pl.len() > 1 if column == "video_id" else pl.col("part").n_unique() > 1
    several = rows.group_by(column).agg(pl.col("part").unique().sort().str.join(", "), test.alias("bad")).filter("bad")
    if several.is_empty():
        return []
    names = [f"{printable(key)} ({parts})" for key, parts in several.sort(column).select(column, "part").iter_rows()]
    return [f"{counted(several.height, noun)} in more than one part: {some(names)}"]


def _without_part(snapshot: Snapshot, videos: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    without = videos.join(rows, on="video_id", how="anti").select("video_id")
    if without.is_empty():
        return []
    ingested = (
        snapshot.table(VIDEOS.name).select("video_id", "ingested_at").join(without.lazy(), on="video_id", how="semi")
    )
    since = collect(ingested.filter(pl.col("ingested_at") > rows["made_at"].max())).height
    ids = without["video_id"].sort().to_list()
    return [
        f"{counted(len(ids), 'video')} without a part, {since:,} of them ingested since the split was made: {some(ids)}"
    ]


def _by_language(videos: pl.DataFrame, weight: str) -> pl.DataFrame:
    order = {"train": 0, "val": 1, "test": 2}
    both = pl.concat([videos.with_columns(sign_language=pl.lit(ALL)), videos])
    sums = _sums(both, ["sign_language", "part"], weight)
    total = pl.col("weight").sum().over("sign_language")
    return (
        sums.with_columns(total=total, share=(pl.col("weight") / total.clip(1)).round(4))
        .sort(
            pl.col("sign_language") != ALL,
            -pl.col("total"),
            "sign_language",
            pl.col("part").replace_strict(order, default=3),
            "part",
        )
        .select("sign_language", "part", "videos", "clips", "hours", "share")
    )
