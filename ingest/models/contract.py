"""The contract that a model must fit, checked on its shapes and not on its file's name.

Any YOLOX detector and any whole-body SimCC model fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.ingest.models.detector import STRIDES
from signverse.ingest.models.import_runtime import import_onnxruntime
from signverse.ingest.models.pose import SIMCC_RATIO, simcc_names

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NUM_POINTS: Final = 133
_YOLOX_COLUMNS: Final = 85


def model_role(path: Path) -> str:
    """detector, pose, or "neither: " and why."""
    try:
        session = open_for_inspection(path)
        not_detector = detector_problem(session)
        not_pose = pose_problem(session) if not_detector else ""
    # ONNX Runtime's errors share no base of their own, and names in a damaged model may be no text.
    except Exception as error:
        return f"neither: cannot be opened ({first_line(error)})"
    if not not_detector:
        return "detector"
    if not not_pose:
        return "pose"
    return f"neither: as a detector, {not_detector}; as a pose model, {not_pose}"


def open_for_inspection(path: Path) -> InferenceSession:
    """A session that shows a model's shapes; it is not optimised, which would take time."""
    ort = import_onnxruntime()

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session: InferenceSession = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session


def first_line(error: Exception) -> str:
    """The first line of a library's error, which may hold a whole stack."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def detector_problem(session: InferenceSession) -> str:
    """Why a model is not a YOLOX detector; empty if it is one."""
    problem = _input_problem(session, batch="1 or free")
    if problem:
        return problem
    height, width = session.get_inputs()[0].shape[2:]
    if height % max(STRIDES) or width % max(STRIDES):
        return f"the input's height and width must be multiples of {max(STRIDES)}, found {height} and {width}"
    cells = sum((height // stride) * (width // stride) for stride in STRIDES)
    return _output_problem(session, [session.get_outputs()[0].name], [(cells, _YOLOX_COLUMNS)])


def pose_problem(session: InferenceSession) -> str:
    """Why a model is not a whole-body SimCC model; empty if it is one."""
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
    if not session.get_outputs():
        return "it has no output"
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
        # Exporters declare fixed sizes as dynamic: one run shows them.
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

    model_input = session.get_inputs()[0]
    batch = model_input.shape[0] if isinstance(model_input.shape[0], int) else 1
    image = np.zeros((batch, *model_input.shape[1:]), np.float32)
    return [list(output.shape) for output in session.run(names, {model_input.name: image})]


def _shape(shape: Sequence[object]) -> str:
    return "[" + ",".join("free" if n is None else str(n) for n in shape) + "]"
