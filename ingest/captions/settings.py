"""How captions are cleaned and cut: the settings of `--sound-marks` and `--sentences`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TextSettings:
    """How captions are cleaned and cut.

    Attributes:
        sound_marks: keep [Music], (applause), notes, >> and dialogue dashes.
        sentences: segments are sentences rather than cues; the captions table keeps the cues.
    """

    sound_marks: bool = True
    sentences: bool = False


AS_THEY_ARE: Final = TextSettings()
