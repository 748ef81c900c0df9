"""A folder of a bucket as a source, against a small server that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.http_limits import Limits
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, TarSource, tars
from tests.ingest.remote.sources.servers import Web, served_bucket

TAR = bytes(number * 13 % 247 for number in range(60_000))
QUICK = Limits(wait_s=0.001, longest_wait_s=0.01, answer_s=2.0)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    folder = tmp_path / "bucket"
    for name in ("dataset/1.tar", "dataset/deep/2 +é.tar", "other/3.tar"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(TAR + name.encode())
    with served_bucket(tmp_path) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield running


def source_of(address: str, limits: Limits = QUICK) -> TarSource:
    return open_source(address, limits=limits)


@pytest.mark.parametrize("address", ["s3://bucket/dataset", "s3://bucket/dataset/", "s3:/bucket/dataset"])
def test_a_folder_of_a_bucket_lists_its_tars_and_reads_them(bucket: Web, address: str) -> None:
    with source_of(address) as source:
        assert source.address == "s3://bucket/dataset"
        names = [file.path for file in tars(source.files())]
        assert names == ["1.tar", "deep/2 +é.tar"]
        for name in names:
            file = source.open(name)
            assert file.size == len(TAR) + len(f"dataset/{name}".encode())
            assert (file.oid or "").startswith("etag:")
            assert file.pread(5_000, 30_000) == TAR[5_000:35_000]
            file.close()
        assert source.traffic.bytes == 60_000


def test_a_bucket_and_a_tar_of_it_are_sources_too(bucket: Web) -> None:
    with source_of("s3://bucket") as source:
        assert [file.path for file in source.files()] == ["dataset/1.tar", "dataset/deep/2 +é.tar", "other/3.tar"]
    with source_of("s3://bucket/other/3.tar") as source:
        (file,) = source.files()
        assert (file.path, source.open("3.tar").pread(0, 9)) == ("3.tar", TAR[:9])


def test_without_keys_a_public_bucket_is_read_without_a_login(bucket: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("HOME", str(bucket.folder))
    with source_of("s3://bucket/dataset") as source:
        assert len(source.files()) == 2
    assert {login for _, _, login in bucket.asked} == {""}


def test_a_replaced_file_is_refused_even_where_its_size_is_the_same(bucket: Web) -> None:
    with source_of("s3://bucket/dataset") as source:
        file = source.open("1.tar")
        file.pread(0, 10)
        place = bucket.folder / "bucket" / "dataset" / "1.tar"
        place.write_bytes(place.read_bytes()[::-1])
        with pytest.raises(RemoteFileError, match="another file by now"):
            file.pread(0, 10)


@pytest.mark.parametrize("status", [500, 503, "drop"])
def test_what_breaks_is_asked_for_again(bucket: Web, status: Any) -> None:
    left = [2]

    def fault(handler: Any) -> bool:
        if not handler.headers.get("Range") or not left[0]:
            return False
        left[0] -= 1
        if status == "drop":
            handler.close_connection = True
        else:
            handler.answer(status, b"", {})
        return True

    with source_of("s3://bucket/dataset") as source:
        file = source.open("1.tar")
        bucket.fault = fault
        assert file.pread(100, 20_000) == TAR[100:20_100]
        assert left == [0]


MESSAGES = {403: "may not be read", 404: "is not there", 500: "3 times in a row", 503: "3 times in a row"}


@pytest.mark.parametrize("status", MESSAGES)
def test_what_cannot_be_read_says_why(bucket: Web, status: int) -> None:
    limits = Limits(wait_s=0.001, longest_wait_s=0.001, attempts=3)
    with source_of("s3://bucket/dataset", limits) as source:
        source.files()
        bucket.fault = lambda handler: not handler.answer(status, b"", {})
        with pytest.raises((RemoteFileError, SourceError), match=MESSAGES[status]) as raised:
            source.open("1.tar").pread(0, 10)
        assert "secret" not in str(raised.value)


def test_a_bucket_that_is_not_there_and_a_server_that_is_not_there_are_said(bucket: Web, monkeypatch) -> None:
    with source_of("s3://nothing/dataset") as source, pytest.raises(SourceError, match="is not there"):
        source.files()
    with source_of("s3://bucket/nothing") as source, pytest.raises(SourceError, match="is not there"):
        source.files()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with source_of("s3://bucket/dataset") as source, pytest.raises(SourceError, match="cannot be reached"):
        source.files()
    for address in ("s3://key:secret@bucket/dataset", "s3:///dataset"):
        with pytest.raises(SourceError) as raised:
            source_of(address)
        assert "secret" not in str(raised.value)


def test_a_server_without_ranges_is_refused_and_its_first_bytes_are_not_taken_for_others(bucket: Web) -> None:
    bucket.ranges = False
    with source_of("s3://bucket/dataset") as source, pytest.raises(RemoteFileError, match="no ranges"):
        source.open("1.tar").pread(30_000, 100)
