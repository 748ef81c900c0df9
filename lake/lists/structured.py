"""JSON, JSON lines and Parquet as lists: each object or row is a record, its keys are the columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from signverse.lake.lists.columns import IDENTIFYING, ColumnNames, find_columns, fold
from signverse.lake.lists.records import Records
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted, some

if TYPE_CHECKING:
    import polars as pl

_EXAMPLE: Final = 'Such as [{"video_id": "...", "sign_language": "..."}], or an object a line.'

_BY_YT_DLP: Final = {"extractor", "extractor_key", "ie_key", "_type", "webpage_url_domain"}
"""Keys that only yt-dlp writes. Its `language` is that of the sound."""

_SOUND: Final = "language of the sound"
_MOST_KEYS: Final = 200
"""Keys without a meaning here that are shown as columns. A hundred thousand objects with a key of their own each would
make ten thousand million cells; yt-dlp writes a hundred keys."""

_MOST_CELLS: Final = 1 << 24
"""Of a Parquet list: a gigabyte as texts. The list of two million videos has half as many."""

_DEEPEST: Final = 20
"""How deep lists may lie in each other: yt-dlp's channels have three levels."""


def read_json(text: str, what: str, names: ColumnNames) -> Records:
    """The records of JSON or JSON lines.

    Understood are: a list of objects, of ids or of rows; an object with such a list in it, as yt-dlp writes playlists
    (`-J`); a single object, as in info.json; objects by video id; lists by column; and objects one after the other
    (JSON lines).

    Raises:
        BadInputError: it is not JSON, or holds no records.
    """
    twice: list[str] = []
    try:
        values, broken, lines = _values(text, twice)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{what} is not JSON that can be read: {error}", _EXAMPLE) from None
    records = Records("JSON lines" if lines else "JSON", "line" if lines else "record", broken=broken)
    if twice:
        records.remarks.append(f"{counted(len(twice), 'key')} twice in an object, the first is used: {some(twice)}")
    objects: list[tuple[int, dict[str, Any]]] = []
    for line, value in values:
        for item in _items(value, names, what, 0):
            number = line if lines else len(objects) + len(records.broken) + 1
            if isinstance(item, dict):
                objects.append((number, item))
            else:
                records.broken.append((number, _why_none(item)))
    if lines:
        records.blank = sum(not line.strip() for line in text.removesuffix("\n").split("\n"))
    keys = _keys([item for _, item in objects], names, records.remarks)
    records.names = [_SOUND if key == "language" and _BY_YT_DLP & keys.keys() else key for key in keys]
    records.rows = [(number, [_cell(item.get(key)) for key in keys]) for number, item in objects]
    return records


def _keys(objects: Sequence[Mapping[str, Any]], names: ColumnNames, remarks: list[str]) -> dict[str, None]:
    """The keys of objects that become columns: all that are known, and so many others.

    Args:
        remarks: takes a line about those that do not.
    """
    keys = dict.fromkeys(key for item in objects for key in item)
    if len(keys) <= _MOST_KEYS:
        return keys
    known = {name for theirs in names.values() for name in theirs} | _BY_YT_DLP
    others = [key for key in keys if fold(key) not in known]
    for key in others[_MOST_KEYS:]:
        del keys[key]
    if left := others[_MOST_KEYS:]:
        remarks.append(f"{counted(len(left), 'key')} not looked at, after {_MOST_KEYS} others: {some(left)}")
    return keys


def _values(text: str, twice: list[str]) -> tuple[list[tuple[int, Any]], list[tuple[int, str]], bool]:
    """The values with their lines, the lines that cannot be read, and whether there is a value a line.

    Args:
        twice: takes the keys that an object has twice.
    """

    def first_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        held = dict(reversed(pairs))
        if len(held) < len(pairs):
            names = Counter(key for key, _ in pairs)
            twice.extend(key[:60] for key, count in names.items() if count > 1)
        return {key: held[key] for key, _ in pairs}

    try:
        return [(1, _load(text, first_of))], [], False
    except ValueError as error:
        whole = error
        twice.clear()
    values: list[tuple[int, Any]] = []
    broken: list[tuple[int, str]] = []
    # Objects with a comma behind each, as the items of a list have it; a list that is broken stays so.
    comma = "" if text.lstrip().startswith("[") else ","
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = _load(line.rstrip().removesuffix(comma), first_of)
            except (ValueError, RecursionError) as error:
                broken.append((number, f"not JSON: {error}"))
            else:
                values.append((number, value))
    # An object that is broken over several lines has lines that are JSON by chance, such as a brace or a number.
    if not values or not all(isinstance(value, dict | str | None) for _, value in values) or len(broken) > len(values):
        raise whole
    return values, broken, True


