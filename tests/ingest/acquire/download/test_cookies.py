"""Cookies are secrets: they lie in no file with a name, however a run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ingest.acquire.conftest import QUICK, Place, clip
from tests.site.faults import MEDIA
from tests.site.server import PLUGINS, Fault


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_run_leaves_no_cookie_behind(place: Place, tmp_path: Path) -> None:
    place.site.add(clip("slow", fault=Fault("slow", MEDIA, rate=2000)))
    manifest = place.manifest("slow")
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tSID\tsecret\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "signverse", "ingest", "download", str(manifest), "--media", str(place.media)),
            *("--lake", str(place.lake), *QUICK, "--cookies", str(cookies)),
        ],
        env={**os.environ, "PYTHONPATH": str(PLUGINS), "TMPDIR": str(temporary), "HOME": str(temporary)},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not place.site.requests_for("slow", MEDIA):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        held = _files_with(b"secret", [temporary, place.media, place.lake])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert held == []
    assert _files_with(b"secret", [temporary, place.media, place.lake]) == []
    assert {request.cookie for request in place.site.requests_for("slow")} >= {"SID=secret"}


def _files_with(secret: bytes, folders: list[Path]) -> list[Path]:
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".mp4" and secret in path.read_bytes()
    ]
