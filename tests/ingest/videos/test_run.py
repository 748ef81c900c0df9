"""A folder of videos goes into a lake: what is good comes in, what is not is told, and an interruption costs little."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
import pytest

from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.manifest import Entry, Manifest, read_manifest
from signverse.ingest.models import devices
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.videos.plan import plan_videos
from signverse.ingest.videos.workers import default_workers, extraction_pool
from signverse.lake.lake import Lake
from signverse.lake.upkeep.verify import verify_lake

ROOT = Path(__file__).parents[3]


def encode(path: Path, frames: Iterator[np.ndarray] | list[np.ndarray], rate: int = 24) -> Path:
    with av.open(str(path), "w") as container:
        stream = None
        for image in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def clip(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of a second of real signing."""
    with av.open(str(data / "videos" / "word_192p30.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return encode(tmp_path_factory.mktemp("clip") / "clip.mp4", frames[12:20])


@pytest.fixture(scope="session")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of nothing."""
    return encode(tmp_path_factory.mktemp("grey") / "grey.mp4", [np.full((96, 128, 3), 128, np.uint8)] * 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "videos"
    path.mkdir()
    return path


@pytest.fixture
def ingest(data: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `signverse ingest videos` as a process, into the folder's neighbour `lake`."""

    def run(folder: Path, *options: object, lake: Path | None = None, **more: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "signverse", "ingest", "videos", folder, "--lake", lake or tmp_path / "lake"]
        if "--models" not in options:
            command += ["--models", data / "models"]
        ran = subprocess.run(
            [str(word) for word in (*command, *options)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            **more,
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        assert ran.stdout == ""
        return ran

    return run


@pytest.fixture
def refused(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the same command line in this process, where it must end before any work; gives what it said."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    def command(folder: Path, *options: object, lake: Path | None = None) -> str:
        words = ["ingest", "videos", folder, "--lake", lake or tmp_path / "lake"]
        if "--models" not in options:
            words += ["--models", data / "models"]
        code = run(build_app(), [str(word) for word in (*words, *options)])
        out, errors = capfd.readouterr()
        assert (code, out, errors.count("\n")) == (1, "", 1), errors
        assert errors.startswith("signverse: ")
        return errors

    return command


def outcomes(lake: Path) -> list[tuple[str, str, str, str | None, int]]:
    columns = ["video_id", "stage", "outcome", "reason", "attempt"]
    return sorted(Lake.open(lake).raw_table("outcomes").select(columns).collect().rows())


# What is found in a folder


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
    assert [line for line in plan.remarks if "left out" in line] == [
        f"{folder / name} is left out: {folder / 'a.mp4'} has the same id" for name in ("a.webm", "x/a.mp4")
    ]


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


def test_the_cpu_gets_a_process_a_core_and_a_card_one_process_with_several_videos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cores = len(os.sched_getaffinity(0))
    assert default_workers(100, "cpu") == (cores, 1)
    assert default_workers(1, "cpu") == (1, cores)
    assert default_workers(0, "cpu") == (1, cores)
    monkeypatch.setattr("signverse.ingest.videos.workers.available_cores", lambda: 24)
    monkeypatch.setattr(devices, "nvidia_driver", lambda: devices.Driver((devices.Card("one", 1),) * 2, (13, 0)))
    assert default_workers(100, "cuda") == (16, 2)
    assert default_workers(100, "tensorrt:1") == (8, 2)
    assert default_workers(3, "cuda") == (3, 2)
    monkeypatch.setattr("signverse.ingest.videos.workers.available_cores", lambda: 4)
    assert default_workers(100, "cuda") == (4, 2)


def test_each_card_has_one_process_of_workers_and_the_cpu_a_process_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, list[str]]] = []
    monkeypatch.setattr(
        "signverse.lake.jobs.pool.LocalEngine.executor",
        lambda _, size, make, per_process: made.append((size, [arguments[1] for arguments in per_process])),
    )
    monkeypatch.setattr(devices, "nvidia_driver", lambda: devices.Driver((devices.Card("one", 1),) * 2, (13, 0)))
    pair = ModelPair(Path("d"), Path("p"))
    for device in ("cuda", "tensorrt:1", "cpu"):
        extraction_pool(3, pair, device, 2, 6, False)
    extraction_pool(1, pair, "cuda", 2, 6, False)
    assert made == [(3, ["cuda:0", "cuda:1"]), (3, ["tensorrt:1"]), (3, ["cpu"] * 3), (1, ["cuda:0"])]


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
        ("--manifest", tmp_path / "bad.csv"): "bad.csv is not a CSV",
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
    (folder / "caption.en.vtt").write_text("1\n00:00:01,000 --> 00:00:02,000\nan srt\n")
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
    assert lines[-2].startswith("2 videos in, 57 frames, ")
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
    assert "1 video in, 2 there already, 8 frames" in second.stderr
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
    assert "1 video in, 1 there already" in again.stderr
    lake = Lake.open(tmp_path / "lake")
    assert [lake.video(video_id)["detect_every"] for video_id in "ab"] == [1, 1]
    assert lake.video("a")["ingest_id"] == before["a"]["ingest_id"]
    assert lake.video("b")["ingest_id"] != before["b"]["ingest_id"]
    every = ingest(folder, "--redo", "--workers", 1)
    assert "2 videos in, " in every.stderr
    assert "there already" not in every.stderr
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
    assert "nearest: detect_every" in refused(folder, "--redo", "detect_evry > 1")
    assert "does not parse" in refused(folder, "--redo", "true); drop view videos; --")
    assert Lake.open(tmp_path / "lake").raw_table("videos").collect().height == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_video_that_makes_no_progress_is_given_up_and_the_others_go_on(
    folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data, "--stalled-after", "15") as process:
        first_finished(process)
        os.kill(workers_of(process.pid)[0], signal.SIGSTOP)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if ": failed: " in line]
    assert "no progress for 15 seconds, given up" in line
    assert [row[1:] for row in outcomes(lake) if row[2] == "failed"] == [("extract", "failed", "stalled", 1)]
    assert Lake.open(lake).snapshot.visible().height == len(many) - 1


def workers_of(parent: int) -> list[int]:
    """The worker processes of a run."""
    return [
        int(child)
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()
    ]


def start(folder: Path, lake: Path, data: Path, *options: str) -> subprocess.Popen[str]:
    """`signverse ingest videos` with one worker, in a process group of its own, as a terminal starts it."""
    command = [sys.executable, "-u", "-m", "signverse", "ingest", "videos", folder, "--lake", lake, *options]
    return subprocess.Popen(
        [*map(str, command), "--models", str(data / "models"), "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def first_finished(process: subprocess.Popen[str]) -> str:
    """Waits until a video is told to be done; what was said up to there."""
    assert process.stderr is not None
    said = ""
    while " frames" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.fixture
def many(folder: Path, clip: Path) -> list[str]:
    """Four short videos; their ids."""
    ids = [f"v{i}" for i in range(4)]
    for video_id in ids:
        shutil.copy(clip, folder / f"{video_id}.mp4")
    return ids


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(
    ingest, folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data) as process:
        first_finished(process)
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, "Traceback" in errors) == ("", False)
    kept = Lake.open(lake).snapshot.visible()["video_id"].to_list()
    assert 0 < len(kept) < len(many)
    assert list(verify_lake(Lake.open(lake).snapshot)) == []
    rerun = ingest(folder)
    assert rerun.returncode == 0
    assert f"{len(many) - len(kept)} video" in rerun.stderr
    assert f"{len(kept)} there already" in rerun.stderr
    rows = Lake.open(lake).raw_table("videos").collect()
    assert rows["video_id"].sort().to_list() == many
    assert list(verify_lake(Lake.open(lake).snapshot)) == []


@pytest.mark.slow
def test_a_killed_run_leaves_a_lake_that_opens_and_the_same_command_goes_on(
    ingest, folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data) as process:
        first_finished(process)
        process.kill()
        process.wait()
        opened = Lake.open(lake)
        assert set(opened.snapshot.visible()["video_id"]) < set(many)
        assert list(verify_lake(opened.snapshot)) == []
        # The worker ends by itself when it next has something to tell.
        process.communicate(timeout=60)
    assert ingest(folder).returncode == 0
    opened = Lake.open(lake)
    assert opened.raw_table("videos").collect()["video_id"].sort().to_list() == many
    assert opened.table("segments").collect().height == len(many)
    frames = opened.table("keypoints").select("video_id", "frame", "person").collect()
    assert frames.is_unique().all()
    assert list(verify_lake(opened.snapshot)) == []


@pytest.mark.slow
def test_a_disk_that_fills_is_told_in_a_line_and_the_lake_stays_whole(
    ingest, folder: Path, tmp_path: Path, clip: Path, grey: Path
) -> None:
    lake = tmp_path / "lake"
    shutil.copy(grey, folder / "a.mp4")
    assert ingest(folder).returncode == 0
    shutil.copy(clip, folder / "b.mp4")
    for limit in (2_000, 9_000):
        ran = ingest(folder, preexec_fn=lambda size=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        assert ran.returncode == 1, ran.stderr
        (line,) = [line for line in ran.stderr.splitlines() if line.startswith("signverse: ")]
        assert "File too large" in line
        assert list(verify_lake(Lake.open(lake).snapshot)) == []
        assert Lake.open(lake).snapshot.visible()["video_id"].to_list() == ["a"]
    assert ingest(folder).returncode == 0
    opened = Lake.open(lake)
    assert opened.raw_table("videos").collect()["video_id"].sort().to_list() == ["a", "b"]
    assert opened.table("segments").collect().height == 2
    assert list(verify_lake(opened.snapshot)) == []


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_costs_its_video_only(
    ingest, folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data) as process:
        first_finished(process)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if ": failed: " in line]
    assert "the process that read it ended with SIGKILL" in line
    assert Lake.open(lake).snapshot.visible().height == len(many) - 1
    assert [row[1:] for row in outcomes(lake) if row[2] == "failed"] == [("extract", "failed", "crashed", 1)]
