"""What a download is told: what cannot be meant is refused with what to write; a cookie file stays as it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.ingest.acquire.download.settings import Settings, read_sleep
from signverse.ingest.acquire.download.ytdlp import Downloader
from signverse.ingest.acquire.preflight import check_cookies
from signverse.lake.model.errors import BadInputError
from tests.site.server import Clip, Site
from tests.site.videos import small_video

HEAD = "# Netscape HTTP Cookie File\n"
COOKIE = "127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\tsecret\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", (0, 0)), ("3", (3, 3)), ("1-5", (1, 5)), (" 2.5 ", (2.5, 2.5)), ("0.5-0.75", (0.5, 0.75)), ("2-2", (2, 2))],
)
def test_a_pause_is_seconds_or_from_to(text: str, seconds: tuple[float, float]) -> None:
    assert read_sleep(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "5-1", "1-", "-", "1e3", "nan", "inf", "1 - 5", "1-2-3", "one", "9" * 9])
def test_what_is_no_pause_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(BadInputError, match="--sleep") as refused:
        read_sleep(text)
    assert "1-5" in refused.value.hint


@pytest.fixture
def cookies(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "cookies.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        HEAD + COOKIE,
        "# HTTP Cookie File\n" + COOKIE,
        f"{HEAD}\n# a remark\n\n{COOKIE}",
        HEAD + "#HttpOnly_" + COOKIE,
        (HEAD + COOKIE).replace("\n", "\r\n"),
        (HEAD + COOKIE).rstrip("\n"),
    ],
    ids=["plain", "mozilla", "remarks", "http only", "windows", "no last line"],
)
def test_a_cookie_file_is_read_and_not_touched(cookies: Callable[[str], Path], content: str) -> None:
    path = cookies(content)
    os.utime(path, (1, 1))
    check_cookies(path)
    assert (path.read_bytes(), path.stat().st_mtime) == (content.encode(), 1)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not in Netscape's format"),
        (COOKIE, "not in Netscape's format"),
        ('[{"name": "SID", "value": "secret"}]', "not in Netscape's format"),
        (HEAD + '{"SID": "secret"}\n', "not in Netscape's format"),
        ("Cookie: SID=secret; a=b\n", "not in Netscape's format"),
        (HEAD + "." + COOKIE, "not in Netscape's format"),
        (HEAD + COOKIE.replace("\t", " "), "1 line of"),
        (HEAD + COOKIE + "half a secret\n" + COOKIE.replace("\t0\t", "\tsoon\t"), "2 lines of"),
        ((HEAD + COOKIE).encode("utf-16"), "not text in UTF-8"),
        (bytes(range(256)), "not text in UTF-8"),
        (HEAD, "holds none"),
    ],
)
@pytest.mark.filterwarnings("ignore:http.cookiejar bug")
def test_what_is_no_cookie_file_is_refused_without_telling_its_secrets(
    cookies: Callable[[str | bytes], Path], content: str | bytes, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = cookies(content)
    with pytest.raises(BadInputError, match=says) as refused:
        check_cookies(path)
    assert refused.value.hint
    out, err = capfd.readouterr()
    assert "secret" not in f"{refused.value}{out}{err}"
    assert (out, err) == ("", "")


def test_a_cookie_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadInputError, match="cannot be read"):
            check_cookies(path)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_holds_the_cookies_in_memory_and_in_no_file(
    tmp_path: Path, cookies: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cookies(HEAD + COOKIE)
    path.chmod(0o640)
    os.utime(path, (1, 1))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with Site([Clip("abc", small_video(1))]) as site:
        downloader = Downloader(Settings(cookies=path, proxy=""))
        downloader.fetch_info(site.page_url("abc"))
        assert {request.cookie for request in site.requests_for("abc")} >= {"SID=secret"}
        # The site sets one, which goes along with the next request; yt-dlp keeps its cookies when it ends.
        downloader.fetch_info(site.page_url("abc"))
        assert any("visit" in request.cookie for request in site.requests_for("abc"))
        downloader._ydl.save_cookies()
    assert not [found for found in temporary.rglob("*") if found.is_file() and b"secret" in found.read_bytes()]
    assert sorted(path.parent.iterdir()) == sorted([path, temporary])
    assert (path.read_bytes(), path.stat().st_mtime) == ((HEAD + COOKIE).encode(), 1)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--sleep", "soon", "1-5"),
        ("--slice", "3", "3/16"),
        ("--slice", "4/3", "1/3 to 3/3"),
        ("--rate", "fast", "500MB"),
        ("--rate", "0", "500MB"),
        ("--keep-free", "much", "500MB"),
    ],
)
def test_an_option_that_cannot_be_meant_is_named_with_what_to_write_and_nothing_is_made(
    tmp_path: Path, signverse: Callable[..., tuple[int, str, str]], option: str, value: str, says: str
) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("abc,ase\n")
    words = ("ingest", "download", manifest, "--media", tmp_path / "media", "--lake", tmp_path / "lake")
    code, out, err = signverse(*words, option, value)
    assert (code, out) == (2, "")
    assert option in err
    assert says in err
    assert list(tmp_path.iterdir()) == [manifest]
