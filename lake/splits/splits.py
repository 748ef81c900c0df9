"""Named splits: which videos train, which validate, which test. Making, storing and proving them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import SEGMENTS, SPLITS, VIDEOS
from signverse.lake.model.skeleton import FPS
from signverse.lake.model.wording import counted, some
from signverse.lake.query.engines import nothing_selected, select_clips
from signverse.lake.query.selection import Selection
from signverse.lake.splits.apportion import Whole, lots, part_groups
from signverse.lake.splits.channels import ChannelList, channel_groups
from signverse.lake.storage import delta
from signverse.lake.storage.snapshot import Snapshot, collect
from signverse.lake.storage.stored_splits import split_videos, stored_split

TOLERANCE: Final = 0.02
"""How far a part's share of a language may be from its ratio. The help of `split` says it too."""

WEIGHTS: Final = {"clips": "clips", "hours": "frames", "videos": "one"}
"""What shares are of, and the column that holds it as a whole number a video."""

ALL: Final = "(all)"
"""Stands among the languages for all together."""


@dataclass(frozen=True)
class Plan:
    """How videos are to be split.

    Attributes:
        name: what the split is called.
        ratios: by part, more than 0, of sum 1.
        by: channel or video: what never is in two parts.
        stratify: whether each language is to be divided by the ratios, not only all together.
        weight: clips, hours or videos: what the shares are of.
    """

    name: str = "main"
    ratios: tuple[tuple[str, float], ...] = (("train", 0.9), ("val", 0.05), ("test", 0.05))
    by: str = "channel"
    stratify: bool = True
    weight: str = "clips"
    seed: int = 0

    def check(self) -> None:
        """Refuses what cannot be stored.

        Raises:
            BadInputError: the name is no name, or the seed too large.
        """
        if not self.name.strip() or len(self.name) > 100 or not self.name.isprintable():
            raise BadInputError(f"{self.name[:60]!a} is no name for a split", "Such as main.")
        if not -(2**63) <= self.seed < 2**63:
            raise BadInputError(f"the seed {self.seed} has more than 64 bits")


def read_ratios(text: str) -> tuple[tuple[str, float], ...]:
    """Parts and their shares from such as 90/5/5 (train, val, test) or 90/10 (train, test).

    Raises:
        BadInputError: they are not two or three numbers above 0.
    """
    such = "Such as 90/5/5 for train, val and test, or 90/10 for train and test."
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        raise BadInputError(f"the ratios '{text[:60]}' are not numbers with / between them", such) from None
    if len(numbers) not in (2, 3):
        raise BadInputError(f"the ratios '{text[:60]}' are {counted(len(numbers), 'number')}", such)
    if not all(number > 0 for number in numbers) or sum(numbers) == math.inf:
        raise BadInputError(f"the ratios '{text[:60]}' are not all above 0, or too large", such)
    names = ("train", "val", "test") if len(numbers) == 3 else ("train", "test")
    return tuple((name, number / sum(numbers)) for name, number in zip(names, numbers, strict=True))


@dataclass(frozen=True)
class Split:
    """A split that was made, and is not stored yet.

    Attributes:
        videos: video_id, sign_language, clips, frames, one, group and part of each video, by video_id.
        groups: how many groups there are.
        moved: how many of them are not where chance put them, for the sake of the shares.
        off: the languages that are further than the tolerance from the ratios, in words.
    """

    plan: Plan
    videos: pl.DataFrame
    groups: int
    moved: int
    off: tuple[str, ...]


def chosen_videos(snapshot: Snapshot, selection: Selection) -> pl.DataFrame:
    """video_id, sign_language, clips, frames and one (1) of the videos that a selection takes clips of, by video_id.

    All visible videos where nothing is asked, also those without a clip.
    """
    sums = [pl.len().cast(pl.Int64).alias("clips"), pl.col("num_frames").cast(pl.Int64).sum().alias("frames")]
    everything = _without_seed(selection).empty
    clips = snapshot.table(SEGMENTS.name) if everything else select_clips(snapshot, _without_seed(selection))
    counts = clips.select("video_id", "num_frames").group_by("video_id").agg(sums)
    videos = snapshot.table(VIDEOS.name).select("video_id", "sign_language")
    joined = videos.join(counts, on="video_id", how="left" if everything else "inner")
    return collect(
        joined.with_columns(pl.col("clips", "frames").fill_null(0), one=pl.lit(1, pl.Int64)).sort("video_id")
    )


