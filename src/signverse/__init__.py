"""Keypoints of signing people in a lake: what may be imported, all of it from here.

    import signverse
    lake = signverse.open("LAKE")
    lake.clips(languages=["ase"], min_confidence={"right_hand": 0.5}).collect()
    lake.keypoints("video_id", start_frame=0, end_frame=100)

`__all__` is the public API. Names are loaded when they are used first: `import signverse` takes milliseconds. The
command line is `signverse.command_line`; the packages `signverse.lake`, `signverse.ingest` and `signverse.export` are
not public and change without notice.
"""

from __future__ import annotations

import importlib
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signverse.export.release.clip_exports import export_clips
    from signverse.lake.clips.normalize import normalize
    from signverse.lake.clips.preparation import Preparation
    from signverse.lake.clips.resample import resample
    from signverse.lake.clips.stream import Clip, ClipReader
    from signverse.lake.clips.torch_dataset import ClipDataset, ClipSamples, ClipStream, collate
    from signverse.lake.clips.windows import Windows, cut_windows
    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import (
        BadInputError,
        DamagedLakeError,
        EmptySelectionError,
        NewerLakeError,
        NotALakeError,
        SignverseError,
        UnknownLanguageError,
        UnknownVideoError,
        UnreachableError,
    )
    from signverse.lake.model.frame_ranges import FPS
    from signverse.lake.model.languages import Language, languages
    from signverse.lake.model.languages import resolve as resolve_language
    from signverse.lake.model.skeleton import JOINTS, PARTS, Part, joint_index
    from signverse.lake.query.selection import Selection
    from signverse.lake.storage.keypoints import Points, Rows

__all__ = [
    "FPS",
    "JOINTS",
    "PARTS",
    "BadInputError",
    "Clip",
    "ClipDataset",
    "ClipReader",
    "ClipSamples",
    "ClipStream",
    "DamagedLakeError",
    "EmptySelectionError",
    "Lake",
    "Language",
    "NewerLakeError",
    "NotALakeError",
    "Part",
    "Points",
    "Preparation",
    "Rows",
    "Selection",
    "SignverseError",
    "UnknownLanguageError",
    "UnknownVideoError",
    "UnreachableError",
    "Windows",
    "collate",
    "cut_windows",
    "export_clips",
    "joint_index",
    "languages",
    "normalize",
    "open",
    "resample",
    "resolve_language",
]

_MODULES = {
    "export.release.clip_exports": ("export_clips",),
    "lake.clips.normalize": ("normalize",),
    "lake.clips.preparation": ("Preparation",),
    "lake.clips.resample": ("resample",),
    "lake.clips.stream": ("Clip", "ClipReader"),
    "lake.clips.torch_dataset": ("ClipDataset", "ClipSamples", "ClipStream", "collate"),
    "lake.clips.windows": ("Windows", "cut_windows"),
    "lake.lake": ("Lake",),
    "lake.model.errors": (
        "BadInputError",
        "DamagedLakeError",
        "EmptySelectionError",
        "NewerLakeError",
        "NotALakeError",
        "SignverseError",
        "UnknownLanguageError",
        "UnknownVideoError",
        "UnreachableError",
    ),
    "lake.model.languages": ("Language", "languages", "resolve_language"),
    "lake.model.frame_ranges": ("FPS",),
    "lake.model.skeleton": ("JOINTS", "PARTS", "Part", "joint_index"),
    "lake.query.selection": ("Selection",),
    "lake.storage.keypoints": ("Points", "Rows"),
}
"""Where a name is loaded from, inside signverse: what TYPE_CHECKING says above (a test compares)."""

_PRIVATE_NAMES = {"resolve_language": "resolve"}


def open(path: str | Path, *, version: int | None = None, as_of: datetime | None = None) -> Lake:
    """Opens a lake.

    Args:
        path: the folder of the lake, or its address: s3://, gs:// or az://, then the bucket and the path in it.
            Credentials come from the environment: AWS_ACCESS_KEY_ID and so on.
        version: the lake's version to read; the newest by default.
        as_of: the time whose newest version is read; with a time zone.

    Raises:
        NotALakeError: there is no lake at the path.
        NewerLakeError: a later version of this package wrote it.
        BadInputError: it never had that version, or did not exist at that time.
        UnreachableError: the store of the address does not answer, or refuses to.
    """
    from signverse.lake.lake import Lake

    return Lake.open(path, version=version, as_of=as_of)


if not TYPE_CHECKING:
    # A type checker that saw it would take every misspelt name for one that exists.
    def __getattr__(name: str) -> Any:
        """Loads a public name when it is used first."""
        for module, names in _MODULES.items():
            if name in names:
                found = getattr(importlib.import_module(f"signverse.{module}"), _PRIVATE_NAMES.get(name, name))
                globals()[name] = found
                return found
        raise AttributeError(f"module 'signverse' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
