"""The columns of all clips, in the order of `signverse select`: read a slice of rows at a time, kept in few bytes.

Polars gives memory back a while after it is freed. So little is read at once, and what stays is kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.storage.integrity.foreign_errors import VERIFY, collect
from signverse.lake.storage.snapshot import Snapshot

Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.uint32]

CODED: Final = ("sign_language", "caption_kind", "english_source")
"""Columns with few values: kept as the number of the value."""

_PLACES: Final = ("ordinal", "start_frame", "end_frame")
_MEASURES: Final = (
    "num_frames", "people_max", "coverage", "body_confidence", "face_confidence", "left_hand_confidence",
    "right_hand_confidence", "hands_seen",
)  # fmt: skip

_SLICE: Final = 1 << 18
"""Rows that are read at once."""

_GROUP_BYTES: Final = 32 << 20
"""Of files that are read one after the other, from slice to slice: each slice looks at the ends of all of them."""


@dataclass(frozen=True)
class Coded:
    """A column of few values.

    Attributes:
        values: the values; null where the column is null.
        codes: [N] the number of each clip's value.
    """

    values: pl.Series
    codes: npt.NDArray[np.integer[Any]]


class Texts:
    """The captions of clips. They stay in the order in which they were read: to sort them would hold them twice."""

    def __init__(self, chunks: Sequence[Any], stored: Numbers) -> None:
        """
        Args:
            chunks: Arrow arrays of texts; together N.
            stored: [N] the place among them of each clip's.
        """
        self._chunks = chunks
        self._ends = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        self._stored = stored

    def of(self, rows: npt.ArrayLike) -> list[str | None]:
        """The captions of clips, by their numbers."""
        places = self._stored[np.asarray(rows, np.uint32)]
        chunks = np.searchsorted(self._ends, places, side="right") - 1
        inside = places - self._ends[chunks]
        return [self._chunks[chunk][at].as_py() for chunk, at in zip(chunks.tolist(), inside.tolist(), strict=True)]

    def left_by(self, expression: pl.Expr) -> Bits:
        """Which clips an expression over `text` leaves, [N]."""
        left = [bits_of(pl.DataFrame({"text": pl.from_arrow(chunk)}), expression) for chunk in self._chunks]
        return np.concatenate([np.empty(0, np.bool_), *left])[self._stored]


@dataclass(frozen=True)
class Columns:
    """N clips, by video, first frame and ordinal.

    Attributes:
        video: [N] the number of each clip's video.
        ordinal, start_frame, end_frame: [N].
        measures: N rows: num_frames, people_max and the measures of quality.
        coded: the columns of few values.
        texts: the captions.
    """

    video: Numbers
    ordinal: npt.NDArray[np.int32]
    start_frame: npt.NDArray[np.int32]
    end_frame: npt.NDArray[np.int32]
    measures: pl.DataFrame
    coded: dict[str, Coded]
    texts: Texts


def read_columns(snapshot: Snapshot, ingest_ids: pl.Series) -> Columns:
    """Reads the visible clips of a lake.

    Args:
        ingest_ids: of all visible videos, in the order of their ids.

    Raises:
        DamagedLakeError: a file cannot be read, or two videos have one ingestion.
    """
    if ingest_ids.n_unique() < len(ingest_ids):
        raise DamagedLakeError("videos of the lake have one ingestion in common", VERIFY)
    held = {name: _Held() for name in ("video", *_PLACES, *_MEASURES)}
    coded = {name: _HeldCodes() for name in CODED}
    texts: list[Any] = []
    for rows in _slices(snapshot, ingest_ids):
        for name, column in (held | coded).items():
            column.add(rows[name])
        texts.append(rows["text"].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))
    order = _order(*(held[name].joined() for name in ("ordinal", "start_frame", "video")))
    video, ordinal, start_frame, end_frame = (held.pop(name).joined()[order] for name in ("video", *_PLACES))
    return Columns(
        video,
        ordinal,
        start_frame,
        end_frame,
        # One by one, so that no column is there twice for long.
        pl.DataFrame({name: held.pop(name).sorted(order) for name in _MEASURES}),
        {name: column.sorted(order) for name, column in coded.items()},
        Texts(texts, order),
    )


class _Held:
    """A column of numbers, in numpy's memory."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[Any]] = []
        self._unknown: list[Bits] = []

    def add(self, part: pl.Series) -> None:
        self._parts.append(np.array(part.fill_null(0).to_numpy()))
        self._unknown.append(part.is_null().to_numpy())

    def joined(self) -> npt.NDArray[Any]:
        """[N] in the order in which they came, 0 where the number is not known."""
        self._parts = [np.concatenate(self._parts)]
        return self._parts[0]

    def sorted(self, order: Numbers) -> pl.Series:
        """[N] in another order, null where the number is not known."""
        numbers = pl.Series(self.joined()[order])
        unknown = np.concatenate(self._unknown)
        return numbers.set(pl.Series(unknown[order]), None) if unknown.any() else numbers


