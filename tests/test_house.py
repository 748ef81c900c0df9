"""The rooms of the house stay apart, and what is built of them is what a user should get."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_no_room_knows_what_it_should_not() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([str(lint), "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout
    kept, broken = map(int, re.findall(r"(\d+) kept, (\d+) broken", ran.stdout)[0])
    assert kept >= 4 and broken == 0


def test_the_folder_sql_holds_sql_only() -> None:
    files = [path for path in (ROOT / "sql").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".sql"}
    assert len(files) >= 3


def git(*words: str) -> list[str]:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    return subprocess.run(["git", *words], capture_output=True, text=True, cwd=ROOT, check=True).stdout.splitlines()


def test_no_lock_file_and_nothing_large_or_of_other_peoples_is_tracked() -> None:
    tracked = git("ls-files")
    assert "pyproject.toml" in tracked
    assert "uv.lock" not in tracked
    assert [name for name in tracked if name.endswith((".onnx", ".npz", ".parquet", ".pyc"))] == []
    large = [name for name in tracked if (ROOT / name).exists() and (ROOT / name).stat().st_size > 4_000_000]
    assert large == []
