"""What the README says is so: its help, its commands and its Python."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.main import get_command

from signverse.command_line import build_app, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "ingest" / "sample" / "synthetic.tar"


def _commands() -> list[str]:
    prose = README.split("## Commands")[0] + README.split("## When something goes wrong")[1]
    lines = re.findall(r"^    (?:uv run )?signverse (.*)$", prose, re.M)
    return [line.split("   ")[0].strip() for line in lines]


def test_the_help_in_the_readme_is_the_help_of_the_commands() -> None:
    readme = runpy.run_path(str(ROOT / "tests" / "readme.py"))
    assert readme["with_help"](README) == README, "run `just readme`"


@pytest.mark.parametrize("line", _commands())
def test_every_command_in_the_readme_is_one_that_signverse_takes(line: str) -> None:
    command, words, name = get_command(build_app()), shlex.split(line, comments=True), "signverse"
    while hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"no command {name}"
        command = command.commands[name]
    # Parsing refuses unknown options and missing arguments; nothing is run.
    command.make_context(name, words)


def test_the_readme_shows_commands_at_all() -> None:
    assert len(_commands()) > 12


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["ingest", "shards", str(SAMPLE), "--lake", str(tmp_path / "lake")])
    assert stop.value.code == 0
    block = README.split("```python\n")[1].split("```")[0]
    block = block.replace('"LAKE"', repr(str(tmp_path / "lake"))).replace('"video_id"', '"-synthGSG02"')
    names: dict[str, object] = {}
    lines = block.strip().splitlines()
    exec("\n".join(line for line in lines if not line.startswith("lake.")), names)
    clips, points, rows = (eval(line.partition("  #")[0], names) for line in lines if line.startswith("lake."))
    assert isinstance(clips, pl.DataFrame)
    assert clips["sign_language"].unique().to_list() == ["ase"]
    assert points.shape == (100, 128, 3)
    assert points.dtype == np.float32
    assert len(rows.fetchall()) == 5
