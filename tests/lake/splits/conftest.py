"""What the tests of splits share."""

from __future__ import annotations

import pytest

from signverse.command_line import main


@pytest.fixture
def ask(capsysbinary):
    """ask("split", ...): exit code, what is on stdout, lines of stderr."""

    def ask(*arguments: object) -> tuple[int, str, list[str]]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        assert b"Traceback" not in captured.err
        return stop.value.code, captured.out.decode(), captured.err.decode().splitlines()

    return ask
