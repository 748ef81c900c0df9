"""What is found in a folder of videos."""

from __future__ import annotations

from pathlib import Path

import pytest

from signverse.ingest.manifest import Entry, Manifest, read_manifest
from signverse.ingest.videos.plan import plan_videos
from signverse.lake.model.errors import BadInputError


def test_videos_are_found_in_subfolders_with_their_captions_and_languages(folder: Path) -> None:
    for name in ("b.mp4", "a.WEBM", "deep/er/-c.mkv", "deep/er/-c.en.vtt", "b.vtt", "b.de.vtt", "other.vtt", "a.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    plan = plan_videos(folder, Manifest(Path("m.csv"), {"b": Entry("b", "ase", "ase"), "z": Entry("z")}), set())
    assert [(task.entry.video_id, task.entry.sign_language) for task in plan.tasks] == [
        ("-c", "und"),
        ("a", "und"),
        ("b", "ase"),
    ]
    assert [[path.name for path in task.captions] for task in plan.tasks] == [
        ["-c.en.vtt"],
        [],
        ["b.de.vtt", "b.vtt"],
    ]
    assert plan.remarks == [
        "language und, not in m.csv: a, -c",
        f"1 of the manifest's 2 ids has no video in {folder}",
        f"1 caption file in {folder} matches no video beside it: other.vtt",
        f"not used in {folder}: 1 other file (.txt)",
    ]


def test_hidden_files_folders_and_half_downloads_are_passed_over(folder: Path) -> None:
    for name in (".a.mp4", "._b.mp4", ".trash/c.mp4", "d.mp4.part", "e.ytdl", "f.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "g.mp4").mkdir()
    (folder / "h.mp4").symlink_to(folder / "nowhere.mp4")
    assert [task.path.name for task in plan_videos(folder, None, set()).tasks] == ["f.mp4"]


def test_two_files_of_one_id_are_one_video_and_the_other_is_told(folder: Path) -> None:
    (folder / "x").mkdir()
    for name in ("a.mp4", "a.webm", "x/a.mp4"):
        (folder / name).write_bytes(b"x")
    plan = plan_videos(folder, None, set())
    assert [task.path for task in plan.tasks] == [folder / "a.mp4"]
    assert [line for line in plan.remarks if "is skipped" in line] == [
        f"{folder / name} is skipped: {folder / 'a.mp4'} has the same id" for name in ("a.webm", "x/a.mp4")
    ]
    assert "--id-from path takes 1 video of the same name from other folders as well" in plan.remarks


def test_a_name_that_can_be_no_id_is_told_with_its_path_on_one_line(folder: Path) -> None:
    for name in ("what?.mp4", "a\nb.mp4", "\x1b[31mred.mp4", "x" * 200 + ".mp4", " blank.mp4", "fine.mp4"):
        (folder / name).write_bytes(b"x")
    plan = plan_videos(folder, None, set())
    assert [task.entry.video_id for task in plan.tasks] == ["fine"]
    assert len(plan.refused) == 5
    for shown, why in plan.refused:
        assert (shown + why).isprintable()
        assert why.startswith(f"{folder}/")


def test_one_file_alone_is_a_video_whatever_it_is_called(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"x")
    (folder / "a.en.vtt").write_bytes(b"x")
    (task,) = plan_videos(folder / "a.bin", None, set()).tasks
    assert (task.entry.video_id, task.captions) == ("a", (folder / "a.en.vtt",))


def test_videos_that_the_lake_has_are_counted_and_left_out(folder: Path) -> None:
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(b"x")
    plan = plan_videos(folder, None, {"a", "c", "elsewhere"})
    assert ([task.entry.video_id for task in plan.tasks], plan.done) == (["b"], 2)


def test_the_real_manifest_and_a_folder_of_a_thousand_are_planned_at_once(folder: Path, data: Path) -> None:
    manifest = read_manifest(data / "manifest" / "signverse_2m_metadata_ori.csv")
    ids = list(manifest.entries)[:1000]
    for video_id in ids:
        (folder / f"{video_id}.mp4").touch()
    plan = plan_videos(folder, manifest, set())
    assert [task.entry for task in plan.tasks] == [manifest.entries[video_id] for video_id in sorted(ids)]
    assert plan.remarks == [f"38,197 of the manifest's 39,197 ids have no video in {folder}"]


def test_a_folder_of_captions_alone_is_answered_with_the_command_that_takes_them(folder: Path) -> None:
    (folder / "a.en.vtt").write_text("WEBVTT\n")
    (folder / "notes.txt").write_text("x")
    with pytest.raises(BadInputError) as refused:
        plan_videos(folder, None, set())
    assert f"signverse ingest captions {folder} --lake LAKE" in str(refused.value)
    assert "It holds 1 other file (.txt)" in str(refused.value)
