"""The main job on what the project carries: every step printed as the command that one would type, then run."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from signverse.ingest.models.pair import find_models
from signverse.lake.model.errors import BadInputError, SignverseError

SAMPLE: Final = Path(__file__).parent / "sample"
MARK: Final = ".signverse-quickstart"
"""A file that says the folder is ours."""

MADE: Final = ("lake", "release", "clips.parquet", "clip.npy", "clip.png", "astronaut.png")
"""What the steps make, in a folder that is ours."""

STEPS: Final = (
    ("A released shard of synthetic signers comes in", "ingest shards {sample}/synthetic.tar --lake {out}/lake"),
    ("What is in the lake", "stats languages --lake {out}/lake"),
    (
        "A question in SQL, joints by name",
        """sql "select sign_language, round(avg(joint_y('right_wrist')), 1) as right_wrist_y, count(*) as frames """
        """from keypoints where person = 0 group by all order by all" --lake {out}/lake""",
    ),
    (
        "Clips of two languages with clear right hands",
        "select --lake {out}/lake --language ASL --language German --min-confidence right_hand=0.5 --min-duration 2 "
        "-o {out}/clips.parquet",
    ),
    ("One clip as numpy", "keypoints -synthGSG02 --lake {out}/lake --start 0 --end 4.2 -o {out}/clip.npy"),
    ("A picture of it", "picture -synthGSG02 --lake {out}/lake --start 0 --end 4.2 -o {out}/clip.png"),
    (
        "The chosen videos as release shards",
        "export shards --lake {out}/lake --out {out}/release --selection {out}/clips.parquet",
    ),
    ("Every byte is checked", "verify {out}/release"),
    ("", "verify {out}/lake"),
)
"""What is shown: a heading, and the command as one would type it."""

PULL: Final = ("The models are fetched", "models pull{models}")

EXTRACTION: Final = (
    (
        "A real person (NASA's portrait of Eileen Collins, public domain) goes through extraction",
        "ingest videos {sample}/astronaut.mp4 --lake {out}/lake{models}",
    ),
    ("What was found", "picture astronaut --lake {out}/lake --count 4 -o {out}/astronaut.png"),
)
"""The steps that need a model pair."""

NEXT: Final = """
Everything is in {out}. Now on your own data:

  signverse ingest videos FOLDER --manifest manifest.csv --lake LAKE   # ID.mp4 with ID.en.vtt beside it
  signverse ingest shards SHARDS --lake LAKE                           # or a release that you received
  signverse stats languages --lake LAKE
  signverse select --lake LAKE --language ase --min-confidence right_hand=0.5 -o clips.parquet
  signverse export shards --lake LAKE --out DIR --selection clips.parquet
"""

NO_MODELS: Final = """
No models here, so no video was extracted. `signverse models pull` fetches them (351 MB); --models or
SIGNVERSE_MODELS names a folder that has a pair; `signverse quickstart --pull` does it all.
"""


def say(text: str) -> None:
    """The narration goes where the results go, so that both stay in order in a file."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(command: Callable[[list[str]], int], out: Path, models: Path | None, *, pull: bool) -> None:
    """Goes through the steps; `command` runs one and returns its exit code.

    Raises:
        BadInputError: the folder holds other things, or a step failed.
    """
    _clear(out)
    names = {
        "out": shlex.quote(str(out)),
        "sample": shlex.quote(str(SAMPLE)),
        "models": f" --models {shlex.quote(str(models))}" if models else "",
    }
    say("The sample's signers are synthetic: puppets drawn by a program, in three languages by label only.")
    for heading, line in STEPS + ((PULL,) if pull else ()):
        _show(command, heading, line.format(**names))
    try:
        find_models(models)
    except SignverseError:
        say(NO_MODELS.rstrip())
    else:
        for heading, line in EXTRACTION:
            _show(command, heading, line.format(**names))
    say(NEXT.format(out=out).rstrip())


def _show(command: Callable[[list[str]], int], heading: str, line: str) -> None:
    if heading:
        say(f"\n# {heading}")
    say(f"$ signverse {line}")
    code = command(shlex.split(line))
    if code:
        raise BadInputError(f"`signverse {line}` ended with exit code {code}", "See above for the reason.")


def _clear(out: Path) -> None:
    """Makes the folder, or takes away what an earlier run made in it; what else is there stays."""
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise BadInputError(f"{out} holds other things", "Name another folder: signverse quickstart --out DIR.")
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
        raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
