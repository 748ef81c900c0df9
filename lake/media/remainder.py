"""What a file holds after the last picture that FFmpeg reads from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from signverse.lake.model.untrusted.regular_files import open_regular

if TYPE_CHECKING:
    from av.container import InputContainer

_BLOCK: Final = 1 << 20

_MOST_BOXES: Final = 100_000

# The header of an FLV file, its length, and the size of the tag before the first one.
_FLV: Final = (b"FLV\x01", b"\0\0\0\x09\0\0\0\0")

OTHER_STREAMS: Final = "the file continues with other streams: they are not read"
"""Said where new streams begin in the middle of a file, such as those of a recording with other numbers (PIDs)."""

_UNREAD: Final = "another recording follows in the file: it is not read"
_IN_PART: Final = "another recording follows in the file: FFmpeg may read it in part only"


def unread_recording(container: InputContainer, path: Path, last: int) -> str:
    """ "", or a line about a second recording that was glued to the first one, which FFmpeg does not read.

    Args:
        last: where in the file the last packet lies that was read.
    """
    formats = container.format.name.split(",")
    if "mov" not in formats and "flv" not in formats:
        return ""
    with open_regular(path) as file:
        if "mov" in formats:
            return _second_movie(file, last)
        return _UNREAD if _has_flv_header(file, last) else ""


def _second_movie(file: BinaryIO, last: int) -> str:
    """The line of an MP4 file that begins again: with a second index (moov) or a late ftyp; "" for any other."""
    end, start = file.seek(0, 2), 0
    found: list[bytes] = []
    while start + 8 <= end and len(found) < _MOST_BOXES:
        file.seek(start)
        head = file.read(16)
        size = int.from_bytes(head[:4])
        found.append(head[4:8])
        if head[4:8] == b"ftyp" and start > last:
            return _UNREAD
        if size == 1:
            size = int.from_bytes(head[8:16])
        if size < 8:
            break
        start += size
    if found.count(b"moov") < 2:
        return ""
    # Fragments of the second one are read as well, though not all frames of its first one.
    return _IN_PART if b"moof" in found else _UNREAD


def _has_flv_header(file: BinaryIO, start: int) -> bool:
    file.seek(max(start, 1))
    before = b""
    while block := file.read(_BLOCK):
        block = before + block
        at = block.find(_FLV[0])
        while at >= 0:
            if block[at + 5 : at + 13] == _FLV[1]:
                return True
            at = block.find(_FLV[0], at + 1)
        before = block[-13:]
    return False
