"""Writing and reading the files beside the content of an export: index.csv and SHA256SUMS."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from signverse.export.formats.index_rows import INDEX, MAX_LISTING, SUMS, Row, columns, index_row, sums_text
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular
from signverse.lake.storage.integrity.sync import sync_folder
from signverse.lake.storage.temporary.whole_file import whole_file

R = TypeVar("R", bound=Row)


def write_index(out: Path, kind: type[R], index: Sequence[R], sums: Mapping[str, str]) -> None:
    """Write index.csv, then SHA256SUMS of it and the files: an export without SHA256SUMS is unfinished.

    All is on disk afterwards, where the names of the files are.

    Raises:
        BadInputError, OSError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(kind), lineterminator="\n")
    writer.writeheader()
    # Python's writer leaves a lone carriage return bare, where a reader sees the end of a line.
    quoting = csv.DictWriter(text, columns(kind), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    for row in map(asdict, index):
        has_return = any(isinstance(value, str) and "\r" in value for value in row.values())
        (quoting if has_return else writer).writerow(row)
    listing = text.getvalue().encode()
    with whole_file(out / INDEX) as file:
        file.write(listing)
    sync_folder(out)
    all_sums = {**sums, INDEX: hashlib.sha256(listing).hexdigest()}
    with whole_file(out / SUMS) as file:
        file.write(sums_text(dict(sorted(all_sums.items()))).encode())
    sync_folder(out)


def read_index(path: Path, *kinds: type[R]) -> list[R]:
    """Read an index.csv; its header decides which of the kinds its rows are.

    Raises:
        BadInputError: it is none of these.
    """
    try:
        with open_regular(path, MAX_LISTING) as opened, io.TextIOWrapper(opened, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            kind = next((kind for kind in kinds if columns(kind) == reader.fieldnames), None)
            if kind is None:
                raise ValueError(f"its columns are not {' nor '.join(','.join(columns(kind)) for kind in kinds)}")
            return [index_row(kind, row) for row in reader]
    except BadInputError:
        raise
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path} is not an index of an export: {error}") from None
