"""What an address stands for."""

from __future__ import annotations

import re

import pytest

from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, tars
from tests.fakehub.hub import Hub
from tests.ingest.remote.sources.hub_source import TAR, source_of

ADDRESSES = {
    "owner/name": 2,
    "hf://datasets/owner/name": 2,
    "hf://datasets/owner/name/dataset": 2,
    "hf://datasets/owner/name/dataset/": 2,
    "hf://datasets/owner/name@main/dataset/000002.tar": 1,
    "hf://datasets/owner/name/dataset/000002.tar": 1,
    "owner/name@v1": 1,
    "owner/name@refs/pr/1": 1,
    "hf://datasets/owner/name@v1": 1,
    "hf://datasets/owner/name@refs%2Fpr%2F1": 1,
    "hf://datasets/owner/name@refs/pr/1/dataset": 1,
    "https://huggingface.co/datasets/owner/name": 2,
    "https://huggingface.co/datasets/owner/name/": 2,
    "https://huggingface.co/datasets/owner/name@v1": 1,
    "https://huggingface.co/datasets/owner/name/tree/v1": 1,
    "https://huggingface.co/datasets/owner/name/tree/main/dataset": 2,
    "https://huggingface.co/datasets/owner/name/blob/main/dataset/000002.tar": 1,
    "https://hf.co/datasets/owner/name/resolve/refs%2Fpr%2F1/dataset/000002.tar?download=true": 1,
    "HUB/datasets/owner/name/tree/main": 2,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_data_set_has_many_addresses(hub: Hub, address: str) -> None:
    hub.put("owner/name", {"dataset/000002.tar": b"two"})
    repository = hub.repositories["datasets/owner/name"]
    repository.tags["v1"] = repository.branches["main"][-1].oid
    repository.branches["refs/pr/1"] = repository.branches["main"][:]
    hub.put("owner/name", {"dataset/000001.tar": TAR, "notes/000001.txt": b"not a tar"})
    with source_of(hub, address.replace("HUB", hub.address)) as source:
        found = tars(source.files())
        assert len(found) == ADDRESSES[address]
        assert source.open(found[-1].path).pread(0, 3) == b"two"
        assert source.address.startswith("hf://datasets/owner/name")


WRONG = {
    "owner/none": "no data set owner/none",
    "owner/name@v9": "no revision v9",
    "hf://owner/name": "not the address of a data set",
    "hf://buckets/owner/name": "not the address of a data set",
    "hf://datasets/owner": "not the address of a data set",
    "hf://datasets/owner/name@": "not the address of a data set",
    "hf://datasets/owner/name/dataset/000009.tar": "there is no hf://datasets/owner/name/dataset/000009.tar",
    "hf://datasets/owner/name/none": "is not there",
    "hf://datasets/owner/name/../other": "cannot be a folder",
    "https://huggingface.co/owner/name": "not the page of a data set",
    "https://huggingface.co/datasets/owner/name/discussions/1": "not the page of a data set",
    "https://huggingface.co/": "not the page of a data set",
    "owner/name@": "there is no owner/name@",
    "owner/name/dataset": "there is no owner/name/dataset",
    "owner/none.tar": "there is no owner/none.tar",
    "ftp://host/folder/": "addresses that begin with ftp://",
}


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_names_nothing_says_so_in_a_line(hub: Hub, address: str) -> None:
    source_of(hub).close()
    with (
        pytest.raises((SourceError, RemoteFileError), match=re.escape(WRONG[address])) as raised,
        source_of(hub, address) as source,
    ):
        source.files()
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_what_exists_here_is_read_and_the_hubs_is_named(hub: Hub, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "owner" / "name" / "here.tar").write_bytes(b"here")
    monkeypatch.chdir(tmp_path)
    with source_of(hub) as source:
        assert [file.path for file in source.files()] == ["here.tar"]
        assert "hf://datasets/owner/name" in source.remarks[0]
    with source_of(hub, "owner/name@main") as source:
        assert "dataset/000001.tar" in [file.path for file in source.files()]
