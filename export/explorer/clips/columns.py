"""The columns of all clips, in the order of `signverse select`: read a slice of rows at a time, kept in few bytes.

Polars gives memory back a while after it is freed. So little is read at once, and what stays is kept elsewhere.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
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

_PLACES: Final = dict.fromkeys(("ordinal", "start_frame", "end_frame"), np.int32)
_MEASURES: Final = dict.fromkeys(("num_frames", "people_max"), np.int32) | dict.fromkeys(
    (
        "coverage", "body_confidence", "face_confidence", "left_hand_confidence", "right_hand_confidence",
        "hands_seen",
    ),
    np.float32,
)  # fmt: skip

_SLICE: Final = 1 << 17
"""Rows that are read at once."""

_PIECE: Final = 1 << 16

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

    def of(self, rows: npt.ArrayLike, *, most: int) -> list[str | None]:
        """The captions of clips, by their numbers, as far as they have so many characters."""
        places = self._stored[np.asarray(rows, np.uint32)]
        chunks = np.searchsorted(self._ends, places, side="right") - 1
        inside = places - self._ends[chunks]

        def text(chunk: int, at: int) -> str | None:
            whole: str | None = self._chunks[chunk][at].as_py()
            return whole if whole is None or len(whole) <= most else f"{whole[:most]} \u2026"

        return list(map(text, chunks.tolist(), inside.tolist()))

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


def read_columns(snapshot: Snapshot, videos: pl.DataFrame, *, whole: bool, on_rows: Callable[[int], None]) -> Columns:
    """Reads the clips of visible videos.

    Args:
        videos: video_id, ingest_id and sign_language of the videos, by video_id.
        whole: they are all of the lake; otherwise the first ones, of which less is read.
        on_rows: called with the rows that were read until then.

    Raises:
        DamagedLakeError: a file cannot be read, or two videos have one ingestion.
    """
    if videos["ingest_id"].n_unique() < videos.height:
        raise DamagedLakeError("videos of the lake have one ingestion in common", VERIFY)
    held = {"video": _Held(np.uint32)} | {name: _Held(dtype) for name, dtype in (_PLACES | _MEASURES).items()}
    coded = {name: _HeldCodes() for name in CODED}
    texts: list[Any] = []
    count = 0
    for found in _slices(snapshot, videos["ingest_id"]) if whole else [_first(snapshot, videos)]:
        count += found.height
        on_rows(count)
        rows = found.filter(pl.col("video").is_not_null()) if found["video"].null_count() else found
        for name, column in (held | coded).items():
            column.add(rows[name])
        texts.append(rows["text"].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))
    order = _order(*(held[name].numbers.values for name in ("ordinal", "start_frame", "video")))
    # One by one, so that no column is there twice for long.
    video, ordinal, start_frame, end_frame = (held.pop(name).numbers.sorted(order) for name in ("video", *_PLACES))
    measures = pl.DataFrame({name: held.pop(name).sorted(order) for name in _MEASURES})
    sorted_codes = {name: coded.pop(name).sorted(order) for name in CODED}
    return Columns(video, ordinal, start_frame, end_frame, measures, sorted_codes, Texts(texts, order))


def _room(count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array in memory of its own, which the system has back at once when the array is dropped."""
    return np.frombuffer(mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize), access=mmap.ACCESS_COPY), dtype, count)


class _Growing:
    """An array that grows at its end."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._held = _room(_SLICE, dtype)
        self._count = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        end = self._count + len(values)
        if end > len(self._held):
            larger = _room(2 * end, self._held.dtype)
            larger[: self._count] = self.values
            self._held = larger
        self._held[self._count : end] = values
        self._count = end

    @property
    def values(self) -> npt.NDArray[Any]:
        return self._held[: self._count]

    def sorted(self, order: Numbers, *, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """In another order, and in no more memory than that takes; converted where a type is given."""
        found = _room(self._count, self._held.dtype if dtype is None else dtype)
        for piece in pieces(self._count):
            found[piece] = self._held[order[piece]]
        return found

    def smallest_type(self) -> np.dtype[Any]:
        """The smallest type of whole numbers that holds them."""
        values = self.values
        return np.result_type(*(np.min_scalar_type(int(end)) for end in (values.min(initial=0), values.max(initial=0))))


class _Held:
    """A column of numbers."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.numbers = _Growing(dtype)
        self._whole = np.issubdtype(dtype, np.integer)
        self._unknown = _Growing(np.bool_)

    def add(self, part: pl.Series) -> None:
        self.numbers.add(part.fill_null(0).to_numpy())
        self._unknown.add(part.is_null().to_numpy())

    def sorted(self, order: Numbers) -> pl.Series:
        """[N] in another order, null where the number is not known."""
        numbers = pl.Series(self.numbers.sorted(order, dtype=self.numbers.smallest_type() if self._whole else None))
        unknown = self._unknown.sorted(order)
        return numbers.set(pl.Series(unknown), None) if unknown.any() else numbers


