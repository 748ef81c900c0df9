"""Looking for ids in a file of any kind: its bytes, and what they hold when they are unpacked."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from signverse.lake.lists.parquet_footer import check_footer
from signverse.lake.storage.integrity.foreign_errors import is_foreign
from signverse.lake.upkeep.forget.needles import Needles

_PIECE: Final = 16 << 20
_OVERLAP: Final = 4096
"""Bytes of a piece that the next one begins with: an id may lie across."""

_TEXT: Final = 64 << 20
"""Bytes of the largest file that is read as one text."""

_ROWS: Final = 16_384


class UnreadableError(Exception):
    """A file is packed in a way that cannot be undone: what it holds is not known."""


def found_in_file(path: Path, needles: Needles) -> set[str]:
    """What of that which is looked for a file holds: in its bytes, and unpacked.

    Raises:
        UnreadableError: it begins like Parquet, a tar or a zip, and is damaged; its bytes do not hold any of it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        found = _in_stream(file, needles)
        try:
            if head == b"PAR1":
                found |= _in_parquet(path, needles)
            elif head == b"PK\x03\x04":
                file.seek(0)
                found |= _in_zip(file, needles)
            elif path.suffix == ".tar":
                found |= _in_tar(path, needles)
        except Exception as error:
            if found:
                return found
            if is_foreign(error) or isinstance(error, tarfile.TarError | zipfile.BadZipFile | EOFError):
                raise UnreadableError(f"{path} cannot be unpacked") from None
            raise
    return found


def _in_stream(file: IO[bytes], needles: Needles) -> set[str]:
    """In bytes: a text as a text, whatever is no text as packed bytes."""
    first = file.read(_TEXT + 1)
    if len(first) <= _TEXT and b"\0" not in first[:4096]:
        try:
            return needles.in_text(first.decode("utf-8"))
        except UnicodeDecodeError:
            pass
    found = needles.in_bytes(first)
    rest = first[-_OVERLAP:]
    del first
    while piece := file.read(_PIECE):
        found |= needles.in_bytes(rest + piece)
        rest = piece[-_OVERLAP:]
    return found


def _in_parquet(path: Path, needles: Needles) -> set[str]:
    """In every column of texts, the statistics and what the footer says of the file."""
    found: set[str] = set()
    with pq.ParquetFile(path) as file:
        check_footer(file.metadata, path.stat().st_size)
        schema = file.schema_arrow
        about = [*(file.metadata.metadata or {}).items(), *(schema.metadata or {}).items()]
        found |= needles.in_values(part.decode("utf-8", "replace") for pair in about for part in pair)
        for group in range(file.metadata.num_row_groups):
            found |= needles.in_values(_statistics(file.metadata.row_group(group)))
        columns = [field.name for field in schema if _has_text(field.type)]
        if columns:
            for batch in file.iter_batches(_ROWS, columns=columns):
                for column in batch.columns:
                    for texts in _texts(column):
                        found |= needles.in_values(text for text in pc.unique(texts).to_pylist() if text)
    return found


def _statistics(group: Any) -> Iterator[str]:
    for index in range(group.num_columns):
        statistics = group.column(index).statistics
        if statistics is not None and statistics.has_min_max:
            for value in (statistics.min, statistics.max):
                if isinstance(value, str | bytes):
                    yield value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _has_text(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_has_text(kind.field(index).type) for index in range(kind.num_fields))
    if pa.types.is_dictionary(kind):
        return _has_text(kind.value_type)
    return bool(_is_text(kind))


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def _texts(array: Any) -> Iterator[Any]:
    """The arrays of texts in an array, however deep."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _texts(array.dictionary)
    elif pa.types.is_struct(kind):
        for part in array.flatten():
            yield from _texts(part)
    elif pa.types.is_map(kind):
        yield from _texts(array.keys)
        yield from _texts(array.items)
    elif pa.types.is_nested(kind):
        yield from _texts(array.flatten())
    elif _is_text(kind):
        yield array if pa.types.is_string(kind) else array.cast(pa.large_binary()).cast(pa.large_string(), safe=False)


def _in_zip(file: IO[bytes], needles: Needles) -> set[str]:
    found: set[str] = set()
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            found |= needles.in_text(member.filename)
            with archive.open(member) as data:
                found |= _in_stream(data, needles)
    return found


def _in_tar(path: Path, needles: Needles) -> set[str]:
    found: set[str] = set()
    with tarfile.open(path, "r:") as tar:
        while (member := tar.next()) is not None:
            found |= needles.in_text(member.name)
            data = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if data is not None and member.size <= _TEXT:
                content = data.read()
                found |= _in_stream(io.BytesIO(content), needles)
                if content[:4] == b"PK\x03\x04":
                    found |= _in_zip(io.BytesIO(content), needles)
            tar.members = []  # type: ignore[attr-defined]
    return found
