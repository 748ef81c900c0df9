"""Two languages of a release on a server: `signverse fetch` beside downloading whole tars and importing those.

A web server on this machine stands for the one far away: it answers each request after 40 ms, and all its answers
together have 200 Mbit/s. Ten tars of 20 videos of 2 MB, of which four in each tar are wanted, as of asf and bfi in the
released tars that hold them. Bytes and requests are counted by the server; seconds are those that pass.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
import polars as pl

from signverse.ingest.sample.signer import make_signer
from signverse.lake.lake import Lake
from signverse.lake.lists import tar_members
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage.integrity.foreign_errors import collect

_DELAY_S: Final = 0.04
_BYTES_A_SECOND: Final = 200e6 / 8
_PIECE: Final = 64 * 1024

_ROUNDS: Final = 2

_TARS: Final = 10
_VIDEOS: Final = 20
_WANTED: Final = 4
"""Of the videos of a tar: asf and bfi are 2,124 of some 11,000 videos in their 206 tars."""


class _Server(ThreadingHTTPServer):
    """A folder behind a line of limited speed. `bytes` and `requests` count what was sent."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.bytes, self.requests = folder, 0, 0
        self._lock, self._free_at = threading.Lock(), 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that ends leaves its connections."""

    def wait(self, size: int) -> None:
        """Waits until the line, which all answers share, has carried so many bytes more."""
        with self._lock:
            self.bytes += size
            self._free_at = max(self._free_at, time.monotonic()) + size / _BYTES_A_SECOND
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests += 1
        time.sleep(_DELAY_S)
        path = self.server.folder / unquote(self.path).lstrip("/")
        if path.is_dir():
            names = sorted(inside.name for inside in path.iterdir())
            page = "".join(f'<a href="{name}">{name}</a>\n' for name in names).encode()
            self._answer(200, len(page), {"Content-Type": "text/html"})
            self._send(io.BytesIO(page), len(page))
        elif path.is_file():
            size = path.stat().st_size
            tag = {"ETag": f'"{hashlib.md5(f"{path} {size}".encode(), usedforsecurity=False).hexdigest()}"'}
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            start, end = (int(found[1]), min(int(found[2]) + 1, size)) if found else (0, size)
            if found:
                tag["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
            self._answer(206 if found else 200, end - start, tag)
            with path.open("rb") as file:
                file.seek(start)
                self._send(file, end - start)
        else:
            self._answer(404, 0, {})

    def _answer(self, status: int, size: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(size)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, file: Any, size: int) -> None:
        while size:
            piece = file.read(min(size, _PIECE))
            self.server.wait(len(piece))
            self.wfile.write(piece)
            size -= len(piece)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as name:
        here = Path(name)
        manifest = _make_release(here / "release", here / "manifest.csv")
        size = sum(path.stat().st_size for path in (here / "release").glob("*.tar"))
        print(f"fetch: {_WANTED * _TARS} wanted of {_VIDEOS * _TARS} videos in {_TARS} tars of {size / 1e6:,.0f} MB")
        print(f"  a server {1000 * _DELAY_S:g} ms away, {_BYTES_A_SECOND * 8 / 1e6:g} Mbit/s in all")
        server = _Server(here / "release")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            _measure(here, manifest, server)
        finally:
            server.shutdown()
            server.server_close()


def _measure(here: Path, manifest: Path, server: _Server) -> None:
    wanted = [f"--manifest={manifest}", "--language=asf", "--language=bfi"]

    def whole(out: Path) -> None:
        (out / "tars").mkdir()
        for path in sorted((here / "release").glob("*.tar")):
            with (
                urllib.request.urlopen(server.url + path.name) as answer,
                (out / "tars" / path.name).open("wb") as file,
            ):
                while piece := answer.read(1 << 20):
                    file.write(piece)
        _signverse(out, "ingest", "shards", out / "tars", *wanted, "--lake", out / "lake")

    def fetch(out: Path) -> None:
        _signverse(out, "fetch", server.url, *wanted, "--lake", out / "lake")

    index = here / "release" / tar_members.FILE_NAME
    ways: dict[str, tuple[Callable[[Path], None], bool]] = {
        "whole tars, then ingest shards": (whole, False),
        "fetch, headers walked": (fetch, False),
        "fetch, members.parquet beside the tars": (fetch, True),
    }
    found: dict[str, list[tuple[float, int, float, float]]] = {name: [] for name in ways}
    first = None
    for number in range(_ROUNDS):
        for name, (way, with_index) in ways.items():
            index.unlink(missing_ok=True)
            if with_index:
                index.write_bytes(_index_of(here / "release"))
            out = here / f"{number}-{len(name)}"
            out.mkdir()
            sent, asked, began, spent = server.bytes, server.requests, time.perf_counter(), _processor()
            way(out)
            seconds, processor = time.perf_counter() - began, _processor() - spent
            found[name].append(((server.bytes - sent) / 1e6, server.requests - asked, seconds, processor))
            rows = Lake.open(out / "lake").table("keypoints").drop("ingest_id")
            rows = collect(rows.sort("video_id", "frame", "person"))
            first = rows if first is None else first
            assert rows.height and rows.equals(first)
            shutil.rmtree(out)
    print(f"  {'':40} {'MB':>7} {'requests':>9} {'seconds':>8} {'of a core':>10}   the fastest of {_ROUNDS} rounds")
    for name, rounds in found.items():
        megabytes, requests, seconds, processor = min(rounds, key=lambda each: each[2])
        print(f"  {name:40} {megabytes:7,.1f} {requests:9,} {seconds:8.1f} {processor:10.1f}")


def _processor() -> float:
    """Seconds of a core that programs which ended have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _signverse(out: Path, *words: object) -> None:
    # A cache of its own: nothing is known of the tars.
    environment = {**os.environ, "XDG_CACHE_HOME": str(out / "cache")}
    subprocess.run(
        [sys.executable, "-m", "signverse", *map(str, words)], check=True, capture_output=True, env=environment
    )


