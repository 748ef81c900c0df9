"""The index of the members of tars: what each holds and where, so that one member is read without the others.

A Parquet file beside the tars, sorted by shard and offset. Beside an export it is written with the tars; of tars that
have none, walking their headers gives it. One that comes from elsewhere is not believed before all of it is checked.

| column | |
|---|---|
| shard | path of the tar, relative to the folder of the index, with / |
| shard_oid | its sha256 in hexadecimal; of a server that knows none, its strong etag; null where neither is known |
| shard_size | its bytes |
| member | the member's name in the tar |
| offset | where the member's data begin in the tar, in bytes: behind its header, so a multiple of 512 |
| size | bytes of these data |
| video_id | the video it belongs to; null for what belongs to none |
| sha256 | of the data, in hexadecimal; null where it is not known |
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from signverse.lake.lists.bounded_parquet import read_bounded
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME: Final = "members.parquet"
"""What it is called in the folder of the tars."""

SCHEMA: Final = pa.schema(
    [
        pa.field("shard", pa.string(), nullable=False),
        pa.field("shard_oid", pa.string()),
        pa.field("shard_size", pa.int64(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("video_id", pa.string()),
        pa.field("sha256", pa.string()),
    ]
)

POLARS_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    field.name: pl.Int64() if pa.types.is_integer(field.type) else pl.String() for field in SCHEMA
}

MAX_BYTES: Final = 256 << 20
"""Of an index: that of 723 tars with 156,168 members has 2.2 MB."""

_MAX_ROWS: Final = 10_000_000

_MAX_PLACE: Final = 1 << 53
"""Bytes: no tar has as many, and sums of two do not overflow."""

_BLOCK: Final = 512
"""Bytes: the header of a member takes one such block at least, and its data begin at one."""

_ROWS_PER_GROUP: Final = 1 << 16


def as_parquet(members: pl.DataFrame) -> bytes:
    """The bytes of an index: the same rows in any order give the same bytes.

    Args:
        members: the columns of SCHEMA; others are left out.

    Raises:
        BadInputError: a row cannot be one of an index, see `problem_of`.
    """
    found = members.select(pl.col(name).cast(kind) for name, kind in POLARS_SCHEMA.items()).sort("shard", "offset")
    problem = problem_of(found)
    if problem:
        raise BadInputError(f"an index of members cannot be written: {problem}")
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        use_dictionary=["shard", "shard_oid", "shard_size", "video_id"],
        column_encoding={"offset": "DELTA_BINARY_PACKED", "size": "DELTA_BINARY_PACKED"},
        write_page_checksum=True,
    ) as writer:
        writer.write_table(found.to_arrow().cast(SCHEMA), row_group_size=_ROWS_PER_GROUP)
    return sink.getvalue()


def from_parquet(data: bytes, what: str) -> pl.DataFrame:
    """The rows of an index that may be anyone's, sorted by shard and offset, with the columns of SCHEMA.

    Args:
        what: names the file in messages.

    Raises:
        BadInputError: it cannot be read, or no tars can be as it says, see `problem_of`.
    """
    if len(data) > MAX_BYTES:
        raise BadInputError(f"{what} has {len(data):,} bytes, at most {MAX_BYTES:,} are read")
    try:
        # Not from a file of Python's: a thread of Arrow that still reads one as the program ends takes it down.
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            rows = file.metadata.num_rows
        if rows > _MAX_ROWS:
            raise BadInputError(f"{what} has {rows:,} rows, at most {_MAX_ROWS:,} are read")
        table = _with_our_types(read_bounded(pa.BufferReader(data), len(data), what), what)
        table.validate(full=True)
    except BadInputError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError) as error:
        why = (str(error).splitlines() or [""])[0]
        raise BadInputError(f"{what} is not an index of members that can be read: {why}") from None
    if len(table) > _MAX_ROWS:
        raise BadInputError(f"{what} has {len(table):,} rows, at most {_MAX_ROWS:,} are read")
    found = cast(pl.DataFrame, pl.from_arrow(table)).sort("shard", "offset")
    problem = problem_of(found)
    if problem:
        raise BadInputError(f"{what} is not an index of members: {problem}")
    return found


def _with_our_types(table: pa.Table, what: str) -> pa.Table:
    columns = []
    for field in SCHEMA:
        if table.schema.get_field_index(field.name) < 0:
            raise BadInputError(f"{what} is not an index of members: it lacks the column {field.name}, or has two")
        column = table.column(field.name)
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        wanted = pa.types.is_integer(column.type) if pa.types.is_integer(field.type) else is_text
        # Of a column without any value the type may be null.
        if not wanted and column.null_count < len(column):
            raise BadInputError(f"{what} is not an index of members: {field.name} is of type {column.type}")
        if column.null_count and not field.nullable:
            raise BadInputError(f"{what} is not an index of members: a row has no {field.name}")
        columns.append(column.cast(field.type) if wanted else pa.nulls(len(column), field.type))
    return pa.table(columns, names=SCHEMA.names)


def problem_of(members: pl.DataFrame) -> str:
    """Why rows cannot be an index of members; "" where they can.

    A row of which the tar is shorter than it says, that lies over another member or over its header, whose member
    comes twice, or that names a tar or a member by what is not a plain relative path, belongs to no index.

    Args:
        members: the columns of POLARS_SCHEMA, sorted by shard and offset.
    """
    return next(_problems(members), "")


def _problems(members: pl.DataFrame) -> Iterator[str]:
    for name in ("shard", "member"):
        bad = members[name].unique().to_frame().filter(~_is_plain_path(pl.col(name)))
        if bad.height:
            yield f"{name} is {_shown(bad.item(0, 0))}, not a plain relative path"
    sums = members.select("shard", "shard_oid", "shard_size").unique().sort("shard")
    differing = sums.filter(pl.col("shard").is_duplicated())
    if differing.height:
        yield f"{_shown(differing.item(0, 'shard'))} has two sizes or sums"
    oids = sums.filter(~pl.col("shard_oid").fill_null("0").str.contains(r"\A[!-~]{1,256}\z"))
    if oids.height:
        yield f"the sum of {_shown(oids.item(0, 'shard'))} is {_shown(oids.item(0, 'shard_oid'))}"
    digests = members.filter(~pl.col("sha256").fill_null("0" * 64).str.contains(r"\A[0-9a-f]{64}\z"))
    if digests.height:
        yield f"the sha256 of {_shown(digests.item(0, 'member'))} is {_shown(digests.item(0, 'sha256'))}"
    for video_id in members["video_id"].drop_nulls().unique().sort():
        try:
            if check_video_id(video_id) != video_id:
                yield f"the video id {_shown(video_id)} is not in Unicode's normal form"
        except BadInputError as error:
            yield error.message
    yield from _wrong_places(members)


def _wrong_places(members: pl.DataFrame) -> Iterator[str]:
    offset, size, end = pl.col("offset"), pl.col("size"), pl.col("shard_size")
    impossible = members.filter(
        ~(
            offset.is_between(_BLOCK, _MAX_PLACE)
            & (offset % _BLOCK == 0)
            & size.is_between(0, _MAX_PLACE)
            & end.is_between(0, _MAX_PLACE)
        )
    )
    if impossible.height:
        yield f"{_place(impossible)} cannot be in a tar"
        # Sums of such numbers overflow.
        return
    beyond = members.filter(offset + size > end)
    if beyond.height:
        yield f"{_place(beyond)} is outside of its tar of {beyond.item(0, 'shard_size'):,} bytes"
    # Between two members is the header of the second.
    least = ((offset + size + _BLOCK - 1) // _BLOCK * _BLOCK + _BLOCK).shift(1).over("shard")
    overlapping = members.filter(offset < least)
    if overlapping.height:
        yield f"{_place(overlapping)} lies over the member before it"
    twice = members.filter(pl.struct("shard", "member").is_duplicated())
    if twice.height:
        yield f"{_shown(twice.item(0, 'member'))} comes twice in {_shown(twice.item(0, 'shard'))}"


def is_plain_path(path: str) -> bool:
    """Whether an index may hold a member, or a shard, of this name: it leads nowhere else where it is unpacked."""
    if not path.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in path):
        return False  # From bytes of a tar that are not UTF-8: no index can hold them.
    return bool(pl.DataFrame({"path": [path]}).select(_is_plain_path(pl.col("path"))).item())


def _is_plain_path(path: pl.Expr) -> pl.Expr:
    return (
        path.str.contains(r"\A[^\x00-\x1f\x7f-\x9f\\]{1,4096}\z")
        & ~path.str.contains(r"\A/|(\A|/)\.\.(/|\z)|/\z")
        # An address, and a drive of Windows.
        & ~path.str.contains(r"\A[A-Za-z][A-Za-z0-9+.-]*:")
    )


def _place(rows: pl.DataFrame) -> str:
    row = rows.row(0, named=True)
    return f"{_shown(row['member'])} at {row['offset']:,} with {row['size']:,} bytes in {_shown(row['shard'])}"


def _shown(text: str | None) -> str:
    return printable((text or "")[:80])
