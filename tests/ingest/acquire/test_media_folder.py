"""The media folder: what is finished is whole, and what is removed is one video's and no other's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.media_folder import FinishedVideo, MediaFolder, read_info
from signverse.ingest.captions.files_beside import captions_beside
from signverse.ingest.videos.plan import plan_videos
from signverse.ingest.videos.video_names import info_path
from signverse.lake.model.errors import BadInputError
from signverse.lake.outcomes.folder import INSIDE


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder.create(tmp_path / "media")


def publish(media: MediaFolder, video_id: str, *tags: str, suffix: str = ".mp4", **info: Any) -> FinishedVideo:
    """A finished video with caption files."""
    folder = media.partial(video_id)
    (folder / f"video{suffix}").write_text(f"video {video_id}")
    for tag in tags:
        (folder / f"{tag}.vtt").write_text(f"{video_id} {tag}")
    tracks = {f"{tag}.vtt": folder / f"{tag}.vtt" for tag in tags}
    return media.publish(video_id, folder / f"video{suffix}", tracks, info)


def seen(media: MediaFolder) -> list[str]:
    return sorted(path.name for path in media.folder.iterdir() if path.name != INSIDE)


def test_videos_under_the_names_that_yt_dlp_and_macos_give_are_found_by_their_ids(tmp_path: Path) -> None:
    media = MediaFolder(tmp_path)
    assert media.find("dQw4w9WgXcQ") is None
    for name in ("A title [dQw4w9WgXcQ].mp4", "A title [dQw4w9WgXcQ].en.vtt", "cafe\u0301.webm", "cafe\u0301.en.vtt"):
        (tmp_path / name).write_bytes(b"x")
    for video_id in ("dQw4w9WgXcQ", "caf\u00e9"):
        found = media.find(video_id)
        assert found is not None
        assert len(found.captions) == 1
    assert media.finished().keys() == {"dQw4w9WgXcQ", "caf\u00e9"}


def test_a_finished_video_lies_there_with_its_captions_and_what_was_told(media: MediaFolder) -> None:
    fetched = publish(media, "a", "en", "de-orig", title="News", duration=2.5, formats=[1], language=None)
    assert seen(media) == ["a.de-orig.vtt", "a.en.vtt", "a.info.json", "a.mp4"]
    (found,) = media.finished().items()
    assert found[0] == "a"
    assert (found[1].path, set(found[1].captions)) == (fetched.path, set(fetched.captions))
    assert fetched.info == {"title": "News", "duration": 2.5}
    assert fetched.size == len("video a")
    assert media.partials() == {}


def test_the_video_comes_last_so_what_is_seen_is_whole(media: MediaFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        assert media.finished() == {}
        if not self.name.startswith("."):
            moved.append(target.name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    publish(media, "a", "en", "de")
    assert moved[-2:] == ["a.info.json", "a.mp4"]
    assert sorted(moved[:-2]) == ["a.de.vtt", "a.en.vtt"]


@pytest.mark.parametrize("steps", range(6))
def test_who_is_killed_while_a_video_is_put_there_shows_nothing_and_goes_on(
    media: MediaFolder, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    real, done = Path.replace, 0

    def replace(self: Path, target: Path) -> Path:
        nonlocal done
        if done == steps:
            raise KeyboardInterrupt
        done += 1
        return real(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", replace)
        publish(media, "a", "en", "de")
    assert media.finished() == {}
    # What there is of the video is still there to go on from.
    assert list(media.partials()) == ["a"]
    assert [path.name for path in media.partial("a").glob("video.*")] == ["video.mp4"]
    fetched = publish(media, "a", "en", "de")
    assert [path.name for path in (*fetched.captions, fetched.path)] == ["a.en.vtt", "a.de.vtt", "a.mp4"]
    fetched.remove()
    assert seen(media) == []


def test_an_older_copy_of_a_video_is_replaced(media: MediaFolder) -> None:
    publish(media, "a", "en", title="Old")
    fetched = publish(media, "a", "en", title="New")
    assert media.finished()["a"].info == {"title": "New"}
    fetched.remove()
    assert seen(media) == []


def test_removing_removes_just_what_is_the_video_s(media: MediaFolder) -> None:
    (media.folder / "notes.txt").write_text("mine")
    (media.folder / "a.txt").write_text("mine")
    for video_id in ("a", "a.en", "ab", "a.b.c", "A"):
        publish(media, video_id, "en", "fr")
    for video_id in ("a", "a.en", "ab", "a.b.c", "A"):
        before = set(seen(media))
        media.finished()[video_id].remove()
        gone = {f"{video_id}.en.vtt", f"{video_id}.fr.vtt", f"{video_id}.info.json", f"{video_id}.mp4"}
        assert before - set(seen(media)) == gone
    assert seen(media) == ["a.txt", "notes.txt"]


def test_captions_and_notes_that_somebody_put_there_are_neither_replaced_nor_removed(media: MediaFolder) -> None:
    for name in ("a.en.vtt", "a.info.json", "a.pl.vtt"):
        (media.folder / name).write_text("mine")
    fetched = publish(media, "a", "en", "de", title="News")
    assert {path.name for path in fetched.captions} == {"a.en.vtt", "a.de.vtt"}
    media.finished()["a"].remove()
    assert seen(media) == ["a.en.vtt", "a.info.json", "a.pl.vtt"]
    assert {(media.folder / name).read_text() for name in seen(media)} == {"mine"}


def test_a_mark_that_names_files_elsewhere_removes_none_of_them(media: MediaFolder) -> None:
    outside = media.folder.parent / "outside"
    outside.write_text("mine")
    fetched = publish(media, "a")
    (media.folder / INSIDE / "fetched" / "a").write_text("a.mp4\n../outside\n")
    fetched.remove()
    assert outside.exists() and not fetched.path.exists()


def test_removing_twice_or_what_is_gone_is_no_error(media: MediaFolder) -> None:
    fetched = publish(media, "a", "en")
    fetched.captions[0].unlink()
    fetched.remove()
    fetched.remove()
    assert (fetched.size, fetched.info) == (0, {})


@pytest.mark.parametrize("video_id", ["-dash", "--help", "a.b", "a.mp4", "a b", "ü日", "%41", "x.info", "~", "1" * 128])
def test_ids_that_are_strange_names_are_published_found_and_removed(media: MediaFolder, video_id: str) -> None:
    publish(media, video_id, "en", title="T")
    (found,) = media.finished().items()
    assert found[0] == video_id
    assert [path.name for path in found[1].captions] == [f"{video_id}.en.vtt"]
    assert found[1].info == {"title": "T"}
    found[1].remove()
    assert seen(media) == []


@pytest.mark.parametrize("video_id", ["", "..", ".hidden", "a/b", "../a", "/etc", "a\0b", "a\nb", "x" * 129])
def test_an_id_that_leads_elsewhere_is_refused_everywhere(media: MediaFolder, video_id: str, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_text("")
    with pytest.raises(BadInputError):
        media.partial(video_id)
    with pytest.raises(BadInputError):
        media.drop_partial(video_id)
    with pytest.raises(BadInputError):
        media.publish(video_id, video, {}, {})
    assert seen(media) == []


names = st.sampled_from(
    [
        *("a.mp4", "a.MKV", "a.webm", "a.en.vtt", "a.VTT", "a.vtt", "a.en.mp4", "a.en.fr.vtt", "ab.mp4", "ab.en.vtt"),
        *("A.mp4", "A.en.vtt", ".a.mp4", "a.txt", "mp4", "a.info.json", "-a.mp4", "-a.en-t-de.vtt", "a.b.c.mov"),
        *("a.b.c.en.vtt", "a.b.en.vtt", "a.en_US.vtt", "b.en.vtt", "a b.mp4", "a b.de.vtt"),
    ]
)


@given(st.sets(names))
def test_what_is_found_is_what_ingesting_the_folder_would_find(tmp_path_factory: Any, files: set[str]) -> None:
    folder = tmp_path_factory.mktemp("found")
    for name in files:
        (folder / name).write_text("")
    found = MediaFolder(folder).finished()
    try:
        tasks = plan_videos(folder, None, set()).tasks
    except BadInputError:
        tasks = []
    assert {video_id: one.path for video_id, one in found.items()} == {t.entry.video_id: t.path for t in tasks}
    for task in tasks:
        captions = found[task.entry.video_id].captions
        # Only where one id is another's with a tag behind it the file is the other's.
        shared = {
            path for path in task.captions if path.stem == "a.en" and task.entry.video_id == "a.en" and "a" in found
        }
        assert set(captions) == set(task.captions) - shared
    owned = [path for one in found.values() for path in one.captions]
    assert len(set(owned)) == len(owned)


def test_a_folder_called_like_a_video_and_links_to_nowhere_are_no_videos(media: MediaFolder) -> None:
    (media.folder / "folder.mp4").mkdir()
    (media.folder / "nowhere.mp4").symlink_to("missing.mp4")
    (media.folder / "real").write_text("")
    (media.folder / "link.mp4").symlink_to("real")
    assert list(media.finished()) == ["link"]
    assert MediaFolder(media.folder / "missing").finished() == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"7", b'"text"', b"{", b"\xff\xfe\0", b"[" * 100_000, b'{"title": ' + b"1" * 5000 + b"}"],
    ids=["empty", "list", "null", "number", "text", "half", "bytes", "deep", "digits"],
)
def test_an_info_file_that_tells_nothing_is_none(media: MediaFolder, content: bytes) -> None:
    path = publish(media, "a").path
    info_path(path).write_bytes(content)
    assert media.finished()["a"].info == {}


def test_of_an_info_file_only_plain_values_of_known_names_are_taken(media: MediaFolder) -> None:
    path = info_path(media.folder / "a.mp4")
    info = {"title": "T", "channel": ["no"], "channel_id": None, "duration": {"s": 1}, "formats": [{}] * 1000, "x": 1}
    path.write_text(json.dumps(info))
    assert read_info(path) == {"title": "T"}
    # Of yt-dlp's own beside a video, which may be large; a gigabyte is not read.
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert read_info(path) == {}
    path.unlink()
    path.mkdir()
    assert read_info(path) == {}


def test_a_pipe_in_the_place_of_what_was_told_keeps_nobody_waiting(media: MediaFolder) -> None:
    fetched = publish(media, "a")
    info_path(fetched.path).unlink()
    os.mkfifo(info_path(fetched.path))
    assert fetched.info == {}


def test_what_a_site_tells_is_written_whatever_it_is(media: MediaFolder) -> None:
    fetched = publish(
        media, "a", title="\ud83d cut\u2028in\0half", channel={1, 2}, duration=float("nan"), language="日本"
    )
    # On one line, and without what moves a terminal's cursor.
    assert fetched.info["title"] == "cut in half"
    assert fetched.info["language"] == "日本"
    assert "channel" not in fetched.info


def test_a_media_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="is a file"):
        MediaFolder.create(tmp_path / "file")
    with pytest.raises(BadInputError, match="no media can be written"):
        MediaFolder.create(tmp_path / "file" / "inside")
    if os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(BadInputError, match="no media can be written"):
            MediaFolder.create(tmp_path / "locked" / "inside")


def test_what_is_begun_is_found_by_its_id_and_dropped_alone(media: MediaFolder) -> None:
    for video_id in ("a", "a.b", "-c"):
        (media.partial(video_id) / "video.mp4.part").write_text("half")
    assert media.partials() == {"-c": 4, "a": 4, "a.b": 4}
    media.drop_partial("a")
    media.drop_partial("never")
    assert list(media.partials()) == ["-c", "a.b"]
    assert media.finished() == {}


def test_a_published_name_is_one_that_belongs_to_its_video(media: MediaFolder) -> None:
    fetched = publish(media, "a.b", "en", "en-x-abcde", "en-t-de", "de-orig")
    files = [path.name for path in fetched.captions]
    assert set(captions_beside(fetched.path, "a.b", files)) == set(fetched.captions)
    assert len(files) == 4