def _make_release(folder: Path, manifest: Path) -> Path:
    """Tars as they are released, in which a video in five is of the wanted languages; and a manifest."""
    folder.mkdir()
    poses = _poses()
    lines = []
    for number in range(1, _TARS + 1):
        with tarfile.open(folder / f"Sign_DWPose_NPZ_{number:06d}.tar", "w") as tar:
            for place in range(_VIDEOS):
                video_id = f"v{number:02d}x{place:02d}"
                wanted = place % (_VIDEOS // _WANTED) == 2
                lines.append(f"{video_id},{('asf', 'bfi')[place % 2] if wanted else 'ase'}\n")
                vtt = f"WEBVTT\n\n00:00.000 --> 00:02.000\nThis is {video_id}\n".encode()
                for path, data in {
                    "npz/poses.npz": poses,
                    "npz/.complete": b"",
                    f"captions/{video_id}.en.vtt": vtt,
                }.items():
                    member = tarfile.TarInfo(f"{video_id}/{path}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    manifest.write_text("".join(lines))
    return manifest


def _poses() -> bytes:
    """A poses.npz of a signer of 40 seconds."""
    frames = np.empty(960, object)
    for number, points in enumerate(np.nan_to_num(make_signer(1, len(frames), 1280, 720), nan=-1.0)):
        frames[number] = {
            "num_persons": np.array(1, np.int32),
            "frame_width": np.array(1280, np.int32),
            "frame_height": np.array(720, np.int32),
        }
        for part in PARTS:
            shares = points[part.slice, :2] / np.array([1280, 720], np.float32)
            frames[number][f"person_000_{part.name}_keypoints"] = shares
            frames[number][f"person_000_{part.name}_scores"] = points[part.slice, 2].copy()
    out = io.BytesIO()
    np.savez(out, fps=np.array(24, np.int32), frame_payloads=frames)
    return out.getvalue()


def _index_of(folder: Path) -> bytes:
    rows = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            rows += [
                (
                    path.name,
                    None,
                    path.stat().st_size,
                    member.name,
                    member.offset_data,
                    member.size,
                    member.name.partition("/")[0],
                    None,
                )
                for member in tar
            ]
    return tar_members.as_parquet(pl.DataFrame(rows, tar_members.POLARS_SCHEMA, orient="row"))
