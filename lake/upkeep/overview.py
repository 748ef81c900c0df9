"""A lake at a glance: what it holds, how large it is, and what made it. Keypoints are not read."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import polars as pl

from signverse.lake.model.languages import languages
from signverse.lake.model.places import as_shown
from signverse.lake.model.schema import KEYPOINTS, SEGMENTS, SPLITS, TABLES, VIDEOS
from signverse.lake.model.wording import counted, lasting, size_of
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.lake_format import format_of
from signverse.lake.storage.snapshot import Snapshot

_SHOWN: Final = 5
"""Languages that have a line in words; the others share one."""

_ORIGINS: Final = {"video": "extracted here", "shard": "imported from shards"}

_COLUMNS: Final = [
    "sign_language",
    "channel",
    "source",
    "duration_s",
    "num_frames",
    "people_max",
    "detector",
    "pose_model",
    "writer_version",
    "ingested_at",
]


def overview(snapshot: Snapshot) -> dict[str, Any]:
    """What a lake holds, in plain values.

    Returns:
        folder, version (of the lake: that of its table `videos`), format_version (of the lake) and reader_version (of
        this package); videos, clips, frames and hours; languages, a dict each with sign_language, name, videos and
        hours, the most hours first; channels; people_max, the most people in a frame of any video, and
        videos_with_several; sources, captions and models, which count videos; splits, videos by part of each stored
        split; writer_versions, which count videos; files and size, the bytes of the data files of this version, and of
        the keypoints alone; first_ingested and last_ingested, None where the lake is empty.

    Raises:
        DamagedLakeError: a file cannot be read.
    """
    videos = collect(snapshot.table(VIDEOS.name).select(_COLUMNS))
    clips = collect(
        snapshot.table(SEGMENTS.name)
        .group_by("caption_kind")
        .agg(clips=pl.len(), videos=pl.col("video_id").n_unique())
        .sort("videos", "caption_kind", descending=[True, False])
    )
    sizes = {table.name: [file.size for file in snapshot.stored_files(table.name)] for table in TABLES}
    models = videos.with_columns(model=pl.concat_str("detector", pl.lit(" + "), "pose_model")).drop_nulls("model")
    return {
        "folder": as_shown(str(snapshot.folder)),
        "version": snapshot.version,
        "format_version": format_of(snapshot.folder),
        "reader_version": version("signverse-lake"),
        "videos": videos.height,
        "clips": int(clips["clips"].sum()),
        "frames": int(videos["num_frames"].sum()),
        "hours": float(videos["duration_s"].sum()) / 3600,
        "languages": _languages(videos),
        "channels": videos["channel"].drop_nulls().n_unique(),
        "people_max": videos.select(pl.col("people_max").max().fill_null(0)).item(),
        "videos_with_several": int((videos["people_max"] > 1).sum()),
        "sources": _counts(videos["source"]),
        "captions": {row["caption_kind"]: row["videos"] for row in clips.iter_rows(named=True)},
        "models": _counts(models["model"]),
        "splits": _splits(snapshot),
        "writer_versions": _counts(videos["writer_version"]),
        "files": sum(map(len, sizes.values())),
        "size": sum(map(sum, sizes.values())),
        "keypoints_size": sum(sizes[KEYPOINTS.name]),
        "first_ingested": videos["ingested_at"].min(),
        "last_ingested": videos["ingested_at"].max(),
    }


def _languages(videos: pl.DataFrame) -> list[dict[str, Any]]:
    names = {language.code: language.name for language in languages()}
    rows = (
        videos.group_by("sign_language")
        .agg(videos=pl.len(), hours=pl.col("duration_s").sum() / 3600)
        .sort("hours", "sign_language", descending=[True, False])
    )
    return [
        {
            "sign_language": row["sign_language"],
            "name": names.get(row["sign_language"], "unknown"),
            "videos": row["videos"],
            "hours": row["hours"],
        }
        for row in rows.iter_rows(named=True)
    ]


def _counts(values: pl.Series) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    counts = values.alias("value").drop_nulls().value_counts().sort("count", "value", descending=[True, False])
    return dict(counts.iter_rows())


def _splits(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    rows = collect(snapshot.table(SPLITS.name).group_by("name", "part").agg(videos=pl.len()).sort("name"))
    order = {"train": 0, "val": 1, "test": 2}
    splits: dict[str, dict[str, int]] = {}
    for row in sorted(rows.iter_rows(named=True), key=lambda row: (row["name"], order.get(row["part"], 3))):
        splits.setdefault(row["name"], {})[row["part"]] = row["videos"]
    return splits


def in_words(found: dict[str, Any], *, all_languages: bool = False) -> pl.DataFrame:
    """An overview as text: the columns about and value."""
    several = found["videos_with_several"]
    people = f"at most {found['people_max']} in a frame"
    versions = ", ".join(found["writer_versions"]) or found["reader_version"]
    lines = [
        ("folder", found["folder"]),
        ("videos", f"{found['videos']:,}, {lasting(found['hours'] * 3600)}, {counted(found['frames'], 'frame')}"),
        ("clips", f"{found['clips']:,}"),
        *_language_lines(found["languages"], len(found["languages"]) if all_languages else _SHOWN),
        ("channels", f"{found['channels']:,}"),
        ("people", people + (f"; several in {counted(several, 'video')}" if several else "")),
        ("captions", _listed({"without" if kind == "none" else kind: n for kind, n in found["captions"].items()})),
        ("origin", _listed({_ORIGINS.get(name, name): count for name, count in found["sources"].items()})),
        *(("models", f"{name}, {counted(count, 'video')}") for name, count in found["models"].items()),
        *(("split", f"{name}: {_listed(parts)}") for name, parts in found["splits"].items()),
        ("size", f"{size_of(found['size'])} in {counted(found['files'], 'file')}"),
        ("", f"{size_of(found['keypoints_size'])} of it keypoints"),
        ("version", f"{found['version']}; format {found['format_version']}, written by signverse-lake {versions}"),
    ]
    if found["videos"]:
        lines.append(("ingested", f"{found['first_ingested']:%Y-%m-%d} to {found['last_ingested']:%Y-%m-%d %H:%M} UTC"))
    else:
        lines = [line for line in lines if line[0] in {"folder", "videos", "split", "version"}]
    return pl.DataFrame(lines, ["about", "value"], orient="row")


def _language_lines(rows: list[dict[str, Any]], shown: int) -> list[tuple[str, str]]:
    lines = [
        f"{row['name']} ({row['sign_language']}): {lasting(row['hours'] * 3600)}, {counted(row['videos'], 'video')}"
        for row in rows[:shown]
    ]
    if rest := rows[shown:]:
        hours, videos = (sum(row[name] for row in rest) for name in ("hours", "videos"))
        lines.append(f"{len(rest)} more: {lasting(hours * 3600)}, {counted(videos, 'video')}")
    return [("languages" if i == 0 else "", line) for i, line in enumerate(lines)]


def _listed(counts: dict[str, int]) -> str:
    """Counts in words: "8 manual, 2 automatic"."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
