"""The options of every command that extracts. Imported whenever the command line starts: nothing heavy here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from signverse.ingest.captions.settings import TextSettings
from signverse.ingest.cli.shared import StalledAfterOption
from signverse.ingest.extract.defaults import DETECT_EVERY, STALLED_S
from signverse.ingest.videos.options import ExtractionOptions
from signverse.lake.cli.option_groups import one_of, option_group
from signverse.lake.cli.shared import WorkerMemoryOption

ModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--models",
        envvar="SIGNVERSE_MODELS",
        metavar="DIR",
        help="Folder of the ONNX models (default: where models pull puts them).",
    ),
]

SoundMarksOption = Annotated[
    str,
    typer.Option(
        "--sound-marks",
        callback=one_of("keep", "drop"),
        metavar="keep|drop",
        help="Keep or drop sounds in captions: [Music], (applause), notes, >>.",
    ),
]

SentencesOption = Annotated[bool, typer.Option("--sentences", help="Join caption cues to sentences, a segment each.")]


def _device_name(value: str) -> str:
    """The option's value, if it is the name of a device."""
    from signverse.ingest.models.devices import parse_device
    from signverse.lake.model.errors import BadInputError

    try:
        return str(parse_device(value))
    except BadInputError as error:
        raise typer.BadParameter(str(error)) from error


def _make(**given: Any) -> ExtractionOptions:
    return ExtractionOptions(
        models=given["models"],
        detector=given["detector"],
        pose=given["pose"],
        device=given["device"],
        workers=given["workers"],
        detect_every=given["detect_every"],
        stalled_s=given["stalled_after"],
        memory_mb=given["worker_memory"],
        exact=given["full_precision"],
        text=TextSettings(sound_marks=given["sound_marks"] == "keep", sentences=given["sentences"]),
    )


extracting = option_group(
    "how",
    {
        "models": (ModelsOption, None),
        "detector": (
            Annotated[
                Path | None, typer.Option(metavar="FILE", help="Path of the detector model (default: from --models).")
            ],
            None,
        ),
        "pose": (
            Annotated[
                Path | None, typer.Option(metavar="FILE", help="Path of the pose model (default: from --models).")
            ],
            None,
        ),
        "device": (
            Annotated[
                str,
                typer.Option(
                    callback=_device_name,
                    metavar="auto|cpu|cuda|tensorrt",
                    help="Device of the models; cuda:1 is one GPU. auto takes a GPU if one works.",
                ),
            ],
            "auto",
        ),
        "workers": (
            Annotated[
                int | None,
                typer.Option(
                    min=1, metavar="N", help="Videos extracted at once (default: one a core, on a GPU up to 8)."
                ),
            ],
            None,
        ),
        "detect_every": (
            Annotated[
                int,
                typer.Option(min=1, metavar="N", help="Run the person detector on every Nth frame (1 = all)."),
            ],
            DETECT_EVERY,
        ),
        "worker_memory": (WorkerMemoryOption, None),
        "stalled_after": (StalledAfterOption, STALLED_S),
        "full_precision": (
            Annotated[
                bool,
                typer.Option(
                    "--full-precision", help="Store full float32, not 1/8 pixel and 1/256 score: 3 times the disk."
                ),
            ],
            False,
        ),
        "sound_marks": (SoundMarksOption, "keep"),
        "sentences": (SentencesOption, False),
    },
    _make,
)
"""Decorates a command with a parameter `how: ExtractionOptions`."""
