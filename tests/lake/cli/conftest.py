"""A command line that is typed at a lake, with its input and its outputs."""

from __future__ import annotations

import io
import sys

import pytest

from signverse.command_line import main
from signverse.lake.cli import prompt as prompts


class Input(io.TextIOWrapper):
    """Standard input that is a pipe, or a terminal."""

    def __init__(self, data: bytes, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", errors="surrogateescape")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def ask(capsysbinary, monkeypatch, town):
    """ask("sql", "select 1"): exit code, stdout in bytes, lines of stderr. The lake is the town unless named."""
    monkeypatch.setenv("SIGNVERSE_LAKE", str(town))

    def ask(*arguments: object, stdin: bytes | None = None) -> tuple[int, bytes, list[str]]:
        monkeypatch.setattr(sys, "stdin", Input(stdin or b"", terminal=stdin is None))
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        assert b"Traceback" not in captured.err
        return stop.value.code, captured.out, captured.err.decode().splitlines()

    return ask


@pytest.fixture(autouse=True)
def own_history(tmp_path_factory, monkeypatch):
    """The prompt's history is the person's: tests have one of their own."""
    place = tmp_path_factory.mktemp("state")
    monkeypatch.setattr(prompts.platformdirs, "user_state_path", lambda *_, **__: place / "signverse")
    return place
