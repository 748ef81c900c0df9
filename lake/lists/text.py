"""The text of a list: UTF-8 or UTF-16, with a byte order mark or without. Another encoding is not guessed."""

from __future__ import annotations

from typing import Final

from signverse.lake.model.errors import BadInputError

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8", "UTF-8"),
    # Before UTF-16: its mark begins with the one of UTF-16.
    (b"\xff\xfe\0\0", "utf-32-le", "UTF-32"),
    (b"\0\0\xfe\xff", "utf-32-be", "UTF-32"),
    (b"\xff\xfe", "utf-16-le", "UTF-16"),
    (b"\xfe\xff", "utf-16-be", "UTF-16"),
)
"""Byte order marks, and the encodings that they tell."""

_OTHER_FILES: Final = (
    (b"PK\x03\x04", "is a workbook or a zip archive", "Save it as CSV (Excel: CSV UTF-8)."),
    (b"\xd0\xcf\x11\xe0", "is a workbook of an old Excel", "Save it as CSV UTF-8."),
    (b"\x1f\x8b", "is compressed with gzip", "Decompress it: gunzip."),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", "Decompress it: zstd -d."),
    (b"BZh", "is compressed with bzip2", "Decompress it: bunzip2."),
    (b"\xfd7zXZ", "is compressed with xz", "Decompress it: unxz."),
    (b"SQLite format 3", "is a database", "Export its table as CSV."),
    (b"ARROW1", "is an Arrow file", "Save it as Parquet or CSV."),
    (b"%PDF", "is a PDF", "Save its table as CSV."),
)
"""How files begin that people take for lists, what they are, and what to do."""

_SAVE_AS: Final = "Save it as UTF-8 (Excel: CSV UTF-8), or: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW."


def decode(data: bytes, what: str) -> tuple[str, str]:
    """The text of a file, without byte order marks, and the name of its encoding.

    Args:
        what: the file, for messages: "manifest m.csv".

    Raises:
        BadInputError: it is not text in UTF-8, UTF-16 or UTF-32; says which line is not.
    """
    for begins, is_what, hint in _OTHER_FILES:
        if data.startswith(begins):
            raise BadInputError(f"{what} {is_what}, not a CSV in UTF-8", hint)
    codec, encoding = _encoding(data)
    try:
        # Without the mark: a second one, of files joined or saved twice, is removed below.
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        bad = data[error.start]
        if encoding != "UTF-8":
            raise BadInputError(f"{what} is not whole: as {encoding}, line {line} cannot be read") from None
        raise BadInputError(f"{what} is not a CSV in UTF-8: line {line} holds the byte 0x{bad:02x}", _SAVE_AS) from None
    # A mark read as Windows-1252 and saved as UTF-8 looks like this.
    text = text.lstrip("\ufeff").removeprefix("ï»¿").lstrip("\ufeff")
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        raise BadInputError(f"{what} is a web page, not a CSV in UTF-8", "Download the file itself.")
    # Files that were joined have a mark where each begins.
    return text.replace("\n\ufeff", "\n"), encoding


def _encoding(data: bytes) -> tuple[str, str]:
    """Codec and name of the encoding: by the byte order mark, else by where bytes are zero."""
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return codec, name
    # Ids, separators and line ends are ASCII: in UTF-16 every second byte of them is zero.
    start = data[:65_536]
    even, odd = start[0::2].count(0), start[1::2].count(0)
    for more, fewer, codec in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if more > len(start) // 20 and fewer * 10 <= more:
            return codec, "UTF-16"
    return "utf-8", "UTF-8"
