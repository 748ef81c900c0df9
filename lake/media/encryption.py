"""Whether a file is encrypted: its pictures would decode to noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

# Sample entries of pictures in MP4 and QuickTime: Common Encryption (ISO/IEC 23001-7; PlayReady and Widevine use it),
# restricted schemes, and those of iTunes.
_ENCRYPTED_ENTRIES: Final = (b"encv", b"drmi", b"drms")

# What FFmpeg's Matroska and ASF demuxers keep of an encryption header.
_STREAM_KEYS: Final = ("enc_key_id",)
_CONTAINER_KEYS: Final = ("encryption", "ASF_Protection_Type", "ASF_Key_ID", "ASF_License_URL")

_FIRST_BOXES: Final = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot", b"sidx", b"moof")

_PARENTS: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl")

# A file of a few tracks has some dozens of boxes on the way to its sample entries.
_MOST_BOXES: Final = 10_000

_TS_PACKET: Final = 188


def refuse_encrypted(path: Path) -> BadInputError:
    """The error that refuses an encrypted file."""
    return BadInputError(f"{path}: the video is encrypted", "Get a copy that is not, or take it out of the folder")


def has_encrypted_entry(path: Path) -> bool:
    """Whether an MP4 or QuickTime file has encrypted pictures; False for any other file."""
    with open_regular(path) as file:
        if file.read(8)[4:] not in _FIRST_BOXES:
            return False
        return any(entry in _ENCRYPTED_ENTRIES for entry in _picture_entries(file))


def is_encrypted(container: InputContainer, path: Path) -> bool:
    """Whether the file says that its pictures are encrypted, before any is decoded."""
    if any(key in container.metadata for key in _CONTAINER_KEYS):
        return True
    if any(key in stream.metadata for stream in container.streams.video for key in _STREAM_KEYS):
        return True
    if container.format.name == "mpegts":
        return _is_scrambled(path)
    return has_encrypted_entry(path)


def is_encrypted_packet(packet: Packet[Any]) -> bool:
    """Whether a packet carries the key's description that FFmpeg hands on where it has no key."""
    return packet.has_sidedata("encryption_info")


def _picture_entries(file: BinaryIO) -> Iterator[bytes]:
    """The four characters of every sample entry of the video tracks of an MP4 or QuickTime file."""
    end = file.seek(0, 2)
    # Boxes to be read: where each level begins and ends. The handler of a track comes before its sample entries.
    levels, handler = [(0, end)], b""
    for _ in range(_MOST_BOXES):
        while levels and levels[-1][1] - levels[-1][0] < 8:
            levels.pop()
        if not levels:
            return
        start, end = levels.pop()
        file.seek(start)
        head = file.read(16)
        size, kind, body = int.from_bytes(head[:4]), head[4:8], start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16]), start + 16
        after = start + size if size >= 8 else end
        levels.append((min(after, end), end))
        if kind in _PARENTS:
            levels.append((body, min(after, end)))
        elif kind == b"hdlr":
            file.seek(body)
            handler = file.read(12)[8:]
        elif kind == b"stsd" and handler == b"vide":
            file.seek(body)
            content = file.read(min(after - body, 1 << 16))
            yield from _entries(content)


def _entries(content: bytes) -> Iterator[bytes]:
    """The four characters of each entry of an stsd box."""
    position = 8
    while position + 8 <= len(content):
        yield content[position + 4 : position + 8]
        position += max(8, int.from_bytes(content[position : position + 4]))


def _is_scrambled(path: Path) -> bool:
    """Whether most packets of the beginning of an MPEG transport stream say that they are scrambled."""
    with open_regular(path) as file:
        content = file.read(2000 * _TS_PACKET)
    start = content.find(b"\x47")
    heads = [content[at : at + 4] for at in range(max(0, start), len(content) - 3, _TS_PACKET)]
    synced = [head for head in heads if head[:1] == b"\x47"]
    return len(synced) > len(heads) // 2 and sum(head[3] >> 7 for head in synced) > len(synced) // 2