def _without_seed(selection: Selection) -> Selection:
    """The selection without a seed that only the split needs: a sample of everything is everything."""
    at_random = (selection.per_language, selection.hours, selection.temperature, selection.limit)
    return selection if any(one is not None for one in at_random) else replace(selection, seed=None)


def make_split(snapshot: Snapshot, plan: Plan, selection: Selection, told: ChannelList | None = None) -> Split:
    """Shares out the videos of a selection.

    Args:
        told: channels of videos that came without.

    Raises:
        BadInputError: videos have no channel; or see `Plan.check`.
        EmptySelectionError: there is no video.
    """
    plan.check()
    videos = chosen_videos(snapshot, selection)
    if videos.is_empty():
        raise nothing_selected(snapshot, _without_seed(selection))
    if plan.by == "video":
        videos = videos.with_columns(group=pl.col("video_id"))
    else:
        videos = videos.join(channel_groups(snapshot, told), on="video_id", how="left", maintain_order="left")
        without = videos.filter(pl.col("group").is_null())["video_id"].to_list()
        if without:
            raise BadInputError(
                f"{len(without):,} of {counted(videos.height, 'video')} ({len(without) / videos.height:.1%}) "
                f"have no channel: {some(without)}",
                "Split by video (--by video), or name their channels (--channels CSV of video_id, channel).",
            )
    names = [name for name, _ in plan.ratios]
    groups = videos["group"].unique().sort()
    languages, weights = _weights(videos, groups, plan)
    parting = part_groups(weights, lots(groups.to_list(), plan.seed), [share for _, share in plan.ratios], TOLERANCE)
    parts = pl.DataFrame({"group": groups, "part": [names[part] for part in parting.parts.tolist()]})
    off = tuple(
        f"{printable(language)} {_slashed(parting.shares[:, column])} ({_why(weights[:, column], plan.by)})"
        for column, language in enumerate(languages)
        if parting.off[column]
    )
    videos = videos.join(parts, on="group", how="left", maintain_order="left")
    return Split(plan, videos, len(groups), parting.moved, off)


def _weights(videos: pl.DataFrame, groups: pl.Series, plan: Plan) -> tuple[list[str], Whole]:
    """The columns that are to be divided by the ratios, and [G, L] how much of each a group has."""
    # Where nothing has a clip, the videos count.
    weight = WEIGHTS[plan.weight] if videos[WEIGHTS[plan.weight]].sum() else "one"
    languages = videos["sign_language"].fill_null("und")
    names = languages.unique().sort()
    table = np.zeros((len(groups), len(names) + 1), np.int64)
    rows, columns = groups.search_sorted(videos["group"]), names.search_sorted(languages)
    np.add.at(table, (np.asarray(rows), np.asarray(columns)), videos[weight].to_numpy())
    table[:, -1] = table.sum(axis=1)
    # What has nothing to weigh cannot be divided: a language whose videos have no clip.
    kept = [i for i in range(len(names) + 1) if table[:, i].any() and (plan.stratify or i == len(names))]
    return [[*names, ALL][i] for i in kept], table[:, kept]


def _slashed(shares: Whole) -> str:
    return "/".join(f"{share / 10_000:.3g}" for share in shares.tolist())


def _why(weights: Whole, noun: str) -> str:
    count, largest = int((weights > 0).sum()), float(weights.max() / weights.sum())
    return f"1 {noun}" if count == 1 else f"{counted(count, noun)}, the largest {largest:.0%}"


def store(snapshot: Snapshot, split: Split) -> None:
    """Adds a split to the lake, in one transaction. It counts from now on, in the place of one of the same name."""
    before = stored_split(snapshot, split.plan.name)["made_at"].max()
    now = datetime.now(UTC)
    if isinstance(before, datetime):
        # The newest counts, also after a clock was set back.
        now = max(now, before + timedelta(microseconds=1))
    same = {"ingest_id": new_ingest_id(), "name": split.plan.name, "seed": split.plan.seed, "made_at": now}
    rows = split.videos.select("video_id", "group", "part").iter_rows(named=True)
    delta.append(snapshot.folder / SPLITS.name, SPLITS, [{**row, **same} for row in rows])


def changes(snapshot: Snapshot, split: Split) -> str | None:
    """What becomes of the stored split of the same name when this one takes its place, in words; None without one."""
    before = stored_split(snapshot, split.plan.name)
    if before.is_empty():
        return None
    both = before.join(split.videos, on="video_id", suffix="_now")
    moved = both.filter(pl.col("part") != pl.col("part_now")).height
    made_at = before["made_at"][0]
    return f"in the place of that of {made_at:%Y-%m-%d %H:%M}: {moved:,} of {counted(both.height, 'video')} change part"


