"""What an address stands for: a folder or a tar of this machine."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.remote.sources.local import LocalSource
from signverse.ingest.remote.sources.protocols import TarSource


def open_source(address: str | Path) -> TarSource:
    """Opens the source that an address names.

    Args:
        address: a folder of tars, or a tar.

    Raises:
        SourceError: there is nothing at the address, or it cannot be read.
    """
    return LocalSource(Path(address))
