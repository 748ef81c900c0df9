"""The files beside the shards of an export: index.csv and SHA256SUMS."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from lake.errors import BadInputError
from lake.output import whole_file

INDEX: Final = "index.csv"
SUMS: Final = "SHA256SUMS"
SHARD_NAME: Final = re.compile(r"Sign_DWPose_NPZ_\d{6}\.tar")


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


def write_index(out: Path, index: Sequence[IndexRow], sums: Mapping[str, str]) -> None:
    """Writes index.csv, and then SHA256SUMS of it and the shards: an export without SHA256SUMS is unfinished."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(IndexRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in index)
    listing = text.getvalue().encode()
    with whole_file(out / INDEX) as file:
        file.write(listing)
    all_sums = {**sums, INDEX: hashlib.sha256(listing).hexdigest()}
    with whole_file(out / SUMS) as file:
        file.write("".join(f"{digest}  {name}\n" for name, digest in sorted(all_sums.items())).encode())


def read_index(path: Path) -> list[IndexRow]:
    """The rows of an index.csv.

    Raises:
        BadInputError: it is not one.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [index_row(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path} is not an index of an export: {error}") from None


def index_row(row: Mapping[str, str]) -> IndexRow:
    """A row from text. Raises what a missing or strange value raises: KeyError, TypeError, ValueError."""
    return IndexRow(**{**row, "segments": int(row["segments"]), "frames": int(row["frames"])})  # type: ignore[arg-type]
