"""How each fault of the site appears to yt-dlp.

The tables here are what the judging of downloads goes by: which exceptions arise, and what they say.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.site.caption_text import automatic_vtt
from tests.site.clips import CHUNK
from tests.site.faults import CAPTIONS, KINDS, LOOK, MEDIA, MESSAGES
from tests.site.probe import Probed, probe
from tests.site.server import Captions, Clip, Fault, Site
from tests.site.simple_clips import VIDEO, clip, fetch

# Besides the stages: what the generic extractor is given, and what goes by only after many requests.
PAGE, ENDLESS = "page", "endless"


# Kind of fault: the exception below DownloadError, and what it says.
LOOKS = {
    "deleted": ("ExtractorError", "Video unavailable. This video has been removed by the uploader"),
    "terminated": ("ExtractorError", "because the YouTube account associated with this video has been terminated."),
    "violation": ("ExtractorError", "has been removed for violating YouTube's Community Guidelines"),
    "copyright": ("ExtractorError", "who has blocked it on copyright grounds"),
    "unavailable": ("ExtractorError", ": Video unavailable"),
    "private": ("ExtractorError", "Private video. Sign in if you've been granted access to this video. Use --cookies"),
    "region": ("GeoRestrictedError", "The uploader has not made this video available in your country"),
    "members": ("ExtractorError", "Join this channel to get access to members-only content like this video, and"),
    "paid": ("ExtractorError", "This video requires payment to watch"),
    "age": ("ExtractorError", "Sign in to confirm your age. This video may be inappropriate for some users. Use --coo"),
    "bot": ("ExtractorError", "Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser or --cookies for"),
    "captcha": ("ExtractorError", "YouTube is requiring a captcha challenge before playback"),
    "rate_limited": (
        "ExtractorError",
        "This content isn't available, try again later. The current session has been rate-limited by YouTube for up to",
    ),
    "upcoming": ("ExtractorError", "This live event will begin in 3 hours."),
    "premiere": ("ExtractorError", "Premieres in 2 hours"),
    "live_ended": ("ExtractorError", "This live stream recording is not available."),
    "sign_in": ("ExtractorError", "This video is only available for registered users. Use --cookies-from-browser"),
    "drm": ("ExtractorError", "This video is DRM protected"),
    "no_formats": ("ExtractorError", "No video formats found!; please report this issue"),
    "403": ("HTTPError", "Unable to download API page: HTTP Error 403: Forbidden"),
    "404": ("HTTPError", "Unable to download API page: HTTP Error 404: Not Found"),
    "410": ("HTTPError", "Unable to download API page: HTTP Error 410: Gone"),
    "429": ("HTTPError", "Unable to download API page: HTTP Error 429: Too Many Requests"),
    "500": ("HTTPError", "Unable to download API page: HTTP Error 500: Internal Server Error"),
    "redirect": ("HTTPError", "HTTP Error 302: Found (redirect loop detected)"),
    "hang_up": ("TransportError", "Remote end closed connection without response"),
    "silence": ("TransportError", "Read timed out."),
    "stall": ("TransportError", "Read timed out."),
    "truncated": ("IncompleteRead", " more expected"),
    "truncated_silently": ("JSONDecodeError", "Failed to parse JSON"),
    "html": ("JSONDecodeError", "Failed to parse JSON"),
    "garbage": ("JSONDecodeError", "Failed to parse JSON"),
    "empty": ("JSONDecodeError", "Failed to parse JSON"),
}


# Kind of fault: all the exceptions, and what the first says. A caption track is fetched with `YoutubeDL.urlopen`.
TRACKS = {
    "403": ("HTTPError", "HTTP Error 403: Forbidden"),
    "404": ("HTTPError", "HTTP Error 404: Not Found"),
    "429": ("HTTPError", "HTTP Error 429: Too Many Requests"),
    "500": ("HTTPError", "HTTP Error 500: Internal Server Error"),
    "redirect": ("HTTPError", "HTTP Error 302: Found (redirect loop detected)"),
    "hang_up": ("TransportError ConnectionError", "Remote end closed connection without response"),
    "silence": ("TransportError ReadTimeout", "Read timed out."),
    "stall": ("TransportError ReadTimeoutError TimeoutError", "Read timed out."),
    "truncated": ("IncompleteRead ProtocolError IncompleteRead", " more expected"),
}


# The same for the video itself: what is tried again is not kept below the DownloadError in the end.
VIDEOS = {
    "403": ("DownloadError HTTPError", "unable to download video data: HTTP Error 403: Forbidden"),
    "404": ("DownloadError HTTPError", "unable to download video data: HTTP Error 404: Not Found"),
    "410": ("DownloadError HTTPError", "unable to download video data: HTTP Error 410: Gone"),
    "429": ("DownloadError HTTPError", "unable to download video data: HTTP Error 429: Too Many Requests"),
    "500": ("DownloadError", "[download] Got error: HTTP Error 500: Internal Server Error. Giving up after 1 retries"),
    "redirect": ("DownloadError HTTPError", "HTTP Error 302: Found (redirect loop detected)"),
    "hang_up": ("DownloadError", "Remote end closed connection without response')). Giving up after 1 retries"),
    "silence": ("DownloadError", "Read timed out. (read timeout=0.5). Giving up after 1 retries"),
    "stall": ("DownloadError", "Read timed out.. Giving up after 1 retries"),
    "truncated": ("DownloadError", " more expected. Giving up after 1 retries"),
    # It asks for a part from the start, and of nothing there is none.
    "empty": ("DownloadError HTTPError", "HTTP Error 416: Requested Range Not Satisfiable"),
}


# No error at all: the bytes that are then taken for the video.
UNSEEN = {"truncated_silently": len(VIDEO) // 2, "html": 112, "garbage": len(VIDEO), "slow": len(VIDEO)}


CASES = [
    *((LOOK, kind) for kind in [*LOOKS, "live", "playlist", "slow"]),
    *((CAPTIONS, kind) for kind in TRACKS),
    *((MEDIA, kind) for kind in [*VIDEOS, *UNSEEN, "no_range"]),
    *((PAGE, kind) for kind in ("fine", "deleted", "429")),
    (ENDLESS, "truncated_silently"),
]


def case_clip(stage: str, kind: str) -> Clip:
    name = f"{stage}-{kind}".replace("_", "-")
    if kind == "fine":
        return clip(name)
    if stage == ENDLESS:
        return clip(name, Fault(kind, MEDIA, times=200))
    # In parts, yt-dlp would ask for the other half for ever.
    chunk = None if kind == "truncated_silently" else CHUNK
    return clip(name, Fault(kind, LOOK if stage == PAGE else stage, rate=100_000), chunk=chunk)


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, dict[tuple[str, str], Probed]]:
    """A site where everything goes wrong, and what a process with yt-dlp and the plug-in says of each."""
    clips = {case: case_clip(*case) for case in CASES}
    with Site(clips.values()) as site:
        address = {
            (stage, kind): f"{site.address}/captions/{one.video_id}/en.vtt"
            if stage == CAPTIONS
            else (site.page_url if stage == PAGE else site.url)(one.video_id)
            for (stage, kind), one in clips.items()
        }
        answers = probe(tmp_path_factory.mktemp("probed"), *address.values())
        return site, {case: answers[address[case]] for case in CASES}


@pytest.fixture(scope="module")
def probed(tried: tuple[Site, dict[tuple[str, str], Probed]]) -> dict[tuple[str, str], Probed]:
    return tried[1]


def test_every_trouble_is_tried_here() -> None:
    assert {kind for _, kind in CASES if not kind.isdecimal()} == {*KINDS, "fine"}
    assert set(MESSAGES) <= set(LOOKS)


@pytest.mark.parametrize("kind", LOOKS)
def test_trouble_while_looking(probed: dict[tuple[str, str], Probed], kind: str) -> None:
    seen = probed[LOOK, kind]
    below, words = LOOKS[kind]
    assert seen.classes[:2] == ("DownloadError", below)
    assert words in seen.messages[0]
    assert seen.size is None


@pytest.mark.parametrize("kind", TRACKS)
def test_trouble_with_captions(probed: dict[tuple[str, str], Probed], kind: str) -> None:
    seen = probed[CAPTIONS, kind]
    assert (" ".join(seen.classes), TRACKS[kind][1] in seen.messages[0]) == (TRACKS[kind][0], True), seen.messages


@pytest.mark.parametrize("kind", VIDEOS)
def test_trouble_with_the_video(probed: dict[tuple[str, str], Probed], kind: str) -> None:
    seen = probed[MEDIA, kind]
    assert (" ".join(seen.classes), VIDEOS[kind][1] in seen.messages[0]) == (VIDEOS[kind][0], True), seen.messages
    assert seen.size is None
    assert bool(seen.partial) == (kind in {"stall", "truncated"})


@pytest.mark.parametrize("kind", UNSEEN)
def test_trouble_that_does_not_appear_as_an_error(probed: dict[tuple[str, str], Probed], kind: str) -> None:
    seen = probed[MEDIA, kind]
    assert seen.classes == ()
    assert seen.size == UNSEEN[kind]
    # The size that the site states shows it.
    assert seen.info["filesize"] == len(VIDEO)


def test_live_videos_and_playlists_are_told_without_an_error(probed: dict[tuple[str, str], Probed]) -> None:
    assert probed[LOOK, "live"].info["live_status"] == "is_live"
    assert (probed[LOOK, "playlist"].info["_type"], probed[LOOK, "playlist"].info["entries"]) == ("playlist", 2)
    assert probed[LOOK, "slow"].info["live_status"] == "not_live"


def test_our_own_extractor_tells_what_that_of_youtube_does(tmp_path: Path) -> None:
    tracks = (
        Captions("en"),
        Captions("de", "automatic", automatic_vtt("Guten Abend.", language="de")),
        Captions("en", "translated", source="de"),
        Captions("fr-en", "translated", source="en"),
    )
    about = {"title": "News", "channel": "Signs", "channel_id": "UC1", "duration": 8.0, "language": "de"}
    with Site([Clip("one", VIDEO, tracks, **about)]) as site:  # type: ignore[arg-type]
        seen = probe(tmp_path, site.url("one"))[site.url("one")]
        info = seen.info
        assert (seen.classes, seen.size) == ((), len(VIDEO))
        assert {key: info[key] for key in about} == about
        # Requested: 720 lines in H.264.
        assert (info["extractor"], info["format_id"], info["vcodec"]) == ("MadeSite", "avc1-720", "avc1.64001F")
        assert set(info["formats"]) == {
            *(f"{codec}-{height}" for codec in ("avc1", "av01") for height in (360, 720, 1080)),
            "avc1-360-sound",
        }
        assert [one.path for one in site.requests_for("one", MEDIA)] == ["/media/one.mp4?format=avc1-720"]
        assert list(info["subtitles"]) == ["en"]
        automatic = info["automatic_captions"]
        assert list(automatic) == ["de", "de-orig", "en", "fr-en"]
        assert [form["ext"] for form in automatic["en"]] == ["json3", "srt", "vtt"]
        queries = {key: urlsplit(forms[-1]["url"]).query for key, forms in automatic.items()}
        assert queries == {
            "de": "lang=de&kind=asr&fmt=vtt",
            "de-orig": "lang=de&kind=asr&fmt=vtt",
            "en": "lang=de&kind=asr&tlang=en&fmt=vtt",
            "fr-en": "lang=en&tlang=fr-en&fmt=vtt",
        }
        for track, key in zip(tracks, ("", "de-orig", "en", "fr-en"), strict=True):
            form = (automatic[key] if key else info["subtitles"]["en"])[-1]
            assert fetch(form["url"]).decode() == track.text


def test_the_generic_extractor_reads_pages(tried: tuple[Site, dict[tuple[str, str], Probed]]) -> None:
    site, probed = tried
    seen = probed[PAGE, "fine"]
    assert (seen.classes, seen.size, seen.info["extractor"]) == ((), len(VIDEO), "html5")
    assert [urlsplit(one.path).path for one in site.requests_for("page-fine")] == ["/watch", "/media/page-fine.mp4"]
    (track,) = seen.info["subtitles"]["en"]
    assert urlsplit(track["url"]).path == "/captions/page-fine/en.vtt"


def test_the_generic_extractor_has_no_words_for_troubles(probed: dict[tuple[str, str], Probed]) -> None:
    assert probed[PAGE, "deleted"].classes == ("DownloadError", "UnsupportedError")
    assert probed[PAGE, "429"].classes == ("DownloadError", "HTTPError")
    assert "Unable to download webpage: HTTP Error 429" in probed[PAGE, "429"].messages[0]


@pytest.mark.slow
def test_a_download_that_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    with Site([clip("one", Fault("truncated", MEDIA))]) as site:
        first = probe(tmp_path, site.url("one"))[site.url("one")]
        assert first.size is None
        assert first.partial
        sent = site.bytes_sent("one")
        site.clear_faults("one")
        assert probe(tmp_path, site.url("one"))[site.url("one")].size == len(VIDEO)
        assert site.requests_for("one", MEDIA)[-1].range.startswith(f"bytes={first.partial}-")
        assert site.requests_for("one", MEDIA)[-1].status == 206
        assert site.bytes_sent("one") == sent + len(VIDEO) - first.partial
    assert (tmp_path / "one.mp4").read_bytes() == VIDEO


def test_yt_dlp_asks_without_end_for_the_rest_of_a_part_that_ends_early(
    tried: tuple[Site, dict[tuple[str, str], Probed]],
) -> None:
    """Its 2026.8 counts no retry then, does not wait and calls no hook: a download needs a watch over it."""
    site, probed = tried
    assert probed[ENDLESS, "truncated_silently"].size == len(VIDEO)
    assert len(site.requests_for("endless-truncated-silently", MEDIA)) == 201
