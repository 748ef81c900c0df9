"""What is built is what a user should get, and no file of a user's takes the place of one of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"lake": "signverse/lake", "ingest": "signverse/ingest", "export": "signverse/export", "sql": "signverse/sql"}


def ours(folder: str) -> set[str]:
    """The files of a folder of the checkout, relative to it."""
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(ROOT / folder)) for path in files}


def build(out: Path, *words: str) -> Path:
    """Builds with uv, and gives the file that it made; skips where the build backend cannot be fetched."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    command = [uv, "build", "--out-dir", str(out), *words]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Failed to fetch" in built.stderr or "dns error" in built.stderr:
        pytest.skip("the build backend cannot be fetched here")
    assert built.returncode == 0, built.stderr
    (made,) = (path for path in out.iterdir() if path.suffix in {".whl", ".gz"})
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"), "--wheel", str(ROOT))


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if ".dist-info/" not in name)


@pytest.mark.slow
def test_the_wheel_holds_one_package_with_all_files_of_the_folders(wheel: Path) -> None:
    found = names(wheel)
    assert {name.split("/")[0] for name in found} == {"signverse"}
    assert len(found) == len(set(found))
    for folder, inside in FOLDERS.items():
        assert {name.removeprefix(f"{inside}/") for name in found if name.startswith(f"{inside}/")} == ours(folder)
    assert {"signverse/py.typed", "signverse/lake/model/languages.csv"} <= set(found)
    assert not [name for name in found if "__pycache__" in name]


@pytest.mark.slow
def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build(tmp_path / "sources", "--sdist", str(ROOT))
    assert names(build(tmp_path / "wheel", "--wheel", str(archive))) == names(wheel)
    with tarfile.open(archive) as tar:
        members = [name.partition("/")[2] for name in tar.getnames()]
    assert len(members) == len(set(members))
    assert not [name for name in members if name.startswith(tuple(f"{folder}/" for folder in FOLDERS))]


@pytest.fixture
def shadowing(tmp_path: Path) -> Path:
    """A folder of a user's, whose files are called as our folders are."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in (*FOLDERS, "bench", "tests", "model", "query", "storage"):
        (folder / f"{name}.py").write_text(f"raise RuntimeError('the {name}.py of a user was imported')\n")
    return folder


EVERY_HELP = """
import signverse
from typer.main import get_command
from signverse.command_line import build_app
from signverse.lake.cli.entry import run

def paths(command, path=()):
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from paths(child, (*path, name))

found = list(paths(get_command(build_app())))
for path in found:
    assert run(build_app(), [*path, "--help"]) == 0, path
for name in signverse.__all__:
    getattr(signverse, name)
print(len(found), signverse.__file__)
"""


def works_beside(folder: Path, program: list[str], python_path: str) -> str:
    """Runs commands and imports in a folder; gives the place that signverse was loaded from."""
    env = {**os.environ, "PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1", "SIGNVERSE_LAKE": ""}

    def go(*command: str) -> str:
        ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    sample = str(ROOT / "ingest" / "sample" / "synthetic.tar")
    go(*program, "ingest", "shards", sample, "--lake", "LAKE", "--workers", "2")
    assert "ase" in go(*program, "stats", "languages", "--lake", "LAKE")
    go(*program, "select", "--lake", "LAKE", "--language", "ase", "-o", "clips.parquet")
    go(*program, "export", "shards", "--lake", "LAKE", "--out", "OUT", "--workers", "2", "--selection", "clips.parquet")
    assert list((folder / "OUT").glob("*.tar"))
    code = "import signverse; print(signverse.open('LAKE').clips(languages=['ase']).collect().height)"
    assert int(go(sys.executable, "-c", code)) > 0
    count, place = go(sys.executable, "-c", EVERY_HELP).splitlines()[-1].split(" ", 1)
    assert int(count) > 20
    return place


@pytest.mark.slow
@pytest.mark.parametrize("python_path", ["", "."])
def test_a_users_files_shadow_nothing_of_a_checkout(shadowing: Path, python_path: str) -> None:
    place = works_beside(shadowing, [sys.executable, "-m", "signverse"], python_path)
    assert Path(place).is_relative_to(ROOT)


@pytest.mark.slow
def test_a_users_files_shadow_nothing_of_a_wheel(shadowing: Path, wheel: Path, tmp_path: Path) -> None:
    # Unpacked, not installed: the dependencies are those of this interpreter.
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    place = works_beside(shadowing, [sys.executable, "-m", "signverse"], f".{os.pathsep}{site}")
    assert Path(place).is_relative_to(site)
