"""Where a download may go: with --public-only to public addresses alone, and no program reads what a site gives."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from signverse.ingest.acquire.download import reach
from signverse.ingest.acquire.download.reach import NotPublicError, is_public, limited_reach
from signverse.ingest.acquire.download.settings import Settings
from signverse.ingest.acquire.download.worker import Attempt, DownloadTask, make_job
from tests.ingest.acquire.conftest import Place, clip
from tests.site.videos import small_video

# Files that a library leaves open where it is broken off, as by Ctrl-C.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "192.167.1.1", "100.63.255.255", "100.128.0.1", "198.20.0.1"),
    *("2001:4860:4860::8888", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:0808:0808::1"),
]
NOT_PUBLIC = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::127.0.0.1"),
    *("64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "2002:7f00:0001::1", "2002:0a00:0001::", "3fff::1", "100::1"),
    *("2001:0:4136:e378:8000:63bf:f5ff:fffe", "localhost", "example.org", "127.1", "2130706433", "0x7f.1", ""),
]  # The last address of IPv6 is Teredo's, for a client at 10.0.0.1.


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_this_machine_its_network_or_of_a_group_is_not_public(address: str) -> None:
    assert not is_public(address)


Answer = tuple[int, Mapping[str, str], bytes]


class Server:
    """Answers by path, on every address of this machine; knows who asked where."""

    def __init__(self, server: ThreadingHTTPServer, answers: dict[str, Answer], asked: list[tuple[str, str]]) -> None:
        self.port, self.answers, self.asked = server.server_port, answers, asked
        self.refused: list[str] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def inside(self) -> list[str]:
        """The paths that were asked for at any address but 127.0.0.1."""
        return [path for address, path in self.asked if address != "127.0.0.1"]


@contextmanager
def serving() -> Iterator[Server]:
    answers: dict[str, Answer] = {}
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.connection.getsockname()[0], self.path))
            status, headers, body = answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    # By itself it looks twice a second whether it is to end.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Server(server, answers, asked)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose address 127.0.0.1 stands for the internet; 127.0.0.2 and all others are private."""
    with serving() as started:

        def is_the_internet(address: str) -> bool:
            if address != "127.0.0.1":
                started.refused.append(address)
            return address == "127.0.0.1"

        monkeypatch.setattr(reach, "is_public", is_the_internet)
        yield started


def attempt(folder: Path, url: str, **more: Any) -> Attempt:
    """Downloads in this process."""
    settings = Settings(proxy="", backoff_s=0.01, sleep=(0, 0), public_only=more.pop("public_only", True), **more)
    found: Attempt = make_job(folder, settings)(DownloadTask("v", url, is_last=True), lambda _: None)
    return found


def answer(body: bytes | str, kind: str, **headers: str) -> Answer:
    return 200, {"Content-Type": kind, **headers}, body.encode() if isinstance(body, str) else body


def redirect(server: Server, inside: str) -> str:
    server.answers["/v.mp4"] = (302, {"Location": inside}, b"")
    return server.url("/v.mp4")


def page(server: Server, inside: str) -> str:
    server.answers["/page"] = answer(f'<html><video src="{inside}"></video></html>', "text/html")
    return server.url("/page")


def segment(server: Server, inside: str) -> str:
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{inside}\n#EXT-X-ENDLIST\n"
    server.answers["/v.m3u8"] = answer(playlist, "application/vnd.apple.mpegurl")
    return server.url("/v.m3u8")


def key(server: Server, inside: str) -> str:
    playlist = (
        f'#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{inside}"\n'
        f"#EXTINF:1,\n{server.url('/s.ts')}\n#EXT-X-ENDLIST\n"
    )
    server.answers["/s.ts"] = answer(bytes(1600), "video/mp2t")
    server.answers["/v.m3u8"] = answer(playlist, "application/vnd.apple.mpegurl")
    return server.url("/v.m3u8")


def variant(server: Server, inside: str) -> str:
    playlist = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=64x64\n{inside}\n"
    server.answers["/v.m3u8"] = answer(playlist, "application/vnd.apple.mpegurl")
    return server.url("/v.m3u8")


def dash(server: Server, inside: str) -> str:
    manifest = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" codecs="avc1" width="64" '
        f'height="64"><SegmentList><SegmentURL media="{inside}"/></SegmentList></Representation></AdaptationSet>'
        "</Period></MPD>"
    )
    server.answers["/v.mpd"] = answer(manifest, "application/dash+xml")
    return server.url("/v.mpd")


def captions(server: Server, inside: str) -> str:
    server.answers["/v.mp4"] = answer(small_video(1), "video/mp4")
    html = f'<video src="/v.mp4"><track kind="captions" srclang="en" src="{inside}"></video>'
    server.answers["/page"] = answer(f"<html>{html}</html>", "text/html")
    return server.url("/page")


def itself(_: Server, inside: str) -> str:
    return inside


