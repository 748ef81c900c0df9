"""The rows of an export's index.csv: a video of release shards, or a clip of the other formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

INDEX: Final = "index.csv"
SUMS: Final = "SHA256SUMS"
MEMBERS: Final = "members.parquet"
"""Beside shards: where in its tar each member is, so that a reader from afar takes what it wants of them. It has this
name in lake.lists.tar_members too, which is not imported at every start of the command line."""

BESIDE: Final = frozenset(
    {"croissant.json", "statistics.json", "clips.parquet", "images/clip.png", "images/languages.png"}
)
"""What an export with a card has beside its content, apart from README.md: that is a person's too, and in no sum."""

MAX_LISTING: Final = 256 << 20
"""Bytes of index.csv or SHA256SUMS: of two million clips in a file each."""


_SUM: Final = re.compile(r"([0-9a-f]{64}) [ *]([^\\]+)")


def sums_text(sums: Mapping[str, str]) -> str:
    """A SHA256SUMS, as `sha256sum -c` reads it, of the sha256 of files by their paths."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sums.items())


def sum_of_line(line: str) -> tuple[str, str] | None:
    """The path in the folder and the sha256 that a line of a SHA256SUMS says; None if it is not such a line."""
    found = _SUM.fullmatch(line)
    if found is None or any(part in ("", ".", "..") for part in found.group(2).split("/")):
        return None
    return found.group(2), found.group(1)


@dataclass(frozen=True)
class Row:
    """A row of an index.csv; its columns are strings and ints."""

    @property
    def path(self) -> str:
        """The file that holds what it is of, as a path in the folder."""
        raise NotImplementedError


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class VideoRow(Row):
    """A video of an export: where it is, and the sha256 of its poses.npz."""

    video_id: str
    shard: str
    language: str
    segments: int
    frames: int
    sha256: str

    @property
    def path(self) -> str:
        return self.shard


@dataclass(frozen=True)
class ClipRow(Row):
    """A clip of an export: where it is, and a sha256 of its keypoints.

    That is of the member KEY.keypoints.npy in a tar, of the file in a folder of .pose files, and of the points as
    float32 [T, P, 128, 3] in a Parquet file.
    """

    segment_id: str
    video_id: str
    file: str
    language: str
    start_frame: int
    end_frame: int
    frames: int
    people: int
    sha256: str

    @property
    def path(self) -> str:
        return self.file


def index_row(kind: type[R], values: Mapping[str, Any]) -> R:
    """Make a row from text.

    Raises:
        KeyError, TypeError, ValueError: a value is missing or not of its type.
    """
    if None in values or None in values.values():
        raise ValueError("a row does not have as many values as there are columns")
    # Annotations are strings here.
    return kind(**{field.name: (int if field.type == "int" else str)(values[field.name]) for field in fields(kind)})


def columns(kind: type[Row]) -> list[str]:
    """The columns of an index.csv of these rows."""
    return [field.name for field in fields(kind)]
