"""Parquet that stands for far more bytes than it has is refused; every other is read as it is."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lists import bounded_parquet
from signverse.lake.lists.bounded_parquet import read_bounded
from signverse.lake.model.errors import BadInputError
from tests.hostile.parquet_bombs import many_in_lists, many_rows, one_text_many_times

CELLS = {
    "text": (pa.string(), st.text(max_size=9)),
    "number": (pa.int64(), st.integers(-(2**40), 2**40)),
    "score": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "frames": (pa.list_(pa.int32()), st.lists(st.integers(0, 99), max_size=4)),
    "repairs": (pa.list_(pa.string()), st.lists(st.text(max_size=5), max_size=3)),
    "flag": (pa.bool_(), st.booleans()),
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rows=st.integers(0, 20), group=st.integers(1, 7), dictionary=st.booleans())
def test_what_stands_for_its_own_bytes_is_read_as_it_is(data: Any, rows: int, group: int, dictionary: bool) -> None:
    columns = {
        name: pa.array(data.draw(st.lists(st.none() | cell, min_size=rows, max_size=rows)), kind)
        for name, (kind, cell) in CELLS.items()
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=group, use_dictionary=dictionary)
    whole = pl.read_parquet(buffer.getvalue())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_parquet, "_ROWS_AT_ONCE", 3)
        found = pl.from_arrow(read_bounded(pa.BufferReader(buffer.getvalue()), len(buffer.getvalue()), "x"))
    assert isinstance(found, pl.DataFrame)
    assert found.equals(whole) and found.schema == whole.schema


@settings(max_examples=15, deadline=None)
@given(kind=st.sampled_from([one_text_many_times, many_rows, many_in_lists]), power=st.integers(12, 16))
def test_what_stands_for_far_more_bytes_than_it_has_is_refused_before_it_is_made(kind: Any, power: int) -> None:
    count = 1 << power
    bomb = {
        one_text_many_times: lambda: one_text_many_times(count, 4000),
        many_rows: lambda: many_rows(count, count),
        many_in_lists: lambda: many_in_lists(100 * count),
    }[kind]()
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(BadInputError, match=r"^the list x unpacks to [0-9,]+ by"),
    ):
        patch.setattr(bounded_parquet, "_ROOM", 1 << 15)
        # What a file of 4 kB says of its columns is a larger share of it than of one that would matter.
        patch.setattr(bounded_parquet, "_RATIO", 20)
        read_bounded(pa.BufferReader(bomb), len(bomb), "the list x")


@pytest.mark.parametrize("bit", [1, 4, 16])
def test_no_changed_byte_of_a_table_of_contents_of_lists_ends_the_process(bit: int) -> None:
    cells = {
        "text": ["a", "b"],
        "score": [0.5, None],
        "frames": [[1, 2], None],
        "repairs": [[], ["cut"]],
        "flag": [True] * 2,
    }
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(cells[name], CELLS[name][0]) for name in cells}), sink)
    sound = sink.getvalue()
    first = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    for at in range(first, len(sound) - 8):
        changed = bytearray(sound)
        changed[at] ^= bit
        # What anyone's list is refused with, and not the end of the process, as pyarrow's own view of a column is.
        with contextlib.suppress(BadInputError, OSError, ValueError, KeyError, NotImplementedError):
            read_bounded(pa.BufferReader(bytes(changed)), len(changed), "x")
