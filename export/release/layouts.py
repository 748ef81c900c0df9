"""The kinds of exports, and the names of the files of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from signverse.export.release.index import ClipRow, IndexRow, Row

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Layout(Generic[R]):
    """What the folder of one kind of export holds.

    Attributes:
        unit: pattern of the names of its units: what is written as a whole.
        file: pattern of its files, as paths in the folder; at most one folder deep.
        row: a row of its index.csv.
    """

    unit: str
    file: str
    row: type[R]


_SHARD: Final = r"Sign_DWPose_NPZ_\d{6}\.tar"
_TAR: Final = r"signverse-\d{6}\.tar"
_PART: Final = r"part-\d{5}\.parquet"

SHARDS: Final = Layout(_SHARD, _SHARD, IndexRow)
WEBDATASET: Final = Layout(_TAR, _TAR, ClipRow)
PARQUET: Final = Layout(_PART, _PART, ClipRow)
POSE: Final = Layout(r"clips-\d{6}", r"([^/]+)/\1-\d{5,}\.pose", ClipRow)

LAYOUTS: Final[tuple[Layout[Any], ...]] = (SHARDS, WEBDATASET, PARQUET, POSE)
