"""A web server's folder, or a tar on it, as a source."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signverse.ingest.acquire.download import reach
from signverse.ingest.remote.sources import http_file
from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.http_client import redirected
from signverse.ingest.remote.sources.http_limits import Limits, pause_asked_for
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, TarSource, tars
from tests.ingest.remote.sources.servers import Web, absolute, apache, caddy_json, nginx, nginx_json, served

TAR = bytes(number * 11 % 253 for number in range(50_000))
NAMES = ["1.tar", "a b+c.tar", "dataset/2 é%20.tar", "dataset/deep/3.tar", "dataset/deep/#4?.tar"]
QUICK = Limits(wait_s=0.001, longest_wait_s=0.01, answer_s=0.3, connect_s=1.0)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(TAR + name.encode())
    (tmp_path / "state.json").write_bytes(b"{}")
    with served(tmp_path) as running:
        yield running


def source_of(address: str, limits: Limits = QUICK, **options: Any) -> TarSource:
    return open_source(address, limits=limits, **options)


@pytest.mark.parametrize("page", [apache, nginx, absolute, nginx_json, caddy_json], ids=lambda page: page.__name__)
def test_tars_of_a_folder_are_found_on_pages_of_any_server(web: Web, page: Any) -> None:
    web.page = page
    with source_of(web.address) as source:
        assert [file.path for file in tars(source.files())] == sorted(NAMES)
        for name in NAMES:
            with_name = source.open(name)
            assert with_name.size == len(TAR) + len(name.encode())
            assert with_name.pread(40_000, with_name.size - 40_000) == TAR[40_000:] + name.encode()
        assert source.remarks == []
    # The page's own folder, above it and other servers are not asked.
    assert all(path.endswith(("/", ".tar")) for path, _, _ in web.asked)


@pytest.mark.parametrize("page", [apache, absolute], ids=lambda page: page.__name__)
@pytest.mark.parametrize("folder", ["a b é/", "a%20b%20%c3%a9/", "a%20b%20%C3%A9", "a b é"])
def test_a_folder_is_the_same_with_codes_and_without(web: Web, page: Any, folder: str) -> None:
    (web.folder / "a b é").mkdir()
    (web.folder / "a b é" / "1.tar").write_bytes(b"one")
    web.page = page
    with source_of(web.address + folder) as source:
        assert [file.path for file in source.files()] == ["1.tar"]
        assert source.open("1.tar").pread(0, 3) == b"one"


def test_pythons_own_server_lists_its_folder_and_is_refused_for_it_knows_no_ranges(web: Web) -> None:
    with served(web.folder, ranges=False) as plain, source_of(plain.address) as source:
        assert [file.path for file in tars(source.files())] == sorted(NAMES)
        with pytest.raises(SourceError, match="knows no ranges") as raised:
            source.open("1.tar")
        assert "nginx" in raised.value.hint
        assert source.traffic.bytes == 0


def test_one_tar_is_asked_for_by_its_address(web: Web) -> None:
    for address in ("1.tar", "a%20b+c.tar", "dataset/2%20%C3%A9%2520.tar", "1.tar?token=secret#part"):
        web.asked.clear()
        with source_of(web.address + address) as source:
            (file,) = source.files()
            opened = source.open(file.path)
            assert opened.pread(0, 99) == TAR[:99]
            assert opened.oid and opened.oid.startswith("etag:")
            assert "secret" not in source.address
        assert len(web.asked) == 2


@pytest.mark.parametrize("tags", [True, False])
def test_another_file_at_the_same_address_is_refused(web: Web, tags: bool) -> None:
    """By its ETag, else by the time of its last change, even where its size is the same."""
    web.tags = tags
    with source_of(web.address) as source:
        file = source.open("1.tar")
        assert (file.oid or "").startswith("etag:" if tags else "modified:")
        data = (web.folder / "1.tar").read_bytes()
        (web.folder / "1.tar").write_bytes(data[::-1])
        os.utime(web.folder / "1.tar", (1, 1))
        with pytest.raises(RemoteFileError, match="another file by now"):
            file.pread(0, 10)


def test_an_empty_file_is_empty(web: Web) -> None:
    (web.folder / "empty.tar").write_bytes(b"")
    with source_of(web.address) as source:
        file = source.open("empty.tar")
        assert (file.size, file.pread(0, 0)) == (0, b"")
        with pytest.raises(RemoteFileError, match="ends at byte 0"):
            file.pread(0, 1)


LINKS = {
    "another server": '<a href="http://127.0.0.1:1/x.tar">',
    "another port": '<a href="//127.0.0.1:1/x.tar">',
    "another host": '<a href="https://example.org/sub/x.tar">',
    "above": '<a href="../x.tar">',
    "above, hidden": '<a href="deep/../../x.tar">',
    "above, in codes": '<a href="%2e%2e/x.tar">',
    "above, with coded slashes": '<a href="..%2f..%2fx.tar">',
    "the root": '<a href="/x.tar">',
    "a neighbour": '<a href="/subway/x.tar">',
    "a file of this machine": '<a href="file:///etc/passwd.tar">',
    "a script": '<a href="javascript:x.tar">',
    "data": '<a href="data:,x.tar">',
    "mail": '<a href="mailto:x.tar">',
    "a broken address": '<a href="http://[1.tar">',
    "no address": "<a name='x.tar'>",
    "an image": '<img src="x.tar">',
    "controls": '<a href="%1b%5b31mx.tar">',
    "a backslash": '<a href="a%5cx.tar">',
    "a zero byte": '<a href="x%00.tar">',
    "bytes that are no UTF-8": '<a href="%ff%fex.tar">',
}


@pytest.mark.parametrize("link", LINKS)
def test_a_link_out_of_the_folder_is_not_read(web: Web, link: str) -> None:
    (web.folder / "sub").mkdir()
    web.page = lambda folder, names: f"<html>{LINKS[link]}<a href='good.tar'>"
    with source_of(f"{web.address}sub/") as source:
        assert [file.path for file in source.files()] == ["good.tar"]
        assert all(remark.isprintable() for remark in source.remarks)
    assert len(web.asked) == 1


def test_folders_that_contain_themselves_and_pages_without_end_are_left(web: Web) -> None:
    web.page = lambda folder, names: "<a href='again/'><a href='1.tar'>"
    web.fault = lambda handler: (
        "again" in handler.path
        and not handler.answer(200, b"<a href='again/'><a href='1.tar'>", {"Content-Type": "text/html"})
    )
    with source_of(web.address) as source:
        assert 2 <= len(source.files()) <= 10
    web.fault = lambda handler: not handler.answer(200, b" " * 34_000_000, {"Content-Type": "text/html"})
    with source_of(web.address) as source, pytest.raises(SourceError, match="which a listing never is"):
        source.files()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_login_stays_with_its_server(web: Web, tmp_path: Path, status: int) -> None:
    with served(tmp_path, host="127.0.0.2") as other:
        web.fault = lambda handler: not handler.answer(status, b"", {"Location": f"{other.address}1.tar?signed"})
        address = web.address.replace("http://", "http://me:pass%40word@") + "1.tar"
        with source_of(address) as source:
            file = source.open("1.tar")
            assert file.pread(7, 9) == file.pread(7, 9) == TAR[7:16]
            assert "pass" not in source.address
        sent = base64.b64encode(b"me:pass@word").decode()
        assert [login for _, _, login in web.asked] == [f"Basic {sent}"]
        assert [login for _, _, login in other.asked] == ["", "", ""]


def test_redirects_out_of_encryption_to_other_protocols_and_in_circles_are_refused(web: Web) -> None:
    for target in ("http://example.org/1.tar", "ftp://example.org/1.tar", "file:///etc/passwd", "gopher:x", "http://["):
        with pytest.raises(RemoteFileError, match="leads"):
            redirected("https://example.org/1.tar", target)
    assert redirected("https://a/b?secret", "//c/d") == "https://c/d"
    web.fault = lambda handler: not handler.answer(302, b"", {"Location": handler.path + "x"})
    with source_of(f"{web.address}1.tar") as source, pytest.raises(RemoteFileError, match="on and on"):
        source.open("1.tar")
    with source_of(web.address) as source, pytest.raises(SourceError, match="on and on"):
        source.files()


def test_a_public_server_cannot_lead_into_a_private_network(web: Web, tmp_path: Path, monkeypatch) -> None:
    """Neither by a redirect, nor by a name that is looked up there: the address that is connected to counts."""
    monkeypatch.setattr(http_file, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(reach, "is_public", lambda address: address == "127.0.0.1")
    with served(tmp_path, host="127.0.0.2") as inner:
        web.fault = lambda handler: not handler.answer(302, b"", {"Location": f"{inner.address}1.tar"})
        with source_of(f"{web.address}1.tar") as source, pytest.raises(RemoteFileError, match="private network"):
            source.open("1.tar").pread(0, 1)
        assert inner.asked == []


def test_public_only_asks_no_server_of_this_machine(web: Web) -> None:
    from huggingface_hub import close_session

    close_session()
    for address in (web.address, f"{web.address}1.tar", web.address.replace("127.0.0.1", "localhost")):
        with source_of(address, public_only=True) as source, pytest.raises((SourceError, RemoteFileError)) as raised:
            source.open(source.files()[0].path)
        assert "refused by --public-only" in str(raised.value)
    assert web.asked == []


def slow(handler: Any) -> bool:
    """A byte, and then nothing more."""
    handler.begin("1.tar", 10_000)
    handler.wfile.write(b"x")
    handler.wfile.flush()
    time.sleep(1.0)
    return True


def endless(handler: Any) -> bool:
    """Bytes without an end."""
    handler.begin("1.tar", None)
    for _ in range(10_000):
        handler.wfile.write(b"x" * 10_000)
    return True


def trickling(handler: Any) -> bool:
    """A byte now and then."""
    handler.begin("1.tar", 10_000)
    for _ in range(20):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)
    return True


def silent(handler: Any) -> bool:
    """No answer."""
    time.sleep(1.0)
    handler.close_connection = True
    return True


def dripping(handler: Any) -> bool:
    """Headers without an end, a letter at a time."""
    handler.close_connection = True
    for letter in b"HTTP/1.1 206 Partial Content\r\nX: " + b"x" * 20:
        handler.wfile.write(bytes([letter]))
        handler.wfile.flush()
        time.sleep(0.05)
    return True


def nonsense(handler: Any) -> bool:
    """What is not HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_10.0\r\n\r\n")
    handler.close_connection = True
    return True


