"""The doctor says what is there, and what must be done where something is not."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from signverse.ingest import doctor
from signverse.ingest.models import devices


@pytest.fixture
def examined(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, tuple[str, str]]]]:
    """Runs `signverse doctor`; gives its exit code and, by name, the mark and the words of each check."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    def command(*words: object) -> tuple[int, dict[str, tuple[str, str]]]:
        code = run(build_app(), ["doctor", *map(str, words)])
        out, errors = capfd.readouterr()
        assert errors == ""
        checks = {}
        assert all(len(line) <= 80 or " " not in line.strip() for line in out.splitlines())
        # A line that is indented goes on with the one before.
        for line in out.replace("\n      ", " ").splitlines():
            mark, rest = line.split(maxsplit=1)
            name, _, found = rest.partition(": ")
            checks[name] = (mark, found)
        return code, checks

    return command


def test_a_machine_with_models_is_fit(examined, data: Path) -> None:
    code, checks = examined("--models", data / "models")
    assert code == 0
    optional = {"gpus", "cuda", "tensorrt", "engines"}
    assert {mark for name, (mark, _) in checks.items() if name not in optional} == {"ok"}
    assert {checks[name][0] for name in optional} <= {"ok", "--"}
    assert checks["signverse-lake"][1] == version("signverse-lake")
    assert f"polars {version('polars')}" in checks["packages"][1]
    assert checks["models"][1] == f"yolox_nano.onnx and wholebody133_384x288.onnx in {data / 'models'}"


@pytest.mark.skipif(bool(devices.nvidia_driver().cards), reason="this machine has a GPU")
def test_a_machine_without_a_gpu_is_told_so_and_is_fit_all_the_same(examined, data: Path) -> None:
    code, checks = examined("--models", data / "models")
    assert code == 0
    for device in ("cuda", "tensorrt"):
        assert checks[device] == ("--", "not usable")
    assert checks["gpus"] == ("--", "no NVIDIA device is visible")
    assert checks["device"] == ("ok", "auto would use cpu")


def test_a_machine_with_cards_is_told_their_names_and_what_would_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    two = devices.Driver((devices.Card("NVIDIA L4", 24 << 30), devices.Card("NVIDIA T4", 16 << 30)), (13, 0))
    monkeypatch.setattr(doctor, "nvidia_driver", lambda: two)
    monkeypatch.setattr(devices, "nvidia_driver", lambda: two)
    monkeypatch.setattr("signverse.ingest.videos.workers.available_cores", lambda: 12)
    monkeypatch.setattr(doctor, "engines_folder", lambda: tmp_path)
    monkeypatch.setattr(doctor, "load_tensorrt", lambda: "10.13.0")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "signverse_sm89.engine").touch()
    assert doctor._gpus().found == "0 NVIDIA L4 (24 GiB), 1 NVIDIA T4 (16 GiB); driver for CUDA 13.0"
    assert doctor._workers("cuda").found == "12 videos at once on cuda, 2 threads each, in 2 processes"
    assert doctor._workers("cuda:1").found == "8 videos at once on cuda:1, 2 threads each, in one process"
    assert doctor._workers("cpu").found == "12 videos at once on cpu, 1 thread each, in 12 processes"
    assert doctor._engines().found == f"TensorRT 10.13.0; 1 engine kept in {tmp_path}"


def test_missing_models_are_a_trouble_with_its_remedy(examined, tmp_path: Path) -> None:
    code, checks = examined("--models", tmp_path)
    assert code == 1
    assert checks["models"][0] == "NO"
    assert "signverse models pull" in checks["models"][1]
    assert [name for name, (mark, _) in checks.items() if mark == "NO"] == ["models"]


@pytest.mark.parametrize(("installed", "fine"), [(2, False), (1, True), (0, False)])
def test_two_runtimes_at_once_and_none_are_a_trouble(
    monkeypatch: pytest.MonkeyPatch, installed: int, fine: bool
) -> None:
    def found(name: str) -> str:
        if name in doctor._RUNTIMES[installed:]:
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor, "version", found)
    check = doctor._runtime()
    assert check.fine is fine
    assert ("uninstall both" in check.found) == (installed == 2)
