"""TensorRT: its libraries, and the cache of engines, each of which takes minutes to build."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.untrusted.terminal_text import clean

# In the order of their dependencies.
_LIBRARIES: Final = ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")


def engines_folder() -> Path:
    """Where built engines are kept: `engines` in the user's cache of signverse."""
    # Imported in functions, not at the top: it would slow the start of the command line.
    from platformdirs import user_cache_path

    return user_cache_path("signverse") / "engines"


@cache
def load_tensorrt() -> str:
    """Load TensorRT from where pip installed it, or from the system; ONNX Runtime itself looks in the system only.

    Returns:
        Its version, such as "10.13.0"; empty if it cannot be loaded.
    """
    spec = find_spec("tensorrt_libs")
    folders = [Path(where) for where in spec.submodule_search_locations or ()] if spec else []
    loaded: list[Any] = []
    for name in _LIBRARIES:
        path = next((folder / name for folder in folders if (folder / name).is_file()), Path(name))
        try:
            loaded.append(ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL))
        except OSError:
            return ""
    number = loaded[0].getInferLibVersion()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def engine_folder(model: bytes, card: str, version: str) -> Path:
    """The folder of an engine, which fits one model, one kind of card and one version of TensorRT.

    Args:
        model: the content of its file.
        card: the card's name.
        version: of TensorRT.
    """
    kind = re.sub(r"[^A-Za-z0-9]+", "-", card).strip("-").lower()
    return engines_folder() / f"{hashlib.sha256(model).hexdigest()[:16]}-{kind}-trt{version}"


def engine_options(folder: Path, input_name: str, shape: tuple[int, ...], batch: int | None) -> dict[str, str]:
    """TensorRT's options for a model with one input.

    Args:
        folder: of the engine.
        input_name: the input's name.
        shape: of one image of the input.
        batch: the largest batch. With a range declared beforehand TensorRT does not rebuild for every new batch size.
            None if the model's batch size is fixed.
    """
    options = {
        "trt_fp16_enable": "1",
        # Sums over squares overflow in half precision.
        "trt_layer_norm_fp32_fallback": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_engine_cache_prefix": "signverse",
        # Shared by the engines of all models: most timings of one are valid for another.
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder.parent),
    }
    if batch is not None:
        for which, count in (("min", 1), ("opt", batch), ("max", batch)):
            options[f"trt_profile_{which}_shapes"] = f"{input_name}:{'x'.join(map(str, (count, *shape)))}"
    return options


@contextlib.contextmanager
def engine_lock(folder: Path, name: str, card: str) -> Iterator[None]:
    """Hold the lock under which an engine is built or loaded: one process builds, others that need the same wait.

    Says on stderr that building takes minutes if there is no engine, and if there is none afterwards either.
    """
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not _has_engine(folder):
            _say(f"TensorRT builds an engine of {name} for {card}, once; it takes minutes ({folder})")
        yield
        if not _has_engine(folder):
            _say(f"TensorRT kept no engine of {name}: what it cannot run goes to CUDA, and is slower")


def _has_engine(folder: Path) -> bool:
    return any(folder.glob("*.engine"))


def _say(line: str) -> None:
    # In a worker, which has no command line of its own.
    sys.stderr.write(clean(line) + "\n")