ENDS = {
    "slow": "no answer in time",
    "endless": "sends more than",
    "trickling": "bytes in 0 s",
    "silent": "no answer in time",
    "dripping": "no answer in time",
    "nonsense": "broke off",
}


@pytest.mark.parametrize(
    "fault", [slow, endless, trickling, silent, dripping, nonsense], ids=lambda fault: fault.__name__
)
def test_a_server_that_never_ends_an_answer_is_left(web: Web, fault: Any) -> None:
    limits = Limits(wait_s=0.001, longest_wait_s=0.001, attempts=2, answer_s=0.2, connect_s=0.2)
    with source_of(f"{web.address}1.tar", limits=limits) as source:
        file = source.open("1.tar")
        web.fault = fault
        with pytest.raises(RemoteFileError, match=ENDS[fault.__name__]):
            file.pread(0, 10_000)
        assert source.traffic.bytes < 600_000


REFUSED = {401: "may not be read", 403: "is not there, or its server lists no folders", 404: "is not there", 451: "451"}


@pytest.mark.parametrize("status", REFUSED)
def test_a_folder_that_cannot_be_listed_says_why(web: Web, status: int) -> None:
    web.fault = lambda handler: not handler.answer(status, b"", {})
    with source_of(web.address) as source, pytest.raises(SourceError, match=REFUSED[status]):
        source.files()


