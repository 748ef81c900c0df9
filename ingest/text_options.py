"""What captions become on their way in: settings, and the options that ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import typer


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

_KEEP_OR_DROP: Final = ("keep", "drop")


def _keep_or_drop(value: str) -> str:
    if value not in _KEEP_OR_DROP:
        raise typer.BadParameter(f"choose from {', '.join(_KEEP_OR_DROP)}")
    return value


SoundMarksOption = Annotated[
    str,
    typer.Option(
        "--sound-marks",
        callback=_keep_or_drop,
        metavar="keep|drop",
        help="What is not said in captions: [Music], (applause), notes, >>.",
    ),
]

SentencesOption = Annotated[
    bool, typer.Option("--sentences", help="Segments are sentences: cues are joined until one ends.")
]


def text_settings(sound_marks: str, sentences: bool) -> TextSettings:
    """The settings that the two options ask for."""
    return TextSettings(sound_marks=sound_marks == "keep", sentences=sentences)
