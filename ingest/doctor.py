"""What this machine has, and what extraction would use, for `signverse doctor`."""

from __future__ import annotations

import platform
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from signverse.ingest.models.devices import GPU_DEVICES, nvidia_driver, process_devices
from signverse.ingest.models.pair import find_models
from signverse.ingest.models.pins import default_folder
from signverse.ingest.models.runtime import usable_device
from signverse.ingest.models.tensorrt import engines_folder, load_tensorrt
from signverse.ingest.videos.workers import available_cores, default_workers
from signverse.lake.model.errors import SignverseError
from signverse.lake.model.wording import counted

_PACKAGES: Final = ("pyarrow", "duckdb", "polars", "deltalake", "numpy", "av", "opencv-python-headless")
_RUNTIMES: Final = ("onnxruntime-gpu", "onnxruntime")


@dataclass(frozen=True)
class Check:
    """A result. `fine` is False where something must be done before extraction can run, None where it needs nothing."""

    name: str
    found: str
    fine: bool | None = True

    def lines(self) -> list[str]:
        """The result in words, in at most 80 columns; a long path is not broken."""
        mark = {True: "ok", False: "NO", None: "--"}[self.fine]
        return textwrap.wrap(
            f"{self.name}: {self.found}",
            80,
            initial_indent=f"{mark}  ",
            subsequent_indent=" " * 6,
            break_long_words=False,
            break_on_hyphens=False,
        )


def examine(models: Path | None) -> Iterator[Check]:
    """Checks the machine, one thing after the other."""
    yield Check("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("signverse-lake", version("signverse-lake"))
    yield Check("packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES))
    yield _runtime()
    yield Check("cores", str(available_cores()))
    yield _gpus()
    for device in GPU_DEVICES:
        in_use, why = usable_device(device)
        # Why there is no GPU at all is said above.
        missing = "not usable" if why == nvidia_driver().trouble else f"not usable: {why}"
        yield Check(device, why) if in_use == device else Check(device, missing, fine=None)
    in_use, _ = usable_device("auto")
    yield Check("device", f"auto would use {in_use}")
    yield _workers(in_use)
    yield _engines()
    folder = models or default_folder()
    try:
        pair = find_models(folder)
    except SignverseError as error:
        yield Check("models", str(error), fine=False)
    else:
        yield Check("models", f"{pair.detector.name} and {pair.pose.name} in {folder}")
    disk = shutil.disk_usage(Path.cwd())
    yield Check("disk", f"{disk.free / 1e9:,.0f} GB free here", fine=disk.free > 1e9)


def _gpus() -> Check:
    driver = nvidia_driver()
    cards = ", ".join(f"{i} {card.name} ({card.memory / 2**30:.0f} GiB)" for i, card in enumerate(driver.cards))
    if not cards:
        return Check("gpus", driver.trouble, fine=None)
    return Check("gpus", f"{cards}; driver for CUDA {'.'.join(map(str, driver.cuda))}")


def _workers(device: str) -> Check:
    """How many workers ingestion would start for many videos."""
    videos, threads = default_workers(None, device)
    processes = len(process_devices(device, videos))
    found = f"{counted(videos, 'video')} at once on {device}, {counted(threads, 'thread')} each"
    return Check("workers", f"{found}, in {'one process' if processes == 1 else f'{processes} processes'}")


def _engines() -> Check:
    folder = engines_folder()
    kept = len(list(folder.glob("*/*.engine")))
    version = load_tensorrt()
    found = f"TensorRT {version or 'is not installed'}; {counted(kept, 'engine')} kept in {folder}"
    return Check("engines", found, fine=True if version else None)


def _runtime() -> Check:
    found = []
    for name in _RUNTIMES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    # Both wheels install into the same folder: the later one has partly overwritten the other.
    if len(found) == 2:
        return Check(
            "onnxruntime", f"{' and '.join(found)} are both installed: uninstall both, install one", fine=False
        )
    return Check("onnxruntime", found[0] if found else "missing", fine=bool(found))
