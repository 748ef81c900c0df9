"""Finding, checking and fetching the two models."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from signverse.ingest.models import pair
from signverse.ingest.models import pull as fetching
from signverse.ingest.models.pair import find_models, list_models
from signverse.ingest.models.pins import PINS, Pin, default_folder, model_sha256
from signverse.ingest.models.pull import pull
from signverse.lake.model.errors import BadInputError


def write_model(
    path: Path,
    taken: Sequence[int | str],
    given: dict[str, Sequence[int]],
    *,
    declared: dict[str, Sequence[int | str]] | None = None,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """A model of the given shapes that gives zeros; `declared` is what its file says its outputs' shapes are."""
    nodes, constants = [], []
    for name, shape in given.items():
        constants.append(numpy_helper.from_array(np.array(shape, np.int64), f"{name}_shape"))
        nodes.append(helper.make_node("ConstantOfShape", [f"{name}_shape"], [name]))
    shapes: dict[str, Sequence[int | str]] = {**given, **(declared or {})}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", kind, taken)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def detector(path: Path, batch: int | str = 1) -> Path:
    return write_model(path, [batch, 3, 64, 96], {"out": [1, 126, 85]})


def pose(path: Path, batch: int | str = 1) -> Path:
    return write_model(path, [batch, 3, 64, 48], {"simcc_x": [1, 133, 96], "simcc_y": [1, 133, 128]})


def test_a_pair_is_found_whatever_the_files_are_called(tmp_path: Path) -> None:
    detector(tmp_path / "b.onnx", "batch")
    pose(tmp_path / "a.onnx", "batch")
    pair = find_models(tmp_path)
    assert (pair.detector.name, pair.pose.name, pair.remark) == ("b.onnx", "a.onnx", "")


def test_the_production_files_come_first_and_the_choice_is_said(tmp_path: Path) -> None:
    for name in ("a_detector.onnx", "yolox_l.onnx", "z_detector.onnx"):
        detector(tmp_path / name)
    for name in ("b_pose.onnx", "c_pose.onnx"):
        pose(tmp_path / name)
    pair = find_models(tmp_path)
    assert (pair.detector.name, pair.pose.name) == ("yolox_l.onnx", "b_pose.onnx")
    assert pair.remark == (
        "using detector yolox_l.onnx (a_detector.onnx, z_detector.onnx would also fit; choose with --detector); "
        "using pose b_pose.onnx (c_pose.onnx would also fit; choose with --pose)"
    )


def test_a_named_file_is_taken_and_the_other_is_looked_for(tmp_path: Path) -> None:
    detector(tmp_path / "a.onnx")
    named = detector(tmp_path / "b.onnx")
    pose(tmp_path / "c.onnx")
    assert find_models(tmp_path, detector=named).detector == named
    assert find_models(tmp_path, detector=named).pose.name == "c.onnx"


def test_two_named_files_need_no_folder(tmp_path: Path) -> None:
    one, other = detector(tmp_path / "a.onnx"), pose(tmp_path / "b.onnx")
    assert find_models(tmp_path / "nowhere", detector=one, pose=other).pose == other


def test_broken_files_are_passed_over_in_a_search(tmp_path: Path) -> None:
    (tmp_path / "yolox_l.onnx").write_bytes(b"not a model")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "folder.onnx").mkdir()
    detector(tmp_path / "other.onnx")
    pose(tmp_path / "pose.onnx")
    assert find_models(tmp_path).detector.name == "other.onnx"


def test_a_broken_file_is_refused_when_it_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(BadInputError, match=r"broken\.onnx: cannot be opened as an ONNX model"):
        find_models(tmp_path, detector=broken)
    with pytest.raises(BadInputError, match=r"absent\.onnx: no such file"):
        find_models(tmp_path, pose=tmp_path / "absent.onnx")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("folder", ["empty", "absent", "lonely"])
def test_without_a_pair_the_person_learns_how_to_get_one(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "lonely").mkdir()
    detector(tmp_path / "lonely" / "yolox.onnx")
    with pytest.raises(BadInputError) as refusal:
        find_models(tmp_path / folder)
    text = str(refusal.value)
    assert folder in text
    assert "signverse models pull" in text
    assert "--models" in text
    assert "\n" not in text
    if folder == "lonely":
        assert "no pose model among the models (yolox.onnx is detector)" in text
    else:
        assert f"{folder} holds no .onnx file" in text


def test_models_live_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder().parts[-2:] == ("signverse", "models")


