"""What tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests.fakehub.fixture import hub

__all__ = ["hub"]

# A machine that is busy takes longer than 200 ms now and then: no deadline in any test.
hypothesis.settings.register_profile("signverse", deadline=None)
hypothesis.settings.load_profile("signverse")

# Where the tests run in the background of a script, Ctrl-C is ignored by them and by every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real videos, models and releases, which is not part of the repository."""
    named = os.environ.get("SIGNVERSE_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "videos").is_dir():
        pytest.skip(f"no test data at {folder}: name its folder in SIGNVERSE_TEST_DATA")
    return folder


@pytest.fixture
def signverse(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line; gives its exit code and what it wrote to stdout and stderr."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    def command(*words: object) -> tuple[int, str, str]:
        code = run(build_app(), [str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return command