def by_part(split: Split) -> pl.DataFrame:
    """A row a part: part, groups, videos, clips, hours, share."""
    weight = WEIGHTS[split.plan.weight]
    order = pl.DataFrame({"part": [name for name, _ in split.plan.ratios]})
    sums = _sums(split.videos, ["part"], weight, pl.col("group").n_unique().alias("groups"))
    whole = max(1, split.videos[weight].sum())
    rows = order.join(sums, on="part", how="left", maintain_order="left").with_columns(pl.exclude("part").fill_null(0))
    return rows.select("part", "groups", "videos", "clips", "hours", share=(pl.col("weight") / whole).round(4))


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
    """What is true of a stored split now.

    Attributes:
        rows: sign_language, part, videos, clips, hours, share: first all together, then each language, by size.
        faults: what should not be, a line each.
        remarks: what one should know, a line each.
    """

    rows: pl.DataFrame
    by: str
    faults: tuple[str, ...]
    remarks: tuple[str, ...]


def check_split(
    snapshot: Snapshot, name: str, selection: Selection, weight: str = "clips", told: ChannelList | None = None
) -> Report:
    """Proves that a stored split keeps its groups apart, and counts what is in it.

    Args:
        selection: which clips are counted, and which videos should have a part.
        weight: what shares are of; see `WEIGHTS`.
        told: channels of videos that came without.

    Raises:
        BadInputError: there is no such split.
    """
    rows = stored_split(snapshot, name)
    if rows.is_empty():
        # It says which there are.
        split_videos(snapshot, name, "")
    by = "video" if (rows["group"] == rows["video_id"]).all() else "channel"
    faults = [*_in_several(rows, "video_id", "video")]
    if by == "channel":
        now = rows.drop("group").join(channel_groups(snapshot, told), on="video_id", how="inner").drop_nulls("group")
        faults += dict.fromkeys([*_in_several(rows, "group", "channel"), *_in_several(now, "group", "channel")])
    gone = rows.join(snapshot.visible(), on="video_id", how="anti")["video_id"].unique().sort().to_list()
    if gone:
        faults.append(f"{counted(len(gone), 'video')} of it no longer in the lake: {some(gone)}")
    videos = chosen_videos(snapshot, selection)
    remarks = _strangers(snapshot, videos, rows)
    told_of = videos.join(rows.select("video_id", "part").unique(), on="video_id", how="inner")
    return Report(_by_language(told_of, WEIGHTS[weight]), by, tuple(faults), tuple(remarks))


def _in_several(rows: pl.DataFrame, column: str, noun: str) -> list[str]:
    """A fault where something is in two parts, or a video named twice."""
    test = pl.len() > 1 if column == "video_id" else pl.col("part").n_unique() > 1
    several = rows.group_by(column).agg(pl.col("part").unique().sort().str.join(", "), test.alias("bad")).filter("bad")
    if several.is_empty():
        return []
    told = [f"{printable(key)} ({parts})" for key, parts in several.sort(column).select(column, "part").iter_rows()]
    return [f"{counted(several.height, noun)} in more than one place: {some(told)}"]


def _strangers(snapshot: Snapshot, videos: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    without = videos.join(rows, on="video_id", how="anti").select("video_id")
    if without.is_empty():
        return []
    came = snapshot.table(VIDEOS.name).select("video_id", "ingested_at").join(without.lazy(), on="video_id", how="semi")
    since = collect(came.filter(pl.col("ingested_at") > rows["made_at"].max())).height
    ids = without["video_id"].sort().to_list()
    return [f"{counted(len(ids), 'video')} of no part, {since:,} of them ingested since it was made: {some(ids)}"]


def _by_language(videos: pl.DataFrame, weight: str) -> pl.DataFrame:
    names = {"train": 0, "val": 1, "test": 2}
    both = pl.concat([videos.with_columns(sign_language=pl.lit(ALL)), videos])
    sums = _sums(both, ["sign_language", "part"], weight)
    whole = pl.col("weight").sum().over("sign_language")
    return (
        sums.with_columns(whole=whole, share=(pl.col("weight") / whole.clip(1)).round(4))
        .sort(
            pl.col("sign_language") != ALL,
            -pl.col("whole"),
            "sign_language",
            pl.col("part").replace_strict(names, default=3),
            "part",
        )
        .select("sign_language", "part", "videos", "clips", "hours", "share")
    )


def printable(text: str) -> str:
    """A text that other people wrote, as a terminal may have it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
