"""The figures of an export or a lake that its card and its Croissant file state. All are counted, none is typed.

`statistics.json` beside an export keeps them, so that it can be published where its lake is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

import duckdb
import polars as pl

from signverse.export.formats.clip_content import LANGUAGE_FOLDER
from signverse.export.publish.dataset_card.markdown import word
from signverse.export.publish.dataset_card.missing import missing_videos
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.languages import by_code, languages
from signverse.lake.query.reports import find_report
from signverse.lake.storage.integrity.foreign_errors import collect

Rows = list[dict[str, Any]]

STATISTICS: Final = "statistics.json"

_TOP: Final = 50
"""Rows of a breakdown that the card keeps."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a data set holds.

    Attributes:
        kind: of the files: parquet, webdataset, pose, lake, or a layout of shards.
        by_language: the files of each language lie in a folder of its own, data/CODE.
        all_people: keypoints of all people, not the primary signer's only.
        videos, clips, captioned, frames, hours: how much there is; captioned counts clips with a text. Hours are those
            of the frames that are in it.
        channels: of which the name is known; 0 where none is.
        several_people: clips with more than one person in some frame.
        languages: a row each as the report `languages` has it, with channels, largest_channel and its share of the
            hours in percent, and hands_seen: the share of frames with both hands. The most hours first.
        balance: how evenly the hours are distributed over the languages, as in the report `balance`; {} if there are
            none.
        captions, text_languages, english_sources: clips by kind of caption, language of the text, source of English.
        models: detector, pose_model, the sha256 of each, and videos; a row without models is of shards.
        origins, shards, repairs, writer_versions: videos by source, shard, kind of repair and software version.
        sources: videos by address and revision of the data set that they were fetched from.
        listed: videos that were listed or attempted; missing: those that are not there, by outcome and reason.
        selection: the conditions by which the content was chosen, in words.
        splits: videos by part of each stored split of the lake.
        lake_version: -1 where it is not known. last_ingested: the day, YYYY-MM-DD.
        made_by: version of signverse-lake.
        clip_id: the clip of the picture, or "".
    """

    kind: str
    by_language: bool = False
    all_people: bool = False
    videos: int = 0
    clips: int = 0
    captioned: int = 0
    frames: int = 0
    hours: float = 0.0
    channels: int = 0
    several_people: int = 0
    languages: Rows = field(default_factory=list)
    balance: dict[str, Any] = field(default_factory=dict)
    captions: dict[str, int] = field(default_factory=dict)
    text_languages: dict[str, int] = field(default_factory=dict)
    english_sources: dict[str, int] = field(default_factory=dict)
    models: Rows = field(default_factory=list)
    origins: dict[str, int] = field(default_factory=dict)
    shards: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)
    writer_versions: dict[str, int] = field(default_factory=dict)
    listed: int = 0
    missing: Rows = field(default_factory=list)
    selection: list[str] = field(default_factory=list)
    splits: dict[str, dict[str, int]] = field(default_factory=dict)
    lake_version: int = -1
    last_ingested: str = ""
    made_by: str = ""
    clip_id: str = ""

    def to_json(self) -> bytes:
        """The content of statistics.json; the same figures give the same bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"

    @classmethod
    def from_json(cls, data: bytes, name: str = STATISTICS) -> Facts:
        """Reads a statistics.json.

        Raises:
            BadInputError: it is not one.
        """
        try:
            found = json.loads(data)
            values = {item.name: found[item.name] for item in fields(cls) if item.name in found}
            for key, value in values.items():
                _check(key, value)
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadInputError(
                f"{name} is not a list of figures: {' '.join(str(error).split())[:200]}", "Export again, with --card."
            ) from None

    @property
    def codes(self) -> list[str]:
        """The codes of the sign languages."""
        return [str(row["sign_language"]) for row in self.languages]

    @property
    def named(self) -> list[str]:
        """Those of the codes that can name a folder and a configuration: all but what no language is called."""
        return [code for code in self.codes if re.fullmatch(LANGUAGE_FOLDER, f"data/{code}")]


_ROWS: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "languages": (
        {"sign_language": str, "videos": int, "clips": int, "hours": (int, float), "translated": int},
        {
            "share_percent": (int, float),
            "channels": int,
            "largest_channel": str,
            "largest_channel_percent": (int, float),
            "hands_seen": (int, float),
            **dict.fromkeys(("manual", "automatic", "uncaptioned"), int),
        },
    ),
    "models": ({"videos": int}, dict.fromkeys(("detector", "detector_sha256", "pose_model", "pose_sha256"), str)),
    "missing": ({"outcome": str, "videos": int}, {"reason": str}),
}
"""Of the rows of statistics.json: what each must have, and what else is used of it, which may be null."""

