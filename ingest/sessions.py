"""Starting ONNX Runtime on the device that was asked for, and on no other."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lake.errors import BadInputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DEVICES: Final = ("auto", "cpu", "cuda", "tensorrt")

_PROVIDER: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

# A device's session may hand parts of a model to these, in this order.
_PROVIDERS: Final = {
    "cpu": ("cpu",),
    "cuda": ("cuda", "cpu"),
    "tensorrt": ("tensorrt", "cuda", "cpu"),
}

# The driver's traces: Linux, containers, WSL.
_NVIDIA: Final = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg")

_QUIET: Final = 4

# y = Identity(x), x float[1]: the smallest model, to find out whether a device starts.
_PROBE: Final = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201705a0f0a0178120a0a08080112040a020801620f0a0179120a0a"
    "08080112040a02080142040a001011"
)


def make_session(path: str | Path, device: str = "auto", threads: int = 1) -> InferenceSession:
    """Load a model onto a device.

    Args:
        path: an ONNX file.
        device: cpu, cuda, tensorrt, or auto for a GPU where one works and the CPU elsewhere.
        threads: threads of one model run on the CPU.

    Raises:
        BadInputError: the file is no model, the device is unknown, or a device asked for by name is not the one in use.
    """
    if device not in DEVICES:
        raise BadInputError(f'"{device}" is no device', f"Choose one of {', '.join(DEVICES)}")
    path = Path(path)
    if not path.is_file():
        raise BadInputError(f"{path}: no such file", "Fetch the models with `signverse models pull`")
    if device == "auto":
        # Where no driver is, trying a GPU costs a second and nothing can come of it.
        for name in ("cuda", "cpu") if _gpu_visible() else ("cpu",):
            session, _ = _start(path, name, threads)
            if _in_use(session) == name:
                return session
    session, complaint = _start(path, device, threads)
    if _in_use(session) != device:
        raise BadInputError(f'device "{device}" is not usable: {_why_not(complaint)}', _HINT)
    return session


_HINT: Final = (
    'Install the libraries with `pip install "signverse-lake[gpu]"`, see `signverse doctor`, or use the cpu device'
)


def usable_device(device: str = "auto") -> tuple[str, str]:
    """The device that would be in use, and why, in one line.

    Starts the device for real on a model of one node, so that the answer holds.

    Raises:
        BadInputError: the device is unknown.
    """
    if device not in DEVICES:
        raise BadInputError(f'"{device}" is no device', f"Choose one of {', '.join(DEVICES)}")
    if device == "cpu":
        return "cpu", "asked for"
    if device == "auto" and not _gpu_visible():
        return "cpu", "no NVIDIA device is visible"
    wanted = "cuda" if device == "auto" else device
    session, complaint = _start(_PROBE, wanted, 1)
    if _in_use(session) == wanted:
        return wanted, f"{_PROVIDER[wanted]} starts"
    return "cpu", _why_not(complaint)


def provider_in_use(session: InferenceSession) -> str:
    """Name of the execution provider that a session runs on, such as CPUExecutionProvider."""
    return str(session.get_providers()[0])


def _in_use(session: InferenceSession) -> str:
    provider = provider_in_use(session)
    return next(name for name, known in _PROVIDER.items() if known == provider)


def _gpu_visible() -> bool:
    return os.name == "nt" or any(Path(trace).exists() for trace in _NVIDIA)


def _start(model: Path | bytes, device: str, threads: int) -> tuple[InferenceSession, str]:
    """A session, which may have fallen back to the CPU, and what ONNX Runtime complained of."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    available = ort.get_available_providers()
    providers = [_PROVIDER[name] for name in _PROVIDERS[device] if _PROVIDER[name] in available]
    with _hushed() as said:
        if device != "cpu":
            _load_libraries()
        try:
            source = model if isinstance(model, bytes) else str(model)
            session = ort.InferenceSession(source, options, providers=providers)
        # ONNX Runtime's errors share no base of their own.
        except Exception as error:
            if device == "cpu":
                raise BadInputError(f"{model!s}: cannot be loaded as a model ({error})") from error
            session, _ = _start(model, "cpu", threads)
            said.write(str(error))
    return session, said.getvalue()


@cache
def _load_libraries() -> None:
    import onnxruntime as ort

    # Finds CUDA and cuDNN where pip put them; it prints what it misses.
    ort.preload_dlls()


@contextlib.contextmanager
def _hushed() -> Iterator[io.StringIO]:
    """Keep ONNX Runtime's complaints about a device off the terminal: they become one line of ours."""
    import onnxruntime as ort

    runtime: Any = ort
    said = io.StringIO()
    runtime.set_default_logger_severity(_QUIET)
    try:
        with contextlib.redirect_stdout(said):
            yield said
    finally:
        # Two is the library's own default (warnings), for whoever else uses it in this process.
        runtime.set_default_logger_severity(2)


def _why_not(complaint: str) -> str:
    if not _gpu_visible():
        return "no NVIDIA device is visible"
    missing = next((line for line in complaint.splitlines() if "Failed to load" in line), "")
    return missing.strip() or "ONNX Runtime could not start it"
