"""Downloading from a site: what can be had comes with its captions, and of the rest there is an honest account."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from signverse.ingest.acquire.download.settings import Settings
from signverse.ingest.acquire.download.worker import DownloadTask, copy_local, make_job
from signverse.ingest.acquire.media_folder import MediaFolder
from signverse.ingest.acquire.scheduling.site_breaker import BLOCKS_IN_A_ROW, MAX_PAUSES
from signverse.lake.lake import Lake
from signverse.lake.storage.integrity.foreign_errors import collect
from tests.ingest.acquire.conftest import QUICK, Place, clip
from tests.site.caption_text import automatic_vtt, human_vtt
from tests.site.faults import CAPTIONS, MEDIA
from tests.site.server import ALL, PLUGINS, Captions, Clip, Fault
from tests.site.videos import small_video


def outcomes(place: Place, video_id: str) -> list[tuple[str, str, str | None]]:
    rows = collect(Lake.open(place.lake).raw_table("outcomes").sort("attempted_at", maintain_order=True))
    return [
        (row["stage"], row["outcome"], row["reason"])
        for row in rows.iter_rows(named=True)
        if row["video_id"] == video_id
    ]


def test_a_video_comes_with_its_tracks_and_what_the_site_tells_of_it(place: Place) -> None:
    automatic = Captions("en", "automatic", automatic_vtt("hello there", "good evening"))
    place.site.add(
        clip("both", Captions(), automatic, Captions("de"), Captions("fr", "translated", source="en"), title="News")
    )
    code, out, err = place.download(place.manifest("both"))
    assert (code, out) == (0, "")
    assert "1 video downloaded" in err
    assert place.files() == ["both.de.vtt", "both.en-orig.vtt", "both.en.vtt", "both.info.json", "both.mp4"]
    assert place.inside() == [".signverse/fetched/both"]
    assert outcomes(place, "both") == [("captions", "done", None), ("download", "done", None)]
    source = collect(Lake.open(place.lake).table("sources")).row(0, named=True)
    assert (source["title"], source["url"]) == ("News", place.site.url("both"))


def test_a_translation_is_asked_for_only_where_there_is_no_other_english(place: Place) -> None:
    german = Captions("de", "automatic", automatic_vtt("guten abend", language="de"))
    place.site.add(clip("lacks", german, Captions("en", "translated", human_vtt("Good evening"), source="de")))
    assert place.download(place.manifest("lacks"))[0] == 0
    assert [name for name in place.files() if name.endswith(".vtt")] == ["lacks.de-orig.vtt", "lacks.en-t-de.vtt"]


def test_what_is_there_is_not_asked_for_again(place: Place) -> None:
    place.site.add(clip("one"), clip("two"))
    manifest = place.manifest("one", "two")
    assert place.download(manifest)[0] == 0
    requests = len(place.site.requests)
    assert place.download(manifest)[0] == 0
    assert len(place.site.requests) == requests


@pytest.mark.slow
def test_the_account_adds_up_and_what_is_gone_is_asked_for_on_request_only(place: Place) -> None:
    faults = {"gone": "deleted", "mine": "private", "bot": "bot", "many": "429", "broken": "500", "shut": "403"}
    place.site.add(clip("good"), *(clip(name, fault=Fault(kind)) for name, kind in faults.items()))
    manifest = place.manifest("good", *faults)
    code, _, err = place.download(manifest, "--attempts", 1)
    assert code == 1
    status = place.status()
    assert status["listed"] == 7
    assert status["states"] == {
        "in the lake": 0,
        "downloaded": 1,
        "not tried yet": 0,
        "blocked": 3,
        "failed": 1,
        "unavailable": 2,
    }
    assert {(cause["state"], cause["reason"]) for cause in status["causes"]} == {
        ("unavailable", "deleted"),
        ("unavailable", "private"),
        ("blocked", "bot_check"),
        ("blocked", "rate_limit"),
        ("blocked", "forbidden"),
        ("failed", "server"),
    }
    for name in faults:
        place.site.clear_faults(name)
    place.download(manifest, "--retry", "blocked")
    assert place.status()["states"]["downloaded"] == 4
    assert place.site.requests_for("gone", "media") == []
    code, _, err = place.download(manifest, "--retry", "unavailable", "--retry", "failed")
    assert code == 0
    assert "2 came back that had been unavailable" in err
    status = place.status()
    assert (status["states"]["downloaded"], status["came_back"]) == (7, 2)


def test_who_is_refused_for_a_while_is_asked_again_after_growing_pauses(place: Place) -> None:
    place.site.add(clip("later", fault=Fault("500", times=8)))
    code, _, err = place.download(place.manifest("later"), "--attempts", 6)
    assert code == 0, err
    tries = [outcome for stage, outcome, _ in outcomes(place, "later") if stage == "download"]
    assert tries[-1] == "done" and set(tries[:-1]) == {"failed"} and len(tries) > 1


@pytest.mark.slow
def test_a_site_that_blocks_everybody_is_left_in_peace(place: Place) -> None:
    names = [f"v{i:02d}" for i in range(30)]
    place.site.add(*map(clip, names))
    place.site.set_faults(ALL, Fault("429"))
    code, _, err = place.download(place.manifest(*names), "--parallel", 2)
    assert code == 1
    assert "a site still blocks after 4 pauses" in err
    # A request a video; two may be under way when the pause begins.
    assert len(place.site.requests) <= 2 * (BLOCKS_IN_A_ROW + 1 + MAX_PAUSES + 1)
    assert place.status()["states"]["not tried yet"] >= 20
    place.site.clear_faults(ALL)
    assert place.download(place.manifest(*names))[0] == 0
    assert place.status()["states"]["downloaded"] == 30


def test_one_that_gets_through_opens_the_site_for_all(place: Place) -> None:
    names = [f"v{i:02d}" for i in range(12)]
    place.site.add(*map(clip, names))
    place.site.set_faults(ALL, Fault("429", times=8))
    code, _, err = place.download(place.manifest(*names), "--parallel", 2, "--keep-going", "--attempts", 10)
    assert code == 0, err
    assert place.status()["states"]["downloaded"] == 12


@pytest.mark.slow
def test_captions_that_a_site_refuses_hold_their_video_back(place: Place) -> None:
    place.site.add(clip("held", fault=Fault("429", CAPTIONS, times=4)))
    assert place.download(place.manifest("held"))[0] == 0
    assert place.files() == ["held.en.vtt", "held.info.json", "held.mp4"]
    assert len(place.site.requests_for("held", MEDIA)) == 1
    place.site.add(clip("never", fault=Fault("403", CAPTIONS)))
    code, _, err = place.download(place.manifest("never"), "--attempts", 2)
    assert code == 0, err
    # After the last try it comes without them, and that is said.
    assert ("captions", "blocked", "forbidden") in outcomes(place, "never")
    assert "never.mp4" in place.files()


def test_captions_that_are_gone_or_are_none_hold_nothing_back(place: Place) -> None:
    place.site.add(
        clip("half", Captions("en"), Captions("de"), fault=Fault("404", CAPTIONS, key="de")),
        clip("page", fault=Fault("html", CAPTIONS)),
    )
    assert place.download(place.manifest("half", "page"))[0] == 0
    assert [name for name in place.files() if name.endswith(".vtt")] == ["half.en.vtt"]
    assert outcomes(place, "half")[0] == ("captions", "done", "bad_captions")
    assert outcomes(place, "page")[0] == ("captions", "failed", "bad_captions")


def test_a_download_that_was_cut_goes_on_where_it_ended(place: Place, data: Path) -> None:
    file = data / "videos" / "signer_720p24.mp4"
    place.site.add(Clip("cut", file, fault=Fault("truncated", MEDIA, times=1)))
    assert place.download(place.manifest("cut"))[0] == 0
    assert (place.media / "cut.mp4").read_bytes() == file.read_bytes()
    ranges = [request.range for request in place.site.requests_for("cut", MEDIA)]
    assert any(wanted and not wanted.startswith("bytes=0-") for wanted in ranges), ranges


@pytest.mark.parametrize("kind", ["html", "garbage", "empty"])
def test_what_is_no_video_does_not_come_in(place: Place, kind: str) -> None:
    place.site.add(clip("bad", fault=Fault(kind, MEDIA)))
    assert place.download(place.manifest("bad"), "--attempts", 2)[0] == 1
    assert not [name for name in place.files() if name.endswith(".mp4")]
    assert place.status()["states"]["failed"] == 1


def test_files_of_this_machine_are_linked_with_their_captions_and_left_alone(place: Place, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "my video.mp4").write_bytes(clip("x").file)  # type: ignore[arg-type]
    (own / "my video.en.vtt").write_text(human_vtt("Hello"), "utf-8")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("video_id,sign_language,url\nmine,ase,own/my video.mp4\nnone,ase,own/none.mp4\n")
    assert place.download(manifest)[0] == 0
    assert place.files() == ["mine.en.vtt", "mine.info.json", "mine.mp4"]
    assert sorted(path.name for path in own.iterdir()) == ["my video.en.vtt", "my video.mp4"]
    assert place.status()["states"]["unavailable"] == 1


@pytest.mark.parametrize("one_disk", [True, False])
def test_links_to_files_bring_the_files(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_disk: bool
) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "1").write_bytes(small_video(1))
    (tmp_path / "linked.mp4").symlink_to("blobs/1")
    reported = []
    if not one_disk:
        monkeypatch.setattr(os, "link", Mock(side_effect=OSError(errno.EXDEV, "Invalid cross-device link")))
    attempt = copy_local(
        MediaFolder.create(place.media), DownloadTask("mine", ""), tmp_path / "linked.mp4", reported.append
    )
    assert attempt.outcome.kind == "done" and attempt.size == len(small_video(1))
    assert not (place.media / "mine.mp4").is_symlink()
    assert (place.media / "mine.mp4").read_bytes() == small_video(1)
    # A copy is reported, else the worker is taken for stalled.
    assert reported == ([] if one_disk else [("video", attempt.size, attempt.size)])


def test_an_address_that_can_be_none_costs_its_own_video_only(place: Place, tmp_path: Path) -> None:
    place.site.add(clip("good"))
    manifest = place.manifest("good")
    manifest.write_text(manifest.read_text() + "bad,ase,http://[::1\n")
    assert place.download(manifest, "--attempts", 1)[0] == 1
    assert place.status()["states"] | {"downloaded": 1, "failed": 1} == place.status()["states"]


@pytest.mark.slow
def test_cookies_are_sent_and_their_file_stays_as_it_is(place: Place, tmp_path: Path) -> None:
    place.site.add(clip("asks", fault=Fault("age", unless_cookie="who=me")))
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\twho\tme\n")
    before = cookies.read_bytes()
    manifest = place.manifest("asks")
    assert place.download(manifest, "--attempts", 1)[0] == 1
    assert place.download(manifest, "--retry", "blocked", "--cookies", cookies)[0] == 0
    assert cookies.read_bytes() == before


def command(place: Place, manifest: Path, *more: object) -> subprocess.Popen[str]:
    arguments = ["ingest", "download", manifest, "--media", place.media, "--lake", place.lake, *QUICK, *more]
    return subprocess.Popen(
        [sys.executable, "-m", "signverse", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_two_at_one_folder_do_nothing_twice(place: Place) -> None:
    names = [f"v{i:02d}" for i in range(24)]
    place.site.add(*map(clip, names))
    place.site.set_faults(ALL, Fault("slow", MEDIA, rate=8_000))
    manifest = place.manifest(*names)
    both = [command(place, manifest, "--parallel", 2) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert [len(place.site.requests_for(name, MEDIA)) for name in names] == [1] * 24
    assert place.status()["states"]["downloaded"] == 24
    assert all(place.site.max_concurrent_for(name) == 1 for name in names)


@pytest.mark.slow
def test_shares_of_a_manifest_are_all_of_it_and_nothing_twice(place: Place) -> None:
    names = [f"v{i:02d}" for i in range(9)]
    place.site.add(*map(clip, names))
    manifest = place.manifest(*names)
    for number in (1, 2, 3):
        assert place.download(manifest, "--slice", f"{number}/3")[0] == 0
    assert [len(place.site.requests_for(name, MEDIA)) for name in names] == [1] * 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--slice", "4/3"), "From 1/3 to 3/3"),
        (("--sleep", "soon"), "Such as 3, or 1-5"),
        (("--rate", "fast"), "is not a size"),
        (("--keep-free", "900TB"), "Make room, or allow less with --keep-free"),
        (("--language", "Klingon"), "Klingon"),
        (("--proxy", "here"), "--proxy here is not an address"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_made(
    place: Place, options: tuple[str, ...], message: str
) -> None:
    code, _, err = place.download(place.manifest("x"), *options)
    assert code in {1, 2}
    assert message in err
    assert not place.lake.exists() and not place.media.exists()
    assert place.site.requests == []


def test_bad_cookies_and_bad_manifests_are_refused_by_name(place: Place, tmp_path: Path) -> None:
    wrong = tmp_path / "cookies.json"
    wrong.write_text('[{"name": "SID"}]')
    code, _, err = place.download(place.manifest("x"), "--cookies", wrong)
    assert code == 1 and "cookies.json cannot be read" in err and "Netscape" in err
    manifest = tmp_path / "shape.csv"
    manifest.write_text("clip,language,path\na,ase,b\n")
    code, _, err = place.download(manifest)
    assert code == 1 and "names no video id: clip, language, path" in err
    assert not place.media.exists()


def test_ids_that_are_none_are_named_and_the_others_come(place: Place) -> None:
    place.site.add(clip("good"))
    manifest = place.manifest("good", "../up", "")
    _, _, err = place.download(manifest)
    assert "line 3" in err and "line 4" in err
    assert "good.mp4" in place.files()
    assert not (place.folder / "up.mp4").exists()


def test_a_page_of_several_videos_is_not_taken_for_one(place: Place) -> None:
    place.site.add(clip("many", fault=Fault("playlist")))
    code, _, err = place.download(place.manifest("many"), "--attempts", 1)
    assert code == 1 and "name one" in err


def test_downloading_waits_for_room_and_goes_on_by_itself(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.site.add(clip("one"))
    free = iter([10**12, *[0] * 3])
    usage = shutil.disk_usage(place.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free, 10**12)))
    code, _, err = place.download(place.manifest("one"), "--keep-free", "1GB")
    assert code == 0
    assert "waiting: the disk is low" in err
    assert "one.mp4" in place.files()


def test_the_most_connections_are_those_asked_for(place: Place) -> None:
    names = [f"v{i:02d}" for i in range(8)]
    place.site.add(*map(clip, names))
    assert place.download(place.manifest(*names), "--parallel", 2)[0] == 0
    assert place.site.max_concurrent <= 2


def test_a_video_that_does_not_fit_leaves_the_disk_to_the_others(place: Place, data: Path) -> None:
    """The floor holds while a video comes, too: nothing of it stays that the others would wait for."""
    place.site.add(Clip("large", data / "videos" / "signer_720p24.mp4"))
    media = MediaFolder.create(place.media)
    settings = Settings(proxy="", sleep=(0, 0), least_free=10**18)
    attempt = make_job(place.media, settings)(DownloadTask("large", place.site.page_url("large")), lambda _: None)
    assert (attempt.outcome.kind, attempt.outcome.reason) == ("failed", "disk")
    assert "--keep-free" in attempt.outcome.message
    assert media.finished() == {}


def test_what_is_unfinished_is_in_the_status_and_goes_when_it_is_finished(place: Place, data: Path) -> None:
    file = data / "videos" / "signer_720p24.mp4"
    place.site.add(Clip("cut", file, fault=Fault("truncated", MEDIA)))
    manifest = place.manifest("cut")
    assert place.download(manifest, "--attempts", 1)[0] == 1
    status = place.status()
    assert status["unfinished_videos"] == 1 and 0 < status["unfinished_bytes"] < file.stat().st_size
    # Finished by other means.
    shutil.copyfile(file, place.media / "cut.mp4")
    assert place.download(manifest)[0] == 0
    assert place.status()["unfinished_videos"] == 0


def test_a_media_folder_may_be_named_relative_to_where_one_stands(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.site.add(clip("one"))
    monkeypatch.chdir(place.folder)
    manifest = place.manifest("one").name
    code, _, err = place.signverse("ingest", "download", manifest, "--media", "media", "--lake", "lake", *QUICK)
    assert code == 0, err
    assert "one.mp4" in place.files()
