"""Every file of a folder of videos is taken, or counted in what is said."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.files_beside import is_caption_file
from signverse.ingest.manifest import Entry, Manifest
from signverse.ingest.videos.folder_scan import scan_folder
from signverse.ingest.videos.plan import plan_videos
from signverse.lake.media.decode import SUFFIXES
from signverse.lake.model.errors import BadInputError


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def ids(folder: Path, **options: object) -> list[str]:
    return [task.entry.video_id for task in plan_videos(folder, None, set(), **options).tasks]  # type: ignore[arg-type]


ENDINGS = st.sampled_from(
    [*SUFFIXES, ".MP4", ".vtt", ".jpg", ".PNG", ".mp3", ".wav", ".pdf", ".txt", ".part", ".info.json", ".json", ""]
)
NAMES = st.lists(st.tuples(st.sampled_from(["", "a/", "a/b/"]), st.text("xyz", min_size=1, max_size=3), ENDINGS))


@given(names=NAMES)
def test_every_file_of_a_folder_is_a_video_a_caption_file_or_counted(names, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("videos")
    paths = {f"{parent}{stem}{ending}" for parent, stem, ending in names}
    write(folder, *paths)
    scan = scan_folder(folder)
    assert {path for path in paths if Path(path).suffix.lower() in SUFFIXES} == {
        str(path.relative_to(folder)) for path in scan.videos
    }
    assert Counter(map(len, scan.captions.values())).total() == len(scan.captions)
    assert sum(map(len, scan.captions.values())) == sum(map(is_caption_file, paths))
    assert len(scan.videos) + sum(map(len, scan.captions.values())) + scan.unused.total() == len(paths)
    # The words say the same numbers.
    assert sum(map(int, re.findall(r"(\d+) [a-z ]+ \(", scan.unused_files()))) == scan.unused.total()


@pytest.mark.parametrize(
    "ending",
    "swf vob asf mxf f4v dv y4m m2v m2ts mts 3g2 ogv rm rmvb mpe qt divx m4v ogm mk3d nut wtv ivf hevc m2t".split(),  # noqa: SIM905
)
def test_a_video_of_any_container_is_found(folder: Path, ending: str) -> None:
    write(folder, f"a.{ending}", f"sub/b.{ending.upper()}")
    assert ids(folder) == ["a", "b"]


def test_a_relative_folder_gives_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "a.mp4", "day1/b [dQw4w9WgXcQ].mp4", "day1/x.vtt", "c.jpg")
    (folder / "linked").symlink_to("day1")
    (folder / "day1" / "up").symlink_to("..")
    monkeypatch.chdir(folder.parent)
    for source in (Path(folder.name), Path("./") / folder.name / ".." / folder.name):
        assert ids(source) == ["a", "dQw4w9WgXcQ"]
        assert ids(source, id_from="path") == ["a", "day1__dQw4w9WgXcQ"]
    monkeypatch.chdir(folder)
    assert ids(Path()) == ids(Path("../") / folder.name) == ["a", "dQw4w9WgXcQ"]


def test_files_that_are_no_videos_are_counted_by_kind_and_ending(folder: Path) -> None:
    write(folder, "a.mp4", "a.jpg", "b.png", "c.jpg", "a.mp3", "notes.pdf", "b.mp4.part", "README", ".b.mp4", "._a.mp4")
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "m.csv").write_text("a,ase\n")
    (line,) = [line for line in plan_videos(folder, Manifest(folder / "m.csv"), set()).remarks if "not used" in line]
    assert line == (
        f"not used in {folder}: 1 broken link (.mp4), 1 hidden video (.mp4), 2 other files (no ending, .pdf), "
        "3 pictures (.jpg, .png), 1 sound file (.mp3), 1 unfinished download (.part)"
    )


def test_hidden_folders_are_said_but_for_the_one_of_acquisition(folder: Path) -> None:
    write(folder, "a.mp4", ".cache/b.mp4", "sub/.old/c.mp4", ".signverse/partial/d.mp4")
    assert ids(folder) == ["a"]
    assert f"2 hidden folders in {folder} not read: .cache, sub/.old" in plan_videos(folder, None, set()).remarks


def test_a_folder_without_videos_is_refused_with_what_there_is(folder: Path) -> None:
    write(folder, "a.jpg", "b.pdf")
    with pytest.raises(BadInputError, match=r"It holds 1 other file \(.pdf\), 1 picture \(.jpg\)"):
        plan_videos(folder, None, set())


def test_linked_folders_are_read_once_and_circles_end(folder: Path, tmp_path: Path) -> None:
    write(folder, "a.mp4", "z/b.mp4")
    write(tmp_path / "elsewhere", "c.mp4", "deep/d.mp4")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder / "z")
    (folder / "z" / "up").symlink_to(folder)
    (folder / "z" / "out").symlink_to(folder.parent)
    (tmp_path / "elsewhere" / "deep" / "back").symlink_to(tmp_path / "elsewhere")
    plan = plan_videos(folder, None, set())
    assert [str(task.path.relative_to(folder)) for task in plan.tasks] == [
        "a.mp4", "z/b.mp4", "linked/c.mp4", "linked/deep/d.mp4",
    ]  # fmt: skip
    assert sum("links to a folder that is read anyway" in line for line in plan.remarks) == 4


def test_a_lake_inside_the_folder_is_left_alone(folder: Path) -> None:
    write(folder, "a.mp4", "lake/videos/_delta_log/0.json", "lake/videos/part-0.parquet")
    assert not any("not used" in line for line in plan_videos(folder, None, set()).remarks)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_named(folder: Path) -> None:
    write(folder, "a.mp4", "closed/b.mp4")
    (folder / "closed").chmod(0)
    assert any("closed cannot be read" in line for line in plan_videos(folder, None, set()).remarks)


def test_the_id_in_brackets_is_taken_with_its_captions_and_said(folder: Path) -> None:
    write(folder, "My Title [dQw4w9WgXcQ].mp4", "My Title [dQw4w9WgXcQ].en.vtt", "dQw4w9WgXcQ.de.vtt", "b [1080p].mp4")
    plan = plan_videos(folder, None, set())
    assert [task.entry.video_id for task in plan.tasks] == ["b [1080p]", "dQw4w9WgXcQ"]
    assert [path.name for path in plan.tasks[1].captions] == ["dQw4w9WgXcQ.de.vtt", "My Title [dQw4w9WgXcQ].en.vtt"]
    assert "1 video with the id in brackets, as yt-dlp names files: My Title [dQw4w9WgXcQ].mp4 is dQw4w9WgXcQ" in (
        plan.remarks
    )


@pytest.mark.parametrize("proof", ["manifest", "sources", "lake", "info", "none"])
def test_an_id_of_another_site_is_taken_from_the_brackets_where_it_is_known(folder: Path, proof: str) -> None:
    write(folder, "Talk [76979871].mp4")
    if proof == "info":
        (folder / "Talk [76979871].info.json").write_text('{"id": "76979871"}')
    known = {"76979871": Entry("76979871", "ase", "ase")}
    plan = plan_videos(
        folder,
        Manifest(folder / "m.csv", known) if proof == "manifest" else None,
        {"76979871"} if proof == "lake" else set(),
        known if proof == "sources" else None,
    )
    found = [task.entry.video_id for task in plan.tasks]
    assert found == {"lake": [], "none": ["Talk [76979871]"]}.get(proof, ["76979871"])
    assert any("brackets that hold no known id" in line for line in plan.remarks) == (proof == "none")


def test_a_name_in_nfd_is_the_manifest_s_id_and_has_its_captions(folder: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café_é")
    write(folder, f"{decomposed}.mp4", f"{decomposed}.en.vtt", "café_é.fr.vtt")
    manifest = Manifest(folder / "m.csv", {"café_é": Entry("café_é", "fsl", "fsl")})
    plan = plan_videos(folder, manifest, set())
    ((task,),) = (plan.tasks,)
    assert (task.entry.sign_language, len(task.captions)) == ("fsl", 2)
    assert not any("no video" in line for line in plan.remarks)


def test_the_same_name_in_several_folders_is_several_videos_where_the_path_is_the_id(folder: Path) -> None:
    write(folder, "day1/a.mp4", "day2/a.mp4", "day2/a.en.vtt", "day2/cam/a.mp4", "a.mp4")
    plan = plan_videos(folder, None, set(), id_from="path")
    assert [task.entry.video_id for task in plan.tasks] == ["a", "day1__a", "day2__a", "day2__cam__a"]
    assert [len(task.captions) for task in plan.tasks] == [0, 0, 1, 0]
    assert not any("same id" in line or "caption file" in line for line in plan.remarks)


def test_caption_files_that_match_no_video_are_counted_with_the_first_names(folder: Path) -> None:
    write(folder, "a.mp4", "a.en.vtt", "b.en.vtt", "sub/a.en.vtt", "subs/c.vtt", "sub/x.mp4", "a-en.vtt")
    (line,) = [line for line in plan_videos(folder, None, set()).remarks if "caption file" in line]
    assert line == (
        f"4 caption files in {folder} match no video beside them: a-en.vtt, b.en.vtt, sub/a.en.vtt and 1 more"
    )
