"""The quickstart does what a new user would do, from the first minute on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signverse.ingest.quickstart import EXTRACTION, NEXT, NO_MODELS, STEPS, program
from signverse.ingest.quickstart import run as run_quickstart
from signverse.lake.lake import Lake
from signverse.lake.upkeep.verify import verify_lake

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quickstart(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `signverse quickstart` as on a machine that has no models yet."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNVERSE_", "XDG_", "UV_"))}

    def run(*options: object) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            [sys.executable, "-m", "signverse", "quickstart", *map(str, options)],
            env={**bare, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert "Traceback" not in ran.stderr
        return ran

    return run


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


@pytest.mark.slow
def test_it_runs_without_models_and_again_with_them(quickstart, tmp_path: Path, data: Path) -> None:
    out = tmp_path / "it's mine"
    first = quickstart("--out", out)
    assert first.returncode == 0, first.stderr
    shown = [line for line in first.stdout.splitlines() if line.startswith("$ signverse ")]
    assert len(shown) == len(STEPS)
    assert "signverse models pull" in first.stdout
    assert np.load(out / "clip.npy").shape == (101, 128, 3)
    assert width(out / "clip.png") > 100
    assert (out / "release" / "SHA256SUMS").exists()
    assert list(verify_lake(Lake.open(out / "lake").snapshot)) == []
    # What was shown can be typed: the one that asks in SQL, in a shell.
    (question,) = [line for line in shown if line.startswith("$ signverse sql ")]
    typed = question.removeprefix("$ signverse ")
    ran = subprocess.run(
        f"{sys.executable} -m signverse {typed}", shell=True, capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ran.stdout in first.stdout

    second = quickstart("--out", out, "--models", data / "models")
    assert second.returncode == 0, second.stderr
    shown = [line for line in second.stdout.splitlines() if line.startswith("$ signverse ")]
    assert len(shown) == len(STEPS) + len(EXTRACTION)
    lake = Lake.open(out / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    assert lake.videos().collect().height == 7
    astronaut = lake.keypoints("astronaut")
    assert np.isfinite(astronaut[:, 0, 0]).all()  # A nose in every frame.
    assert width(out / "astronaut.png") > 100


def test_a_folder_that_holds_other_things_is_left_as_it_is(quickstart, tmp_path: Path) -> None:
    mine = tmp_path / "signverse-quickstart"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    for options in ((), ("--out", mine)):
        ran = quickstart(*options)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "holds other files. Name another folder: signverse quickstart --out DIR." in ran.stderr
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    (tmp_path / "file").touch()
    ran = quickstart("--out", tmp_path / "file")
    assert (ran.returncode, "cannot be created" in ran.stderr, ran.stderr.count("\n")) == (1, True, 1)


def test_in_a_checkout_the_commands_to_type_next_begin_with_uv_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert program() == "uv run signverse"
    lines = (NEXT.format(out="DIR", program=program()) + NO_MODELS.format(program=program())).splitlines()
    assert max(map(len, lines)) <= 80
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH")
    assert program() == "signverse"


def test_a_step_that_is_interrupted_interrupts_all_of_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_quickstart(lambda _: 130, tmp_path / "out", None, pull=False)
