"""Start ONNX Runtime on the requested device, never silently on another."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.ingest.models.devices import GPU_DEVICES, Device, nvidia_driver, parse_device
from signverse.ingest.models.import_runtime import import_onnxruntime
from signverse.ingest.models.tensorrt import load_tensorrt
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Options = dict[str, str]
"""Options of an execution provider, by ONNX Runtime's names."""

_PROVIDER: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

# A session may run parts of a model on these devices, in this order of preference.
_PROVIDERS: Final = {
    "cpu": ("cpu",),
    "cuda": ("cuda", "cpu"),
    "tensorrt": ("tensorrt", "cuda", "cpu"),
}

_QUIET: Final = 4

# y = Identity(x), x float[1]: the smallest model, to test whether a device starts.
_PROBE: Final = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201705a0f0a0178120a0a08080112040a020801620f0a0179120a0a"
    "08080112040a02080142040a001011"
)

_HINT: Final = 'Run: pip install "onnxruntime-gpu[cuda,cudnn]"; see `signverse doctor`; or use --device cpu'


def make_session(
    model: str | Path | bytes, device: str = "auto", threads: int = 1, options: Options | None = None
) -> InferenceSession:
    """Load a model onto a device.

    Args:
        model: an ONNX file, or the content of one.
        device: cpu, cuda, tensorrt, a card such as cuda:1, or auto for a GPU if one works and the CPU otherwise.
        threads: threads of one model run on the CPU.
        options: of the device's execution provider, besides the card's number.

    Raises:
        BadInputError: the file is not a model, or the device is unknown or cannot be used.
    """
    wanted = parse_device(device)
    if not isinstance(model, bytes):
        model = Path(model)
        if not model.is_file():
            raise BadInputError(f"{model}: no such file", "Fetch the models with `signverse models pull`")
    if wanted.kind == "auto":
        # Without a card, trying a GPU would cost a second for nothing.
        for kind in ("cuda", "cpu") if nvidia_driver().cards else ("cpu",):
            session, _ = _start(model, Device(kind), threads, options)
            if _in_use(session) == kind:
                return session
    why = why_unusable(wanted)
    if not why:
        session, log = _start(model, wanted, threads, options)
        if _in_use(session) == wanted.kind:
            return session
        why = _why_not(log)
    raise BadInputError(f'device "{device}" is not usable: {why}', _HINT)


def usable_device(device: str = "auto") -> tuple[str, str]:
    """The device that would be used, and why, in one line.

    Starts the device on a model of one node, so that the answer is reliable.

    Raises:
        BadInputError: the device is unknown.
    """
    wanted = parse_device(device)
    if wanted.kind == "cpu":
        return "cpu", "requested"
    if wanted.kind == "auto":
        wanted = Device("cuda")
    if why := why_unusable(wanted):
        return "cpu", why
    session, log = _start(_PROBE, wanted, 1)
    if _in_use(session) == wanted.kind:
        return str(wanted), f"{_PROVIDER[wanted.kind]} starts"
    return "cpu", _why_not(log)


def resolve_device(device: str = "auto") -> str:
    """The device to use: the one requested by name, or what auto resolves to.

    Raises:
        BadInputError: the device is unknown, or one requested by name cannot be used.
    """
    in_use, why = usable_device(device)
    if device not in {"auto", in_use}:
        raise BadInputError(f"--device {device} cannot be used: {why}", "See: signverse doctor.")
    return in_use


def provider_in_use(session: InferenceSession) -> str:
    """Name of the execution provider that a session runs on, such as CPUExecutionProvider."""
    return str(session.get_providers()[0])


def provider_options(device: Device, options: Options | None = None) -> list[tuple[str, Options]]:
    """The execution providers of a device's sessions in order of preference, each with its options.

    Args:
        options: of the first one, besides the card's number.
    """
    providers: list[tuple[str, Options]] = []
    for kind in _PROVIDERS[device.kind]:
        own: Options = {}
        if kind in GPU_DEVICES:
            own["device_id"] = str(device.card or 0)
        if kind == "cuda":
            # Two models share the card: neither may reserve twice what it needs.
            own["arena_extend_strategy"] = "kSameAsRequested"
            # Measures the convolution algorithms once for each batch size, of which there are few (see io_binding.py).
            own["cudnn_conv_algo_search"] = "EXHAUSTIVE"
            # ONNX Runtime would round what convolutions multiply to 10 bits (TF32): 1 % of the points were then over
            # five pixels from the CPU's, without it under one (bench/gpu.md).
            own["use_tf32"] = "0"
        if kind == device.kind:
            own |= options or {}
        providers.append((_PROVIDER[kind], own))
    return providers


def _in_use(session: InferenceSession) -> str:
    provider = provider_in_use(session)
    return next(name for name, known in _PROVIDER.items() if known == provider)


def why_unusable(device: Device) -> str:
    """Why a device cannot be used, as far as that is known without starting it; else empty."""
    if device.kind not in GPU_DEVICES:
        return ""
    driver = nvidia_driver()
    if not driver.cards:
        return driver.trouble
    if device.card is not None and device.card >= len(driver.cards):
        count = len(driver.cards)
        available = "there is one GPU" if count == 1 else f"there are {count} GPUs"
        return f"{available}, and the number of the {'only' if count == 1 else 'last'} one is {count - 1}"
    return ""


def _start(
    model: Path | bytes, device: Device, threads: int, options: Options | None = None
) -> tuple[InferenceSession, str]:
    """A session, which may have fallen back to the CPU, and what ONNX Runtime printed."""
    ort = import_onnxruntime()

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = max(1, threads)
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _QUIET
    available = ort.get_available_providers()
    providers = [(name, own) for name, own in provider_options(device, options) if name in available]
    with _captured_output() as output:
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
            output.write(str(error))
    return session, output.getvalue()


@cache
def _load_cuda() -> None:
    ort = import_onnxruntime()
    # Finds CUDA and cuDNN where pip installed them; prints what is missing.
    ort.preload_dlls()


@contextlib.contextmanager
def _captured_output() -> Iterator[io.StringIO]:
    """Keep ONNX Runtime's messages about a device off the terminal; they are summarised in one line."""
    runtime = import_onnxruntime()
    output = io.StringIO()
    runtime.set_default_logger_severity(_QUIET)
    try:
        with contextlib.redirect_stdout(output):
            yield output
    finally:
        # Two (warnings) is the library's own default, for other users of it in this process.
        runtime.set_default_logger_severity(2)


def _why_not(log: str) -> str:
    """Why a device did not start although there is a card, from what ONNX Runtime printed."""
    ort = import_onnxruntime()

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this onnxruntime was built for the CPU: pip uninstall onnxruntime, then pip install onnxruntime-gpu"
    needed = (int(ort.cuda_version.split(".")[0]), 0)
    if nvidia_driver().cuda < needed:
        supported = ".".join(map(str, nvidia_driver().cuda))
        return (
            f"the NVIDIA driver runs CUDA up to {supported}, and this onnxruntime needs {needed[0]}: update the driver"
        )
    lines = [line.strip() for line in log.splitlines() if line.strip(" *")]
    missing = next((line for line in lines if "Failed to load" in line), "")
    if missing:
        return missing
    if "install TensorRT libraries" in log:
        return f'TensorRT 10 is missing (libnvinfer.so.10): pip install "tensorrt-cu{needed[0]}<11"'
    message = next((line for line in lines if "rror" in line), "")
    return f"ONNX Runtime could not start it{': ' + message[:300] if message else ''}"