class _HeldCodes:
    """A categorical column: the numbers that Polars gives to the values, and what they stand for."""

    def __init__(self) -> None:
        self._codes = _Growing(np.uint32)
        self._values: dict[int, str] = {}

    def add(self, part: pl.Series) -> None:
        values = part.drop_nulls().unique()
        numbers = values.to_physical().to_list()
        self._values.update(zip(numbers, values.cast(pl.String).to_list(), strict=True))
        # 0 is null.
        self._codes.add((part.to_physical().cast(pl.UInt32) + 1).fill_null(0).to_numpy())

    def sorted(self, order: Numbers) -> Coded:
        """In another order, and numbered by the values' own order; null is the first, where there is one."""
        codes = self._codes.values
        numbers = sorted(self._values, key=self._values.__getitem__)
        # 0 is null.
        places = np.array([*([0] if (codes == 0).any() else []), *(number + 1 for number in numbers)], np.int64)
        values = pl.Series([self._values.get(int(place) - 1) for place in places], dtype=pl.String)
        renumbered = np.zeros(places.max(initial=0) + 1, np.min_scalar_type(len(places)))
        renumbered[places] = np.arange(len(places))
        for piece in pieces(len(codes)):
            codes[piece] = renumbered[codes[piece]]
        return Coded(values, self._codes.sorted(order, dtype=renumbered.dtype))


def _order(ordinal: npt.NDArray[np.int32], start_frame: npt.NDArray[np.int32], video: Numbers) -> Numbers:
    """The places of rows, sorted by video, first frame and ordinal."""
    # Within a file they are sorted: to join sorted runs takes a tenth of the time of sorting.
    order = _room(len(video), np.uint32)
    order[:] = np.argsort(video, kind="stable")
    for piece in pieces(len(order), overlap=1):
        of, first, then = (column[order[piece]] for column in (video, start_frame, ordinal))
        before = (first[1:] < first[:-1]) | ((first[1:] == first[:-1]) & (then[1:] < then[:-1]))
        if (before & (of[1:] == of[:-1])).any():
            return np.lexsort((ordinal, start_frame, video)).astype(np.uint32)
    return order


def _rows(snapshot: Snapshot, languages: list[str], ingest_ids: pl.Series) -> pl.LazyFrame:
    """The clips of languages; `video` is null where the ingestion is not one of these."""
    return snapshot.raw_table("segments", languages=languages).select(
        *(*_PLACES, *_MEASURES, "text", "video_id"),
        *(pl.col(name).cast(pl.Categorical) for name in CODED),
        video=pl.col("ingest_id").cast(pl.Enum(ingest_ids), strict=False).to_physical().cast(pl.UInt32),
    )


def _slices(snapshot: Snapshot, ingest_ids: pl.Series) -> Iterator[pl.DataFrame]:
    """All clips, in the order of their files; at least one slice, which may be empty."""
    for languages in _groups(snapshot):
        rows = _rows(snapshot, languages, ingest_ids).drop("video_id")
        at, count = 0, _SLICE
        while count == _SLICE:
            found = collect(rows.slice(at, _SLICE))
            count = found.height
            at += count
            yield found


def _first(snapshot: Snapshot, videos: pl.DataFrame) -> pl.DataFrame:
    """The clips of the first videos: files of their languages, and of these what may hold them."""
    rows = _rows(snapshot, videos["sign_language"].unique().to_list(), videos["ingest_id"])
    return collect(rows.filter(pl.col("video_id") <= videos["video_id"][-1]).drop("video_id"))


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


def pieces(count: int, *, overlap: int = 0) -> Iterator[slice]:
    """Where the pieces of a long array lie: numpy's arrays on the way to a result are then small."""
    for start in range(0, count, _PIECE):
        yield slice(start, start + _PIECE + overlap)


def rows_of(bits: Bits) -> Numbers:
    """The numbers of the clips whose bits are set."""
    found = [np.flatnonzero(bits[piece]).astype(np.uint32) + np.uint32(piece.start) for piece in pieces(len(bits))]
    return np.concatenate([np.empty(0, np.uint32), *found])


def counts_of(codes: npt.NDArray[np.integer[Any]], bits: Bits, size: int) -> npt.NDArray[np.int64]:
    """How many clips of those whose bits are set have each code, [size]."""
    counts = np.zeros(size, np.int64)
    for piece in pieces(len(codes)):
        counts += np.bincount(codes[piece][bits[piece]], minlength=size)
    return counts
