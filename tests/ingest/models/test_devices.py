"""Devices by name, the driver's cards, and what ONNX Runtime is told for them."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from signverse.ingest.models import devices, runtime, tensorrt
from signverse.ingest.models.devices import Card, Device, Driver, parse_device, process_devices, query_driver
from signverse.ingest.models.runtime import make_session, provider_options, usable_device
from signverse.ingest.models.tensorrt import engine_folder, engine_lock, engine_options
from signverse.lake.model.errors import BadInputError

TWO = Driver((Card("NVIDIA L4", 24 << 30), Card("NVIDIA T4", 16 << 30)), (13, 1))


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that shows two cards, on which nothing starts."""
    for module in (devices, runtime):
        monkeypatch.setattr(module, "nvidia_driver", lambda: TWO)


def test_a_device_is_a_kind_or_a_card() -> None:
    for text in ("auto", "cpu", "cuda", "tensorrt", "cuda:0", "tensorrt:12"):
        assert str(parse_device(text)) == text
    assert parse_device("cuda:1") == Device("cuda", 1)


@pytest.mark.parametrize(
    "text", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:²", "cpu:0", "auto:1", "CUDA", "cuda:1:2"]
)
def test_what_is_no_device_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(BadInputError, match="auto, cpu, cuda, tensorrt, or a card such as cuda:1"):
        parse_device(text)


def library(cards: list[Card], *, error: int = 0) -> SimpleNamespace:
    """The driver's library as ctypes shows it."""

    def put(kind: type, place: object, value: object) -> int:
        ctypes.cast(place, ctypes.POINTER(kind))[0] = value  # type: ignore[arg-type, index]
        return 0

    def name(text: ctypes.Array, size: int, device: ctypes.c_int) -> int:
        text.value = cards[device.value].name.encode()[: size - 1]
        return 0

    return SimpleNamespace(
        cuInit=lambda flags: error,
        cuDriverGetVersion=lambda number: put(ctypes.c_int, number, 13010),
        cuDeviceGetCount=lambda number: put(ctypes.c_int, number, len(cards)),
        cuDeviceGet=lambda number, i: put(ctypes.c_int, number, i),
        cuDeviceGetName=name,
        cuDeviceTotalMem_v2=lambda number, device: put(ctypes.c_size_t, number, cards[device.value].memory),
    )


def test_the_driver_tells_its_cards_in_their_order() -> None:
    assert query_driver(library(list(TWO.cards))) == TWO


def test_a_driver_without_cards_says_what_hides_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert query_driver(library([], error=100)).trouble == "the NVIDIA driver shows no GPU"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert query_driver(library([], error=100)).trouble == "the NVIDIA driver shows no GPU: CUDA_VISIBLE_DEVICES is ''"
    assert query_driver(library([], error=803)).trouble == "the NVIDIA driver does not start (CUDA error 803)"
    assert query_driver(library([])).trouble == "the NVIDIA driver shows no GPU"


def test_a_card_without_its_library_is_told_apart_from_no_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    monkeypatch.setattr(devices, "_NVIDIA", (str(tmp_path / "none"),))
    asked = devices.nvidia_driver.__wrapped__
    assert asked().trouble == "no NVIDIA device is visible"
    monkeypatch.setattr(devices, "_NVIDIA", (str(tmp_path),))
    assert "its driver's library" in asked().trouble
    assert "--gpus all" in asked().trouble


def test_every_card_has_one_process_unless_one_is_named(two_cards: None) -> None:
    assert process_devices("cuda", 8) == ["cuda:0", "cuda:1"]
    assert process_devices("tensorrt", 1) == ["tensorrt:0"]
    assert process_devices("cuda:1", 8) == ["cuda:1"]
    assert process_devices("cpu", 3) == ["cpu"] * 3


@pytest.mark.parametrize("device", ["cuda:2", "tensorrt:9"])
def test_a_card_that_is_not_there_is_refused_with_how_many_there_are(two_cards: None, device: str) -> None:
    why = "there are 2 GPUs, and the number of the last one is 1"
    assert usable_device(device) == ("cpu", why)
    with pytest.raises(BadInputError, match=why):
        make_session(runtime._PROBE, device)


@pytest.mark.skipif(bool(devices.nvidia_driver().cards), reason="this machine has a GPU")
def test_a_card_on_which_cuda_does_not_start_is_refused_with_the_reason(
    two_cards: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runtime, "_load_cuda", lambda: print("Failed to load libcublas.so.13: no such file"))
    device, why = usable_device("cuda")
    assert (device, why) == ("cpu", "Failed to load libcublas.so.13: no such file")
    with pytest.raises(
        BadInputError, match=r"is not usable: Failed to load libcublas.so.13: .*onnxruntime-gpu\[cuda,cudnn\]"
    ):
        make_session(runtime._PROBE, "cuda:1")
    assert make_session(runtime._PROBE, "auto").get_providers() == ["CPUExecutionProvider"]
    assert capfd.readouterr() == ("", "")


