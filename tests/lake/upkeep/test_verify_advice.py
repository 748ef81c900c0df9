"""What `signverse verify` says in the end: the videos that lost files cost, and commands that bring them back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from signverse.command_line import main
from signverse.lake.lake import Lake
from tests.lake.upkeep import damage


@pytest.fixture
def lake(tmp_path, fill, video):
    return damage.make(tmp_path / "lake", fill, video)


def verify(capsys, *arguments: object) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as stop:
        main(["verify", *map(str, arguments)])
    return stop.value.code, capsys.readouterr().err.splitlines()


def test_the_videos_of_a_lost_file_are_named_and_written(lake, tmp_path, capsys, monkeypatch):
    damage.FILES["file removed"](lake, "keypoints")
    monkeypatch.chdir(tmp_path)
    code, said = verify(capsys, "lake", "--videos", "lost.csv")
    assert code == 1
    assert "it held the keypoints of 1 video (a)" in said[1]
    assert said[2:] == ["Run:", "  signverse ingest videos FOLDER --lake lake"]
    assert Path("lost.csv").read_text() == "video_id\na\n"


def test_videos_of_a_changed_file_are_taken_by_a_condition(lake, capsys):
    damage.FILES["bit flipped"](lake, "keypoints")
    _, said = verify(capsys, lake)
    (command,) = said[3:]
    condition = command.split("--redo ")[1].strip('"').replace("'\"'\"'", "'").strip("'")
    rows = Lake.open(lake).sql(f"select video_id from videos where {condition}'").rows()
    assert rows == [("a",)]


def test_a_damaged_log_ends_in_repair_which_mends_it(lake, capsys):
    damage.LOGS["newest entry emptied"](lake, "videos")
    code, said = verify(capsys, lake)
    assert code == 1
    assert said[-2:] == ["Run:", f"  signverse repair {lake}"]
    with pytest.raises(SystemExit) as stop:
        main(["repair", str(lake)])
    assert stop.value.code in {0, None}
    assert verify(capsys, lake)[0] == 0


def test_a_lost_folder_of_videos_is_refused_with_the_command(lake, capsys):
    shutil.rmtree(lake / "videos")
    for command in (
        ["verify", lake],
        ["sql", "select 1", "--lake", lake],
        ["maintain", "--lake", lake],
        ["info", lake],
    ):
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, command)))
        assert stop.value.code == 1
        assert "signverse repair" in capsys.readouterr().err
    assert not (lake / "videos").exists()