def _load(text: str, pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any:
    """The value of a text; NaN, which Python writes for what is missing, is null."""
    return json.loads(text, object_pairs_hook=pairs, parse_constant=lambda name: None)


def _items(value: Any, names: ColumnNames, what: str, depth: int) -> Iterator[Any]:
    """The records in a value: objects, and what stands where one should be."""
    if depth > _DEEPEST:
        raise BadInputError(f"{what} has lists in more than {_DEEPEST} others", _EXAMPLE)
    if isinstance(value, list):
        if value and all(isinstance(row, list) for row in value):
            yield from _rows(value, names)
            return
        for item in value:
            yield from _items(item, names, what, depth + 1) if isinstance(item, dict | list) else [_named(item)]
    elif isinstance(value, dict):
        yield from _of_object(value, names, what, depth)
    else:
        yield _named(value)


def _of_object(value: dict[str, Any], names: ColumnNames, what: str, depth: int) -> Iterator[Any]:
    if isinstance(entries := value.get("entries"), list):
        # A playlist of yt-dlp's: what it says of itself is of no video.
        yield from _items(entries, names, what, depth + 1)
        return
    if isinstance(header := value.get("columns"), list) and isinstance(data := value.get("data"), list):
        # A table of pandas', orient="split".
        yield from _rows([header, *data], names)
        return
    identifying = find_columns(list(value), {key: names[key] for key in IDENTIFYING if key in names} or names)
    if any(not isinstance(list(value.values())[at], dict | list) for at in identifying.values()):
        yield value
        return
    inner = [key for key, held in value.items() if isinstance(held, list) and held and isinstance(held[0], dict)]
    values = list(value.values())
    if len(inner) == 1:
        # As in glosses with their instances: what is said of all of them is said of each.
        shared = {key: held for key, held in value.items() if not isinstance(held, dict | list)}
        for item in value[inner[0]]:
            merged = {**shared, **item} if isinstance(item, dict) else item
            yield from _items(merged, names, what, depth + 1) if isinstance(merged, dict) else [_named(merged)]
    elif values and all(isinstance(held, dict) and find_columns(list(held), names) for held in values):
        yield from ({"video_id": key, **held} for key, held in value.items())
    elif identifying and (columns := _columns(value)):
        yield from (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    elif values and all(isinstance(held, str) for held in values) and not depth:
        yield from ({"video_id": key, "sign_language": held} for key, held in value.items())
    else:
        yield value


def _columns(value: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Lists of one length, or objects with the same keys as pandas writes them, by column; empty where they differ."""
    lists = {key: held for key, held in value.items() if isinstance(held, list)}
    if lists:
        return lists if len({len(held) for held in lists.values()}) == 1 else {}
    objects = {key: held for key, held in value.items() if isinstance(held, dict)}
    if len({tuple(held) for held in objects.values()}) != 1:
        return {}
    return {key: list(held.values()) for key, held in objects.items()}


def _rows(rows: Sequence[list[Any]], names: ColumnNames) -> Iterator[Any]:
    """Rows as lists: with a header, or video id and language."""
    first = [_cell(cell) for cell in rows[0]]
    header = first if find_columns(first, names) else ["video_id", "sign_language"]
    for row in rows[1:] if header is first else rows:
        yield dict(zip([*header, *(f"column {at + 1}" for at in range(len(header), len(row)))], row, strict=False))


def _named(item: Any) -> Any:
    """A video id or an address by itself as a record."""
    return {"video_id": item} if isinstance(item, str | int) and not isinstance(item, bool) else item


def _why_none(item: Any) -> str:
    if item is None:
        return "null, which yt-dlp writes for a video that it could not read"
    return f"{_cell(item)[:40]!a} is not a record"


def _cell(value: Any) -> str:
    """A value as the text of a cell; lists and objects are shown by their beginning."""
    if value is None:
        return ""
    if isinstance(value, str):
        # Half of a character that needs two, which no file can hold.
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=str)[:60]
    return "true" if value is True else "false" if value is False else str(value)


def read_parquet(data: bytes, what: str) -> Records:
    """The rows of a Parquet file. Columns of lists, structures and bytes are left empty.

    Raises:
        BadInputError: it cannot be read.
    """
    import polars as pl
    import pyarrow as pa

    from signverse.lake.lists.bounded_parquet import read_bounded

    try:
        # Not by Polars, which makes all that a file stands for, and panics where memory ends. And not from a file of
        # Python's: a thread of Arrow that still reads from one as the program ends takes it down (SIGABRT).
        frame = cast("pl.DataFrame", pl.from_arrow(read_bounded(pa.BufferReader(data), len(data), what)))
        if frame.height * frame.width > _MOST_CELLS:
            raise BadInputError(f"{what} has {frame.height:,} rows of {frame.width:,} columns, which no list has")
        plain = [
            (_without_fraction(frame[name]) if kind.is_float() else pl.col(name)).cast(pl.String).fill_null("")
            if not (kind.is_nested() or kind in (pl.Binary, pl.Object))
            else pl.lit("").alias(name)
            for name, kind in frame.schema.items()
        ]
        rows = [list(row) for row in frame.select(plain).rows()]
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BadInputError(f"{what} is not Parquet that can be read: {error}") from None
    return Records("Parquet", "row", frame.columns, list(enumerate(rows, 1)))


def _without_fraction(column: pl.Series) -> pl.Series:
    """Floats that are all whole numbers as integers: pandas' integers, some of which are missing."""
    import polars as pl

    column = column.fill_nan(None)
    whole = column.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == column.null_count() and (whole == column).all() else column
