"""How videos are extracted, as the command line or a program says it. Imported at every start: nothing heavy here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from signverse.ingest.captions.settings import AS_THEY_ARE, TextSettings
from signverse.ingest.extract.defaults import DETECT_EVERY, STALLED_S

IdFrom = Literal["name", "path"]
"""What a video's id is made of: its file's name, or the names of its folders too."""


@dataclass(frozen=True, kw_only=True)
class ExtractionOptions:
    """How videos are extracted.

    Attributes:
        models: folder of the pair; None for where `models pull` puts it.
        detector, pose: paths of the models; None for those of the folder.
        device: auto, cpu, cuda, tensorrt, or a card such as cuda:1.
        workers: videos extracted at once; None for what suits the machine.
        detect_every: run the person detector on every Nth frame; 1 is exact.
        stalled_s: seconds without progress after which a video is given up.
        memory_mb: MB of memory that each worker process may take; None for what suits the machine.
        exact: keep full float32.
        text: how captions are read.
    """

    models: Path | None = None
    detector: Path | None = None
    pose: Path | None = None
    device: str = "auto"
    workers: int | None = None
    detect_every: int = DETECT_EVERY
    stalled_s: float = STALLED_S
    memory_mb: int | None = None
    exact: bool = False
    text: TextSettings = AS_THEY_ARE
