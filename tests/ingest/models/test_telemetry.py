"""Nothing calls home: no session leaves an id behind or asks anything of the network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ingest.models.test_pair import detector, pose

ROOT = Path(__file__).parents[3]

SESSIONS = """
import sys, time
from pathlib import Path
from signverse.ingest.models.contract import model_role
from signverse.ingest.models.runtime import make_session, usable_device
folder = Path(sys.argv[1])
assert usable_device("cpu")[0] == "cpu"
assert model_role(folder / "detector.onnx") == "detector"
session = make_session(folder / "pose.onnx", "cpu")
time.sleep(float(sys.argv[2]))
"""

EVERYTHING = """
import sys, time
import signverse
import deltalake, duckdb, polars, pyarrow, yt_dlp
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    detector(tmp_path / "models" / "detector.onnx")
    pose(tmp_path / "models" / "pose.onnx")
    return tmp_path / "models"


def ran(code: str, folder: Path, seconds: int, **environment: str) -> list[str]:
    """Runs a program in a home and a folder for temporary files of its own; what it leaves in them."""
    places = {name: folder / name for name in ("home", "tmp")}
    for place in places.values():
        place.mkdir()
    own = {"HOME": str(places["home"]), "TMPDIR": str(places["tmp"]), **environment}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    subprocess.run(
        [sys.executable, "-B", "-c", code, str(folder / "models"), str(seconds)],
        check=True, cwd=ROOT, env=inherited | own, timeout=300,
    )  # fmt: skip
    return sorted(str(path.relative_to(folder)) for place in places.values() for path in place.rglob("*"))


def test_a_session_leaves_no_id_behind(tmp_path: Path, models: Path) -> None:
    assert ran(SESSIONS, tmp_path, 0) == []


@pytest.mark.slow
@pytest.mark.parametrize("code", [SESSIONS, EVERYTHING], ids=["sessions", "libraries"])
def test_nobody_is_called_within_more_than_a_minute(tmp_path: Path, models: Path, code: str) -> None:
    """ONNX Runtime asks for its host some 30 s after its start."""
    calls = tmp_path / "calls"
    ran(code, tmp_path, 75, LD_PRELOAD=str(recorder(tmp_path)), CALLS_HOME=str(calls))
    assert not calls.exists(), calls.read_text()


def test_the_recorder_of_calls_sees_one(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    code = "import socket\ntry: socket.create_connection(('example.invalid', 80))\nexcept OSError: pass"
    ran(code, tmp_path, 0, LD_PRELOAD=str(recorder(tmp_path)), CALLS_HOME=str(calls))
    assert calls.read_text() == "getaddrinfo example.invalid\n"


def recorder(folder: Path) -> Path:
    """Compiles the library that writes calls down."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler for the recorder of network calls")
    library = folder / "calls_home.so"
    source = Path(__file__).with_name("calls_home.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def test_one_place_imports_the_runtime() -> None:
    """Another would load it before its telemetry is off."""
    imports = re.compile(r"^\s+(?:import onnxruntime|from onnxruntime import (?!InferenceSession$))", re.M)
    found = {
        str(path.relative_to(ROOT))
        for package in ("lake", "ingest", "export")
        for path in (ROOT / package).rglob("*.py")
        if imports.search(path.read_text("utf-8"))
    }
    assert found == {"ingest/models/import_runtime.py"}
