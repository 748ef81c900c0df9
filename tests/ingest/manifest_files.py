"""Makes manifests as people have them: of any separator, encoding, quoting and line end."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

SEPARATORS: Final = (",", ";", "\t", "|")
LINE_ENDS: Final = ("\n", "\r\n", "\r", "\r\r\n")
ENCODINGS: Final = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-8 with two marks": lambda text: b"\xef\xbb\xbf" + text.encode("utf-8-sig"),
    "UTF-16 little endian": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16 big endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 with two marks": lambda text: b"\xff\xfe" + ("\ufeff" + text).encode("utf-16-le"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 big endian without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
}


def separated(
    rows: Sequence[Sequence[str]], separator: str = ",", line_end: str = "\n", *, quoted: bool = False
) -> str:
    """Rows as a CSV.

    Args:
        quoted: whether all cells stand in quotes, not only those that need it.
    """
    text = io.StringIO(newline="")
    # Quotes stand around cells with a line break only where the writer's own line end is one.
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n", quoting=csv.QUOTE_ALL if quoted else 0)
    writer.writerows(rows)
    return text.getvalue().replace("\r\n", line_end)
