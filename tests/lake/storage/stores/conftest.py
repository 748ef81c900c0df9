"""An S3 server on 127.0.0.1, and a lake in a bucket of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

VERSION = "ministack==1.4.21"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _ask(address: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a server with an empty bucket `corpora`; in an environment of its own, not to change ours."""
    uvx = shutil.which("uvx")
    if uvx is None:
        pytest.skip("uvx, which brings the S3 server ministack, is not installed")
    port = _free_port()
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [uvx, "--python", sys.executable, VERSION],
            env={**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"},
            stdout=said,
            stderr=said,
        )
    try:
        for _ in range(600):
            time.sleep(0.2)
            if server.poll() is not None:
                pytest.skip(f"the S3 server ministack cannot be installed here: {log.read_text()[-200:]}")
            try:
                _ask(f"http://127.0.0.1:{port}/corpora", "PUT")
                break
            except OSError:
                continue
        else:
            pytest.skip("the S3 server ministack did not start within two minutes")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def at_s3(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment asks the server; the cache is empty."""
    settings = {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "not-to-be-shown",
        "AWS_REGION": "us-east-1",
        "SIGNVERSE_CACHE": str(tmp_path / "cache"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return s3


def upload(folder: Path, address: str) -> str:
    """Copies a lake up, data files first; returns its address."""
    import obstore
    from obstore.store import from_url

    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    client: Any = from_url(f"s3://{bucket}")
    names = sorted(path for path in folder.rglob("*") if path.is_file() and "_writers" not in path.parts)
    for path in sorted(names, key=lambda path: "_delta_log" in path.parts):
        obstore.put(client, f"{prefix}/{path.relative_to(folder).as_posix()}", path)
    return address


@pytest.fixture
def far_town(at_s3: str, town: Path) -> str:
    """The address of the lake `town` in the bucket, under a name with a blank, # and %."""
    return upload(town, "s3://corpora/my town/#1 %20")


@pytest.fixture(scope="session")
def send() -> Callable[[Path, str], str]:
    """send(folder, address): copies a lake up."""
    return upload
