"""The rooms of the house stay apart, and what is built of them is what a user should get."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
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


@pytest.mark.slow
def test_the_wheel_installs_the_queries_and_the_sample_and_no_package_called_sql(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    built = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(tmp_path), str(ROOT)], capture_output=True, text=True, check=False
    )
    if "Failed to fetch" in built.stderr or "dns error" in built.stderr:
        pytest.skip("the build backend cannot be fetched here")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"signverse"}
    for folder, inside in (("sql", "signverse/sql"), ("ingest/sample", "signverse/ingest/sample")):
        carried = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert carried
        for path in carried:
            assert f"{inside}/{path.relative_to(ROOT / folder)}" in names
    assert {"signverse/lake/model/languages.csv", "signverse/py.typed"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    # It works where nothing of the checkout is near: a query needs the files of sql/.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    lake = tmp_path / "lake-folder"
    for words in (
        [
            "ingest",
            "shards",
            str(tmp_path / "site" / "signverse" / "ingest" / "sample" / "synthetic.tar"),
            "--lake",
            str(lake),
        ],
        ["stats", "languages", "--lake", str(lake)],
    ):
        code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import signverse; "
        code += f"assert signverse.__file__.startswith({str(tmp_path)!r}); "
        code += f"from signverse.command_line import main; main({words!r})"
        # As a file: worker processes import the main module again.
        (tmp_path / "main.py").write_text("if __name__ == '__main__':\n    " + code)
        ran = subprocess.run(
            [sys.executable, str(tmp_path / "main.py")],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path)},
        )
        assert ran.returncode == 0, ran.stderr
    assert "ase" in ran.stdout
