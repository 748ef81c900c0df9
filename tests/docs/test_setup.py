"""The set-up of the README, in a fresh clone: `uv tool install .` gives a `signverse` that runs quickstart as shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown() -> list[str]:
    """The lines of quickstart's output that the README shows; `...` stands for what it leaves out."""
    (block,) = re.findall(r"<!-- output of quickstart -->\s*```text\n(.*?)```", README, re.S)
    return [line for line in block.splitlines() if line not in {"", "..."}]


@pytest.mark.slow
def test_a_fresh_clone_installs_a_signverse_that_does_what_the_readme_shows(tmp_path: Path) -> None:
    uv, git = shutil.which("uv"), shutil.which("git")
    if uv is None or git is None or not (ROOT / ".git").exists():
        pytest.skip("needs uv, git and a checkout")
    assert "uv tool install . " in README
    clone = tmp_path / "signverse-lake"
    subprocess.run([git, "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {**os.environ, "UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    installed = subprocess.run(
        [uv, "tool", "install", "."], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    if "Failed to fetch" in installed.stderr or "dns error" in installed.stderr:
        pytest.skip("packages cannot be fetched here")
    assert installed.returncode == 0, installed.stderr
    bare = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "80"}
    # In another folder: nothing of the checkout is on the path. Both streams together, as a terminal shows them.
    (tmp_path / "elsewhere").mkdir()
    ran = subprocess.run(
        ["signverse", "quickstart"],
        cwd=tmp_path / "elsewhere",
        env=bare,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    rest = ran.stdout
    for line in shown():
        for part in filter(None, re.split(r" \.\.\.(?: |$)", line)):
            assert part in rest, f"quickstart does not print, or not here: {part}"
            rest = rest.partition(part)[2]
