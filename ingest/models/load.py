"""Load the two models onto a device: the files as they are on the CPU, extended graphs with I/O binding on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.ingest.models.detector import Detector
from signverse.ingest.models.devices import GPU_DEVICES, Device, nvidia_driver, parse_device
from signverse.ingest.models.io_binding import BoundModel
from signverse.ingest.models.onnx_graphs import IMAGES, ExtendedGraph, extend_detector, extend_pose
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session, provider_in_use, usable_device, why_unusable
from signverse.ingest.models.tensorrt import engine_folder, engine_lock, engine_options, load_tensorrt

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
    """Load both models onto a device.

    Raises:
        BadInputError: a model cannot be loaded, the device is unknown, or cannot be used.
    """
    wanted = parse_device(usable_device("auto")[0] if device == "auto" else device)
    if wanted.kind not in GPU_DEVICES:
        detector, pose = (make_session(path, str(wanted)) for path in (models.detector, models.pose))
        return Loaded(Detector(detector), PoseEstimator(pose), provider_in_use(pose))
    detector_model = load_bound(models.detector, extend_detector, wanted, DETECTOR_BATCH)
    pose_model = load_bound(models.pose, extend_pose, wanted, POSE_BATCH)
    return Loaded(Detector(detector_model), PoseEstimator(pose_model), provider_in_use(pose_model.session))


def load_bound(path: Path, widen: Callable[[Path], ExtendedGraph], device: Device, batch: int) -> BoundModel:
    """Load a model onto a GPU, its graph extended by a function of ingest/models/onnx_graphs.py.

    Args:
        batch: the largest batch, if the model takes any number of images.

    Raises:
        BadInputError: the device cannot be used.
    """
    return BoundModel(_start(path.name, widen(path), device, batch), batch, ("cuda", device.card or 0))


def _start(name: str, model: ExtendedGraph, device: Device, batch: int) -> InferenceSession:
    version = load_tensorrt() if device.kind == "tensorrt" and not why_unusable(device) else ""
    if not version:
        # CUDA; or TensorRT that is not installed: `make_session` raises with the reason.
        return make_session(model.graph, str(device))
    card = nvidia_driver().cards[device.card or 0].name
    folder = engine_folder(model.graph, card, version)
    options = engine_options(folder, IMAGES, model.shape, batch if model.dynamic_batch else None)
    with engine_lock(folder, name, card):
        return make_session(model.graph, str(device), options=options)
