"""What libraries raise over damaged bytes becomes one error of ours, and what nobody expected one line."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError
from polars.exceptions import ComputeError, PanicException

from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.query.selection_file import read_selection_file, version_of_selection
from signverse.lake.storage.integrity.foreign_errors import damaged, foreign_errors_as


@pytest.mark.parametrize(
    "error",
    [
        *(ComputeError("x"), PanicException("x"), DeltaError("x"), duckdb.IOException("x"), pa.ArrowInvalid("x")),
        *(pa.ArrowKeyError("x"), struct.error("x"), zlib.error("x"), MemoryError(), RecursionError("x"), KeyError("x")),
        *(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), FileNotFoundError(2, "x"), OverflowError("x")),
        # deltalake's panics are of a class that it does not export.
        type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_foreign_error_says_in_one_line_what_cannot_be_read(error: BaseException) -> None:
    says = r"table videos cannot be read: .*signverse verify"
    with pytest.raises(DamagedLakeError, match=says) as raised, foreign_errors_as(damaged("table videos")):
        raise error
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BadInputError("mine"), SystemExit(3), GeneratorExit()])
def test_what_is_not_foreign_passes(error: BaseException) -> None:
    with pytest.raises(type(error)), foreign_errors_as(damaged("table videos")):
        raise error


@pytest.mark.parametrize("traceback", [False, True])
@pytest.mark.parametrize("raised", ["RuntimeError('odd\\nthing')", "Panic('odd thing')"])
def test_what_no_command_expects_is_one_line_unless_a_traceback_was_asked_for(raised: str, traceback: bool) -> None:
    program = (
        "import sys, typer\n"
        "from signverse.lake.cli.entry import run\n"
        "class Panic(BaseException): pass\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def fail() -> None:\n"
        f"    raise {raised}\n"
        "sys.exit(run(app, []))"
    )
    env = {**os.environ, "SIGNVERSE_TRACEBACK": "1" if traceback else ""}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env)
    assert ran.returncode == 1
    assert ("Traceback" in ran.stderr) == traceback
    if not traceback:
        assert ran.stderr.count("\n") == 1
        assert "odd thing" in ran.stderr
        assert "SIGNVERSE_TRACEBACK=1" in ran.stderr


def test_every_cut_and_flip_of_a_selection_file_ends_in_clips_or_in_one_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    ids = [f"video-{i:05d}" for i in range(40)]
    pl.DataFrame(
        {"segment_id": ids, "video_id": "video", "ingest_id": "i", "start_frame": range(40), "end_frame": range(1, 41)}
    ).write_parquet(whole)
    raw = whole.read_bytes()
    damaged_file = tmp_path / "damaged.parquet"
    refused = 0
    for at in range(0, len(raw), 5):
        for bad in (raw[:at], raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :]):
            damaged_file.write_bytes(bad)
            try:
                read_selection_file(damaged_file)
                version_of_selection(damaged_file)
            except BadInputError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > len(raw) // 5
