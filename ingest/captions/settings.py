"""How captions are cleaned and cut: the settings of `--sound-marks` and `--sentences`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TextSettings:
    """What captions become.

    Attributes:
        sound_marks: keep [Music], (applause), notes, >> and dialogue dashes, as the captions have them.
        sentences: segments are whole sentences rather than cues; the captions table keeps the cues.
    """

    sound_marks: bool = True
    sentences: bool = False


AS_THEY_ARE: Final = TextSettings()
