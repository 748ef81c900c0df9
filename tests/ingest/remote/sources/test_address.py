"""What an address stands for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.hub import HubSource
from signverse.ingest.remote.sources.local import LocalSource
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, is_plain, tars
from signverse.lake.model.errors import BadInputError
from tests.fakehub.hub import Hub
from tests.ingest.remote.sources.hub_source import QUICK, TAR, source_of

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


PIECES = st.sampled_from(
    [
        *("owner", "name", "datasets", "tree", "main", "dataset", "1.tar", "bucket", "refs", "pr", "huggingface.co"),
        *("/", "//", "@", ":", "://", "hf", "s3", "http", "https", "file", "..", ".", "%2F", "%00", "?", "#", "["),
        *("~", "\\", " ", "\x00", "é", "\ud800", "\n", "user:secret@", "99999", "127.0.0.1:9", "x" * 300, "]"),
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join))
@example("hf://user:secret@datasets/owner/name")
@example("s3://user:secret@bucket/dataset")
@example("ftp://user:secret@host/1.tar")
@example("https://user:secret@huggingface.co/owner")
@example("https://user:secret@[/1.tar")
@example("htps//user:secret@host/1.tar")
@example("~nobody/1.tar")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_an_address_or_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nothing else is raised, and what stands between `//` and `@` is not repeated."""
    monkeypatch.setattr(HubSource, "_commit", lambda self: "a" * 40)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    try:
        with open_source(text, limits=QUICK) as source:
            assert source.address.isprintable() or source.address == str(Path(text).absolute())
            assert "secret" not in source.address or isinstance(source, LocalSource)
    except SourceError as error:
        assert "\n" not in str(error)
        assert "://user:secret" not in str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["file", "1.tar"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "path", "size", "lfs", "oid", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_listing_is_read_or_refused(monkeypatch: pytest.MonkeyPatch, rows: object) -> None:
    """Whatever JSON the hub gives: files with plain names and sizes, or one error."""
    monkeypatch.setattr(HubSource, "_commit", lambda self: "a" * 40)
    monkeypatch.setattr(HubSource, "_json", lambda self, url: (rows, None))
    with open_source("hf://datasets/owner/name", limits=QUICK) as source:
        try:
            found = source.files()
        except SourceError as error:
            assert "does not answer as a hub" in str(error)
        else:
            assert all(file.size is not None and file.size >= 0 and is_plain(file.path) for file in found)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "http://[::1]:9/x.tar", "owner/name", "s3://b/x", "HERE"])
def test_public_only_reads_nothing_of_this_machine_or_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    (tmp_path / "1.tar").write_bytes(b"")
    with pytest.raises(BadInputError, match=r"--public-only|there is no"):
        for place in [str(tmp_path), f"file://{tmp_path}"] if address == "HERE" else [address]:
            with open_source(place, public_only=True) as source:
                source.open(source.files()[0].path)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(BadInputError, match=r"proxy|s3"):
        open_source(address, public_only=True)
