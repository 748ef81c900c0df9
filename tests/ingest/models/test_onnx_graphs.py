"""The graphs and bound buffers of a GPU give, on the CPU, the very numbers of the CPU's own path."""

from __future__ import annotations

import threading
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from signverse.ingest.models.detector import Detector
from signverse.ingest.models.devices import Device
from signverse.ingest.models.io_binding import BoundModel
from signverse.ingest.models.load import load_bound, load_models
from signverse.ingest.models.onnx_graphs import FOUND, IMAGES, ExtendedGraph, extend_detector, extend_pose
from signverse.ingest.models.pair import ModelPair, find_models
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session
from signverse.lake.media.decode import Decoder

RNG = np.random.default_rng(7)


def write(path: Path, text: str, opset: int, **weights: np.ndarray) -> Path:
    """A model from ONNX's own text form, with weights by name."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items())
    onnx.save(model, path)
    return path


def small_pose(path: Path, batch: str = "batch", opset: int = 17) -> Path:
    """64 by 48: each point's heads are weighted sums over the columns and the rows of the normalised crop."""
    mean = ("axes = [1, 2]", "axes = [1, 3]")
    text = f"""
    small (float[{batch}, 3, 64, 48] input) => (float[{batch}, 133, 96] simcc_x, float[{batch}, 133, 128] simcc_y) {{
        columns = ReduceMean<keepdims = 0, {mean[0]}>(input)
        rows = ReduceMean<keepdims = 0, {mean[1]}>(input)
        x = Gemm(columns, to_x)
        y = Gemm(rows, to_y)
        simcc_x = Reshape(x, shape_x)
        simcc_y = Reshape(y, shape_y)
    }}"""
    if opset >= 18:
        text = text.replace("<keepdims = 0, axes = [1, 2]>(input)", "<keepdims = 0>(input, of_columns)")
        text = text.replace("<keepdims = 0, axes = [1, 3]>(input)", "<keepdims = 0>(input, of_rows)")
    return write(
        path,
        text,
        opset,
        to_x=RNG.normal(size=(48, 133 * 96)).astype(np.float32),
        to_y=RNG.normal(size=(64, 133 * 128)).astype(np.float32),
        shape_x=np.array([-1, 133, 96]),
        shape_y=np.array([-1, 133, 128]),
        of_columns=np.array([1, 2]),
        of_rows=np.array([1, 3]),
    )


def small_detector(path: Path, batch: str = "batch", opset: int = 17) -> Path:
    """64 by 96: the 126 cells are a weighted sum of the image's mean colour; some of them are people."""
    text = f"""
    small (float[{batch}, 3, 64, 96] images) => (float[{batch}, 126, 85] output) {{
        colour = GlobalAveragePool(images)
        flat = Flatten(colour)
        cells = Gemm(flat, weights)
        shaped = Reshape(cells, shape)
        output = Sigmoid(shaped)
    }}"""
    weights = RNG.normal(size=(3, 126 * 85)).astype(np.float32) / 100
    return write(path, text, opset, weights=weights, shape=np.array([-1, 126, 85]))


