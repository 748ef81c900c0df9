"""A video becomes keypoints, and they are those that were published."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import weakref
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.extract.extractor import Extraction, Extractor, find_people
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models import devices
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pair import ModelPair, find_models
from signverse.ingest.models.pins import model_sha256
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session, provider_in_use, usable_device
from signverse.ingest.tracking.identities import assign_people
from signverse.lake.media.decode import Decoder
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import FACE, LEFT_HAND, PARTS, RIGHT_HAND, joint_index

no_gpu = pytest.mark.skipif(bool(devices.nvidia_driver().cards), reason="this machine has a GPU")


@cache
def extracted(data: Path) -> Extraction:
    models = find_models(data / "models", detector=data / "models" / "yolox_nano.onnx")
    return Extractor(models, "cpu", threads=2, detect_every=1).extract(data / "videos" / "signer_720p24.mp4")


def published(data: Path) -> np.ndarray:
    """The release's keypoints of signer_720p24.mp4: float32 [135, 128, 2] in pixels."""
    frames = []
    with tarfile.open(data / "release" / "Sign_DWPose_NPZ_000002.tar") as tar:
        for name in sorted(name for name in tar.getnames() if name.endswith(".npz")):
            file = tar.extractfile(name)
            assert file is not None
            with np.load(io.BytesIO(file.read())) as npz:
                size = np.array([npz["frame_width"].item(), npz["frame_height"].item()])
                parts = [npz[f"person_000_{part.name}_keypoints"] for part in PARTS]
            frames.append(np.concatenate(parts) * size)
    return np.stack(frames)


HEAD = [joint_index(name) for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]
ARMS = [joint_index(f"{side}_{name}") for side in ("right", "left") for name in ("shoulder", "elbow", "wrist")]
HIPS = [joint_index("right_hip"), joint_index("left_hip")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "median"),
    [
        (np.r_[FACE.slice], 0.017),
        (np.r_[LEFT_HAND.slice, RIGHT_HAND.slice], 0.046),
        (HEAD, 0.080),
        (ARMS, 0.100),
        (HIPS, 0.252),
    ],
    ids=["face", "hands", "head", "arms", "hips"],
)
def test_real_signing_lies_on_the_published_keypoints(data: Path, points: np.ndarray, median: float) -> None:
    found, truth = extracted(data), published(data)
    assert found.num_frames == len(truth) == 135
    assert found.frames.tolist() == list(range(135))
    face = truth[:, FACE.slice]
    diagonal = np.linalg.norm(face.max(axis=1) - face.min(axis=1), axis=1)
    distance = np.linalg.norm(found.points[..., :2] - truth, axis=-1) / diagonal[:, None]
    # The medians that plain code written from the reference gives with these models: 2 % for other builds of them.
    assert np.nanmedian(distance[:, points]) <= median * 1.02
    assert np.isnan(distance[:, points]).mean() < 0.01


@pytest.mark.slow
def test_an_extraction_says_how_it_was_made(data: Path) -> None:
    found = extracted(data)
    assert (found.facts.width, found.facts.height, found.facts.codec) == (1280, 720, "h264")
    assert (found.damaged_frames, found.remark, found.repairs, found.events) == (0, "", [], [])
    assert (found.detector, found.pose_model) == ("yolox_nano.onnx", "wholebody133_384x288.onnx")
    assert found.detector_sha256 == model_sha256(data / "models" / "yolox_nano.onnx")
    assert found.pose_sha256 == model_sha256(data / "models" / "wholebody133_384x288.onnx")
    assert (found.provider, found.detect_every) == ("CPUExecutionProvider", 1)
    assert (found.frames.dtype, found.person.dtype, found.points.dtype) == (np.int32, np.int8, np.float32)
    absent = np.isnan(found.points[..., 0])
    assert (absent == np.isnan(found.points[..., 1])).all()
    assert (absent == (found.points[..., 2] == 0)).all()


class Fake:
    """Stands in for a model: an image's blue value says how many people it shows."""

    dynamic_batch, batch = True, 8

    def predict_batch(self, images: list[np.ndarray], boxes: list[np.ndarray] | None = None) -> list[np.ndarray]:
        if boxes is None:
            return [self.detect(image) for image in images]
        return [self.estimate(some) for some in boxes]

    def detect(self, image: np.ndarray) -> np.ndarray:
        count = round(float(image[..., 0].mean()) / 20)
        rows = [(100 * i, 10, 100 * i + 50, 110, 0.9 - 0.1 * i) for i in range(count)]
        return np.array(rows, np.float32).reshape(-1, 5)

    def estimate(self, boxes: np.ndarray) -> np.ndarray:
        points = np.empty((len(boxes), 133, 3), np.float32)
        points[..., 0] = boxes[:, :1]
        points[..., 1] = 50
        # The hands of the later boxes are seen better: person 0 is not the first box.
        points[..., 2] = 0.4 + 0.1 * np.arange(len(boxes))[:, None]
        return points


