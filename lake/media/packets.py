"""The packets of a file, each once or a few times: an index may name the same ones again without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

READ_AGAIN: Final = "the file names its own parts again and again: it is read four times over and no further"

_TIMES: Final = 4
"""Where none is named twice, packets together are not larger than their file; what Matroska compresses is, a little."""

_SMALL: Final = 1 << 20


class Packets:
    """All packets of a container, in the order in which FFmpeg gives them.

    Attributes:
        last_position: where in the file the last of those lies that were read so far.
        read_again: it ended because the packets are several times as large as the file.
    """

    def __init__(self, container: InputContainer, path: Path) -> None:
        self.last_position = 0
        self.read_again = False
        self._container = container
        self._left = _TIMES * path.stat().st_size + _SMALL

    def __iter__(self) -> Iterator[Packet[Any]]:
        for packet in self._container.demux():
            self.last_position = max(self.last_position, packet.pos or 0)
            self._left -= packet.size
            if self._left < 0:
                self.read_again = True
                return
            yield packet