_BALANCE: Final[Mapping[str, Any]] = {
    "languages": int,
    "exp_shannon_entropy": (int, float),
    "gini": (int, float),
    "top_percent": (int, float),
    "top_language": str,
}


def _check(key: str, value: Any) -> None:
    """Raises TypeError or KeyError where a value of statistics.json is not what a card needs."""
    default = next(item for item in fields(Facts) if item.name == key)
    kind = str(default.type)
    wanted: Any = {"str": str, "bool": bool, "int": int, "float": (int, float), "list[str]": list, "Rows": list}.get(
        kind, dict
    )
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise TypeError(f"{key} is not of its type")
    if key in _ROWS:
        needed, more = _ROWS[key]
        for row in value:
            for name, one in needed.items():
                if not isinstance(row[name], one):
                    raise TypeError(f"{name} in {key} is not of its type")
            for name, one in more.items():
                if row.setdefault(name, None) is not None and not isinstance(row[name], one):
                    raise TypeError(f"{name} in {key} is not of its type")
    elif kind == "list[str]":
        if not all(isinstance(item, str) for item in value):
            raise TypeError(f"{key} is not a list of texts")
    elif key == "balance":
        if value and not all(isinstance(value[name], one) for name, one in _BALANCE.items()):
            raise TypeError(f"{key} is not of its type")
    elif kind.startswith("dict[str, dict"):
        for counts in value.values():
            _check_counts(key, counts)
    elif wanted is dict:
        _check_counts(key, value)


def _check_counts(key: str, counts: Any) -> None:
    if not all(isinstance(count, int) for count in counts.values()):
        raise TypeError(f"{key} holds what is not a number")


_CLIP_COLUMNS: Final = [
    "sign_language",
    "num_frames",
    "text",
    "text_language",
    "caption_kind",
    "english_source",
    "people_max",
    *(f"{part}_confidence" for part in ("body", "face", "left_hand", "right_hand")),
    "hands_seen",
]


def facts_of_lake(lake: Lake) -> Facts:
    """The figures of a whole lake."""
    return gather(lake, collect(lake.videos()), collect(lake.unfiltered_clips()), kind="lake", by_language=True)


def gather(
    lake: Lake,
    videos: pl.DataFrame,
    clips: pl.DataFrame,
    *,
    kind: str,
    by_language: bool = False,
    all_people: bool = False,
    frames: Mapping[str, int] | None = None,
    selection: Collection[str] = (),
) -> Facts:
    """The figures of what an export holds.

    Args:
        videos: rows of `videos` of what goes in.
        clips: their rows of `Lake.unfiltered_clips` that go in.
        frames: how many frames of each video go in; None for all.
        selection: the conditions by which it was chosen, in words.
    """
    chosen = bool(selection)
    listed, missing = missing_videos(lake, set(videos["sign_language"]) if chosen else None)
    last = videos["ingested_at"].max()
    return replace(
        figures(videos, clips, kind=kind, by_language=by_language, all_people=all_people, frames=frames),
        models=_models(videos),
        origins=_counts(videos["source"]),
        shards=_counts(videos["source_shard"]),
        sources=sources_of(videos["source_shard"]),
        repairs=_counts(videos["repairs"].explode(empty_as_null=True).str.replace(r":.*$", "")),
        writer_versions=_counts(videos["writer_version"]),
        listed=listed,
        missing=_first(missing),
        selection=list(selection),
        splits=lake.info()["splits"],
        lake_version=lake.version,
        last_ingested=last.date().isoformat() if isinstance(last, datetime) else "",
        clip_id=clearest_clip(clips),
    )


def figures(
    videos: pl.DataFrame,
    clips: pl.DataFrame,
    *,
    kind: str,
    by_language: bool = False,
    all_people: bool = False,
    frames: Mapping[str, int] | None = None,
) -> Facts:
    """The figures that videos and clips alone give.

    Args:
        videos: video_id, sign_language, channel and num_frames.
        clips, frames: see `gather`.
    """
    written = pl.col("num_frames")
    if frames is not None:
        written = pl.col("video_id").replace_strict(dict(frames), default=0, return_dtype=pl.Int64)
    sized = videos.with_columns(written=written.cast(pl.Int64)).with_columns(duration_s=pl.col("written") / FPS)
    rows, balance = _reports(sized, clips)
    return Facts(
        kind=kind,
        by_language=by_language,
        all_people=all_people,
        videos=videos.height,
        clips=clips.height,
        captioned=clips["text"].drop_nulls().len(),
        frames=int(sized["written"].sum()),
        hours=float(sized["duration_s"].sum()) / 3600,
        channels=videos["channel"].drop_nulls().n_unique(),
        several_people=int((clips["people_max"] > 1).sum()),
        languages=_with_channels(rows, sized, clips),
        balance=balance,
        captions=_counts(clips["caption_kind"]),
        text_languages=_counts(clips["text_language"]),
        english_sources=_counts(clips["english_source"]),
        made_by=version("signverse-lake"),
    )