DETECTOR_FAULTS = {
    "expected a float input [1,3,height,width], found tensor(float) [1,1,64,96]": {"taken": [1, 1, 64, 96]},
    "expected a float input [1,3,height,width], found [2,3,64,96]": {"taken": [2, 3, 64, 96]},
    "of a fixed height and width, found [1,3,h,w]": {"taken": [1, 3, "h", "w"]},
    "found tensor(uint8) [1,3,64,96]": {"kind": TensorProto.UINT8},
    "multiples of 32, found 64 and 90": {"taken": [1, 3, 64, 90]},
    "expected output out [..,126,85], found [1,126,6]": {"given": {"out": [1, 126, 6]}},
    "expected output out [..,126,85], found [1,8400,85]": {"given": {"out": [1, 8400, 85]}},
}


@pytest.mark.parametrize("fault", DETECTOR_FAULTS)
def test_a_detector_that_does_not_fit_is_refused_with_its_shapes(tmp_path: Path, fault: str) -> None:
    spec = {"taken": [1, 3, 64, 96], "given": {"out": [1, 126, 85]}} | DETECTOR_FAULTS[fault]
    path = write_model(tmp_path / "wrong.onnx", **spec)
    with pytest.raises(BadInputError) as refusal:
        find_models(tmp_path, detector=path)
    assert "wrong.onnx: does not fit as a detector" in str(refusal.value)
    assert fault in str(refusal.value)


POSE_FAULTS = {
    "expected output simcc_x [..,133,96], found [1,17,96]": {"simcc_x": [1, 17, 96], "simcc_y": [1, 17, 128]},
    "expected output simcc_y [..,133,128], found [1,133,64]": {"simcc_x": [1, 133, 96], "simcc_y": [1, 133, 64]},
    "expected two outputs, simcc_x and simcc_y, found one": {"heat": [1, 133, 96]},
}


@pytest.mark.parametrize("fault", POSE_FAULTS)
def test_a_pose_model_that_does_not_fit_is_refused_with_its_shapes(tmp_path: Path, fault: str) -> None:
    path = write_model(tmp_path / "wrong.onnx", [1, 3, 64, 48], POSE_FAULTS[fault])
    with pytest.raises(BadInputError) as refusal:
        find_models(tmp_path, pose=path)
    assert "wrong.onnx: does not fit as a pose model" in str(refusal.value)
    assert fault in str(refusal.value)


