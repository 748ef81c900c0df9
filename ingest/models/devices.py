"""Devices that models can run on: names such as `cuda:1`, and the NVIDIA cards that this process may use."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.errors import BadInputError

DEVICES: Final = ("auto", "cpu", "cuda", "tensorrt")
GPU_DEVICES: Final = ("cuda", "tensorrt")

# Signs of an NVIDIA device: Linux, containers, WSL.
_NVIDIA: Final = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg")

_NO_DEVICE: Final = 100


@dataclass(frozen=True)
class Device:
    """A kind of device, and the number of a card if one is named."""

    kind: str
    card: int | None = None

    def __str__(self) -> str:
        return self.kind if self.card is None else f"{self.kind}:{self.card}"


def parse_device(text: str) -> Device:
    """Parse `auto`, `cpu`, `cuda`, `tensorrt`, or a card of the last two such as `cuda:1`.

    Raises:
        BadInputError: it is none of these.
    """
    kind, colon, card = text.partition(":")
    if kind not in DEVICES or (colon and (kind not in GPU_DEVICES or not (card.isascii() and card.isdigit()))):
        raise BadInputError(
            f"'{text}' is not a device", f"Choose one of {', '.join(DEVICES)}, or a card such as cuda:1"
        )
    return Device(kind, int(card) if colon else None)


@dataclass(frozen=True)
class Card:
    """An NVIDIA GPU: its name, and its memory in bytes."""

    name: str
    memory: int


@dataclass(frozen=True)
class Driver:
    """What the NVIDIA driver shows to this process, CUDA_VISIBLE_DEVICES considered.

    Attributes:
        cards: in the order of their numbers.
        cuda: the newest CUDA version that it supports, (major, minor); (0, 0) without a driver.
        trouble: why there are no cards; empty if there are.
    """

    cards: tuple[Card, ...] = ()
    cuda: tuple[int, int] = (0, 0)
    trouble: str = ""


@cache
def nvidia_driver() -> Driver:
    """Query the driver's own library, which numbers cards as ONNX Runtime does; nvidia-smi numbers them differently."""
    name = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        has_device = any(Path(sign).exists() for sign in _NVIDIA)
        missing = f"an NVIDIA device is there, but its driver's library {name} is not (in a container: --gpus all)"
        return Driver(trouble=missing if has_device else "no NVIDIA device is visible")
    return query_driver(library)


def query_driver(library: Any) -> Driver:
    """The cards of a driver's library; `library` has its functions as attributes."""
    number, memory, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(256)
    if error := library.cuInit(0):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        if error == _NO_DEVICE:
            hint = "" if hidden is None else f": CUDA_VISIBLE_DEVICES is {hidden!r}"
            return Driver(trouble=f"the NVIDIA driver shows no GPU{hint}")
        return Driver(trouble=f"the NVIDIA driver does not start (CUDA error {error})")
    library.cuDriverGetVersion(ctypes.byref(number))
    cuda = (number.value // 1000, number.value % 1000 // 10)
    library.cuDeviceGetCount(ctypes.byref(number))
    cards = []
    for i in range(number.value):
        library.cuDeviceGet(ctypes.byref(number), i)
        library.cuDeviceGetName(name, len(name), number)
        library.cuDeviceTotalMem_v2(ctypes.byref(memory), number)
        cards.append(Card(name.value.decode(errors="replace"), memory.value))
    return Driver(tuple(cards), cuda, "" if cards else "the NVIDIA driver shows no GPU")


def process_devices(device: str, workers: int) -> list[str]:
    """The device of each process for a number of workers: a process a worker on the CPU, a process a card on GPUs.

    Raises:
        BadInputError: the device is unknown.
    """
    parsed = parse_device(device)
    if parsed.kind not in GPU_DEVICES:
        return [device] * workers
    if parsed.card is not None:
        return [device]
    cards = max(1, len(nvidia_driver().cards))
    return [f"{parsed.kind}:{card}" for card in range(min(cards, workers))]