@pytest.mark.parametrize(
    "address", ["http://", "http://[1/", "https:///x.tar", "http://127.0.0.1:99999/", "http://h\x00/"]
)
def test_what_is_not_an_address_is_said(address: str) -> None:
    with pytest.raises((SourceError, RemoteFileError)), source_of(address) as source:
        source.files()


def test_what_a_server_asks_to_wait_is_read_in_all_its_forms() -> None:
    from datetime import UTC, datetime, timedelta
    from email.utils import format_datetime

    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    forms = {
        "7": 7,
        "0": 0,
        " 2.5 ": 2.5,
        "-3": None,
        "soon": None,
        "9" * 31: None,
        "9" * 30: 1e7,
        "": None,
        "Wed, 21 Oct 2015": None,
    }
    assert {value: pause_asked_for({"retry-after": value}) for value in forms} == forms
    assert 95 < (pause_asked_for({"retry-after": later}) or 0) < 101
    assert pause_asked_for({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert pause_asked_for({"ratelimit": '"api";r=0;t=55'}) == 56
    assert pause_asked_for({"ratelimit": '"resolvers"; r = 0; t = 3'}) == 4
    assert pause_asked_for({"ratelimit": '"api";r=499;t=55'}) is None
    assert pause_asked_for({"ratelimit": "nonsense"}) is None


def test_a_source_that_is_closed_ends_what_waits(web: Web) -> None:
    limits = Limits(wait_s=60, longest_wait_s=60)
    source = source_of(f"{web.address}1.tar", limits=limits)
    file = source.open("1.tar")
    web.fault = lambda handler: not handler.answer(503, b"", {})
    ended: list[BaseException] = []

    def read() -> None:
        try:
            file.pread(0, 10)
        except SourceError as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.2)
    source.close()
    reader.join(10)
    assert "was closed" in str(ended[0])


def test_all_files_together_are_read_by_no_more_streams_than_the_source_may(web: Web) -> None:
    """And the folder is listed once, whichever of several threads asks first."""
    now, most, lock = [0], [0], threading.Lock()

    def counted(handler: Any) -> bool:
        if handler.headers.get("Range"):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.005)
            with lock:
                now[0] -= 1
        return False

    web.fault = counted
    with source_of(web.address, limits=replace(QUICK, streams=4)) as source, ThreadPoolExecutor(5) as pool:
        files = list(pool.map(source.open, NAMES))
        read = pool.map(lambda at: files[at % len(files)].pread(at * 900, 900), range(50))
        assert b"".join(read) == TAR[:45_000]
    assert 1 < most[0] <= 4
    assert sum(path == "/" for path, _, _ in web.asked) == 1
