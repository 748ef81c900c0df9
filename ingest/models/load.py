"""The two models, ready on a device: as their files are on the CPU, with a graph of their own and bound on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.ingest.models.detector import Detector
from signverse.ingest.models.devices import GPU_DEVICES, Device, nvidia_driver, parse_device
from signverse.ingest.models.io_binding import Bound
from signverse.ingest.models.onnx_graphs import IMAGES, Widened, widen_detector, widen_pose
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session, provider_in_use, refusal, usable_device
from signverse.ingest.models.tensorrt import building, engine_folder, engine_options, load_tensorrt

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DETECTOR_BATCH: Final = 16
POSE_BATCH: Final = 32
"""On a GPU, where a batch costs little memory and small ones leave most of the card idle."""


@dataclass(frozen=True)
class Loaded:
    """Both models on a device; `provider` is the execution provider in use."""

    detector: Detector
    pose: PoseEstimator
    provider: str


def load_models(models: ModelPair, device: str = "auto") -> Loaded:
    """Loads both models onto a device.

    Raises:
        BadInputError: a model cannot be loaded, the device is unknown, or not the one in use.
    """
    wanted = parse_device(usable_device("auto")[0] if device == "auto" else device)
    if wanted.kind not in GPU_DEVICES:
        detector, pose = (make_session(path, str(wanted)) for path in (models.detector, models.pose))
        return Loaded(Detector(detector), PoseEstimator(pose), provider_in_use(pose))
    cells = load_bound(models.detector, widen_detector, wanted, DETECTOR_BATCH)
    points = load_bound(models.pose, widen_pose, wanted, POSE_BATCH)
    return Loaded(Detector(cells), PoseEstimator(points), provider_in_use(points.session))


def load_bound(path: Path, widen: Callable[[Path], Widened], device: Device, batch: int) -> Bound:
    """A model's graph, widened by a function of ingest/models/onnx_graphs.py, on a GPU.

    Args:
        batch: images that go through together, at most, where the model takes any number.

    Raises:
        BadInputError: the device is not the one in use.
    """
    return Bound(_start(path.name, widen(path), device, batch), batch, ("cuda", device.card or 0))


def _start(name: str, model: Widened, device: Device, batch: int) -> InferenceSession:
    version = load_tensorrt() if device.kind == "tensorrt" and not refusal(device) else ""
    if not version:
        # CUDA; or TensorRT that cannot be had, and then the session is refused with the reason.
        return make_session(model.graph, str(device))
    card = nvidia_driver().cards[device.card or 0].name
    folder = engine_folder(model.graph, card, version)
    options = engine_options(folder, IMAGES, model.shape, batch if model.free else None)
    with building(folder, name, card):
        return make_session(model.graph, str(device), options=options)
