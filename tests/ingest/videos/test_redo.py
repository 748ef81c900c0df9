"""--redo goes with a condition or without, wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from signverse.ingest.videos.redo import RedoCommand

app = typer.Typer()


@app.command(cls=RedoCommand)
def show(folder: Path, redo: Annotated[str | None, typer.Option()] = None, workers: int = 1) -> None:
    typer.echo(f"{folder.name}|{redo}|{workers}")


@pytest.mark.parametrize(
    ("words", "redo"),
    [
        (["FOLDER"], None),
        (["FOLDER", "--redo"], "true"),
        (["--redo", "FOLDER"], "true"),
        (["FOLDER", "--redo", "--workers", "1"], "true"),
        (["--redo", "detect_every > 1", "FOLDER"], "detect_every > 1"),
        (["FOLDER", "--redo", "codec = 'vp9'"], "codec = 'vp9'"),
        (["FOLDER", "--redo=codec = 'vp9'", "--workers", "1"], "codec = 'vp9'"),
    ],
)
def test_what_follows_is_the_condition_unless_it_is_an_option_or_is_there(
    tmp_path: Path, words: list[str], redo: str | None
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    ran = CliRunner().invoke(app, [str(folder) if word == "FOLDER" else word for word in words])
    assert ran.output == f"videos|{redo}|1\n"
