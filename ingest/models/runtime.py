"""Starting ONNX Runtime on the device that was asked for, and on no other."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.ingest.models.devices import GPU_DEVICES, Device, nvidia_driver, parse_device
from signverse.ingest.models.tensorrt import load_tensorrt
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Options = dict[str, str]
"""Of an execution provider, by ONNX Runtime's names."""

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

_QUIET: Final = 4

# y = Identity(x), x float[1]: the smallest model, to find out whether a device starts.
_PROBE: Final = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201705a0f0a0178120a0a08080112040a020801620f0a0179120a0a"
    "08080112040a02080142040a001011"
)

_HINT: Final = (
    'Install the libraries with `pip install "signverse-lake[gpu]"`, see `signverse doctor`, or use the cpu device'
)


def make_session(
    model: str | Path | bytes, device: str = "auto", threads: int = 1, options: Options | None = None
) -> InferenceSession:
    """Load a model onto a device.

    Args:
        model: an ONNX file, or what such a file holds.
        device: cpu, cuda, tensorrt, a card such as cuda:1, or auto for a GPU where one works and the CPU elsewhere.
        threads: threads of one model run on the CPU.
        options: of the device's execution provider, besides the number of the card.

    Raises:
        BadInputError: the file is no model, the device is unknown, or a device asked for by name is not the one in use.
    """
    wanted = parse_device(device)
    if not isinstance(model, bytes):
        model = Path(model)
        if not model.is_file():
            raise BadInputError(f"{model}: no such file", "Fetch the models with `signverse models pull`")
    if wanted.kind == "auto":
        # Where no card is, trying a GPU costs a second and nothing can come of it.
        for kind in ("cuda", "cpu") if nvidia_driver().cards else ("cpu",):
            session, _ = _start(model, Device(kind), threads, options)
            if _in_use(session) == kind:
                return session
    why = refusal(wanted)
    if not why:
        session, complaint = _start(model, wanted, threads, options)
        if _in_use(session) == wanted.kind:
            return session
        why = _why_not(complaint)
    raise BadInputError(f'device "{device}" is not usable: {why}', _HINT)


def usable_device(device: str = "auto") -> tuple[str, str]:
    """The device that would be in use, and why, in one line.

    Starts the device for real on a model of one node, so that the answer holds.

    Raises:
        BadInputError: the device is unknown.
    """
    wanted = parse_device(device)
    if wanted.kind == "cpu":
        return "cpu", "asked for"
    if wanted.kind == "auto":
        wanted = Device("cuda")
    if why := refusal(wanted):
        return "cpu", why
    session, complaint = _start(_PROBE, wanted, 1)
    if _in_use(session) == wanted.kind:
        return str(wanted), f"{_PROVIDER[wanted.kind]} starts"
    return "cpu", _why_not(complaint)


def wanted_device(device: str = "auto") -> str:
    """The device to work on: the one that is asked for by name, or what auto comes to.

    Raises:
        BadInputError: the device is unknown, or one asked for by name cannot be had.
    """
    in_use, why = usable_device(device)
    if device not in {"auto", in_use}:
        raise BadInputError(f"--device {device} cannot be had: {why}", "See: signverse doctor.")
    return in_use


def provider_in_use(session: InferenceSession) -> str:
    """Name of the execution provider that a session runs on, such as CPUExecutionProvider."""
    return str(session.get_providers()[0])


def provider_options(device: Device, options: Options | None = None) -> list[tuple[str, Options]]:
    """The execution providers of a device's sessions, the first one first, each with its options.

    Args:
        options: of the first one, besides the number of the card.
    """
    chosen: list[tuple[str, Options]] = []
    for kind in _PROVIDERS[device.kind]:
        own: Options = {}
        if kind in GPU_DEVICES:
            own["device_id"] = str(device.card or 0)
        if kind == "cuda":
            # Two models share the card: neither takes twice what it needs.
            own["arena_extend_strategy"] = "kSameAsRequested"
            # Measures the ways to convolve once for each size of batch, of which there are few (see io_binding.py).
            own["cudnn_conv_algo_search"] = "EXHAUSTIVE"
        if kind == device.kind:
            own |= options or {}
        chosen.append((_PROVIDER[kind], own))
    return chosen


def _in_use(session: InferenceSession) -> str:
    provider = provider_in_use(session)
    return next(name for name, known in _PROVIDER.items() if known == provider)


def refusal(device: Device) -> str:
    """Why a device cannot start, as far as that is known without trying; empty where nothing is known."""
    if device.kind not in GPU_DEVICES:
        return ""
    driver = nvidia_driver()
    if not driver.cards:
        return driver.trouble
    if device.card is not None and device.card >= len(driver.cards):
        count = len(driver.cards)
        there = "there is one GPU" if count == 1 else f"there are {count} GPUs"
        return f"{there}, and the number of the {'only' if count == 1 else 'last'} one is {count - 1}"
    return ""


def _start(
    model: Path | bytes, device: Device, threads: int, options: Options | None = None
) -> tuple[InferenceSession, str]:
    """A session, which may have fallen back to the CPU, and what ONNX Runtime complained of."""
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = max(1, threads)
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _QUIET
    available = ort.get_available_providers()
    providers = [(name, own) for name, own in provider_options(device, options) if name in available]
    with _hushed() as said:
        if device.kind != "cpu":
            _load_cuda()
        if device.kind == "tensorrt":
            load_tensorrt()
        try:
            source = model if isinstance(model, bytes) else str(model)
            session = ort.InferenceSession(source, settings, providers=providers)
        # ONNX Runtime's errors share no base of their own.
        except Exception as error:
            if device.kind == "cpu":
                shown = "these bytes" if isinstance(model, bytes) else str(model)
                raise BadInputError(f"{shown}: cannot be loaded as a model ({error})") from error
            session, _ = _start(model, Device("cpu"), threads)
            said.write(str(error))
    return session, said.getvalue()


@cache
def _load_cuda() -> None:
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
    """Why a device did not start where a card is there, from what ONNX Runtime printed."""
    import onnxruntime as ort

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this onnxruntime was built for the CPU: install onnxruntime-gpu in its place"
    needed = (int(ort.cuda_version.split(".")[0]), 0)
    if nvidia_driver().cuda < needed:
        ours = ".".join(map(str, nvidia_driver().cuda))
        return f"the NVIDIA driver runs CUDA up to {ours}, and this onnxruntime needs {needed[0]}: update the driver"
    lines = [line.strip() for line in complaint.splitlines() if line.strip(" *")]
    missing = next((line for line in lines if "Failed to load" in line), "")
    if missing:
        return missing
    if "install TensorRT libraries" in complaint:
        return 'TensorRT 10 is missing (libnvinfer.so.10): pip install "tensorrt-cu13<11"'
    told = next((line for line in lines if "rror" in line), "")
    return f"ONNX Runtime could not start it{': ' + told[:300] if told else ''}"
