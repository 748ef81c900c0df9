"""The two ONNX models that extraction runs: finding a pair that fits, and fetching the production pair.

Nothing is taken on trust from a file's name: a model is opened and its shapes are compared with the contract, so that
any YOLOX and any whole-body SimCC model can be used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.ingest.models.detector import STRIDES
from signverse.ingest.models.pose import SIMCC_RATIO, simcc_names
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NUM_POINTS: Final = 133
_YOLOX_COLUMNS: Final = 85


@dataclass(frozen=True)
class Pin:
    """A file known by its content.

    Attributes:
        name: the file's name, on the hub and on disk.
        size: bytes.
        sha256: of the content, in hexadecimal.
        repo: repository on the Hugging Face hub.
    """

    name: str
    size: int
    sha256: str
    repo: str


PINS: Final = (
    Pin(
        "yolox_l.onnx",
        216_746_733,
        "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
        "yzd-v/DWPose",
    ),
    Pin(
        "dw-ll_ucoco_384.onnx",
        134_399_116,
        "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
        "yzd-v/DWPose",
    ),
)
"""The pair behind the published data: detector, then pose model."""


@dataclass(frozen=True)
class ModelPair:
    """The models of a run; `remark` says which were chosen where several fitted, else it is empty."""

    detector: Path
    pose: Path
    remark: str = ""


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file of a models folder.

    Attributes:
        name: of the file.
        path: of the file.
        size: bytes.
        role: detector, pose, or "neither: " and why.
        pinned: whether its content is that of the production file of this name.
    """

    name: str
    path: Path
    size: int
    role: str
    pinned: bool


def default_folder() -> Path:
    """Where models are kept when no folder is named: `models` in the user's cache of signverse."""
    from platformdirs import user_cache_path

    return user_cache_path("signverse") / "models"


def find_models(folder: Path | None, *, detector: Path | None = None, pose: Path | None = None) -> ModelPair:
    """A detector and a pose model that fit the contract.

    The production file of a role is taken where the folder has it, else the first by name that fits. Files that are
    broken or fit neither role are passed over, unless named here.

    Args:
        folder: where to look; None for `default_folder()`. Not looked into when both files are named.
        detector: this file and no other.
        pose: this file and no other.

    Raises:
        BadInputError: no pair is found, or a named file does not fit (with what was expected and what was found).
    """
    for path, role in ((detector, "detector"), (pose, "pose")):
        if path is not None:
            _require(path, role)
    if detector is not None and pose is not None:
        return ModelPair(detector, pose)
    folder = default_folder() if folder is None else folder
    roles = {path: _role(path) for path in _onnx_files(folder)}
    remarks: list[str] = []
    chosen = []
    for path, role, pin in ((detector, "detector", PINS[0]), (pose, "pose", PINS[1])):
        if path is None:
            path, remark = _choose(folder, roles, role, pin)
            remarks += [remark] if remark else []
        chosen.append(path)
    return ModelPair(chosen[0], chosen[1], "; ".join(remarks))


def list_models(folder: Path | None) -> list[ModelFile]:
    """The ONNX files of a folder and what each is good for, by name; an absent folder holds none."""
    folder = default_folder() if folder is None else folder
    return [
        ModelFile(path.name, path, path.stat().st_size, _role(path), _is_pinned(path)) for path in _onnx_files(folder)
    ]


def model_sha256(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _onnx_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".onnx" and path.is_file())


def _choose(folder: Path, roles: dict[Path, str], role: str, pin: Pin) -> tuple[Path, str]:
    fitting = [path for path, found in roles.items() if found == role]
    if not fitting:
        there = "; ".join(f"{path.name} is {found}" for path, found in roles.items()) or "it holds no .onnx file"
        raise BadInputError(
            f"{folder}: no {'pose model' if role == 'pose' else 'detector'} among the models ({there})",
            "Fetch the models with `signverse models pull`, or name their folder with --models",
        )
    best = next((path for path in fitting if path.name == pin.name), fitting[0])
    others = ", ".join(path.name for path in fitting if path != best)
    return best, f"{role} {best.name} chosen, {others} fit too" if others else ""


