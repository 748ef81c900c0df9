"""Where what a message names lies for the user: a lake in a bucket is read by way of a folder of this machine."""

from __future__ import annotations

from typing import Final

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