def clearest_clip(clips: pl.DataFrame) -> str:
    """The segment of one to ten seconds whose hands are seen best, or ""."""
    both = pl.min_horizontal("left_hand_confidence", "right_hand_confidence").fill_null(0)
    found = clips.filter((pl.col("num_frames") >= FPS) & (pl.col("hands_seen").fill_null(0) > 0)).sort(
        pl.col("num_frames") > 10 * FPS,
        pl.col("hands_seen").round(2) * both.round(2),
        "segment_id",
        descending=[False, True, False],
    )
    return str(found["segment_id"][0]) if found.height else ""


def _reports(videos: pl.DataFrame, clips: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The reports `languages` and `balance` of these videos and clips: the same SQL as `signverse stats`."""
    names = pl.DataFrame(
        [(language.code, language.name) for language in languages()],
        schema={"sign_language": pl.String, "name": pl.String},
        orient="row",
    )
    with duckdb.connect(config={"python_enable_replacements": "false"}) as con:
        con.register("videos", videos.select("sign_language", "duration_s").to_arrow())
        con.register("segments", clips.select(_CLIP_COLUMNS).to_arrow())
        con.register("languages", names.to_arrow())
        rows = con.sql(find_report("languages").sql).pl()
        even = con.sql(find_report("balance").sql).pl()
    found = even.filter((pl.col("weighted_by") == "hours") & (pl.col("temperature") == 1)).to_dicts()
    return rows, {key: value for key, value in found[0].items() if value is not None} if found else {}


def _with_channels(rows: pl.DataFrame, videos: pl.DataFrame, clips: pl.DataFrame) -> Rows:
    """Rows of the report with the largest channel of each language, and how often both hands are seen."""
    by_channel = videos.group_by("sign_language", "channel").agg(seconds=pl.col("duration_s").sum())
    all_seconds = by_channel.group_by("sign_language").agg(all_seconds=pl.col("seconds").sum())
    largest = (
        by_channel.drop_nulls("channel")
        .sort("seconds", "channel", descending=[True, False])
        .group_by("sign_language", maintain_order=True)
        .agg(largest_channel=pl.col("channel").first(), seconds=pl.col("seconds").first(), channels=pl.len())
        .join(all_seconds, on="sign_language")
        .with_columns(largest_channel_percent=(100 * pl.col("seconds") / pl.col("all_seconds")).round(2).fill_nan(None))
        .drop("seconds", "all_seconds")
    )
    known = clips.drop_nulls("hands_seen")
    weight = pl.col("num_frames")
    hands = known.group_by("sign_language").agg(
        hands_seen=((pl.col("hands_seen") * weight).sum() / weight.sum()).round(3).fill_nan(None)
    )
    joined = rows.join(largest, on="sign_language", how="left", maintain_order="left")
    joined = joined.join(hands, on="sign_language", how="left", maintain_order="left")
    floats = pl.selectors.float().cast(pl.Float64).round(3)
    return joined.with_columns(floats, pl.col("channels").fill_null(0)).to_dicts()


def _models(videos: pl.DataFrame) -> Rows:
    columns = ["detector", "detector_sha256", "pose_model", "pose_sha256"]
    counted = videos.group_by(columns).agg(videos=pl.len())
    return counted.sort("videos", *columns, descending=[True, *[False] * 4], nulls_last=True).head(_TOP).to_dicts()


def sources_of(shards: pl.Series) -> dict[str, int]:
    """Videos by the data set that they were fetched from: its address and revision, of ADDRESS@REVISION/PATH."""
    return _counts(shards.str.extract(r"^([a-z0-9+.-]+://[^\s#@]+@[^/#\s]+)/"))


def _first(missing: Rows) -> Rows:
    """The first rows, and one that counts the others."""
    rest = missing[_TOP:]
    others = {"outcome": "other outcomes", "reason": None, "videos": sum(row["videos"] for row in rest)}
    return [*missing[:_TOP], *([others] if rest else [])]


def _counts(values: pl.Series) -> dict[str, int]:
    """How often each value occurs, the most frequent first; the rest counts as "others"."""
    counts = values.alias("value").drop_nulls().value_counts().sort("count", "value", descending=[True, False])
    found = dict(counts.head(_TOP).iter_rows())
    if counts.height > _TOP:
        found["others"] = int(counts["count"][_TOP:].sum())
    return found


def language_name(code: str) -> str:
    """The name of a sign language; its code where that is not known."""
    return by_code()[code].name if code in by_code() else word(code)
