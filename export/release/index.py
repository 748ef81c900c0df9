"""The files beside the content of an export: index.csv and SHA256SUMS."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from signverse.lake.model.errors import BadInputError
from signverse.lake.query.output import whole_file

INDEX: Final = "index.csv"
SUMS: Final = "SHA256SUMS"


@dataclass(frozen=True)
class Row:
    """A row of an index.csv; its columns are strings and ints."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class IndexRow(Row):
    """A video of an export: where it is, and the sha256 of its poses.npz."""

    video_id: str
    shard: str
    language: str
    segments: int
    frames: int
    sha256: str


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


def write_index(out: Path, kind: type[R], index: Sequence[R], sums: Mapping[str, str]) -> None:
    """Writes index.csv, and then SHA256SUMS of it and the files: an export without SHA256SUMS is unfinished."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(kind), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in index)
    listing = text.getvalue().encode()
    with whole_file(out / INDEX) as file:
        file.write(listing)
    all_sums = {**sums, INDEX: hashlib.sha256(listing).hexdigest()}
    with whole_file(out / SUMS) as file:
        file.write("".join(f"{digest}  {name}\n" for name, digest in sorted(all_sums.items())).encode())


def read_index(path: Path, *kinds: type[R]) -> list[R]:
    """The rows of an index.csv, of the kind that its header tells.

    Raises:
        BadInputError: it is none of these.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            kind = next((kind for kind in kinds if _columns(kind) == reader.fieldnames), None)
            if kind is None:
                raise ValueError(f"its columns are not {' nor '.join(','.join(_columns(kind)) for kind in kinds)}")
            return [index_row(kind, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path} is not an index of an export: {error}") from None


def index_row(kind: type[R], row: Mapping[str, Any]) -> R:
    """A row from text. Raises what a missing or strange value raises: KeyError, TypeError, ValueError."""
    if None in row or None in row.values():
        raise ValueError("a row has not as many values as there are columns")
    # Annotations are strings here.
    return kind(**{field.name: (int if field.type == "int" else str)(row[field.name]) for field in fields(kind)})


def _columns(kind: type[Row]) -> list[str]:
    return [field.name for field in fields(kind)]
