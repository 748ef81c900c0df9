"""Every command explains itself, and at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from signverse.command_line import build_app
from signverse.lake.cli.entry import run

ROOT = Path(__file__).parents[1]

HEAVY = (
    "onnxruntime",
    "av",
    "cv2",
    "yt_dlp",
    "polars",
    "duckdb",
    "pyarrow",
    "numpy",
    "deltalake",
    "huggingface_hub",
    "matplotlib",
)


def below(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """A command and all its subcommands."""
    found = [(path, command)]
    for name, child in getattr(command, "commands", {}).items():
        found += below(child, (*path, name))
    return found


COMMANDS = {" ".join(path): (path, command) for path, command in below(get_command(build_app()))}


def test_the_commands_are_found() -> None:
    assert {"ingest videos", "ingest shards", "export shards", "verify", "sql", "select", "doctor"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_help(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    path, command = COMMANDS[name]
    assert run(build_app(), [*path, "--help"]) == 0
    out, errors = capfd.readouterr()
    assert errors == ""
    assert out.startswith(f"Usage: {' '.join(['signverse', *path])} ")
    assert command.help
    assert len(command.help) > 10


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name: str) -> None:
    _, command = COMMANDS[name]
    bare = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
    assert bare == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if hasattr(COMMANDS[name][1], "commands")])
def test_a_group_without_a_command_shows_its_help_and_an_unknown_one_is_an_error(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path, _ = COMMANDS[name]
    assert run(build_app(), list(path)) in {0, 2}
    assert ("Commands:" if path else "Get data in:") in "".join(capfd.readouterr())
    assert run(build_app(), [*path, "nonsense"]) == 2
    assert "nonsense" in capfd.readouterr().err


LOADED = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"


def loaded_after(code: str) -> set[str]:
    """The packages and modules that a fresh interpreter has loaded after running the code."""
    ran = subprocess.run([sys.executable, "-c", code + LOADED], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import signverse")
    assert "signverse" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_of_every_command_loads_nothing_heavy() -> None:
    code = "from signverse.lake.cli.entry import run\nfrom signverse.command_line import build_app\n"
    code += (
        f"for path in {[path for path, _ in COMMANDS.values()]}:\n    assert run(build_app(), [*path, '--help']) == 0"
    )
    loaded = loaded_after(code)
    assert {"signverse.ingest", "signverse.export", "signverse.lake", "typer"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_program_itself_answers_help() -> None:
    ran = subprocess.run([sys.executable, "-m", "signverse", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: signverse ")
