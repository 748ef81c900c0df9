"""A takedown, as a person runs it: out of a lake and its exports, and not in again by any way."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from signverse.command_line import build_app
from signverse.lake.cli.entry import run
from signverse.lake.lake import Lake

SAMPLE = Path(__file__).parents[1] / "ingest" / "sample" / "synthetic.tar"
GONE = "-synthGSG02"
EXPORTS = {
    "card": ["shards", "--card", "--licence", "cc-by-4.0"],
    "consolidated": ["shards", "--layout", "consolidated", "--videos-per-shard", "2"],
    "clips #1": ["webdataset", "--card"],
    "parquet": ["parquet", "--card", "--by-language"],
    "pose": ["pose"],
}
FAST = ("card", "pose")


def _run(*words: object) -> int:
    return run(build_app(), [str(word) for word in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of the sample and exports of it."""
    place = tmp_path_factory.mktemp("takedown")
    assert _run("ingest", "shards", SAMPLE, "--lake", place / "lake", "--workers", "1") == 0
    _export(place, FAST)
    return place


def _export(place: Path, names: Iterable[str]) -> None:
    for name in names:
        assert _run("export", *EXPORTS[name], "--lake", place / "lake", "--out", place / name) == 0


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = Path(shutil.copytree(made, tmp_path / "there"))
    monkeypatch.chdir(copied)
    return copied


def _holding(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and GONE.encode() in path.read_bytes()]


@pytest.mark.parametrize("names", [FAST, pytest.param(tuple(EXPORTS), marks=pytest.mark.slow)])
def test_a_video_goes_from_a_lake_and_every_kind_of_export_and_the_rest_keeps_its_bytes(
    place: Path, names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _export(place, set(names) - set(FAST))
    with Lake.open("lake") as lake:
        before = set(lake.snapshot.visible()["video_id"])
    tars = [path for name in names for path in Path(name).rglob("*.tar")]
    members = {path: _members(path) for path in tars}
    exports = [word for name in names for word in ("--export", name)]
    files = {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and "_writers" not in str(path)}
    assert _run("forget", GONE, "--lake", "lake", *exports, "--dry-run") == 0
    assert "keypoints" in capsys.readouterr().out
    there = {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and "_writers" not in str(path)}
    assert there == files
    assert _run("forget", GONE, "--lake", "lake", *exports, "--reason", "by mail") == 0
    assert "1 video forgotten" in capsys.readouterr().err
    assert _holding(place) == []
    assert [path for path in place.rglob("*") if GONE in path.name] == []
    for name in ("lake", *names):
        assert _run("verify", name) == 0, capsys.readouterr().out
    assert _run("verify", "--lake", "lake", "--forgotten", GONE, *exports) == 0
    assert _run("verify", "lake", "--forgotten") == 0
    with Lake.open("lake") as lake:
        assert set(lake.snapshot.visible()["video_id"]) == before - {GONE}
    for path, were in members.items():
        left = {name: data for name, data in were.items() if name != "caption.json" and GONE not in name}
        if path.exists():
            assert _members(path).items() >= left.items()
        else:
            assert not left
    assert json.loads(Path("card/statistics.json").read_bytes())["videos"] == len(before) - 1


def _members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}  # type: ignore[union-attr]


@pytest.mark.slow
def test_no_way_leads_a_forgotten_video_into_the_lake_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("forget", GONE, "--lake", "lake") == 0
    Path("manifest.csv").write_text(f"video_id,sign_language\n{GONE},gsg\nsynthASE001,ase\n")
    Path("tars").mkdir()
    shutil.copy(SAMPLE, "tars/Sign_DWPose_NPZ_000001.tar")
    said = "1 video is not ingested: it was forgotten"
    ways = (
        ["ingest", "shards", "tars", "--lake", "lake", "--redo", "--manifest", "manifest.csv"],
        ["fetch", "tars", "--lake", "lake", "--redo", "--manifest", "manifest.csv"],
    )
    for words in ways:
        capsys.readouterr()
        assert _run(*words) == 0
        assert said in capsys.readouterr().err
        assert _run("verify", "--lake", "lake", "--forgotten", GONE) == 0
    assert _run("forget", GONE, "--lake", "lake", "--allow") == 0
    assert _run(*ways[0]) == 0
    with Lake.open("lake") as lake:
        assert GONE in set(lake.snapshot.visible()["video_id"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["never-was", GONE], "1 id in no table of"),
        ([GONE, "--export", "nowhere"], "there is no folder nowhere"),
        ([GONE, "--export", "lake"], "lake is a lake, not an export"),
        ([GONE, "--export", "other"], "is not an export"),
        ([GONE, "--export", "unfinished"], "is not finished"),
        ([GONE, "--export", "damaged"], "is not the file that SHA256SUMS lists"),
        ([GONE, "--list", "list.csv"], "no video"),
        (["--channel", "nobody's"], "is of a channel"),
        ([GONE, "--reason", f"{GONE} was asked for"], "the reason names a video"),
        ([], "no video is named"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_and_nothing_is_changed(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    Path("other").mkdir()
    Path("other/film.mp4").touch()
    shutil.copytree("card", "unfinished")
    Path("unfinished/.export.json").write_text("{}")
    shutil.copytree("pose", "damaged")
    next(Path("damaged").rglob("*GSG*.pose")).write_bytes(b"")
    Path("list.csv").write_text("video_id\n\n")
    files = {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and "_writers" not in str(path)}
    assert _run("forget", *words, "--lake", "lake") in (1, 2)
    assert says in capsys.readouterr().err
    there = {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and "_writers" not in str(path)}
    assert there == files


@pytest.mark.slow
def test_an_export_that_was_interrupted_at_any_file_is_finished_by_the_next_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: wherever the writing of an export breaks off, the same command ends as if it had not."""
    _export(place, ["consolidated"])
    whole = Path("whole")
    shutil.copytree("consolidated", whole)
    assert _run("forget", GONE, "--lake", "lake", "--export", whole) == 0
    wanted = {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*")}
    replace, step = os.replace, 0
    for stop in range(4):
        folder = Path(f"stopped{stop}")
        shutil.copytree("consolidated", folder)
        step = 0

        def stopping(old: object, new: object, folder: Path = folder, stop: int = stop) -> None:
            nonlocal step
            if folder.name in str(new):
                step += 1
                if step > stop:
                    raise KeyboardInterrupt
            replace(str(old), str(new))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", lambda old, new: stopping(old, new))
            assert _run("forget", GONE, "--lake", "lake", "--export", folder) == 130
        assert _run("forget", "--lake", "lake", "--export", folder) == 0
        assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")} == wanted
