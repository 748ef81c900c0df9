"""The production models, known by their content: the pair behind the published data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.lake.model.untrusted.regular_files import open_regular


@dataclass(frozen=True)
class Pin:
    """A file known by its content.

    Attributes:
        name: the file's name, on the hub and on disk.
        size: bytes.
        sha256: of the content, in hexadecimal.
        repo: repository on the Hugging Face hub.
    """

    name: str
    size: int
    sha256: str
    repo: str


PINS: Final = (
    Pin(
        "yolox_l.onnx",
        216_746_733,
        "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
        "yzd-v/DWPose",
    ),
    Pin(
        "dw-ll_ucoco_384.onnx",
        134_399_116,
        "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
        "yzd-v/DWPose",
    ),
)
"""The production pair: detector, then pose model."""


def default_folder() -> Path:
    """Where models are kept unless a folder is named: `models` in the user's cache of signverse."""
    # Imported in functions, not at the top: it would slow the start of the command line.
    from platformdirs import user_cache_path

    return user_cache_path("signverse") / "models"


def model_sha256(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
