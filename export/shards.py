"""Release shards: tars of a fixed number of videos, an index and checksums. The same lake gives the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from export import card
from export.content import load_content
from lake.errors import BadInputError, EmptySelectionError
from lake.lake import Lake
from lake.output import whole_file
from lake.schema import SEGMENTS
from lake.selection import KEY

VIDEOS_PER_SHARD: Final = 40
INDEX: Final = "index.csv"
SUMS: Final = "SHA256SUMS"
SHARD_NAME: Final = re.compile(r"Sign_DWPose_NPZ_\d{6}\.tar")

_BYTES_A_ROW: Final = 1_900
"""Of a person in a frame, in a shard (measured: 1,840); to know beforehand whether the disk will do."""


def shard_name(number: int) -> str:
    """The name of a shard; the first is 1."""
    return f"Sign_DWPose_NPZ_{number:06d}.tar"


@dataclass(frozen=True)
class IndexRow:
    """A video of an export: where it is, and the sha256 of its poses.npz."""

    video_id: str
    shard: str
    language: str
    segments: int
    frames: int
    sha256: str


def read_selection(path: Path) -> pl.DataFrame:
    """The clips that a file chose: segment_id, video_id, ingest_id, start_frame, end_frame.

    Raises:
        BadInputError: it cannot be read or is no selection.
        EmptySelectionError: it chooses nothing.
    """
    hint = "Make one: signverse select --lake LAKE -o clips.parquet."
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": pl.read_parquet,
        # All as text: an id of digits is an id, and 00123 is not 123.
        ".csv": lambda path: pl.read_csv(path, infer_schema=False),
        ".json": pl.read_json,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"selection {path} is no .parquet, .csv or .json", hint)
    try:
        clips = read(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInputError(f"selection {path} cannot be read: {error}", hint) from None
    missing = [name for name in KEY if name not in clips.columns]
    if missing:
        raise BadInputError(f"selection {path} lacks the columns {', '.join(missing)}", hint)
    if clips.is_empty():
        raise EmptySelectionError(f"selection {path} chooses no clip", hint)
    unnamed = clips["video_id"].null_count()
    if unnamed or not {clips[name].dtype for name in ("video_id", "ingest_id")} <= {pl.String, pl.Null}:
        raise BadInputError(f"selection {path} names no video in {unnamed or clips.height} of its rows", hint)
    return clips.select(KEY)


def chosen_videos(lake: Lake, selection: pl.DataFrame | None) -> tuple[pl.DataFrame, list[str]]:
    """The rows of `videos` to export, by video_id, and remarks.

    Raises:
        BadInputError: a video of the selection is not in the lake.
        EmptySelectionError: there is no video to export.
    """
    videos = lake.videos().collect()
    remarks: list[str] = []
    if selection is not None:
        wanted = selection.select("video_id", "ingest_id").unique("video_id", maintain_order=True)
        found = wanted.join(videos.select("video_id", now="ingest_id"), on="video_id", how="left")
        gone = found.filter(pl.col("now").is_null())["video_id"].to_list()
        if gone:
            raise BadInputError(f"{len(gone)} videos of the selection are not in the lake: {', '.join(gone[:3])}")
        newer = found.filter(pl.col("now").ne_missing(pl.col("ingest_id"))).height
        if newer:
            remarks.append(f"{newer} videos were ingested again since the selection was made: the newest is exported")
        videos = videos.join(wanted, on="video_id", how="semi")
    if videos.is_empty():
        raise EmptySelectionError(f"the lake {lake.folder} holds no video to export")
    return videos.sort("video_id"), remarks


def prepare_folder(out: Path, lake: Lake, videos: pl.DataFrame, *, overwrite: bool) -> None:
    """Makes the folder of an export, empty of earlier shards.

    Raises:
        BadInputError: it holds an export already, or the disk has not the room.
    """
    earlier = [path for path in out.iterdir() if _is_ours(path)] if out.is_dir() else []
    if earlier and not overwrite:
        raise BadInputError(f"{out} holds an export already", "Name another folder, or give --overwrite.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
    rows = int((videos["num_frames"] * videos["people_max"].fill_null(1).clip(1)).sum())
    room = shutil.disk_usage(out).free + sum(path.stat().st_size for path in earlier)
    if rows * _BYTES_A_ROW > room:
        raise BadInputError(
            f"{out} has room for {room / 1e9:,.1f} GB, the export may take {rows * _BYTES_A_ROW / 1e9:,.1f}",
            "Free some space, or select less.",
        )
    for path in earlier:
        path.unlink()


def _is_ours(path: Path) -> bool:
    return path.name in {INDEX, SUMS} or SHARD_NAME.fullmatch(path.name) is not None


def export_shards(
    lake: Lake,
    videos: pl.DataFrame,
    out: Path,
    *,
    videos_per_shard: int = VIDEOS_PER_SHARD,
    on_video: Callable[[str], None] | None = None,
) -> list[IndexRow]:
    """Writes whole videos as `card` shards, with index.csv and SHA256SUMS.

    A shard takes its name only when all of it is written; SHA256SUMS comes last, so that an export without it is
    known to be unfinished.

    Args:
        videos: rows of `videos`, in the order of the export.
        out: an empty folder, see `prepare_folder`.
        on_video: told the id of each finished video.
    """
    sums: dict[str, str] = {}
    index: list[IndexRow] = []
    rows = videos.iter_rows(named=True)
    number = 0
    while batch := list(islice(rows, videos_per_shard)):
        number += 1
        name = shard_name(number)
        digest = hashlib.sha256()
        with (
            whole_file(out / name) as file,
            tarfile.open(fileobj=cast(Any, _Hashed(file, digest)), mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for entry in _write_videos(lake, batch, tar, name):
                index.append(entry)
                if on_video is not None:
                    on_video(entry.video_id)
        sums[name] = digest.hexdigest()
    listing = _csv(index)
    with whole_file(out / INDEX) as file:
        file.write(listing)
    sums[INDEX] = hashlib.sha256(listing).hexdigest()
    with whole_file(out / SUMS) as file:
        file.write("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode())
    return index


def _write_videos(lake: Lake, batch: Sequence[dict[str, Any]], tar: tarfile.TarFile, shard: str) -> Iterator[IndexRow]:
    ids = [video["video_id"] for video in batch]
    segments = _by_video(lake.frame(SEGMENTS.name), ids, "ordinal")
    for video in batch:
        content = load_content(lake, video, segments.get(video["video_id"], []))
        files = card.files(content)
        for name, data in files.items():
            _add(tar, f"{content.video_id}/{name}", data)
        captioned = sum(row["text"] is not None for row in content.segments)
        digest = hashlib.sha256(files["poses.npz"]).hexdigest()
        yield IndexRow(content.video_id, shard, video["sign_language"], captioned, len(content.frame_ids), digest)


def _by_video(rows: pl.LazyFrame, ids: Sequence[str], *order: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of some videos, by video id, in order."""
    found = rows.filter(pl.col("video_id").is_in(ids)).sort("video_id", *order).collect()
    return {key: part.to_dicts() for (key,), part in found.partition_by("video_id", as_dict=True).items()}


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


class _Hashed:
    """A file that is hashed as it is written: a shard is not read again for its checksum."""

    def __init__(self, file: Any, digest: Any) -> None:
        self._file, self._digest = file, digest

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return int(self._file.write(data))


def _csv(index: Sequence[IndexRow]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(IndexRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in index)
    return text.getvalue().encode()


def read_index(path: Path) -> list[IndexRow]:
    """The rows of an index.csv.

    Raises:
        BadInputError: it is not one.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                IndexRow(**{**row, "segments": int(row["segments"]), "frames": int(row["frames"])})  # type: ignore[arg-type]
                for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path} is not an index of an export: {error}") from None