def crowd(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Images with 0, 1, 2, ... people's boxes in them."""
    images = [RNG.integers(0, 256, (90, 160, 3), np.uint8) for _ in range(count)]
    corners = [RNG.uniform(-20, 80, (i, 2)) for i in range(count)]
    boxes = [
        np.concatenate([some, some + RNG.uniform(1, 90, some.shape)], axis=1).astype(np.float32) for some in corners
    ]
    return images, boxes


def bound(model: ExtendedGraph, batch: int) -> BoundModel:
    return BoundModel(make_session(model.graph, "cpu"), batch)


@pytest.mark.parametrize("opset", [11, 17, 18])
@pytest.mark.parametrize("batch", ["batch", "1", "5"])
def test_widened_models_give_the_same_points_whatever_their_batch_and_opset(
    tmp_path: Path, batch: str, opset: int
) -> None:
    images, boxes = crowd(8)
    path = small_pose(tmp_path / "pose.onnx", batch, opset)
    plain = PoseEstimator(make_session(path, "cpu"))
    estimate = PoseEstimator(bound(extend_pose(path), 6))
    assert (estimate.dynamic_batch, estimate.batch) == (batch == "batch", 6 if batch == "batch" else int(batch))
    for expected, found in zip(plain.predict_batch(images, boxes), estimate.predict_batch(images, boxes), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("opset", [11, 18])
@pytest.mark.parametrize("batch", ["batch", "1"])
def test_widened_detectors_give_the_same_people(tmp_path: Path, batch: str, opset: int) -> None:
    images, _ = crowd(7)
    path = small_detector(tmp_path / "detector.onnx", batch, opset)
    plain, detect = Detector(make_session(path, "cpu")), Detector(bound(extend_detector(path), 3))
    found = detect.predict_batch(images)
    assert sum(map(len, found)) > 20
    for expected, people in zip(plain.predict_batch(images), found, strict=True):
        np.testing.assert_array_equal(people, expected)


def test_real_models_give_the_same_numbers(data: Path) -> None:
    with Decoder(data / "videos" / "signer_720p24.mp4") as video:
        images = list(islice(video, 2))
    path = data / "models" / "yolox_nano.onnx"
    boxes = Detector(make_session(path, "cpu", 2)).predict_batch(images)
    for expected, found in zip(boxes, Detector(bound(extend_detector(path), 8)).predict_batch(images), strict=True):
        assert len(found)
        np.testing.assert_array_equal(found, expected)
    path = data / "models" / "wholebody133_384x288.onnx"
    people = [some[:, :4] for some in boxes]
    points = PoseEstimator(make_session(path, "cpu", 2)).predict_batch(images, people)
    for expected, found in zip(
        points, PoseEstimator(bound(extend_pose(path), 8)).predict_batch(images, people), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_widened_model_takes_bytes_and_gives_little(tmp_path: Path) -> None:
    pose = extend_pose(small_pose(tmp_path / "pose.onnx"))
    assert (pose.shape, pose.dynamic_batch) == ((64, 48, 3), True)
    session = make_session(pose.graph, "cpu")
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == (IMAGES, "tensor(uint8)", ["batch", 64, 48, 3])
    assert (given.name, given.type, given.shape) == (FOUND, "tensor(float)", ["batch", 133, 3])
    onnx.checker.check_model(onnx.load_from_string(pose.graph), full_check=True)
    detector = extend_detector(small_detector(tmp_path / "detector.onnx", "1"))
    assert (detector.shape, detector.dynamic_batch) == ((64, 96, 3), False)
    onnx.checker.check_model(onnx.load_from_string(detector.graph), full_check=True)


def test_weights_that_old_files_list_among_the_inputs_are_no_input(tmp_path: Path) -> None:
    path = small_pose(tmp_path / "pose.onnx")
    model = onnx.load(path)
    weights = next(weight for weight in model.graph.initializer if weight.name == "to_x")
    model.graph.input.insert(0, onnx.helper.make_tensor_value_info("to_x", weights.data_type, weights.dims))
    onnx.save(model, path)
    assert extend_pose(path).shape == (64, 48, 3)


def test_buffers_are_bound_once_for_each_size_and_a_batch_in_between_is_filled_up(tmp_path: Path) -> None:
    model = bound(extend_pose(small_pose(tmp_path / "pose.onnx")), 8)
    assert model.sizes == [1, 2, 3, 4, 6, 8]
    slot = model.buffers()
    crops = RNG.integers(0, 256, (8, 64, 48, 3), np.uint8)
    alone = []
    for crop in crops:
        slot.put(0, crop)
        alone.append(slot.run(1)[0].copy())
    for count in (8, 5, 7, 1, 6):
        for place in range(count):
            slot.put(place, crops[place])
        found = slot.run(count)
        assert found.shape == (count, 133, 3)
        np.testing.assert_allclose(found, alone[:count], atol=1e-4)
    assert sorted(slot._bound) == [1, 6, 8]


def test_threads_that_share_a_bound_model_do_not_meet(tmp_path: Path) -> None:
    images, boxes = crowd(9)
    path = small_pose(tmp_path / "pose.onnx")
    expected = PoseEstimator(make_session(path, "cpu")).predict_batch(images, boxes)
    estimate = PoseEstimator(bound(extend_pose(path), 4))
    wrong: list[int] = []

    def run(number: int) -> None:
        for _ in range(20):
            for one, other in zip(estimate.predict_batch(images, boxes), expected, strict=True):
                if not np.allclose(one, other, atol=1e-4):
                    wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_loading_on_the_cpu_takes_the_files_as_they_are_and_on_a_gpu_the_widened_graphs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pose(tmp_path / "pose.onnx")
    small_detector(tmp_path / "detector.onnx")
    pair = find_models(tmp_path)
    assert pair == ModelPair(tmp_path / "detector.onnx", tmp_path / "pose.onnx")
    plain = load_models(pair, "cpu")
    assert (plain.provider, plain.pose.batch, plain.detector.batch) == ("CPUExecutionProvider", 16, 8)

    # A card that is the CPU: what is bound and run is the same.
    started: list[str] = []

    def start(model: bytes, device: str, **_: object) -> object:
        started.append(device)
        return make_session(model, "cpu")

    monkeypatch.setattr("signverse.ingest.models.load.make_session", start)
    monkeypatch.setattr(
        "signverse.ingest.models.load.BoundModel", lambda session, batch, place: BoundModel(session, batch)
    )
    card = load_models(pair, "cuda:1")
    assert started == ["cuda:1", "cuda:1"]
    assert (card.pose.batch, card.detector.batch) == (32, 16)
    images, boxes = crowd(5)
    for one, other in zip(card.detector.predict_batch(images), plain.detector.predict_batch(images), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    for one, other in zip(card.pose.predict_batch(images, boxes), plain.pose.predict_batch(images, boxes), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_tensorrt_engine_is_built_in_its_folder_for_the_largest_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from signverse.ingest.models.devices import Card, Driver

    asked: list[dict[str, str]] = []

    def start(model: bytes, device: str, options: dict[str, str]) -> object:
        asked.append(options)
        return make_session(model, "cpu")

    monkeypatch.setattr("signverse.ingest.models.load.make_session", start)
    monkeypatch.setattr("signverse.ingest.models.load.load_tensorrt", lambda: "10.13.0")
    monkeypatch.setattr("signverse.ingest.models.load.why_unusable", lambda device: "")
    monkeypatch.setattr("signverse.ingest.models.load.nvidia_driver", lambda: Driver((Card("NVIDIA L4", 1),), (13, 0)))
    monkeypatch.setattr("signverse.ingest.models.tensorrt.engines_folder", lambda: tmp_path / "engines")
    path = small_pose(tmp_path / "pose.onnx")
    load_bound(path, extend_pose, Device("tensorrt"), 32)
    (folder,) = (tmp_path / "engines").iterdir()
    assert folder.name.endswith("-nvidia-l4-trt10.13.0")
    assert asked[0]["trt_engine_cache_path"] == str(folder)
    assert asked[0]["trt_profile_max_shapes"] == f"{IMAGES}:32x64x48x3"
    assert "pose.onnx for NVIDIA L4" in capsys.readouterr().err
