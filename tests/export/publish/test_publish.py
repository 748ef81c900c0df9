"""Exports are published whole, once, and gone on with from anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.export.publish.conftest import LICENCE
from tests.fakehub.hub import Hub

Command = Callable[..., tuple[int, str, str]]


def content(folder: Path) -> dict[str, bytes]:
    """The files of an export by their paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["shards", "parquet", "webdataset"])
def test_an_export_is_published_as_it_is_and_a_second_run_sends_nothing(
    kind: str, hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    folder = written(kind)
    code, out, err = signverse("publish", folder, "owner/poses", *LICENCE)
    assert (code, out) == (0, f"{hub.address}/datasets/owner/poses\n"), err
    published = hub.files("owner/poses")
    assert {name: published[name] for name in content(folder)} == content(folder)
    assert b"license: cc-by-4.0" in published["README.md"]
    # What says that it is whole came last.
    first, last = hub.commits("owner/poses")[1], hub.commits("owner/poses")[-1]
    assert first.startswith("signverse: ") and last == "signverse: index, checksums and card"
    hub.clear_log()
    code, out, err = signverse("publish", folder, "owner/poses")
    assert (code, out) == (0, f"{hub.address}/datasets/owner/poses\n")
    assert "nothing was sent" in err
    assert {request.method for request in hub.requests} == {"GET"}
    assert len(hub.requests) <= 3


def test_no_token_reaches_the_cdn(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE)[0] == 0
    sent = hub.requests_for(r"/cdn/")
    assert sent and {request.token for request in sent} == {""}


def test_each_file_is_read_once_and_compared_with_its_checksum(
    hub: Hub, export: Callable[..., Path], signverse: Command
) -> None:
    folder = export("shards")
    shard = sorted(folder.glob("*.tar"))[2]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    code, out, err = signverse("publish", folder, "owner/poses", *LICENCE)
    assert (code, out) == (1, "")
    assert f"{shard.name} is damaged" in err and len(err.splitlines()) == 1
    assert hashlib.sha256(data).hexdigest() not in hub.repositories["datasets/owner/poses"].large_files()
    assert "SHA256SUMS" not in hub.files("owner/poses")
