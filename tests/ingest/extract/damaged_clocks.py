"""Timestamps of files changed in place, as broken recorders write them."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

TS_PACKET = 188
TICKS = 90_000
TURN = 1 << 33


def shift_ts(path: Path, which: Container[int], seconds: float) -> Path:
    """Adds seconds to the times of some pictures of a transport stream, counted in the order of the file."""
    content = bytearray(path.read_bytes())
    number = -1
    for at in range(0, len(content), TS_PACKET):
        packet = content[at : at + TS_PACKET]
        if (packet[1] & 0x1F) << 8 | packet[2] != 0x100 or not packet[1] & 0x40:
            continue
        number += 1
        if number not in which:
            continue
        header = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        assert packet[header : header + 3] == b"\0\0\1"
        for place in range(2 if packet[header + 7] >> 6 == 3 else 1):
            where = at + header + 9 + 5 * place
            content[where : where + 5] = _shifted(content[where : where + 5], round(seconds * TICKS))
    path.write_bytes(content)
    return path


def _shifted(field: bytearray, ticks: int) -> bytes:
    a, b, c, d, e = field
    time = ((a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1) + ticks
    time %= TURN
    return bytes(
        [
            a & 0xF1 | time >> 30 << 1,
            time >> 22 & 255,
            (time >> 15 & 127) << 1 | 1,
            time >> 7 & 255,
            time << 1 & 255 | 1,
        ]
    )


def shift_flv(path: Path, which: Container[int], seconds: float) -> Path:
    """Adds seconds to the times of some video tags of an FLV file, counted from 0."""
    content = bytearray(path.read_bytes())
    at, number = 13, -1
    while at + 11 <= len(content):
        if content[at] == 9:
            number += 1
            if number in which:
                low, high = content[at + 4 : at + 7], content[at + 7 : at + 8]
                time = (int.from_bytes(high + low) + round(seconds * 1000)).to_bytes(4)
                content[at + 4 : at + 8] = time[1:] + time[:1]
        at += 11 + int.from_bytes(content[at + 1 : at + 4]) + 4
    path.write_bytes(content)
    return path


def shift_cluster(path: Path, which: int, seconds: float) -> Path:
    """Adds seconds to the time of a cluster of a Matroska or WebM file; negative numbers count from the end."""
    content = path.read_bytes()
    start = _places(content, b"\x1f\x43\xb6\x75")[which]
    size, body = _number(content, start + 4)
    at = content.index(b"\xe7", body)
    length, value = _number(content, at + 1)
    time = int.from_bytes(content[value : value + length]) + round(seconds * 1000)
    cluster = b"\xe7\x88" + time.to_bytes(8) + content[value + length : body + size]
    head = b"\x1f\x43\xb6\x75\x01" + len(cluster).to_bytes(7)
    path.write_bytes(content[:start] + head + cluster + content[body + size :])
    return path


def _places(content: bytes, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found


def _number(content: bytes, at: int) -> tuple[int, int]:
    """A number of EBML and where it ends."""
    length = 9 - content[at].bit_length()
    return int.from_bytes(content[at : at + length]) & (1 << 7 * length) - 1, at + length