def _require(path: Path, role: str) -> None:
    if not path.is_file():
        raise BadInputError(f"{path}: no such file", "Fetch the models with `signverse models pull`")
    try:
        session = _open(path)
    # ONNX Runtime's errors share no base of their own.
    except Exception as error:
        raise BadInputError(f"{path}: cannot be opened as an ONNX model ({first_line(error)})") from error
    problem = _detector_problem(session) if role == "detector" else _pose_problem(session)
    if problem:
        name = "a pose model" if role == "pose" else "a detector"
        raise BadInputError(f"{path}: does not fit as {name}: {problem}", "Name another file")


def _role(path: Path) -> str:
    try:
        session = _open(path)
    # ONNX Runtime's errors share no base of their own.
    except Exception as error:
        return f"neither: cannot be opened ({first_line(error)})"
    not_detector = _detector_problem(session)
    if not not_detector:
        return "detector"
    not_pose = _pose_problem(session)
    if not not_pose:
        return "pose"
    return f"neither: as a detector, {not_detector}; as a pose model, {not_pose}"


def _open(path: Path) -> InferenceSession:
    """A session for looking at shapes: no time goes into optimising it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def first_line(error: Exception) -> str:
    """What a foreign error says, without its stack."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _detector_problem(session: InferenceSession) -> str:
    """What keeps a model from being a YOLOX detector; empty when it is one."""
    problem = _input_problem(session, batch="1 or free")
    if problem:
        return problem
    height, width = session.get_inputs()[0].shape[2:]
    if height % max(STRIDES) or width % max(STRIDES):
        return f"the input's height and width must be multiples of {max(STRIDES)}, found {height} and {width}"
    cells = sum((height // stride) * (width // stride) for stride in STRIDES)
    return _output_problem(session, [session.get_outputs()[0].name], [(cells, _YOLOX_COLUMNS)])


def _pose_problem(session: InferenceSession) -> str:
    """What keeps a model from being a whole-body SimCC model; empty when it is one."""
    problem = _input_problem(session, batch="any")
    if problem:
        return problem
    height, width = session.get_inputs()[0].shape[2:]
    names = simcc_names([output.name for output in session.get_outputs()])
    if len(names) < 2:
        return "expected two outputs, simcc_x and simcc_y, found one"
    expected = [(NUM_POINTS, int(side * SIMCC_RATIO)) for side in (width, height)]
    return _output_problem(session, names, expected)


def _input_problem(session: InferenceSession, batch: str) -> str:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        return f"expected one input, found {len(inputs)}"
    shape, kind = inputs[0].shape, inputs[0].type
    expected = f"expected a float input [{'N' if batch == 'any' else '1'},3,height,width]"
    if kind != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        return f"{expected}, found {kind} {_shape(shape)}"
    if not all(isinstance(side, int) and side > 0 for side in shape[2:]):
        return f"{expected} of a fixed height and width, found {_shape(shape)}"
    if batch != "any" and isinstance(shape[0], int) and shape[0] != 1:
        return f"{expected}, found {_shape(shape)}"
    return ""


def _output_problem(session: InferenceSession, names: list[str], expected: list[tuple[int, int]]) -> str:
    declared = {output.name: output.shape for output in session.get_outputs()}
    shapes = [list(declared[name]) for name in names]
    if any(len(shape) < 2 or not all(isinstance(n, int) for n in shape[-2:]) for shape in shapes):
        # Exporters leave sizes free that are not: one run tells.
        try:
            shapes = _real_shapes(session, names)
        # ONNX Runtime's errors share no base of their own.
        except Exception as error:
            return f"it does not run ({first_line(error)})"
    for name, shape, sizes in zip(names, shapes, expected, strict=True):
        if tuple(shape[-2:]) != sizes:
            return f"expected output {name} [..,{sizes[0]},{sizes[1]}], found {_shape(shape)}"
    return ""


def _real_shapes(session: InferenceSession, names: list[str]) -> list[list[Any]]:
    import numpy as np

    taken = session.get_inputs()[0]
    batch = taken.shape[0] if isinstance(taken.shape[0], int) else 1
    image = np.zeros((batch, *taken.shape[1:]), np.float32)
    return [list(output.shape) for output in session.run(names, {taken.name: image})]


def _shape(shape: Sequence[object]) -> str:
    return "[" + ",".join("free" if n is None else str(n) for n in shape) + "]"


def _is_pinned(path: Path) -> bool:
    # The size is compared first: hashing what cannot be right would take a second a file.
    pin = next((pin for pin in PINS if pin.name == path.name), None)
    return pin is not None and path.stat().st_size == pin.size and model_sha256(path) == pin.sha256
