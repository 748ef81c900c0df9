"""Changing bytes at random, with regard to what they are: tars keep right checksums, zips right CRCs."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

MOST: Final = 1 << 20
"""Bytes of an input: more takes time and shows nothing new."""

_NUMBERS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)

WORDS: Final = (
    *(b"-->", b"\n\n", b"WEBVTT\n", b"00:00:01.000 --> 00:00:02.000", b"99999999:59:59.999", b"NOTE ", b"STYLE\n"),
    *(b"Dialogue: ", b"{\\an8}", b"[Events]\n", b'{"events":[', b'"tStartMs":1e308', b'"dDurationMs":-1', b"</c>"),
    *(b"[" * 3000, b"{" * 3000, b'"', b"\\u0000", b"\\ud800", b"NaN", b"Infinity", b"-1", b"1e400", b"9" * 400),
    *(
        b"video_id",
        b"sign_language",
        b"language",
        b"url",
        b",",
        b";",
        b"\t",
        b"\r",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ),
    *(
        b"\x1b]0;x\x07",
        b"\xe2\x80\xae",
        b"\xc2\x9b31m",
        b"../",
        b"/etc/passwd",
        b"=cmd()",
        b"file:///",
        b"\x80\x04",
        b".",
    ),
    *(b"(", b"]", b"}", b"\x94", b"c", b"R", b"b", b"u", b"0", b"N", b"K\x00", b"\x8c\x01a", b"PAR1", b"ustar"),
)
"""Pieces of the formats that are read, and of what is done with them."""


def changed(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The bytes with one to eight changes."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        chance.choice(_CHANGES)(made, chance, others)
        del made[MOST:]
    return bytes(made)


def _flip(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        size = chance.choice((1, 2, 4, 8))
        value = chance.choice((*_NUMBERS, chance.getrandbits(64))) & ((1 << 8 * size) - 1)
        at = chance.randrange(len(data))
        data[at : at + size] = value.to_bytes(size, chance.choice(("little", "big")))


def _remove(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        at = chance.randrange(len(data))
        del data[at : at + chance.choice((1, 2, 4, 16, 100, len(data)))]


def _repeat(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        at, size = chance.randrange(len(data)), chance.choice((1, 4, 16, 64, 512))
        data[at:at] = data[at : at + size] * chance.choice((1, 2, 8, 64))


def _insert(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice((chance.choice(WORDS), chance.randbytes(chance.choice((1, 3, 20)))))


def _splice(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    if other:
        at, start = chance.randint(0, len(data)), chance.randrange(len(other))
        data[at:] = other[start:]


def _lines(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\n")
    chance.choice((chance.shuffle, list.reverse, lambda rows: rows.extend(rows[: chance.randint(0, 40)])))(lines)
    data[:] = b"\n".join(lines)


_CHANGES: Final[tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...]] = (
    *(_flip, _flip, _flip, _number, _number, _remove, _repeat, _insert, _insert, _splice, _lines),
)


def changed_zip(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """An archive with one member changed and stored anew; sometimes its own bytes instead."""
    if chance.random() < 0.25:
        return changed(data, chance, others)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError):
        return changed(data, chance, others)
    at = chance.randrange(len(members)) if members else -1
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for i, (name, content) in enumerate(members):
            archive.writestr(name, changed(content, chance, [body for _, body in members]) if i == at else content)
    return made.getvalue()


def changed_tar(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A tar with a member, or the head of one, changed and made to fit; sometimes its own bytes instead."""
    if chance.random() < 0.2:
        return changed(data, chance, others)
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    with suppress(tarfile.TarError, OSError, ValueError, EOFError), tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            members.append((member, file.read() if file else b""))
    if not members:
        return changed(data, chance, others)
    at = chance.randrange(len(members))
    member, content = members[at]
    made = io.BytesIO()
    how = chance.choice(("content", "content", "content", "head", "repeat", "kind"))
    if how == "content":
        content = (changed_zip if member.name.endswith(".npz") else changed)(content, chance, [b for _, b in members])
        member.size = len(content)
    elif how == "repeat":
        members.insert(chance.randint(0, len(members)), members[at])
    elif how == "kind":
        member.type = chance.choice((b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"S", b"x", b"g", b"L", b"K", b"V"))
        member.linkname = chance.choice(("", "/etc/passwd", "../x", member.name))
    members[at] = (member, content)
    for i, (each, body) in enumerate(members):
        head = bytearray(
            each.tobuf(chance.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)), "utf-8", "surrogateescape")
        )
        if how == "head" and i == at:
            _change_head(head, chance)
        made.write(bytes(head) + body + bytes(-len(body) % 512))
    return made.getvalue() + bytes(1024)


def _change_head(head: bytearray, chance: random.Random) -> None:
    start, size = chance.choice(((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155)))
    at = start + chance.randrange(size)
    head[at : at + 4] = chance.choice((b"7777", b"\x80\x00\x00\x01", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"    "))
    del head[512:]
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head)


def changed_parquet(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A Parquet file changed in its footer, which few readers check, or anywhere."""
    if len(data) < 12 or chance.random() < 0.3:
        return changed(data, chance, others)
    (size,) = struct.unpack("<I", data[-8:-4])
    start = max(4, len(data) - 8 - size)
    footer = changed(data[start:-8], chance, others)
    return data[:start] + footer + struct.pack("<I", len(footer)) + b"PAR1"