WAYS = [redirect, page, segment, key, variant, dash, captions, itself]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_with_public_only_no_way_leads_to_a_private_address(
    server: Server, tmp_path: Path, way: Callable[[Server, str], str]
) -> None:
    found = attempt(tmp_path, way(server, server.url("/secret.vtt", "127.0.0.2")))
    assert server.inside() == []
    assert (found.outcome.kind, found.outcome.reason) == ("failed", "not_public")
    assert found.outcome.message == "127.0.0.2: not a public address, refused by --public-only"
    # A refusal is final: nobody waits while it is tried again.
    assert server.refused == ["127.0.0.2"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_without_it_addresses_of_ones_own_network_are_asked(
    server: Server, tmp_path: Path, way: Callable[[Server, str], str]
) -> None:
    """So the test before can fail."""
    attempt(tmp_path, way(server, server.url("/secret.vtt", "127.0.0.2")), public_only=False)
    assert server.inside()


@pytest.mark.parametrize("host", ["2130706434", "0x7f.2", "0177.0.0.2", "127.2", "0.0.0.0", "127.0.0.2."])
def test_another_spelling_of_an_address_is_that_address(server: Server, tmp_path: Path, host: str) -> None:
    found = attempt(tmp_path, redirect(server, server.url("/secret", host)))
    assert server.inside() == []
    assert found.outcome.kind == "failed"


def test_a_name_that_leads_elsewhere_the_second_time_is_checked_as_it_is_connected_to(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: first the name leads to a public address, then to one inside."""
    real, asked = socket.getaddrinfo, []

    def lookup(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host != "rebinding.example":
            return real(host, port, *more, **named)
        asked.append(host)
        found = real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *more, **named)
        # As the C function does.
        sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    # Each answer ends its connection.
    found = attempt(tmp_path, page(server, "/v.mp4").replace("127.0.0.1", "rebinding.example"))
    assert len(asked) >= 2
    assert server.inside() == []
    assert found.outcome.message == (
        "rebinding.example leads to 127.0.0.2: not a public address, refused by --public-only"
    )


@pytest.mark.parametrize("spelling", ["{}", "file://{}", "FILE://{}", "File://localhost{}"])
def test_with_public_only_files_of_this_machine_are_not_taken(tmp_path: Path, spelling: str) -> None:
    video = tmp_path / "own.mp4"
    video.write_bytes(small_video(1))
    found = attempt(tmp_path / "media", spelling.format(video))
    assert (found.outcome.kind, found.outcome.reason) == ("failed", "not_public")
    assert "a file of this machine" in found.outcome.message
    assert list(tmp_path.rglob("*.mp4")) == [video]


def test_public_only_records_the_refusal_of_each_video(place: Place) -> None:
    place.site.add(clip("inside"))
    code, _, err = place.download(place.manifest("inside"), "--public-only", "--attempts", 1)
    assert code == 1
    assert place.site.requests == []
    assert "not_public" in err or "public address" in err
    assert [cause["reason"] for cause in place.status()["causes"]] == ["not_public"]


@pytest.mark.parametrize("how", ["option", "environment"])
def test_public_only_does_not_go_with_a_proxy(place: Place, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    manifest = place.manifest("inside")
    if how == "environment":
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
        code, _, err = place.signverse(
            "ingest", "download", manifest, "--media", place.media, "--lake", place.lake, "--public-only"
        )
        assert "the environment's proxy (https)" in err
    else:
        code, _, err = place.download(manifest, "--public-only", "--proxy", "socks5://127.0.0.1:9")
        assert "does not go with --proxy" in err
    assert code == 1
    assert not place.lake.exists()


METHODS = ["SAMPLE-AES", "SAMPLE-AES-CTR", "AES-256"]


@pytest.mark.parametrize("method", METHODS)
def test_no_program_is_started_on_a_site_s_playlist(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("ffmpeg", "ffprobe", "rtmpdump", "phantomjs", "aria2c", "curl", "wget", "mplayer", "avconv"):
        program = programs / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path / 'started'}\necho ffmpeg version 7.0\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    playlist = (
        f'#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD={method},URI="{server.url("/key")}"\n'
        f"#EXTINF:1,\n{server.url('/s.ts')}\n#EXT-X-ENDLIST\n"
    )
    server.answers["/v.m3u8"] = answer(playlist, "application/vnd.apple.mpegurl")
    found = attempt(tmp_path / "media", server.url("/v.m3u8"), public_only=False)
    assert not (tmp_path / "started").exists()
    assert (found.outcome.kind, found.outcome.reason) == ("failed", "needs_program")
    assert found.outcome.message.startswith("the site gives it in a form that needs another program")


def test_a_piece_that_is_missing_is_not_left_out_in_silence(server: Server, tmp_path: Path) -> None:
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n" + "".join(f"#EXTINF:1,\n/{name}.ts\n" for name in "abc")
    server.answers["/v.m3u8"] = answer(playlist + "#EXT-X-ENDLIST\n", "application/vnd.apple.mpegurl")
    for name in "ac":
        server.answers[f"/{name}.ts"] = answer(bytes(188), "video/mp2t")
    found = attempt(tmp_path, server.url("/v.m3u8"))
    assert found.outcome.kind == "failed"
    assert not list(tmp_path.glob("*.mp4"))


def test_outside_of_a_download_nothing_is_refused() -> None:
    with pytest.raises(NotPublicError), limited_reach(public_only=True):
        socket.create_connection(("127.0.0.1", 9), 1)
    with pytest.raises(FileNotFoundError, match="no program"), limited_reach(public_only=False):
        subprocess.run(["true"], check=True)
    subprocess.run(["true"], check=True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 9), 1)


@pytest.mark.parametrize("address", ["/tmp/a.socket", b"\0abstract"])
def test_sockets_of_the_file_system_are_not_public(address: str | bytes) -> None:
    with pytest.raises(NotPublicError), limited_reach(public_only=True), socket.socket(socket.AF_UNIX) as unix:
        unix.connect(address)
