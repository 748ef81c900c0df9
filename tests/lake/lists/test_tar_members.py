"""The index of the members of tars: the same for the same rows, and refused where no tars can be as it says."""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.lists.tar_members import POLARS_SCHEMA, SCHEMA, as_parquet, from_parquet
from signverse.lake.model.errors import BadInputError

_SUM = "ab" * 32


def index(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of an index; what is not given is as in the second member of a sound tar."""
    usual = {
        "shard": "data/a.tar",
        "shard_oid": _SUM,
        "shard_size": 10_240,
        "member": "v1/poses.npz",
        "offset": 2_048,
        "size": 600,
        "video_id": "v1",
        "sha256": _SUM,
    }
    return pl.DataFrame([usual | row for row in rows], schema=POLARS_SCHEMA)


FIRST = {"member": "v1/caption.json", "offset": 512, "size": 1_000, "sha256": None}


def file_of(rows: pl.DataFrame) -> bytes:
    """A Parquet file of rows, whatever is in them."""
    sink = io.BytesIO()
    pq.write_table(rows.to_arrow(), sink)
    return sink.getvalue()


@st.composite
def tars(draw: st.DrawFn) -> dict[str, bytes]:
    """A few tars as Python writes them, by their paths."""
    found = {}
    for shard in draw(st.sets(st.sampled_from(["a.tar", "b.tar", "deep/c.tar"]), min_size=1)):
        out = io.BytesIO()
        with tarfile.open(
            fileobj=out, mode="w", format=draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
        ) as tar:
            for name in draw(st.lists(st.text("vé語x-_", min_size=1, max_size=90), unique=True, max_size=6)):
                member = tarfile.TarInfo(f"{name}/poses.npz")
                member.size = draw(st.sampled_from([0, 1, 511, 512, 513, 2_000]))
                tar.addfile(member, io.BytesIO(bytes(member.size)))
        found[shard] = out.getvalue()
    return found


@given(tars(), st.randoms(use_true_random=False))
def test_what_tars_hold_is_read_back_and_its_order_changes_no_byte(found: dict[str, bytes], random: Any) -> None:
    rows: list[dict[str, Any]] = []
    for shard, data in found.items():
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            rows += [
                {"shard": shard, "shard_oid": None, "shard_size": len(data), "member": member.name, "video_id": None}
                | {"offset": member.offset_data, "size": member.size, "sha256": None}
                for member in tar
            ]
    random.shuffle(rows)
    written = as_parquet(pl.DataFrame(rows, schema=POLARS_SCHEMA))
    ordered = sorted(rows, key=lambda row: (row["shard"].encode(), row["offset"]))
    assert as_parquet(pl.DataFrame(ordered, schema=POLARS_SCHEMA)) == written
    assert from_parquet(written, "it").to_dicts() == [{name: row[name] for name in SCHEMA.names} for row in ordered]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"offset": 1_536}, "lies over"),
        ({"offset": 512}, "lies over"),
        ({"offset": 2_049}, "cannot be in a tar"),
        ({"offset": 0}, "cannot be in a tar"),
        ({"offset": -512}, "cannot be in a tar"),
        ({"offset": 2**62}, "cannot be in a tar"),
        ({"size": -1}, "cannot be in a tar"),
        ({"size": 2**63 - 1}, "cannot be in a tar"),
        ({"size": 8_193}, "outside of its tar"),
        ({"shard_size": 2_600}, "two sizes or sums"),
        ({"shard_oid": "cd" * 32}, "two sizes or sums"),
        ({"shard_oid": None}, "two sizes or sums"),
        ({"member": FIRST["member"]}, "comes twice"),
        ({"member": "../v1/poses.npz"}, "plain relative path"),
        ({"member": "v1/../../poses.npz"}, "plain relative path"),
        ({"member": "/etc/passwd"}, "plain relative path"),
        ({"member": "C:\\poses.npz"}, "plain relative path"),
        ({"member": "c:poses.npz"}, "plain relative path"),
        ({"member": ""}, "plain relative path"),
        ({"member": "v1/"}, "plain relative path"),
        ({"member": "v1/a\nb"}, "plain relative path"),
        ({"member": "v" * 5_000}, "plain relative path"),
        ({"shard": "https://elsewhere/a.tar"}, "plain relative path"),
        ({"shard": "//elsewhere/a.tar"}, "plain relative path"),
        ({"shard": "a.tar\x00"}, "plain relative path"),
        ({"shard": "../a.tar"}, "plain relative path"),
        ({"video_id": "../v1"}, "video id"),
        ({"video_id": ""}, "video id"),
        ({"video_id": "e\u0301"}, "normal form"),
        ({"sha256": _SUM.upper()}, "sha256"),
        ({"sha256": _SUM + "\n"}, "sha256"),
        ({"sha256": ""}, "sha256"),
    ],
)
def test_rows_that_no_tar_can_have_are_neither_read_nor_written(change: dict[str, Any], said: str) -> None:
    rows = index(FIRST, change)
    with pytest.raises(BadInputError, match=said) as reading:
        from_parquet(file_of(rows), "its index")
    assert "its index" in str(reading.value) and "\n" not in str(reading.value)
    with pytest.raises(BadInputError, match=said):
        as_parquet(rows)


@pytest.mark.parametrize("name", SCHEMA.names)
def test_a_column_that_is_missing_double_of_another_type_or_empty_is_told(name: str) -> None:
    table = index(FIRST, {}).to_arrow()
    at = table.schema.get_field_index(name)
    empty = pa.nulls(len(table), table.schema.field(name).type)
    strange = {
        "missing": table.drop_columns([name]),
        "double": table.append_column(name, table.column(name)),
        "floats": table.set_column(at, name, pa.array([1.5, 2.5])),
        "bytes": table.set_column(at, name, pa.array([b"\xff", b"\xfe"])),
        "lists": table.set_column(at, name, pa.array([[1], [2]])),
        "unsigned": table.set_column(at, name, pa.array([2**64 - 1, 2**64 - 2], pa.uint64())),
        "not UTF-8": table.set_column(at, name, pa.array([b"\xff", b"\xfe"]).view(pa.string())),
    }
    if not SCHEMA.field(name).nullable:
        strange["empty"] = table.set_column(at, name, empty)
    for what, broken in strange.items():
        sink = io.BytesIO()
        pq.write_table(broken, sink)
        with pytest.raises(BadInputError, match="its index"):
            from_parquet(sink.getvalue(), "its index")
            pytest.fail(what)


def test_bytes_that_are_no_parquet_or_end_early_or_were_changed_are_one_error() -> None:
    sound = as_parquet(index(FIRST, {}))
    for data in (b"", b"PAR1", b"<html>", sound[:-1], sound[: len(sound) // 2], sound[100:]):
        with pytest.raises(BadInputError, match="its index"):
            from_parquet(data, "its index")
    for at in range(0, len(sound), 7):
        changed = bytearray(sound)
        changed[at] ^= 0x55
        try:
            from_parquet(bytes(changed), "its index")
        except BadInputError as error:
            assert "its index" in str(error)


def test_no_changed_byte_of_its_table_of_contents_ends_the_process() -> None:
    # Arrow ends it where the numbers of two levels contradict each other, unless a row is read first.
    sound = file_of(index(FIRST, {}))
    first = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    for at in range(first, len(sound) - 8):
        changed = bytearray(sound)
        changed[at] ^= 4
        with contextlib.suppress(BadInputError):
            from_parquet(bytes(changed), "its index")


def test_an_index_of_few_bytes_that_stands_for_billions_of_rows_is_refused() -> None:
    rows = pa.table({field.name: pa.nulls(2_000_000, field.type) for field in SCHEMA if field.nullable})
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000_000, pa.int32()), pa.array(["x" * 4_000]))
    sink = io.BytesIO()
    pq.write_table(rows.append_column("shard", text), sink)
    with pytest.raises(BadInputError, match="unpacks to"):
        from_parquet(sink.getvalue(), "its index")


def test_columns_that_others_add_and_empty_ones_of_no_type_are_passed_over() -> None:
    table = index(FIRST, {}).to_arrow().append_column("note", pa.array(["a", "b"]))
    at = table.schema.get_field_index("sha256")
    sink = io.BytesIO()
    pq.write_table(table.set_column(at, "sha256", pa.nulls(2)), sink)
    assert from_parquet(sink.getvalue(), "it")["sha256"].to_list() == [None, None]