class _HeldCodes:
    """A categorical column: the numbers that Polars gives to the values, and what they stand for."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[Any]] = []
        self._values: dict[int, str] = {}

    def add(self, part: pl.Series) -> None:
        values = part.drop_nulls().unique()
        numbers = values.to_physical().to_list()
        self._values.update(zip(numbers, values.cast(pl.String).to_list(), strict=True))
        # 0 is null.
        codes = part.to_physical().cast(pl.UInt32) + 1
        self._parts.append(codes.fill_null(0).to_numpy().astype(np.min_scalar_type(max(numbers, default=0) + 1)))

    def sorted(self, order: Numbers) -> Coded:
        """In another order, and numbered by the values' own order; null is the first, where there is one."""
        codes = np.concatenate(self._parts)
        numbers = sorted(self._values, key=self._values.__getitem__)
        # 0 is null.
        places = np.array([*([0] if (codes == 0).any() else []), *(number + 1 for number in numbers)], np.int64)
        values = pl.Series([self._values.get(int(place) - 1) for place in places], dtype=pl.String)
        renumbered = np.zeros(places.max(initial=0) + 1, np.min_scalar_type(len(places)))
        renumbered[places] = np.arange(len(places))
        return Coded(values, renumbered[codes[order]])


def _order(ordinal: npt.NDArray[np.int32], start_frame: npt.NDArray[np.int32], video: Numbers) -> Numbers:
    """The places of rows, sorted by video, first frame and ordinal."""
    # Within a file they are sorted: to join sorted runs takes a tenth of the time of sorting.
    order = np.argsort(video, kind="stable").astype(np.uint32)
    same, first, then = (column[order] for column in (video, start_frame, ordinal))
    before = (first[1:] < first[:-1]) | ((first[1:] == first[:-1]) & (then[1:] < then[:-1]))
    if (before & (same[1:] == same[:-1])).any():
        return np.lexsort((ordinal, start_frame, video)).astype(np.uint32)
    return order


def _slices(snapshot: Snapshot, ingest_ids: pl.Series) -> Iterator[pl.DataFrame]:
    """The visible clips, in the order of their files; at least one slice, which may be empty."""
    visible = pl.Enum(ingest_ids)
    for languages in _groups(snapshot):
        rows = snapshot.raw_table("segments", languages=languages).select(
            *(*_PLACES, *_MEASURES, "text"),
            *(pl.col(name).cast(pl.Categorical) for name in CODED),
            # Null where the ingestion is not visible.
            video=pl.col("ingest_id").cast(visible, strict=False).to_physical().cast(pl.UInt32),
        )
        at, count = 0, _SLICE
        while count == _SLICE:
            found = collect(rows.slice(at, _SLICE))
            count = found.height
            at += count
            yield found if found["video"].null_count() == 0 else found.filter(pl.col("video").is_not_null())


def _groups(snapshot: Snapshot) -> list[list[str]]:
    """The languages of a lake in groups that are read together: of a few large files, or of many small ones."""
    sizes: dict[str, int] = {}
    for file in snapshot.stored_files("segments"):
        sizes[file.partition or ""] = sizes.get(file.partition or "", 0) + file.size
    groups: list[list[str]] = [[]]
    held = 0
    for language in sorted(sizes, key=lambda name: -sizes[name]):
        if held and held + sizes[language] > _GROUP_BYTES:
            groups.append([])
            held = 0
        groups[-1].append(language)
        held += sizes[language]
    return groups


def bits_of(rows: pl.DataFrame, expression: pl.Expr) -> Bits:
    """Which rows an expression leaves; what it does not know it leaves out."""
    bits = rows.select(expression.fill_null(value=False).alias("left")).to_series()
    return bits.to_numpy().astype(np.bool_)
