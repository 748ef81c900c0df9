"""Exports are published whole, once, and gone on with from anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.export.publish import plan
from signverse.export.publish.client.hub import Hub as Client
from signverse.export.publish.content import Source
from signverse.export.publish.plan import _batches
from tests.export.publish.conftest import LICENCE
from tests.fakehub.hub import WRITE_TOKEN, Answer, Hub

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
    assert f"nothing was sent: {len(published)} files there already" in err
    assert {request.method for request in hub.requests} == {"GET"}
    assert len(hub.requests) <= 3


@given(st.lists(st.integers(0, 30 * 10**9), max_size=160))
def test_a_commit_has_50_files_and_20_gb_at_most_and_none_is_left_out(sizes: list[int]) -> None:
    sources = [Source(str(number), size) for number, size in enumerate(sizes)]
    batches = list(_batches(sources))
    assert [source for batch in batches for source in batch] == sources
    for batch in batches:
        assert 1 <= len(batch) <= 50
        assert len(batch) == 1 or sum(source.size for source in batch) <= 20 * 10**9


def test_large_files_are_sent_in_parts_where_the_hub_asks_for_it(
    hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    hub.part_size = 50_000
    hub.fail(Answer(500), path=r"/cdn/part/", after=2)
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE)[0] == 0
    published = hub.files("owner/poses")
    assert {name: published[name] for name in content(written("shards"))} == content(written("shards"))
    parts = hub.requests_for(r"/cdn/(part|join)/")
    assert parts and {request.token for request in parts} == {""}


def test_files_that_the_hub_leaves_out_are_named(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    folder = written("shards")
    for name in (next(folder.glob("*.tar")).name, "SHA256SUMS"):
        hub.ignored = {name}
        code, out, err = signverse("publish", folder, "owner/poses", *LICENCE, "--tag", "v1")
        assert (code, out) == (1, "") and name in err and ".gitignore" in err
        assert not hub.repositories["datasets/owner/poses"].tags


def test_a_card_that_the_hub_does_not_take_is_refused_before_anything_is_sent(
    hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    hub.card_errors = ['"language[0]" must only contain lowercase characters']
    code, _, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert code == 1 and "lowercase characters" in err
    assert not hub.repositories and not hub.requests_for(r"/cdn/")


def test_folders_that_the_hub_would_not_take_are_refused(
    hub: Hub, export: Callable[..., Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "ENTRIES_A_FOLDER", 5)
    code, _, err = signverse("publish", export("shards"), "owner/poses", *LICENCE)
    assert code == 1 and "the hub takes 5 in a folder" in err and "--videos-per-shard" in err
    assert not hub.repositories


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


def test_files_that_are_read_back_from_the_cdn_get_no_token(hub: Hub) -> None:
    index = b"video_id,shard\n" + b"x" * (11 << 20)
    commit = hub.put("owner/poses", {"index.csv": index})
    assert Client("owner/poses", token=WRITE_TOKEN).read("index.csv", commit) == index
    sent = hub.requests_for(r"/cdn/get/")
    assert sent and {request.token for request in sent} == {""}


def test_it_is_sent_in_the_same_way_where_the_xet_protocol_is_on(
    hub: Hub, written: Callable[[str], Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    code, _, err = signverse("publish", written("parquet"), "owner/poses", *LICENCE)
    assert code == 0 and "Xet" not in err
    assert not hub.requests_for("xet")
