"""The two ONNX models that extraction runs: choosing a detector and a pose model from a folder.

A file's name is not trusted: each model is opened and its shapes are compared with the contract (contract.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from signverse.ingest.models.contract import (
    detector_problem,
    first_line,
    model_role,
    open_for_inspection,
    pose_problem,
)
from signverse.ingest.models.pins import PINS, Pin, default_folder, model_sha256
from signverse.lake.model.errors import BadInputError


@dataclass(frozen=True)
class ModelPair:
    """The models of a run. `remark` says which were chosen if several fitted, and is empty otherwise."""

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


def find_models(folder: Path | None, *, detector: Path | None = None, pose: Path | None = None) -> ModelPair:
    """A detector and a pose model that fit the contract.

    The production file of a role is taken if the folder has it, else the first by name that fits. Files that are broken
    or fit neither role are ignored, unless named here.

    Args:
        folder: where to look; None for `default_folder()`. Not read if both files are named.
        detector: the file to use, rather than one of the folder.
        pose: the file to use, rather than one of the folder.

    Raises:
        BadInputError: no pair is found, or a named file does not fit; the message says what was expected and found.
    """
    for path, role in ((detector, "detector"), (pose, "pose")):
        if path is not None:
            _require(path, role)
    if detector is not None and pose is not None:
        return ModelPair(detector, pose)
    folder = default_folder() if folder is None else folder
    roles = {path: model_role(path) for path in _onnx_files(folder)}
    remarks: list[str] = []
    chosen = []
    for path, role, pin in ((detector, "detector", PINS[0]), (pose, "pose", PINS[1])):
        if path is None:
            path, remark = _choose(folder, roles, role, pin)
            remarks += [remark] if remark else []
        chosen.append(path)
    return ModelPair(chosen[0], chosen[1], "; ".join(remarks))


def list_models(folder: Path | None) -> list[ModelFile]:
    """The ONNX files of a folder and the role of each, by name; a missing folder holds none."""
    folder = default_folder() if folder is None else folder
    return [
        ModelFile(path.name, path, path.stat().st_size, model_role(path), _is_pinned(path))
        for path in _onnx_files(folder)
    ]


def _onnx_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".onnx" and path.is_file())


def _choose(folder: Path, roles: dict[Path, str], role: str, pin: Pin) -> tuple[Path, str]:
    fitting = [path for path, found in roles.items() if found == role]
    if not fitting:
        contents = "; ".join(f"{path.name} is {found}" for path, found in roles.items())
        name = "pose model" if role == "pose" else "detector"
        raise BadInputError(
            f"{folder}: no {name} among the models ({contents})"
            if roles
            else f"the folder {folder} holds no .onnx file",
            "Fetch the models with `signverse models pull`, or name their folder with --models",
        )
    best = next((path for path in fitting if path.name == pin.name), fitting[0])
    others = ", ".join(path.name for path in fitting if path != best)
    return best, f"using {role} {best.name} ({others} would also fit; choose with --{role})" if others else ""


def _require(path: Path, role: str) -> None:
    if not path.is_file():
        raise BadInputError(f"{path}: no such file", "Fetch the models with `signverse models pull`")
    try:
        session = open_for_inspection(path)
        problem = detector_problem(session) if role == "detector" else pose_problem(session)
    # ONNX Runtime's errors share no base of their own, and names in a damaged model may be no text.
    except Exception as error:
        raise BadInputError(f"{path}: cannot be opened as an ONNX model ({first_line(error)})") from error
    if problem:
        name = "a pose model" if role == "pose" else "a detector"
        raise BadInputError(f"{path}: does not fit as {name}: {problem}", "Name another file")


def _is_pinned(path: Path) -> bool:
    # The size is compared first: hashing what cannot be right would take a second a file.
    pin = next((pin for pin in PINS if pin.name == path.name), None)
    return pin is not None and path.stat().st_size == pin.size and model_sha256(path) == pin.sha256
