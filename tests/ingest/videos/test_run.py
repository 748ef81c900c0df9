"""A folder of videos goes into a lake: what is good comes in, and what is not gets a line with its reason."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
import pytest

from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.models import devices
from signverse.lake.lake import Lake
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.videos.conftest import encode, outcomes

# What is refused before anything is made


def test_what_cannot_work_is_refused_in_a_line_before_anything_is_made(
    refused, folder: Path, tmp_path: Path, clip: Path, data: Path
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    assert "there is no folder" in refused(tmp_path / "missing")
    assert "no video in" in refused(tmp_path / "none")
    shutil.copy(clip, folder / "a.mp4")
    for options, says in {
        ("--models", tmp_path / "none"): str(tmp_path / "none"),
        ("--models", tmp_path / "missing"): str(tmp_path / "missing"),
        ("--manifest", tmp_path / "bad.csv"): "bad.csv is not whole: as UTF-16, line 1 cannot be read",
        ("--manifest", tmp_path / "missing.csv"): "missing.csv cannot be read",
        ("--pose", data / "models" / "yolox_nano.onnx"): "yolox_nano.onnx",
    }.items():
        assert says in refused(folder, *options)
    assert not (tmp_path / "lake").exists()


@pytest.mark.skipif(bool(devices.nvidia_driver().cards), reason="this machine has a GPU")
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_device_asked_for_by_name_that_is_not_there_is_no_silent_cpu(
    refused, folder: Path, tmp_path: Path, clip: Path, device: str
) -> None:
    shutil.copy(clip, folder / "a.mp4")
    said = refused(folder, "--device", device)
    assert f"--device {device} cannot be used: no NVIDIA device is visible" in said
    assert not (tmp_path / "lake").exists()


def test_a_file_or_a_folder_of_other_things_is_never_made_a_lake(
    refused, folder: Path, tmp_path: Path, clip: Path
) -> None:
    shutil.copy(clip, folder / "a.mp4")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    assert "is a file" in refused(folder, lake=tmp_path / "file")
    assert "holds other things" in refused(folder, lake=tmp_path / "mine")
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


# The whole way


@pytest.mark.slow
def test_a_folder_of_trouble_gives_what_is_good_and_a_line_for_each_that_is_not(
    ingest, folder: Path, tmp_path: Path, clip: Path, grey: Path, data: Path
) -> None:
    real = data / "videos" / "word_192p30.mp4"
    shutil.copy(real, folder / "-good.mp4")
    (folder / "-good.en.vtt").write_text(
        "WEBVTT\n\n00:00.000 --> 00:00.500\nhello\n\n00:00.500 --> 00:09.000\nyou\n\n01:00.000 --> 01:01.000\nlate\n"
    )
    (folder / "-good.de-orig.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.500\nhallo\n")
    shutil.copy(grey, folder / "grey.mp4")
    (folder / "text.mp4").write_text("I am no video")
    (folder / "cut.mp4").write_bytes(real.read_bytes()[:20_000])
    (folder / "empty.webm").touch()
    shutil.copy(clip, folder / "caption.mp4")
    (folder / "caption.en.vtt").write_text("WEBVTT\n\n00:xx --> 00:yy\nno time\n")
    shutil.copy(clip, folder / "what?.mp4")
    manifest = tmp_path / "m.csv"
    manifest.write_text('id,language,title\n-good,Polish,T\n-good,ase,T\n../x,ase,\n"a\nb",ase,\ngrey,Klingon,\n')

    first = ingest(folder, "--manifest", manifest)
    assert first.returncode == 1
    assert outcomes(tmp_path / "lake") == [
        ("-good", "extract", "done", "captions_past_end", 1),
        ("../x", "list", "failed", "bad_id", 1),
        ("a\\nb", "list", "failed", "bad_id", 1),
        ("caption", "extract", "failed", "bad_captions", 1),
        ("cut", "extract", "failed", "bad_video", 1),
        ("empty", "extract", "failed", "bad_video", 1),
        ("grey", "extract", "done", "no_person", 1),
        ("text", "extract", "failed", "bad_video", 1),
        ("what?", "list", "failed", "bad_id", 1),
    ]
    lines = first.stderr.splitlines()
    for name in ("caption", "cut", "empty", "text"):
        assert len([line for line in lines if line.startswith(f"{name}: failed: {folder}/{name}.")]) == 1
    assert f"{manifest}: 1 repeated id, the first row is used: -good (as Polish, not ase)" in lines
    assert [line for line in lines if line.startswith("grey: ")] == ["grey: nobody was found in 24 frames"]
    assert [line for line in lines if "Klingon" in line]
    assert len([line for line in lines if "video id '" in line]) == 3
    assert len([line for line in lines if line.startswith("2 videos ingested, 57 frames, ")]) == 1
    assert "  failed, bad_video: 3 videos: cut, empty, text" in lines
    assert lines[-1].startswith("7 failed; to see why: signverse sql ")

    lake = Lake.open(tmp_path / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    good, nobody = lake.video("-good"), lake.video("grey")
    assert (good["sign_language"], good["language_label"], good["title"]) == ("pso", "Polish", "T")
    assert (good["num_frames"], good["source_fps"], good["codec"], good["source"]) == (33, 30.0, "h264", "video")
    assert (good["detector"], good["pose_model"]) == ("yolox_nano.onnx", "wholebody133_384x288.onnx")
    assert (nobody["num_frames"], nobody["people_max"], nobody["keypoints_file"]) == (24, 0, None)
    assert (nobody["sign_language"], nobody["language_label"]) == ("und", "Klingon")
    segments = lake.table("segments").sort("segment_id").collect()
    assert segments.select("segment_id", "start_frame", "end_frame", "text", "caption_kind").rows() == [
        ("-good-00000", 0, 12, "hello", "manual"),
        ("-good-00001", 12, 33, "you", "manual"),
        ("grey-00000", 0, 24, None, "none"),
    ]
    tracks = lake.table("captions").select("track", "kind", "language").unique().sort("track").collect().rows()
    assert tracks == [("de.automatic", "automatic", "de"), ("en.manual", "manual", "en")]
    assert np.isfinite(lake.keypoints("-good")[..., 0]).any(axis=1).mean() > 0.9
    assert np.isnan(lake.keypoints("grey")[..., 0]).all()
    assert lake.table("sources").collect()["video_id"].to_list() == ["-good", "grey"]

    # Mended, and once more: what is done is left alone, what failed is tried again.
    (folder / "caption.en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.100\nmended\n")
    second = ingest(folder, "--manifest", manifest)
    assert second.returncode == 1
    assert "1 video ingested, 2 already in the lake, 8 frames" in second.stderr
    again = [row for row in outcomes(tmp_path / "lake") if row[4] == 2]
    assert [row[:4] for row in again] == [
        ("../x", "list", "failed", "bad_id"),
        ("a\\nb", "list", "failed", "bad_id"),
        ("caption", "extract", "done", None),
        ("cut", "extract", "failed", "bad_video"),
        ("empty", "extract", "failed", "bad_video"),
        ("text", "extract", "failed", "bad_video"),
        ("what?", "list", "failed", "bad_id"),
    ]
    lake = Lake.open(tmp_path / "lake")
    assert lake.raw_table("videos").collect()["video_id"].sort().to_list() == ["-good", "caption", "grey"]
    assert lake.raw_table("sources").collect().height == 2
    assert list(verify_lake(lake.snapshot)) == []


@pytest.mark.slow
def test_odd_videos_come_in_whole_or_with_their_damage_noted_and_what_shows_nothing_is_refused(
    ingest, folder: Path, tmp_path: Path
) -> None:
    pictures = [np.full((96, 128, 3), 100 + i, np.uint8) for i in range(72)]
    encode(folder / "whole.mp4", pictures)
    encode(folder / "one.mp4", pictures[:1])
    encode(folder / "fast.mkv", pictures, rate=60)
    encode(folder / "slow.mkv", pictures[:10], rate=5)
    content = encode(tmp_path / "whole.mkv", pictures).read_bytes()
    middle = len(content) // 2
    (folder / "cut.mkv").write_bytes(content[:middle])
    (folder / "rotten.mkv").write_bytes(content[:middle] + bytes(range(256)) + content[middle + 256 :])
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.rate, silence.pts = 8000, 0
        container.mux([*stream.encode(silence), *stream.encode(None)])
    with av.open(str(folder / "nothing.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        container.start_encoding()
    ran = ingest(folder)
    assert ran.returncode == 1
    happened = {row[0]: row[2:4] for row in outcomes(tmp_path / "lake")}
    assert {name: happened[name] for name in ("sound", "nothing")} == dict.fromkeys(
        ("sound", "nothing"), ("failed", "bad_video")
    )
    videos = {row["video_id"]: row for row in Lake.open(tmp_path / "lake").videos().collect().to_dicts()}
    frames = {name: row["num_frames"] for name, row in videos.items()}
    assert {name: frames[name] for name in ("whole", "one", "fast", "slow")} == {
        "whole": 72,
        "one": 1,
        "fast": 29,
        "slow": 48,
    }
    for name, row in videos.items():
        damaged = name in {"cut", "rotten"}
        assert (row["damaged_frames"] > 0) == damaged, name
        assert ("damaged" in (happened[name][1] or "")) == damaged, name
    assert {"cut", "rotten"} <= videos.keys()
    assert list(verify_lake(Lake.open(tmp_path / "lake").snapshot)) == []


@pytest.mark.slow
def test_a_video_done_again_replaces_what_was_there(ingest, folder: Path, tmp_path: Path, clip: Path) -> None:
    shutil.copy(clip, folder / "a.mp4")
    assert ingest(folder).returncode == 0
    before = Lake.open(tmp_path / "lake").video("a")
    (tmp_path / "m.csv").write_text("a,ase\n")
    assert ingest(folder / "a.mp4", "--redo", "--full-precision", "--manifest", tmp_path / "m.csv").returncode == 0
    lake = Lake.open(tmp_path / "lake")
    after = lake.video("a")
    assert (before["sign_language"], after["sign_language"]) == ("und", "ase")
    assert lake.table("keypoints").collect()["ingest_id"].unique().to_list() == [after["ingest_id"]]
    assert lake.raw_table("videos").collect().height == 2
    # Full precision is finer than the grid, and nowhere off by more than a step of it.
    exact = lake.keypoints("a")[..., 0]
    exact = exact[np.isfinite(exact)]
    assert (exact * 8 % 1 != 0).mean() > 0.5
    assert list(verify_lake(lake.snapshot)) == []


@pytest.mark.slow
def test_those_that_fit_a_condition_are_done_again_and_the_others_are_left(
    ingest, folder: Path, tmp_path: Path, clip: Path, grey: Path
) -> None:
    shutil.copy(clip, folder / "a.mp4")
    shutil.copy(grey, folder / "b.mp4")
    assert ingest(folder, "--detect-every", 1).returncode == 0
    assert ingest(folder / "b.mp4", "--redo").returncode == 0
    lake = Lake.open(tmp_path / "lake")
    before = {video_id: lake.video(video_id) for video_id in "ab"}
    assert [before[video_id]["detect_every"] for video_id in "ab"] == [1, DETECT_EVERY]
    again = ingest(folder, "--redo", "detect_every > 1 and writer_version < '99' -- not exact", "--detect-every", 1)
    assert "1 video ingested, 1 already in the lake" in again.stderr
    lake = Lake.open(tmp_path / "lake")
    assert [lake.video(video_id)["detect_every"] for video_id in "ab"] == [1, 1]
    assert lake.video("a")["ingest_id"] == before["a"]["ingest_id"]
    assert lake.video("b")["ingest_id"] != before["b"]["ingest_id"]
    every = ingest(folder, "--redo", "--workers", 1)
    assert "2 videos ingested, " in every.stderr
    assert "already in the lake" not in every.stderr
    for video_id in "ab":
        video = Lake.open(tmp_path / "lake").video(video_id)
        assert video["writer_version"] == version("signverse-lake")
        assert video["provider"] == "CPUExecutionProvider"
        for model in ("detector", "pose"):
            assert len(video[f"{model}_sha256"]) == 64
        assert (video["codec"], video["source_fps"], video["rotation"], video["damaged_frames"]) == ("h264", 24, 0, 0)
    assert list(verify_lake(Lake.open(tmp_path / "lake").snapshot)) == []


@pytest.mark.slow
def test_a_condition_that_is_none_is_refused_with_the_nearest_name(
    ingest, refused, folder: Path, tmp_path: Path, grey: Path
) -> None:
    shutil.copy(grey, folder / "a.mp4")
    assert ingest(folder).returncode == 0
    assert "nearest: detect_every" in refused(folder, "--redo", "detect_evry > 1", ends_in=2)
    assert "does not parse" in refused(folder, "--redo", "true); drop view videos; --", ends_in=2)
    assert Lake.open(tmp_path / "lake").raw_table("videos").collect().height == 1
