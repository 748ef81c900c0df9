"""A small lake of several commits, the kinds of damage that are done to it, and all that it holds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from signverse.lake.lake import Lake
from signverse.lake.model.errors import SignverseError
from signverse.lake.model.schema import PLACEMENT, SPLITS, TABLES
from signverse.lake.storage import delta
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.sources import add_sources

TABLE_NAMES = tuple(table.name for table in TABLES)


def make(folder: Path, fill: Callable[..., Path], video: Callable[..., Any]) -> Path:
    """Three videos of two languages, each with its source and a split of its own, in a commit of its own."""
    for day, (name, language, people) in enumerate((("a", "ase", 1), ("b", "bfi", 2), ("c", "ase", 1)), start=1):
        fill(folder, video(name, language, 12, people=people, video={"language_label": language}))
        lake = Lake.open(folder)
        columns = {"language_label": language, "sign_language": language, "url": f"https://example.org/{name}"}
        about = {"title": f"Video {name}", "channel": "A channel", "channel_id": "UC0"}
        add_sources(lake.snapshot, [{"video_id": name, **columns, **about}])
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        row = {"video_id": name, "name": f"of {name}", "part": "train", "seed": 1, "made_at": at}
        delta.append(folder / "splits", SPLITS, [row])
    return folder


def held(folder: Path) -> dict[str, pl.DataFrame | str]:
    """The visible rows of every table, without where keypoints lie; or the error."""
    found: dict[str, pl.DataFrame | str] = {}
    lake = Lake.open(folder)
    for name in TABLE_NAMES:
        try:
            rows = collect(lake.table(name))
        except SignverseError as error:
            found[name] = str(error)
        else:
            order = [name for name in rows.columns if rows.schema[name] in {pl.String, pl.Int32, pl.Int8}]
            found[name] = rows.drop([name for name in PLACEMENT if name in rows.columns]).sort(
                [name for name in order if name not in PLACEMENT]
            )
    return found


def keypoints(folder: Path) -> dict[str, bytes]:
    """The keypoints of every video, by its placement."""
    lake = Lake.open(folder)
    return {name: lake.keypoints(name).tobytes() for name in lake.snapshot.visible()["video_id"]}


def entries(folder: Path, table: str) -> list[Path]:
    """The entries of a table's log."""
    return sorted((folder / table / "_delta_log").glob("*.json"))


def data_file(folder: Path, table: str) -> Path:
    """The data file that holds the rows of video a."""
    lake = Lake.open(folder)
    (name,) = [file.name for file in lake.snapshot.stored_files(table) if file.first_id == "a"]
    return folder / table / name


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


LOGS: dict[str, Callable[[Path, str], None]] = {
    "newest entry emptied": lambda folder, table: entries(folder, table)[-1].write_bytes(b""),
    "newest entry cut": lambda folder, table: cut(entries(folder, table)[-1]),
    "newest entry of zeros": lambda folder, table: entries(folder, table)[-1].write_bytes(bytes(300)),
    "newest entry removed": lambda folder, table: entries(folder, table)[-1].unlink(),
    "middle entry emptied": lambda folder, table: entries(folder, table)[1].write_bytes(b""),
    "middle entry removed": lambda folder, table: entries(folder, table)[1].unlink(),
    "first entry emptied": lambda folder, table: entries(folder, table)[0].write_bytes(b""),
    "first entry removed": lambda folder, table: entries(folder, table)[0].unlink(),
    "log removed": lambda folder, table: shutil.rmtree(folder / table / "_delta_log"),
}
"""Damage to a log: the data files are there."""

FILES: dict[str, Callable[[Path, str], None]] = {
    "file removed": lambda folder, table: data_file(folder, table).unlink(),
    "file emptied": lambda folder, table: data_file(folder, table).write_bytes(b""),
    "file cut": lambda folder, table: cut(data_file(folder, table)),
    "bit flipped": lambda folder, table: flip(data_file(folder, table)),
}
"""Damage to the data file of video a."""
