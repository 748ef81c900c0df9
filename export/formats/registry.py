"""The formats: a new one is a file of this folder, a line here, and a command in export/cli/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from signverse.export.formats import card, consolidated, parquet, posefile, webdataset
from signverse.export.formats.defaults import LAYOUTS
from signverse.export.formats.format import SHARD_FOLDER, ClipFormat, FolderRules, ShardLayout

CLIP_FORMATS: Final[Mapping[str, ClipFormat]] = {
    form.name: form
    for form in (
        webdataset.FORMAT,
        parquet.FORMAT,
        posefile.FORMAT,
    )
}

SHARD_LAYOUTS: Final[Mapping[str, ShardLayout]] = dict(
    zip(LAYOUTS, (card.LAYOUT, consolidated.LAYOUT), strict=True),
)

FOLDERS: Final[tuple[FolderRules[Any], ...]] = (SHARD_FOLDER, *(form.folder for form in CLIP_FORMATS.values()))
"""What the folder of any export may hold."""
