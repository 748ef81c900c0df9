"""What captions become on their way in: settings, and the options that ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import typer

from signverse.lake.cli.option_groups import one_of


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

SoundMarksOption = Annotated[
    str,
    typer.Option(
        "--sound-marks",
        callback=one_of("keep", "drop"),
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