def fake_extractor() -> Extractor:
    extractor = Extractor.__new__(Extractor)
    extractor._detector = extractor._pose = Fake()  # type: ignore[assignment]
    extractor._threads, extractor._every = 2, 1
    extractor._models = ModelPair(Path("d.onnx"), Path("p.onnx"))
    extractor._detector_sha256 = extractor._pose_sha256 = ""
    extractor.provider = "none"
    return extractor


def write_crowds(path: Path, crowds: list[int]) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "bgr0"
        for count in crowds:
            image = np.zeros((64, 64, 3), np.uint8)
            image[..., 0] = 20 * count
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def test_rows_are_sorted_by_frame_and_person_and_empty_frames_have_none(tmp_path: Path) -> None:
    done: list[int] = []
    found = fake_extractor().extract(write_crowds(tmp_path / "v.mkv", [0, 3, 0, 1, 2, 0]), done.append)
    assert found.num_frames == 6
    assert found.frames.tolist() == [1, 1, 1, 3, 4, 4]
    assert done == [1, 2, 3, 4, 5, 6]
    for frame in (1, 3, 4):
        numbers = found.person[found.frames == frame].tolist()
        assert numbers == sorted(set(numbers))
    # A person is where its number was before: rows moved together with their points.
    places = {(int(person), float(x)) for person, x in zip(found.person, found.points[:, 0, 0], strict=True)}
    assert len(places) == 3


def test_ten_people_keep_their_ten_numbers(tmp_path: Path) -> None:
    found = fake_extractor().extract(write_crowds(tmp_path / "v.mkv", [10] * 30))
    assert found.frames.tolist() == np.repeat(np.arange(30), 10).tolist()
    assert found.person.tolist() == list(range(10)) * 30
    places = {(int(person), float(x)) for person, x in zip(found.person, found.points[:, 0, 0], strict=True)}
    assert len(places) == 10


def test_a_video_with_nobody_in_it_has_no_rows(tmp_path: Path) -> None:
    found = fake_extractor().extract(write_crowds(tmp_path / "v.mkv", [0] * 10))
    assert found.num_frames == 10
    assert (found.frames.shape, found.person.shape, found.points.shape) == ((0,), (0,), (0, 128, 3))
    assert (found.frames.dtype, found.person.dtype, found.points.dtype) == (np.int32, np.int8, np.float32)


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video")
    with pytest.raises(BadInputError, match=r"v\.mp4"):
        fake_extractor().extract(tmp_path / "v.mp4")


def same(one: Extraction, other: Extraction) -> None:
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(one.person, other.person)
    np.testing.assert_array_equal(one.points, other.points)


@pytest.mark.slow
def test_detection_on_every_frame_is_the_plain_loop_to_the_last_bit(data: Path) -> None:
    models = find_models(data / "models", detector=data / "models" / "yolox_nano_640.onnx")
    detect = Detector(make_session(models.detector, "cpu"))
    estimate = PoseEstimator(make_session(models.pose, "cpu"))
    boxes, points = [], []
    with Decoder(data / "videos" / "word_192p30.mp4") as video:
        for image in video:
            boxes.append(detect(image)[:, :4])
            points.append(to_openpose(estimate(image, boxes[-1])))
    found = Extractor(models, "cpu", 2, detect_every=1).extract(data / "videos" / "word_192p30.mp4")
    assert found.detect_every == 1
    for frame, (numbers, rows) in enumerate(zip(assign_people(boxes, points), points, strict=True)):
        np.testing.assert_array_equal(found.points[found.frames == frame], rows[np.argsort(numbers)])
        assert found.person[found.frames == frame].tolist() == sorted(numbers)


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing(data: Path) -> None:
    models = find_models(data / "models", detector=data / "models" / "yolox_nano.onnx")
    video = data / "videos" / "word_192p30.mp4"
    first = Extractor(models, "cpu", 1).extract(video)
    assert first.detect_every == DETECT_EVERY
    for threads in (2, 5):
        same(first, Extractor(models, "cpu", threads).extract(video))


