"""The clips of a lake in memory, in the order of `signverse select`, chosen by the conditions of a selection.

Two million clips take about 180 MB. A condition is evaluated once where its column is: captions and scores on clips,
channels and splits on videos, languages on the few that there are; what it leaves is a bit a clip, which is kept.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from signverse.export.explorer.clips.columns import Bits, Numbers, bits_of, pieces, read_columns, rows_of
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.bounded.statements import Statements
from signverse.lake.query.conditions import Condition
from signverse.lake.query.sampling import sample
from signverse.lake.query.selection import Selection
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.stored_splits import split_videos

Rows = Numbers | Sequence[int]
Value = TypeVar("Value")

_OF_VIDEOS: Final = ("video_id", "title", "channel", "channel_id", "url", "width", "height", "ingested_at")


class Recent:
    """The values of the last few questions, by question; safe in threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made where it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                kept: Value = self._values[key]
                return kept
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return value


@dataclass(frozen=True)
class Chosen:
    """The clips of a selection.

    Attributes:
        rows: their numbers in the catalog, ascending.
        frames: how many frames they have together.
        videos: how many videos they are of.
    """

    rows: Numbers
    frames: int
    videos: int

    def place_of(self, row: int) -> int | None:
        """The place of a clip among them; None where it is not chosen."""
        place = int(np.searchsorted(self.rows, row))
        return place if place < len(self.rows) and self.rows[place] == row else None


