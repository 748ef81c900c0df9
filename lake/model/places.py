"""Where what a message names lies for the user: a lake in a bucket is read by way of a folder of this machine."""

from __future__ import annotations

import re
from typing import Final

SCHEMES: Final = ("s3", "gs", "az")
"""Of the addresses of lakes in object stores."""

_AS_A_PATH: Final = re.compile(rf"({'|'.join(SCHEMES)}):/(?!/)")

_addresses: Final[dict[str, str]] = {}
"""By folder that stands for a lake of a store, the address of the lake."""


def stands_for(folder: str, address: str) -> None:
    """Says which address messages show in the place of a folder."""
    _addresses[folder] = address


def as_shown(text: str) -> str:
    """A text with the addresses of lakes in the place of the folders that stand for them."""
    for folder, address in _addresses.items():
        text = text.replace(folder, address)
    return text


def as_typed(place: str) -> str:
    """A path or an address as one types it: a `Path` makes s3:/bucket of s3://bucket."""
    written = _AS_A_PATH.match(place)
    return f"{written[1]}://{place[written.end() :]}" if written else as_shown(place)
