"""Commands do not wait for pandas, where it is installed, and programs that need it have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pandas")

LOADED = "import sys\nprint(any(name.startswith('pandas.core') for name in sys.modules))"


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_command_does_not_load_it(town: Path) -> None:
    code = f"""
import sys
from signverse.__main__ import main
sys.argv = ["signverse", "stats", "languages", "--lake", {str(town)!r}]
try:
    main()
except SystemExit as end:
    assert not end.code
"""
    told = printed(code + LOADED)
    assert "ase" in told
    assert told.endswith("False\n")


def test_a_program_gives_and_gets_frames_of_it(town: Path) -> None:
    code = f"""
import signverse
lake = signverse.open({str(town)!r})
clips = lake.clips().collect().to_pandas()
print(len(clips) == len(list(lake.read_clips(clips))) > 0)
"""
    assert printed(code + LOADED) == "True\nTrue\n"