class Catalog:
    """Every visible clip of a snapshot, or those of its first videos, which have the same numbers. Safe in threads.

    Attributes:
        snapshot: of the lake.
        is_whole: all clips are there.
        videos: a row a video, by video_id: what clips carry of it.
        video: [N] the row in `videos` of each clip.
        ordinal, start_frame, end_frame: [N] of each clip; the first two identify it in its video.
        clips: N rows: num_frames, people_max and the measures of quality.
        coded: the columns of few values.
        texts: the captions.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        statements: Statements | None = None,
        first: int | None = None,
        on_rows: Callable[[int], None] = lambda count: None,
    ) -> None:
        """
        Args:
            statements: run the conditions in SQL.
            first: only the clips of so many videos are read.
            on_rows: called now and then with the rows that were read.

        Raises:
            DamagedLakeError: a file of the lake cannot be read.
        """
        self.snapshot = snapshot
        self._statements = statements or Statements(snapshot.folder)
        videos = collect(snapshot.videos().select("ingest_id", "sign_language", *_OF_VIDEOS))
        self.is_whole = first is None or videos.height <= first
        videos = videos if first is None else videos.head(first)
        columns = read_columns(snapshot, videos, whole=self.is_whole, on_rows=on_rows)
        self.videos = videos.drop("sign_language")
        self.video = columns.video
        self.ordinal, self.start_frame, self.end_frame = columns.ordinal, columns.start_frame, columns.end_frame
        self.clips, self.coded, self.texts = columns.measures, columns.coded, columns.texts
        # Of conditions an eighth of a byte a clip; of chosen clips up to four.
        self._bits = Recent(24)
        self._chosen = Recent(2)
        self._places = Recent(16)

    def __len__(self) -> int:
        return len(self.video)

    @property
    def num_frames(self) -> npt.NDArray[np.integer[Any]]:
        """[N] the frames of each clip; 0 where the lake does not say."""
        return self.clips["num_frames"].fill_null(0).to_numpy()

    def video_id(self, row: int) -> str:
        """The id of a clip's video."""
        return str(self.videos["video_id"][int(self.video[row])])

    def frame_size(self, row: int) -> tuple[int, int]:
        """Width and height of a clip's video, in pixels; 0 where the lake does not know them."""
        width, height = self.videos.select("width", "height").row(int(self.video[row]))
        return min(max(width or 0, 0), 65535), min(max(height or 0, 0), 65535)

    def segment_ids(self, rows: Rows) -> pl.Series:
        """The ids of clips."""
        rows = np.asarray(rows, np.uint32)
        ordinals = pl.Series("ordinal", self.ordinal[rows]).cast(pl.String).str.zfill(5)
        video_ids = self.videos["video_id"].gather(self.video[rows])
        joined = pl.DataFrame({"video_id": video_ids, "ordinal": ordinals})
        return joined.select(segment_id=pl.concat_str("video_id", "ordinal", separator="-")).to_series()

    def segment_id(self, row: int) -> str:
        """The id of a clip."""
        return str(self.segment_ids([row])[0])

    def row_of(self, segment_id: str) -> int:
        """The number of a clip.

        Raises:
            BadInputError: there is no such clip.
        """
        video_id, dash, ordinal = segment_id.rpartition("-")
        first, last = self.rows_of_video(video_id)
        if dash and ordinal.isascii() and ordinal.isdigit() and len(ordinal) < 10:
            found = np.flatnonzero(self.ordinal[first:last] == int(ordinal))
            if len(found) and self.segment_id(first + int(found[0])) == segment_id:
                return first + int(found[0])
        raise BadInputError(f"no clip {segment_id[:60]!r} in the lake")

    def rows_of_video(self, video_id: str) -> tuple[int, int]:
        """The clips of a video, as a range of numbers; an empty one where there is no such video."""
        ids = self.videos["video_id"]
        row = int(ids.search_sorted(video_id)) if len(ids) else 0
        if row == len(ids) or ids[row] != video_id:
            return 0, 0
        first, last = np.searchsorted(self.video, [row, row + 1])
        return int(first), int(last)

    def choose(self, selection: Selection) -> Chosen:
        """The clips of a selection: those of `Lake.select`.

        Raises:
            BadInputError, UnknownLanguageError: see `Selection.conditions`; or the SQL condition is refused.
        """
        key = json.dumps(selection.to_dict(), sort_keys=True)
        return self._chosen.get(key, lambda: self._choose(selection))

    def _choose(self, selection: Selection) -> Chosen:
        selection.check()
        bits = np.ones(len(self), np.bool_)
        for left in self.left_by(selection).values():
            bits &= left
        rows = rows_of(bits)
        if selection.sampled:
            drawn = pl.DataFrame(
                {
                    "segment_id": self.segment_ids(rows),
                    "sign_language": self.language_of(rows),
                    "num_frames": self.clips["num_frames"].gather(rows),
                    "row": rows,
                },
            )
            rows = sample(drawn, selection)["row"].to_numpy()
        elif selection.limit is not None:
            rows = rows[: selection.limit]
        num_frames = self.num_frames
        frames, videos, last = 0, 0, None
        for piece in pieces(len(rows)):
            frames += int(num_frames[rows[piece]].sum(dtype=np.int64))
            of = self.video[rows[piece]]
            videos += int((np.diff(of) != 0).sum()) + (of[0] != last)
            last = of[-1]
        return Chosen(rows, frames, int(videos))

    def language_of(self, rows: Rows) -> pl.Series:
        """The sign language of clips."""
        column = self.coded["sign_language"]
        rows = np.asarray(rows, np.uint32)
        return column.values.gather(column.codes[rows])

    def left_by(self, selection: Selection) -> dict[str, Bits]:
        """What the conditions of each attribute leave, [N] a clip, by the attribute that sets them."""
        left: dict[str, Bits] = {}
        for name, value in selection.to_dict().items():
            alone = Selection.from_dict({name: value})
            key = name, json.dumps(value, sort_keys=True)
            packed = self._bits.get(key, partial(self._bits_of, alone))
            if packed is not None:
                left[name] = np.unpackbits(packed, count=len(self)).view(np.bool_)
        return left

    def _bits_of(self, selection: Selection) -> npt.NDArray[np.uint8] | None:
        """Eight clips a byte. None where it says how many clips are taken, and which does not."""
        if selection.temperature is not None:
            return None
        conditions = selection.conditions(partial(split_videos, self.snapshot))
        if not conditions:
            return None
        return np.packbits(np.logical_and.reduce([self._evaluated(condition, selection) for condition in conditions]))

    def _evaluated(self, condition: Condition, selection: Selection) -> Bits:
        expression = condition.polars
        if expression is None:
            return self._asked(condition, selection)
        names = set(expression.meta.root_names())
        if names <= set(self.videos.columns):
            return np.take(bits_of(self.videos, expression), self.video)
        if len(names) == 1 and (column := self.coded.get(next(iter(names)))) is not None:
            return np.take(bits_of(column.values.to_frame(next(iter(names))), expression), column.codes)
        return self.texts.left_by(expression) if "text" in names else bits_of(self.clips, expression)

    def places(self, name: str, edges: tuple[float, ...]) -> npt.NDArray[np.uint8]:
        """Between which edges the value of each clip lies, [N]; one more than the last place where it is not known.

        What is below the first edge or beyond the last belongs to the first and the last place.
        """
        return self._places.get((name, edges), lambda: self._placed(name, edges))

    def _placed(self, name: str, edges: tuple[float, ...]) -> npt.NDArray[np.uint8]:
        column = self.clips[name]
        places = np.zeros(len(column), np.uint8)
        for piece in pieces(len(column)):
            numbers = column[piece].cast(pl.Float32).fill_null(float("nan")).to_numpy()
            # In single precision, as the measures are stored: 0.7 has to lie at the edge of 0.7.
            for edge in edges[1:-1]:
                places[piece] += numbers >= np.float32(edge)
            places[piece][np.isnan(numbers)] = len(edges) - 1
        return places

    def _asked(self, condition: Condition, selection: Selection) -> Bits:
        """What a condition in SQL leaves, asked of the lake."""
        from signverse.lake.query.bounded.first_rows import Bounds

        # First alone: a parenthesis in it must not close the one that is put around it.
        first = (f"select 1 where {selection.where}\n",)
        query = f"select video_id, ordinal from clips where {condition.sql}"  # noqa: S608 (run as one statement that reads)
        found = self._statements.rows(self.snapshot, query, Bounds(rows_mib=256), typed=selection.where, first=first)
        bits = np.zeros(len(self), np.bool_)
        if found.height:
            # The clips of a video have ordinals of their own, so that both are one number.
            video = self.videos["video_id"].search_sorted(found["video_id"]).to_numpy().astype(np.uint64)
            wanted = np.sort(video << np.uint64(32) | found["ordinal"].to_numpy().astype(np.uint64))
            for piece in pieces(len(self)):
                every = self.video[piece].astype(np.uint64) << np.uint64(32) | self.ordinal[piece].astype(np.uint64)
                bits[piece] = wanted[np.searchsorted(wanted, every).clip(max=len(wanted) - 1)] == every
        return bits
