"""Reading a tar that may be anyone's, to verify it: nothing is unpacked, no link followed, no size believed."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular
from signverse.lake.storage.integrity.foreign_errors import is_foreign

_MAX_ABOUT: Final = 1 << 20
"""Bytes of a header about the next member: its long name, or its attributes."""

_MAX_JSON: Final = 16 << 20
"""Bytes of a JSON: the captions of ten hours have a tenth of it. Python's lists and dicts take 30 times the room."""


class Found(NamedTuple):
    """A member of a tar.

    Attributes:
        name: as the tar has it.
        data: its content; None for links, pipes and devices.
        offset: where its data begin in the tar.
        size: bytes of these data.
    """

    name: str
    data: IO[bytes] | None
    offset: int
    size: int


class _Member(tarfile.TarInfo):
    """The head of a member. Python's reader goes back by a negative size, for ever, and reads long names whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        member = super().frombuf(buf, encoding, errors)
        about = member.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)
        if member.size < 0 or (about and member.size > _MAX_ABOUT):
            raise tarfile.ReadError(f"a member has the size {member.size:,}")
        return member


def read_members(path: Path) -> Iterator[Found]:
    """Each member of a tar, in order.

    A sparse file has no content here: a header of a few bytes makes terabytes of zeros of it.

    Raises:
        BadInputError, tarfile.TarError, OSError, ValueError, RecursionError: it cannot be read.
    """
    with open_regular(path) as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Member) as tar:
        while (member := tar.next()) is not None:
            # Of an extended header, which is read after the head.
            if member.size < 0:
                raise tarfile.ReadError(f"a member has the size {member.size:,}")
            data = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            yield Found(member.name, data, member.offset_data, member.size)
            # Python's reader keeps each that it has seen.
            tar.members = []  # type: ignore[attr-defined]


def read_json(file: IO[bytes]) -> Any:
    """The content of a small JSON file.

    Raises:
        ValueError, RecursionError: it is not JSON, is large, or is nested thousands deep.
    """
    content = file.read(_MAX_JSON + 1)
    if len(content) > _MAX_JSON:
        raise ValueError(f"a JSON of more than {_MAX_JSON:,} bytes")
    return json.loads(content)


def unreadable(error: Exception) -> bool:
    """Whether an error says that a file is damaged, or made to do damage."""
    return isinstance(error, BadInputError | tarfile.TarError) or is_foreign(error)
