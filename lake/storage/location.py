"""Where a lake may lie: folders of this machine; URLs are refused."""

from __future__ import annotations

import re
from pathlib import Path

from signverse.lake.model.errors import NotALakeError
from signverse.lake.model.schema import VIDEOS


def is_lake(folder: Path) -> bool:
    """Whether a folder is a lake, whatever it holds besides."""
    return (folder / VIDEOS.name / "_delta_log").is_dir()


def lake_folder(path: str | Path) -> Path:
    """The folder that a path names, absolute.

    Raises:
        NotALakeError: no lake may lie there.
    """
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.I):
        # Path("s3://bucket") is s3:/bucket.
        url = re.sub(r"^([^/]+:)/(?!/)", r"\1//", str(path))
        raise NotALakeError(f"{url} is a URL", "Lakes are folders for now; mount or copy it.")
    folder = Path(path).expanduser().absolute()
    if re.search("%[0-9a-f]{2}", str(folder), re.I):
        # The Delta library would take a%20b for "a b" and read or write there.
        raise NotALakeError(f"{folder} has a % code in its name", "Name a folder without.")
    return folder