def test_a_reason_is_told_for_each_thing_that_can_be_missing(two_cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0", raising=False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    missing = "EP Error file.cc:1 Please install TensorRT libraries as mentioned\n when using [...]"
    assert runtime._why_not(missing) == 'TensorRT 10 is missing (libnvinfer.so.10): pip install "tensorrt-cu13<11"'
    assert runtime._why_not("*****\nEP Error CUDA failure 2: out of memory\n") == (
        "ONNX Runtime could not start it: EP Error CUDA failure 2: out of memory"
    )
    assert runtime._why_not("") == "ONNX Runtime could not start it"
    monkeypatch.setattr(runtime, "nvidia_driver", lambda: Driver(TWO.cards, (12, 4)))
    assert runtime._why_not("") == (
        "the NVIDIA driver runs CUDA up to 12.4, and this onnxruntime needs 13: update the driver"
    )
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert "built for the CPU" in runtime._why_not("")


def test_each_provider_gets_its_options_and_its_card() -> None:
    cuda = {
        "device_id": "1",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "use_tf32": "0",
    }
    assert provider_options(Device("cpu")) == [("CPUExecutionProvider", {})]
    assert provider_options(Device("cuda", 1)) == [("CUDAExecutionProvider", cuda), ("CPUExecutionProvider", {})]
    assert provider_options(Device("tensorrt", 1), {"trt_fp16_enable": "1"}) == [
        ("TensorrtExecutionProvider", {"device_id": "1", "trt_fp16_enable": "1"}),
        ("CUDAExecutionProvider", cuda),
        ("CPUExecutionProvider", {}),
    ]
    assert provider_options(Device("cuda"))[0][1]["device_id"] == "0"


def test_tensorrt_is_told_half_precision_the_range_of_batches_and_where_to_keep_what_it_builds() -> None:
    fixed = {
        "trt_fp16_enable": "1",
        "trt_layer_norm_fp32_fallback": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": "/cache/engines/one",
        "trt_engine_cache_prefix": "signverse",
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": "/cache/engines",
    }
    folder = Path("/cache/engines/one")
    assert engine_options(folder, "images", (640, 640, 3), None) == fixed
    assert engine_options(folder, "images", (384, 288, 3), 32) == fixed | {
        "trt_profile_min_shapes": "images:1x384x288x3",
        "trt_profile_opt_shapes": "images:32x384x288x3",
        "trt_profile_max_shapes": "images:32x384x288x3",
    }


def test_onnx_runtime_knows_the_options(capfd: pytest.CaptureFixture[str]) -> None:
    """By the names that stand in its own libraries: a name that it does not know would be refused on a GPU only."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    for file, names in (
        ("libonnxruntime_providers_tensorrt.so", engine_options(folder, "images", (1, 1, 3), 2)),
        ("libonnxruntime_providers_cuda.so", provider_options(Device("cuda", 0))[0][1]),
    ):
        if not (folder / file).is_file():
            pytest.skip("this onnxruntime is the one for the CPU")
        content = (folder / file).read_bytes()
        assert [name for name in names if name.encode()[:12] not in content] == []


def test_an_engine_is_kept_for_a_model_a_card_and_a_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tensorrt, "engines_folder", lambda: tmp_path)
    folder = engine_folder(b"model", "NVIDIA GeForce RTX 4090 (24GB)", "10.13.0")
    assert folder == tmp_path / "9372c470eeadd5ec-nvidia-geforce-rtx-4090-24gb-trt10.13.0"
    assert (
        len(
            {
                folder,
                *(engine_folder(*a) for a in [(b"m", "a", "1"), (b"n", "a", "1"), (b"m", "b", "1"), (b"m", "a", "2")]),
            }
        )
        == 5
    )


def test_that_building_takes_minutes_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "engines" / "one"
    with engine_lock(folder, "pose.onnx", "NVIDIA L4"):
        (folder / "signverse_sm89.engine").touch()
    said = capsys.readouterr()
    assert said.err == f"TensorRT builds an engine of pose.onnx for NVIDIA L4, once; it takes minutes ({folder})\n"
    with engine_lock(folder, "pose.onnx", "NVIDIA L4"):
        pass
    assert capsys.readouterr() == ("", "")


def test_that_no_engine_came_of_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with engine_lock(tmp_path, "pose.onnx", "NVIDIA L4"):
        pass
    assert "kept no engine of pose.onnx" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="TensorRT's libraries have other names here")
def test_tensorrt_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt, "_LIBRARIES", ("libnvinfer-that-nobody-has.so.10",))
    assert tensorrt.load_tensorrt.__wrapped__() == ""
