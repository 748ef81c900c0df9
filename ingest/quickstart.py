"""`signverse quickstart`: the main commands on the sample. Each is printed as a user would type it, then run."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from signverse.ingest.models.pair import find_models
from signverse.lake.cli.shared import show
from signverse.lake.model.errors import BadInputError, SignverseError

SAMPLE: Final = Path(__file__).parent / "sample"
MARK: Final = ".signverse-quickstart"
"""A file that marks the folder as made by quickstart."""

MADE: Final = ("lake", "release", "clips.parquet", "clip.npy", "clip.png", "astronaut.png")
"""What the steps make in the folder."""

STEPS: Final = (
    ("Import a released shard of synthetic signers", "ingest shards {sample}/synthetic.tar --lake {out}/lake"),
    ("See what is in the lake", "stats languages --lake {out}/lake"),
    (
        "Ask in SQL, with joints by name",
        """sql "select sign_language, round(avg(joint_y('right_wrist')), 1) as right_wrist_y, count(*) as frames """
        """from keypoints where person = 0 group by all order by all" --lake {out}/lake""",
    ),
    (
        "Select clips of two languages in which the right hand is clear",
        "select --lake {out}/lake --language ASL --language German --min-confidence right_hand=0.5 --min-duration 2 "
        "-o {out}/clips.parquet",
    ),
    (
        "Read the keypoints of a clip as a numpy array",
        "keypoints -synthGSG02 --lake {out}/lake --start 0 --end 4.2 -o {out}/clip.npy",
    ),
    ("Draw it", "picture -synthGSG02 --lake {out}/lake --start 0 --end 4.2 -o {out}/clip.png"),
    (
        "Export the videos of the selected clips as release shards",
        "export shards --lake {out}/lake --out {out}/release --selection {out}/clips.parquet",
    ),
    ("Verify every byte of the export and of the lake", "verify {out}/release"),
    ("", "verify {out}/lake"),
)
"""The steps: a heading, and the command without the name of the program."""

PULL: Final = ("Download the models", "models pull{models}")

EXTRACTION: Final = (
    (
        "Extract a video of a real person (NASA's portrait of Eileen Collins, public domain)",
        "ingest videos {sample}/astronaut.mp4 --lake {out}/lake{models}",
    ),
    ("Draw what was found", "picture astronaut --lake {out}/lake --count 4 -o {out}/astronaut.png"),
)
"""The steps that need the models."""

NEXT: Final = """
Everything is in {out}. Continue with your own data:

  # Videos ID.mp4, with captions ID.en.vtt beside them
  {program} ingest videos FOLDER --manifest manifest.csv --lake LAKE
  # Or released shards
  {program} ingest shards SHARDS --lake LAKE

  {program} stats languages --lake LAKE
  {program} select --lake LAKE --language ase -o clips.parquet
  {program} export shards --lake LAKE --selection clips.parquet --out DIR
"""

_INTERRUPTED: Final = 130
"""The exit code of a step after Ctrl-C or SIGTERM."""

NO_MODELS: Final = """
The models are not installed, so no video was extracted. They are 351 MB; where
you have them, name their folder: --models DIR.

  {program} models pull
  {program} quickstart --pull   # all of this again, and an extraction
"""


def program() -> str:
    """How the program was started, for commands that the user can type: `uv run signverse` in a checkout."""
    return "uv run signverse" if "UV_RUN_RECURSION_DEPTH" in os.environ else "signverse"


def say(text: str) -> None:
    """Prints to stdout, where the results go, so that both stay in order in a file."""
    show(*text.split("\n"))


def run(command: Callable[[list[str]], int], out: Path, models: Path | None, *, pull: bool) -> None:
    """Runs all steps; `command` runs one and returns its exit code.

    Raises:
        BadInputError: the folder holds other files, or a step failed.
    """
    _clear(out)
    here = Path.cwd()
    names = {
        "out": shlex.quote(str(out)),
        "sample": shlex.quote(str(SAMPLE.relative_to(here) if SAMPLE.is_relative_to(here) else SAMPLE)),
        "models": f" --models {shlex.quote(str(models))}" if models else "",
    }
    say("The signers of the sample are synthetic, made by a program; their sign languages are labels only.")
    for heading, line in STEPS + ((PULL,) if pull else ()):
        _show(command, heading, line.format(**names))
    try:
        find_models(models)
    except SignverseError:
        say(NO_MODELS.format(program=program()).rstrip())
    else:
        for heading, line in EXTRACTION:
            _show(command, heading, line.format(**names))
    say(NEXT.format(out=out, program=program()).rstrip())


def _show(command: Callable[[list[str]], int], heading: str, line: str) -> None:
    if heading:
        say(f"\n# {heading}")
    say(f"$ {program()} {line}")
    code = command(shlex.split(line))
    if code == _INTERRUPTED:
        # Of all steps: no fault of this one.
        raise KeyboardInterrupt
    if code:
        raise BadInputError(f"`{program()} {line}` ended with exit code {code}", "See above for the reason.")


def _clear(out: Path) -> None:
    """Creates the folder, or removes what an earlier run made in it; other files stay."""
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise BadInputError(f"{out} holds other files", "Name another folder: signverse quickstart --out DIR.")
    try:
        for name in MADE:
            path = out / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        out.mkdir(parents=True, exist_ok=True)
        (out / MARK).touch()
        (out / ".gitignore").write_text("*\n")
    except OSError as error:
        raise BadInputError(f"the folder {out} cannot be created: {error.strerror}") from None
