"""What an error means: what is gone is told from what is kept from us for now, and from what just went wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.download.outcomes import KINDS as OUTCOME_KINDS
from signverse.ingest.acquire.download.outcomes import Outcome, classify, rules
from tests.site.faults import CAPTIONS, KINDS, MEDIA, MESSAGES
from tests.site.probe import ROOT
from tests.site.server import PLUGINS, Captions, Clip, Fault, Site
from tests.site.videos import small_video


def word(text: str) -> tuple[str, str]:
    one = classify(RuntimeError(text))
    return one.kind, one.reason


@pytest.mark.parametrize("row", rules(), ids=lambda row: f"{row['reason']}-{row['pattern'][:12]}")
def test_no_row_of_the_table_takes_the_example_of_another(row: dict[str, str]) -> None:
    assert row["outcome"] in OUTCOME_KINDS
    assert row["scope"] in {"video", "site", "machine"}
    for text in (row["example"], row["example"].upper(), row["example"].replace("'", "\u2019")):
        found = classify(RuntimeError(text))
        assert (found.kind, found.reason, found.scope) == (row["outcome"], row["reason"], row["scope"])


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        # Numbers and words that mean something else elsewhere.
        ("404 bytes read, 500 more expected", "failed"),
        ("[Errno 11] Resource temporarily unavailable", "failed"),
        ("HTTP Error 503: Service Unavailable", "failed"),
        ("This video is temporarily unavailable", "failed"),
        ("Unable to download webpage: <urlopen error [Errno -3] Temporary failure in name resolution>", "failed"),
        ("Unsupported URL: https://a.org/login/404", "failed"),
        ("Unsupported URL: https://a.org/private video", "failed"),
        ("The plugin blogs in vain", "failed"),
        ("[Errno 13] Permission denied: 'video.mp4.part'", "failed"),
        ("HTTP Error 400: Bad Request", "failed"),
        ("HTTP Error 408: Request Timeout", "failed"),
        # A block, whatever else is said.
        ("Video unavailable. This content isn\u2019t available, try again later.", "blocked"),
        ("Confirm you\u2019re not a robot", "blocked"),
        ("Our systems have detected unusual traffic from your computer network", "blocked"),
        ("Please log in to see this", "blocked"),
        ("Login required", "blocked"),
        ("HTTP Error 403: Forbidden. Video unavailable", "blocked"),
        # Gone, or never for us.
        ("Video unavailable. This video is not available", "unavailable"),
        ("This video isn\u2019t available anymore", "unavailable"),
        ("Video unavailable. This video contains content from A, who has blocked it in your country", "unavailable"),
        ("This video is not available from your location due to geo restriction", "unavailable"),
        ("HTTP Error 451: Unavailable For Legal Reasons", "unavailable"),
        ("The page says: 'This video is private', HTTP Error 403: Forbidden", "unavailable"),
        ("something that nobody has said before", "failed"),
        ("", "failed"),
    ],
)
def test_words_that_people_meet_mean_what_they_mean(text: str, outcome: str) -> None:
    assert word(text)[0] == outcome


def test_a_country_is_a_country_and_a_studio_is_a_studio() -> None:
    studio = "This video contains content from A, who has blocked it"
    assert word(f"{studio} in your country on copyright grounds") == ("unavailable", "region")
    assert word(f"{studio} on copyright grounds") == ("unavailable", "copyright")
    assert word("Video unavailable") == ("unavailable", "unspecified")


def test_the_disk_is_not_taken_for_the_network() -> None:
    for number in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EMFILE):
        error = OSError(number, os.strerror(number), "/media/video.mp4")
        assert (classify(error).reason, classify(error).scope) == ("disk", "machine")
        wrapped = RuntimeError(f"unable to open for writing: {error}")
        assert classify(wrapped).reason == "disk"
    assert classify(IsADirectoryError(errno.EISDIR, "Is a directory", "video.mp4")).reason == "disk"
    assert classify(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")).reason == "network"
    assert classify(OSError("who knows")).reason == "network"
    assert classify(TimeoutError()) == Outcome("failed", "timeout", "TimeoutError")


class Wrapped(Exception):
    """As yt-dlp wraps an exception."""

    def __init__(self, text: str, inner: BaseException | None = None, status: int | None = None) -> None:
        super().__init__(text)
        self.exc_info = (type(inner), inner, None) if inner else None
        self.status = status


def test_the_cause_decides_where_the_words_around_it_say_nothing() -> None:
    assert classify(Wrapped("it failed", Wrapped("it failed", status=429))).reason == "rate_limit"
    assert classify(Wrapped("it failed", Wrapped("Private video", status=403))).reason == "private"
    assert classify(Wrapped("it failed", TimeoutError("The read operation timed out"))).message == "it failed"
    # 403 stands in the words, but as no status.
    assert classify(Wrapped("at byte 403", status=404)).reason == "not_found"
    one = RuntimeError("round and round")
    one.__cause__ = one
    assert classify(one).kind == "failed"


@given(st.text(max_size=2000))
def test_a_message_is_one_clean_line_whatever_a_site_says(text: str) -> None:
    found = classify(RuntimeError(text))
    assert found.kind in OUTCOME_KINDS
    assert found.message
    assert found.message.isprintable()
    assert len(found.message) <= 300


def test_a_message_has_no_colours_no_id_and_no_advice_of_yt_dlps() -> None:
    text = (
        "\x1b[0;31mERROR:\x1b[0m [youtube] -a_b-c: Sign in to confirm you\u2019re not a bot. Use --cookies-from-"
        "browser or --cookies for the authentication. See  https://github.com/yt-dlp/yt-dlp/wiki/FAQ  for how to"
    )
    assert classify(RuntimeError(text)).message == (
        "Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser or --cookies for the authentication."
    )
    text = "[generic] No video formats found!; please report this issue on  https://github.com/yt-dlp (caused by X())"
    assert classify(RuntimeError(text)).message == "No video formats found!"


UNAVAILABLE = {
    *("deleted", "terminated", "violation", "copyright", "unavailable", "private", "region", "members", "paid"),
    *("live_ended", "drm", "404", "410", "451"),
}
BLOCKED = {"age", "bot", "captcha", "rate_limited", "sign_in", "401", "403", "429"}
HAD = {"slow", "no_range"}
STATUSES = ("400", "401", "403", "404", "410", "429", "451", "500", "502", "503", "504")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Outcome]:
    """What the fetcher makes of every fault: by the kind, and by whether one looks, downloads or wants captions."""
    kinds = [*KINDS, *STATUSES]
    with Site() as site:
        addresses = {}
        for kind in kinds:
            for stage in ("look", "page", MEDIA, CAPTIONS):
                try:
                    fault = Fault(kind, "look" if stage == "page" else stage, rate=60_000)
                except ValueError:
                    # It is told when one looks, and not later.
                    continue
                name = f"{kind}-{stage}"
                if stage == "page" and kind in MESSAGES and kind != "bot":
                    # They are all one to the generic extractor.
                    continue
                site.add(Clip(name, small_video(1), (Captions(),), fault=fault, chunk=None))
                tracks = f"{site.address}/captions/{name}/en.vtt"
                addresses[kind, stage] = (
                    site.page_url(name) if stage == "page" else tracks if stage == CAPTIONS else site.url(name)
                )
        ran = subprocess.run(
            [sys.executable, "-m", "tests.ingest.acquire.download.classified", str(tmp_path_factory.mktemp("judged"))],
            input="\n".join(addresses.values()),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(PLUGINS)},
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    by_address = {line.pop("address"): Outcome(**line) for line in told}
    return {key: by_address[address] for key, address in addresses.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, *STATUSES])
def test_every_trouble_of_a_site_gets_the_outcome_that_it_is(judged: dict[tuple[str, str], Outcome], kind: str) -> None:
    expected = "unavailable" if kind in UNAVAILABLE else "blocked" if kind in BLOCKED else "failed"
    assert judged[kind, "look"].kind == ("done" if kind in HAD else expected), judged[kind, "look"]


@pytest.mark.slow
def test_no_message_of_a_site_is_more_than_a_clean_line(judged: dict[tuple[str, str], Outcome]) -> None:
    for key, one in judged.items():
        assert one.message.isprintable(), key
        assert one.message or one.kind == "done", key
        assert "yt-dlp" not in one.message, key
        assert "\x1b" not in one.message, key


@pytest.mark.slow
def test_a_block_is_never_called_a_video_that_is_gone(judged: dict[tuple[str, str], Outcome]) -> None:
    for (kind, stage), one in judged.items():
        if kind in BLOCKED and stage != "page":
            assert one.kind == "blocked", (kind, stage, one)
        if kind not in UNAVAILABLE:
            assert one.kind != "unavailable", (kind, stage, one)
