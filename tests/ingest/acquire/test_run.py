"""Both lanes at once: whatever is killed, every video comes in once, the media goes, and the account is exact."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.acquire.conftest import QUICK, Place, clip
from tests.site.caption_text import automatic_vtt, human_vtt
from tests.site.faults import MEDIA
from tests.site.server import ALL, PLUGINS, Captions, Clip, Fault
from tests.site.videos import small_video


def arguments(place: Place, manifest: Path, models: Path, *more: object) -> list[str]:
    command = [
        "ingest",
        "run",
        manifest,
        "--media",
        place.media,
        "--lake",
        place.lake,
        "--models",
        models,
        *QUICK,
        *more,
    ]
    return [sys.executable, "-m", "signverse", *map(str, command)]


@contextmanager
def running(place: Place, manifest: Path, models: Path, *more: object) -> Iterator[subprocess.Popen[bytes]]:
    # Into a file: a pipe that is not read would stop it.
    with (place.folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            arguments(place, manifest, models, *more),
            env={**os.environ, "PYTHONPATH": str(PLUGINS)},
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def videos(place: Place) -> dict[str, dict]:
    rows = collect(Lake.open(place.lake).table("videos"))
    return {row["video_id"]: row for row in rows.iter_rows(named=True)}


def test_videos_come_in_with_their_captions_and_their_media_goes(place: Place, models: Path) -> None:
    place.site.add(
        clip("told", title="News", channel="Deaf TV", channel_id="UC1"),
        clip("heard", Captions("en", "automatic", automatic_vtt("good evening"))),
        clip("turned", Captions("en", "translated", human_vtt("Good evening"), source="de")),
        Clip("mute", small_video(1)),
    )
    code, out, err = place.run(place.manifest("told", "heard", "turned", "mute"), "--models", models)
    assert (code, out) == (0, ""), err
    assert place.files() == [] and place.inside() == []
    rows = videos(place)
    assert {key: row["english_source"] for key, row in rows.items()} == {
        "told": "native",
        "heard": "native",
        "turned": "translated_from:de",
        "mute": "none",
    }
    assert rows["told"]["title"] == "News" and rows["told"]["channel"] == "Deaf TV"
    kinds = dict(collect(Lake.open(place.lake).table("segments").select("video_id", "caption_kind")).iter_rows())
    assert kinds == {"told": "manual", "heard": "automatic", "turned": "translated", "mute": "none"}
    assert place.status()["states"]["in the lake"] == 4


def test_media_stays_where_it_is_wanted_and_is_not_fetched_again(place: Place, models: Path) -> None:
    place.site.add(clip("kept"))
    manifest = place.manifest("kept")
    assert place.run(manifest, "--models", models, "--keep-media")[0] == 0
    assert place.files() == ["kept.en.vtt", "kept.info.json", "kept.mp4"]
    requests = len(place.site.requests)
    assert place.run(manifest, "--models", models, "--keep-media")[0] == 0
    assert len(place.site.requests) == requests
    assert list(videos(place)) == ["kept"]


def test_what_was_downloaded_before_is_only_extracted(place: Place, models: Path) -> None:
    place.site.add(clip("early"))
    manifest = place.manifest("early")
    assert place.download(manifest)[0] == 0
    requests = len(place.site.requests)
    assert place.run(manifest, "--models", models)[0] == 0
    assert len(place.site.requests) == requests
    assert list(videos(place)) == ["early"] and place.files() == []


@pytest.mark.slow
def test_downloading_waits_while_extraction_lags(place: Place, data: Path) -> None:
    names = [f"v{i}" for i in range(6)]
    place.site.add(*(Clip(name, data / "videos" / "word_192p30.mp4") for name in names))
    code, _, err = place.run(
        place.manifest(*names), "--models", data / "models", "--ahead", "1kB", "--workers", 1, "--keep-free", 0
    )
    assert code == 0
    assert "waiting: 1 video waits for extraction" in err
    assert len(videos(place)) == 6


@pytest.mark.slow
def test_a_video_that_cannot_be_read_is_fetched_anew_and_named(place: Place, models: Path, data: Path) -> None:
    place.site.add(clip("good"), Clip("bad", (data / "videos" / "signer_720p24.mp4").read_bytes()))
    manifest = place.manifest("good", "bad")
    assert place.download(manifest)[0] == 0
    # Opens, and holds no frame.
    whole = (place.media / "bad.mp4").read_bytes()
    (place.media / "bad.mp4").write_bytes(whole[:200] + bytes(len(whole) - 200))
    code, _, err = place.run(manifest, "--models", models)
    assert code == 1 and "bad: failed" in err
    assert place.status()["states"] == {
        "in the lake": 1,
        "downloaded": 0,
        "not tried yet": 0,
        "blocked": 0,
        "failed": 1,
        "unavailable": 0,
    }
    assert place.run(manifest, "--models", models)[0] == 0
    assert place.status()["states"]["in the lake"] == 2


def test_videos_that_somebody_put_there_are_extracted_and_never_removed(place: Place, models: Path) -> None:
    place.media.mkdir()
    (place.media / "own.mp4").write_bytes(small_video(1))
    (place.media / "own.en.vtt").write_text(human_vtt("Hello"), "utf-8")
    (place.media / "broken.mp4").write_bytes(b"no video")
    place.site.add(clip("fetched"))
    code, _, err = place.run(place.manifest("own", "broken", "fetched"), "--models", models)
    assert code == 1 and "broken: failed" in err
    assert sorted(videos(place)) == ["fetched", "own"]
    assert place.run(place.manifest("own", "broken", "fetched"), "--models", models)[0] == 1
    assert place.files() == ["broken.mp4", "own.en.vtt", "own.mp4"]
    assert (place.media / "broken.mp4").read_bytes() == b"no video"
    assert place.site.requests_for("own") == place.site.requests_for("broken") == []


def test_bad_models_are_refused_before_anything_is_asked_for(place: Place, tmp_path: Path) -> None:
    place.site.add(clip("one"))
    code, _, err = place.run(place.manifest("one"), "--models", tmp_path / "none")
    assert code == 1 and err.count("\n") == 1
    assert place.site.requests == [] and not place.media.exists()


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(place: Place, models: Path) -> None:
    names = [f"v{i:02d}" for i in range(40)]
    place.site.add(*map(clip, names))
    place.site.set_faults(ALL, Fault("slow", MEDIA, rate=8_000))
    manifest = place.manifest(*names)
    with running(place, manifest, models) as process:
        place.site.wait_for("v04", MEDIA, seconds=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        err = (place.folder / "stderr").read_text()
        assert "the same command goes on from there" in err and "Traceback" not in err
    place.site.clear_faults(ALL)
    before = len(place.site.requests)
    assert place.run(manifest, "--models", models)[0] == 0
    assert sorted(videos(place)) == names
    again = place.site.requests[before:]
    assert len({request.video_id for request in again}) < 40
    assert place.files() == [] and place.inside() == []


@pytest.mark.slow
def test_killed_twice_at_any_moment_every_video_is_in_the_lake_once(place: Place, data: Path) -> None:
    """Real signing, real models, captions in three kinds."""
    real = sorted((data / "videos").glob("*p*.mp4"))
    real = [path for path in real if path.stat().st_size < 800_000]
    tracks = [
        (Captions("en", "manual", human_vtt("Good evening.", "Here is the news.")),),
        (Captions("en", "automatic", automatic_vtt("good evening", "here is the news")),),
        (
            Captions("de", "automatic", automatic_vtt("guten abend", language="de")),
            Captions("en", "translated", source="de"),
        ),
    ]
    clips = [Clip(f"{path.stem}-{i}", path, tracks=tracks[i % 3]) for i, path in enumerate(real)]
    place.site.add(*clips)
    manifest = place.manifest(*(one.video_id for one in clips))
    place.site.set_faults(ALL, Fault("slow", MEDIA, rate=200_000))
    # A kill while things come in, and one while they are extracted.
    for stage_seconds in (4.0, 9.0):
        with running(place, manifest, data / "models") as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(stage_seconds + random.Random(stage_seconds).random())
            os.killpg(process.pid, signal.SIGKILL)
    place.site.clear_faults(ALL)
    code, _, err = place.run(manifest, "--models", data / "models")
    assert code == 0, err
    rows = collect(Lake.open(place.lake).raw_table("videos"))
    assert sorted(rows["video_id"]) == sorted(one.video_id for one in clips)
    assert place.files() == [] and place.inside() == []
    status = place.status()
    assert status["states"]["in the lake"] == status["listed"] == len(clips)
    assert list(verify_lake(Lake.open(place.lake).snapshot)) == []
    # Nothing that was whole was fetched a second time.
    for one in clips:
        whole = [
            request for request in place.site.requests_for(one.video_id, MEDIA) if request.status and not request.range
        ]
        assert len(whole) <= 3


@pytest.mark.slow
def test_two_thousand_ids_end_in_an_exact_account(place: Place, models: Path) -> None:
    names = [f"v{i:04d}" for i in range(2000)]
    unavailable, failing = set(names[::20]), set(names[7::100])
    faults = {name: Fault("deleted") for name in unavailable} | {name: Fault("500") for name in failing}
    place.site.add(*(clip(name, **({"fault": faults[name]} if name in faults else {})) for name in names))
    manifest = place.manifest(*names)
    with running(place, manifest, models, "--parallel", 2, "--attempts", 1) as process:
        place.site.wait_for(names[601], MEDIA, seconds=300)
        os.killpg(process.pid, signal.SIGKILL)
    code, _, err = place.run(manifest, "--models", models, "--parallel", 2, "--attempts", 1)
    assert code == 1, err
    status = place.status()
    assert status["states"] == {
        "in the lake": 2000 - len(unavailable) - len(failing),
        "downloaded": 0,
        "not tried yet": 0,
        "blocked": 0,
        "failed": len(failing),
        "unavailable": len(unavailable),
    }
    assert collect(Lake.open(place.lake).table("videos"))["video_id"].is_unique().all()
    # What the killed run knew of unavailable videos was not requested again.
    assert sum(len(place.site.requests_for(name)) for name in unavailable) <= len(unavailable) + 4
    assert place.files() == []