def write_pose_model(path: Path) -> Path:
    """A whole-body model of a free batch, whose points depend on the mean colour of the crop."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(4)
    nodes, outputs, weights = [helper.make_node("GlobalAveragePool", ["input"], ["mean"])], [], []
    nodes.append(helper.make_node("Flatten", ["mean"], ["colour"]))
    for name, size in (("simcc_x", 576), ("simcc_y", 768)):
        matrix = rng.normal(size=(3, 133 * size)).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"{name}_w"))
        weights.append(numpy_helper.from_array(np.array([-1, 133, size], np.int64), f"{name}_s"))
        nodes.append(helper.make_node("MatMul", ["colour", f"{name}_w"], [f"{name}_flat"]))
        nodes.append(helper.make_node("Reshape", [f"{name}_flat", f"{name}_s"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 133, size]))
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 384, 288])
    model = helper.make_model(
        helper.make_graph(nodes, "pose", [given], outputs, weights), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 9
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("every", [1, 4])
def test_batches_across_frames_are_the_same_whatever_the_threads(data: Path, tmp_path: Path, every: int) -> None:
    pose = write_pose_model(tmp_path / "pose.onnx")
    models = ModelPair(data / "models" / "yolox_nano.onnx", pose)
    assert PoseEstimator(make_session(pose, "cpu")).dynamic_batch
    video = data / "videos" / "word_192p30.mp4"
    first = Extractor(models, "cpu", 1, every).extract(video)
    assert len(first.frames) > 30
    same(first, Extractor(models, "cpu", 4, every).extract(video))


@pytest.mark.parametrize(
    ("size", "every", "most"), [(1 << 20, 6, 3 * 6), (30 << 20, 6, 17), (99 << 20, 6, 2), (99 << 20, 1, 5)]
)
def test_large_images_wait_in_small_numbers(size: int, every: int, most: int) -> None:
    """Counts the images that are alive: 8K frames are 99 MB each."""
    alive: set[int] = set()
    peak = 0

    def images() -> Iterator[np.ndarray]:
        nonlocal peak
        for number in range(60):
            image = np.zeros((64, 64, 3), np.uint8)
            alive.add(number)
            weakref.finalize(image, alive.discard, number)
            peak = max(peak, len(alive))
            yield image
            del image

    fixed = Fake()
    fixed.dynamic_batch, fixed.batch = False, 1
    found = list(find_people(images(), size, fixed, fixed, every, 2))  # type: ignore[arg-type]
    assert len(found) == 60
    assert peak <= most + 2 * every


def test_auto_and_cpu_run_everywhere_and_quietly(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = make_session(data / "models" / "yolox_nano.onnx", "cpu", 1)
    assert provider_in_use(session) == "CPUExecutionProvider"
    assert make_session(data / "models" / "yolox_nano.onnx", "auto", 1).get_providers()
    assert capfd.readouterr() == ("", "")


@no_gpu
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_device_that_was_asked_for_and_is_not_there_is_refused(
    data: Path, device: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInputError) as refusal:
        make_session(data / "models" / "yolox_nano.onnx", device, 1)
    text = str(refusal.value)
    assert f'device "{device}" is not usable: no NVIDIA device is visible' in text
    assert 'pip install "onnxruntime-gpu[cuda,cudnn]"' in text
    assert "signverse doctor" in text
    assert capfd.readouterr() == ("", "")


@no_gpu
def test_the_doctor_hears_which_device_would_be_used_and_why(capfd: pytest.CaptureFixture[str]) -> None:
    assert usable_device("cpu") == ("cpu", "requested")
    assert usable_device("auto") == ("cpu", "no NVIDIA device is visible")
    assert usable_device("cuda") == ("cpu", "no NVIDIA device is visible")
    assert capfd.readouterr() == ("", "")


def test_a_device_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="auto, cpu, cuda, tensorrt"):
        make_session(tmp_path / "x.onnx", "gpu")
    with pytest.raises(BadInputError, match="'gpu' is not a device"):
        usable_device("gpu")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(BadInputError, match=r"x\.onnx: cannot be loaded as a model"):
        make_session(tmp_path / "x.onnx", "cpu")
    assert capfd.readouterr() == ("", "")


def test_importing_extraction_loads_no_heavy_library() -> None:
    check = (
        "import sys, signverse.ingest.extract.extractor, signverse.ingest.models.runtime; "
        "print([name for name in ('onnxruntime', 'av', 'cv2', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