def test_a_detector_is_not_taken_for_a_pose_model(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not fit as a pose model"):
        find_models(tmp_path, pose=detector(tmp_path / "a.onnx"))


def test_sizes_that_an_exporter_left_free_are_found_by_a_run(tmp_path: Path) -> None:
    shapes = {"simcc_x": [1, 133, 96], "simcc_y": [1, 133, 128]}
    free: dict[str, Sequence[int | str]] = {"simcc_x": ["n", "k", "w"], "simcc_y": ["n", "k", "h"]}
    write_model(tmp_path / "pose.onnx", ["n", 3, 64, 48], shapes, declared=free)
    write_model(tmp_path / "det.onnx", [1, 3, 64, 96], {"out": [1, 126, 85]}, declared={"out": ["n", "a", "c"]})
    write_model(tmp_path / "a.onnx", [1, 3, 64, 96], {"out": [1, 99, 85]}, declared={"out": ["n", "a", "c"]})
    pair = find_models(tmp_path)
    assert (pair.detector.name, pair.pose.name) == ("det.onnx", "pose.onnx")


def test_a_listing_says_what_each_file_is_good_for(tmp_path: Path) -> None:
    detector(tmp_path / "yolox_l.onnx")
    pose(tmp_path / "pose.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"x")
    write_model(tmp_path / "other.onnx", [1, 3, 64, 96], {"out": [1, 5]})
    (tmp_path / "notes.txt").write_text("no model")
    listed = {file.name: file for file in list_models(tmp_path)}
    assert list(listed) == ["broken.onnx", "other.onnx", "pose.onnx", "yolox_l.onnx"]
    assert listed["yolox_l.onnx"].role == "detector"
    assert listed["pose.onnx"].role == "pose"
    assert listed["broken.onnx"].role.startswith("neither: cannot be opened")
    assert listed["other.onnx"].role.startswith("neither: as a detector, expected output out [..,126,85]")
    assert listed["pose.onnx"].size == (tmp_path / "pose.onnx").stat().st_size
    assert not any(file.pinned for file in listed.values())
    assert list_models(tmp_path / "absent") == []


def test_a_listing_knows_the_pinned_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = detector(tmp_path / "yolox_l.onnx")
    right = Pin(path.name, path.stat().st_size, model_sha256(path), "someone/some")
    monkeypatch.setattr(pair, "PINS", (right, PINS[1]))
    assert list_models(tmp_path)[0].pinned
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert not list_models(tmp_path)[0].pinned


def test_the_stand_in_models_are_found(data: Path) -> None:
    pair = find_models(data / "models")
    assert (pair.detector.name, pair.pose.name) == ("yolox_nano.onnx", "wholebody133_384x288.onnx")
    assert pair.remark == "using detector yolox_nano.onnx (yolox_nano_640.onnx would also fit; choose with --detector)"


class Hub:
    """A hub on this machine: serves `content`, breaks off as told, and keeps what was asked."""

    def __init__(self) -> None:
        self.content = b""
        self.asked: list[tuple[str, str | None]] = []
        self.break_after: list[int] = []
        self.ranges = True
        self.status = 200


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            hub.asked.append((self.path, asked))
            if hub.status != 200:
                self.send_error(hub.status)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and hub.ranges else 0
            body = hub.content[start:]
            self.send_response(206 if asked and hub.ranges else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: hub.break_after.pop(0)] if hub.break_after else body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(fetching, "_PAUSE_S", 0.01)
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


CONTENT = np.random.default_rng(0).bytes(1_500_000)
PIN = Pin("net.onnx", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "someone/some")


def test_the_pins_are_the_production_files() -> None:
    assert [(pin.name, pin.size, pin.sha256[:8], pin.repo) for pin in PINS] == [
        ("yolox_l.onnx", 216746733, "7860ae79", "yzd-v/DWPose"),
        ("dw-ll_ucoco_384.onnx", 134399116, "724f4ff2", "yzd-v/DWPose"),
    ]


def test_a_pull_fetches_a_file_once(tmp_path: Path, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    hub.content = CONTENT
    told: list[tuple[str, int, int]] = []
    folder = tmp_path / "new" / "models"
    (path,) = pull(folder, pins=[PIN], progress=lambda *state: told.append(state))
    assert path == folder / "net.onnx"
    assert path.read_bytes() == CONTENT
    assert hub.asked == [("/someone/some/resolve/main/net.onnx", None)]
    assert told[-1] == ("net.onnx", PIN.size, PIN.size)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert pull(folder, pins=[PIN]) == [path]
    assert len(hub.asked) == 1
    assert [file.name for file in folder.iterdir()] == ["net.onnx"]
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_breaks_is_carried_on(tmp_path: Path, hub: Hub) -> None:
    hub.content = CONTENT
    hub.break_after = [600_000, 0, 500_000]
    (path,) = pull(tmp_path, pins=[PIN])
    assert path.read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for _, asked in hub.asked]
    assert starts[0] == 0
    assert 0 < starts[1] <= 600_000
    assert starts[1] == starts[2] < starts[3]


def test_the_next_pull_carries_on_where_the_last_was_broken(tmp_path: Path, hub: Hub) -> None:
    hub.content = CONTENT
    hub.break_after = [600_000, 0, 0, 0, 0, 0]
    with pytest.raises(BadInputError) as refusal:
        pull(tmp_path, pins=[PIN])
    text = str(refusal.value)
    assert "net.onnx cannot be fetched from http://127.0.0.1" in text
    assert "the download resumes where it stopped" in text
    assert "\n" not in text
    there = (tmp_path / "net.onnx.part").stat().st_size
    assert 0 < there <= 600_000
    hub.break_after = []
    hub.asked.clear()
    (path,) = pull(tmp_path, pins=[PIN])
    assert hub.asked == [("/someone/some/resolve/main/net.onnx", f"bytes={there}-")]
    assert path.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_of_it_again(tmp_path: Path, hub: Hub) -> None:
    hub.content = CONTENT
    hub.ranges = False
    hub.break_after = [900_000]
    (path,) = pull(tmp_path, pins=[PIN])
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (CONTENT[:-1] + b"?", "expected sha256"),
        (CONTENT + b"more", f"expected {len(CONTENT):,} bytes, found {len(CONTENT) + 4:,}"),
    ],
)
def test_a_wrong_file_is_removed_and_refused(tmp_path: Path, hub: Hub, content: bytes, found: str) -> None:
    hub.content = content
    with pytest.raises(BadInputError) as refusal:
        pull(tmp_path, pins=[PIN])
    assert found in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_that_was_there_is_replaced(tmp_path: Path, hub: Hub) -> None:
    hub.content = CONTENT
    (tmp_path / "net.onnx").write_bytes(b"old")
    (path,) = pull(tmp_path, pins=[PIN])
    assert path.read_bytes() == CONTENT


def test_a_file_that_the_hub_has_not_is_said_at_once(tmp_path: Path, hub: Hub) -> None:
    hub.status = 404
    with pytest.raises(BadInputError, match=r"net\.onnx cannot be fetched"):
        pull(tmp_path, pins=[PIN])
    assert len(hub.asked) == 1


def test_without_a_network_the_person_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fetching, "_PAUSE_S", 0.0)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadInputError) as refusal:
        pull(tmp_path, pins=[PIN])
    assert "Check the network or HF_ENDPOINT" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")
