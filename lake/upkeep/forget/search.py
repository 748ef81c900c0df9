"""Looking for ids in a file of any kind: its bytes, and what they hold when they are unpacked."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
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

_ABOUT_VIDEOS: Final = {"video_id", "segment_id", "member", "file"}
"""The columns, and the keys of JSON, whose values are ids of videos and clips, or begin with one."""


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
    """In bytes: a text as a text, anything else as packed bytes."""
    first = file.read(_TEXT + 1)
    if len(first) <= _TEXT and b"\0" not in first[:4096]:
        try:
            text = first.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return needles.in_text(text) | needles.in_values(_ids_in(text))
    found = needles.in_bytes(first)
    rest = first[-_OVERLAP:]
    del first
    while piece := file.read(_PIECE):
        found |= needles.in_bytes(rest + piece)
        rest = piece[-_OVERLAP:]
    return found


def _ids_in(text: str) -> Iterator[str]:
    """The values that are about videos, of JSON (a line each, or all of it) and of CSV with a header."""
    header = text[:4096].split("\n", 1)[0].strip().split(",")
    if not _ABOUT_VIDEOS.isdisjoint(header):
        try:
            for row in csv.DictReader(io.StringIO(text, newline="")):
                yield from (value for name in _ABOUT_VIDEOS if isinstance(value := row.get(name), str))
        except csv.Error:
            return
    elif text.lstrip()[:1] in ("{", "["):
        for part in (text, *text.splitlines()):
            with suppress(ValueError, RecursionError):
                yield from _about_videos(json.loads(part))
                if part is text:
                    return


def _about_videos(value: Any, named: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _about_videos(item, key in _ABOUT_VIDEOS)
    elif isinstance(value, list):
        for item in value:
            yield from _about_videos(item, named)
    elif isinstance(value, str):
        if named:
            yield value
        elif value[:1] == "{":
            # The statistics of a file of a table.
            with suppress(ValueError, RecursionError):
                yield from _about_videos(json.loads(value))


def _in_parquet(path: Path, needles: Needles) -> set[str]:
    """In every column of texts, the statistics and what the footer says of the file."""
    found: set[str] = set()
    with pq.ParquetFile(path) as file:
        check_footer(file.metadata, path.stat().st_size)
        schema = file.schema_arrow
        about = [*(file.metadata.metadata or {}).items(), *(schema.metadata or {}).items()]
        found |= needles.in_text("\n".join(part.decode("utf-8", "replace") for pair in about for part in pair))
        for group in range(file.metadata.num_row_groups):
            found |= _in_statistics(file.metadata.row_group(group), needles)
        columns = [field.name for field in schema if _has_text(field.type)]
        if columns:
            for batch in file.iter_batches(_ROWS, columns=columns):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    for array in _texts(column):
                        found |= _in_texts(name, [text for text in pc.unique(array).to_pylist() if text], needles)
    return found


def _in_texts(column: str, texts: list[str], needles: Needles) -> set[str]:
    if column in _ABOUT_VIDEOS:
        return needles.in_values(texts)
    # Of a checkpoint: the statistics of each file.
    of_files = [each for text in texts if text[:1] == "{" for each in _about_videos(text)]
    return needles.in_text("\n".join(texts)) | needles.in_values(of_files)


def _in_statistics(group: Any, needles: Needles) -> set[str]:
    found: set[str] = set()
    for index in range(group.num_columns):
        column = group.column(index)
        if column.statistics is not None and column.statistics.has_min_max:
            values = (column.statistics.min, column.statistics.max)
            texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
            found |= _in_texts(column.path_in_schema, [text for text in texts if isinstance(text, str)], needles)
    return found


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
            found |= needles.in_values([member.name])
            data = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if data is not None and member.size <= _TEXT:
                content = data.read()
                found |= _in_stream(io.BytesIO(content), needles)
                if content[:4] == b"PK\x03\x04":
                    found |= _in_zip(io.BytesIO(content), needles)
            tar.members = []  # type: ignore[attr-defined]
    return found
