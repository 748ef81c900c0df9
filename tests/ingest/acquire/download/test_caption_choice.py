"""Which caption tracks are fetched, and in which order: people's first, a machine's translation last."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.download.caption_choice import choose_tracks
from signverse.ingest.acquire.download.settings import CAPTION_MODES
from signverse.ingest.captions.track_names import file_tag
from signverse.ingest.captions.tracks import is_english
from tests.site.clips import Captions, Clip, api_answer

ADDRESS = "https://www.youtube.com/api/timedtext?v=abc"


def listed(query: str, forms: tuple[str, ...] = ("json3", "srv1", "ttml", "srt", "vtt")) -> list[dict[str, str]]:
    """A track as YouTube lists it."""
    return [{"ext": form, "url": f"{ADDRESS}&{query}&fmt={form}", "name": "A track"} for form in forms]


def youtube(human: tuple[str, ...], heard: str | None, *, translations: tuple[str, ...] = ("en", "fr")) -> dict:
    """What yt-dlp tells of a video of YouTube: its extractor makes these keys and addresses."""
    subtitles, automatic = {}, {}
    for key in human:
        subtitles[key] = listed(f"lang={key}")
        for into in translations:
            # Setting tlang to the track's own language would damage it: that one comes without.
            automatic[f"{into}-{key}"] = listed(f"lang={key}" + (f"&tlang={into}-{key}" if into != key else ""))
    if heard is not None:
        for into in dict.fromkeys((*translations, heard)):
            own = f"lang={heard}&kind=asr"
            if into == heard:
                automatic[f"{into}-orig"] = listed(own)
            automatic[into] = listed(own if into == heard else f"{own}&tlang={into}")
    return {"subtitles": subtitles, "automatic_captions": automatic, "language": heard}


def chosen(info: dict, mode: str = "all") -> list[tuple[str, str, str, str]]:
    return [(track.key, track.language, track.kind, track.source) for track in choose_tracks(info, mode)]


def test_people_come_first_then_the_recogniser_and_english_needs_no_translation() -> None:
    info = youtube(("de", "en-GB"), "de")
    assert chosen(info) == [
        ("de", "de", "manual", ""),
        ("en-GB", "en-GB", "manual", ""),
        ("de-orig", "de", "automatic", ""),
    ]


def test_the_recognisers_english_is_english() -> None:
    assert chosen(youtube(("de",), "en")) == [("de", "de", "manual", ""), ("en-orig", "en", "automatic", "")]


def test_where_english_lacks_one_translation_comes_last() -> None:
    assert chosen(youtube((), "de")) == [("de-orig", "de", "automatic", ""), ("en", "en", "translated", "de")]


def test_a_translation_of_what_a_person_wrote_is_better_than_one_of_what_a_machine_heard() -> None:
    assert chosen(youtube(("fr", "de"), "de"))[-1] == ("en-de", "en", "translated", "de")
    # None is in the human_vtt language: the first one.
    assert chosen(youtube(("fr", "it"), "de"))[-1] == ("en-fr", "en", "translated", "fr")
    assert chosen(youtube(("fr", "it"), None))[-1] == ("en-fr", "en", "translated", "fr")


def test_a_person_s_track_that_youtube_lists_once_more_is_fetched_once() -> None:
    info = youtube(("en",), None)
    assert "en-en" in info["automatic_captions"]
    assert chosen(info) == [("en", "en", "manual", "")]
    assert chosen(youtube(("en", "fr"), None, translations=("en", "fr"))) == [
        ("en", "en", "manual", ""),
        ("fr", "fr", "manual", ""),
    ]


def test_what_the_recogniser_is_listed_with_twice_is_fetched_once() -> None:
    info = youtube((), "ja")
    assert {"ja", "ja-orig"} <= info["automatic_captions"].keys()
    assert [key for key, *_ in chosen(info)] == ["ja-orig", "en"]
    # Where YouTube cannot translate the language there is no -orig.
    del info["automatic_captions"]["ja-orig"]
    assert [key for key, *_ in chosen(info)] == ["ja", "en"]


def test_several_tracks_of_one_language_all_come_and_get_files_of_their_own() -> None:
    info = youtube(("en-eEY6OEpapPo", "en-abcdefghijk", "en"), "en")
    tracks = choose_tracks(info, "all")
    assert [track.language for track in tracks] == ["en"] * 4
    assert len({file_tag(track.key, track.kind, track.source) for track in tracks}) == 4


@pytest.mark.parametrize("name", ["live_chat", "comments", "danmaku"])
def test_a_chat_is_no_caption_track(name: str) -> None:
    for where in ("subtitles", "automatic_captions"):
        assert chosen({where: {name: [{"ext": "json3", "url": "https://a.org/chat"}]}}) == []


def test_english_only_and_none_at_all() -> None:
    info = youtube(("de", "en-GB", "en"), "en")
    assert [key for key, *_ in chosen(info, "english")] == ["en-GB", "en", "en-orig"]
    assert chosen(youtube(("fr",), "de"), "english") == [("en-fr", "en", "translated", "fr")]
    assert chosen(youtube(("fr",), "de", translations=("it",)), "english") == []
    assert chosen(info, "none") == []


def test_the_best_form_that_can_be_read_is_taken_with_its_headers() -> None:
    forms = listed("lang=en")
    (track,) = choose_tracks({"subtitles": {"en": forms}}, "all")
    assert (track.ext, track.url) == ("vtt", f"{ADDRESS}&lang=en&fmt=vtt")
    (track,) = choose_tracks({"subtitles": {"en": [*forms[:1], {**forms[3], "http_headers": {"Referer": "x"}}]}}, "all")
    assert (track.ext, track.headers) == ("srt", (("Referer", "x"),))
    assert chosen({"subtitles": {"en": forms[1:3], "de": [], "fr": [{"ext": "vtt"}]}}) == []
    (track,) = choose_tracks({"subtitles": {"en": [{"ext": "vtt", "data": "WEBVTT\n"}]}}, "all")
    assert (track.url, track.data) == ("", "WEBVTT\n")


def test_an_address_that_can_be_none_is_passed_over() -> None:
    forms = [{"ext": "vtt", "url": "http://[x/a.vtt"}, {"ext": "srt", "url": "http://127.0.0.1/a.srt"}]
    (track,) = choose_tracks({"subtitles": {"en": forms, "de": forms[:1]}}, "all")
    assert (track.key, track.ext) == ("en", "srt")


def test_a_site_that_tells_nothing_or_null_has_no_captions() -> None:
    for info in ({}, {"subtitles": None, "automatic_captions": None}, {"language": None, "subtitles": {}}):
        assert chosen(info) == []


def test_a_site_with_translations_of_its_own_keeps_their_source() -> None:
    tracks = (
        Captions("de", "automatic"),
        Captions("en", "translated", source="de"),
        Captions("en-fr", "translated", source="fr"),
    )
    info = api_answer(Clip("abc", b"", tracks), "http://127.0.0.1:1", None)
    assert chosen(info) == [("de-orig", "de", "automatic", ""), ("en-fr", "en", "translated", "fr")]


languages = st.sampled_from(["en", "en-GB", "de", "fr", "ja", "zh-Hans", "iw", "pt-BR", "en-eEY6OEpapPo"])


@given(
    st.lists(languages, unique=True, max_size=4),
    st.one_of(st.none(), st.sampled_from(["en", "de", "ja"])),
    st.lists(st.sampled_from(["en", "fr", "zh-Hans", "de"]), unique=True, max_size=4),
)
def test_whatever_a_video_has_the_rules_hold(human: list[str], heard: str | None, translations: list[str]) -> None:
    info: dict[str, Any] = youtube(tuple(human), heard, translations=tuple(translations))
    tracks = choose_tracks(info, "all")
    kinds = [track.kind for track in tracks]
    assert kinds == sorted(kinds, key=["manual", "automatic", "translated"].index)
    assert [track.key for track in tracks if track.kind == "manual"] == human
    assert kinds.count("automatic") == (heard is not None)
    english = any(is_english(track.language) for track in tracks if track.kind != "translated")
    assert kinds.count("translated") == (not english and "en" in translations and bool(human or heard))
    assert len({track.url for track in tracks}) == len(tracks)
    tags = [file_tag(t.language if t.kind == "translated" else t.key, t.kind, t.source) for t in tracks]
    assert len(set(tags)) == len(tags)
    assert all(track.source for track in tracks if track.kind == "translated")
    for mode in CAPTION_MODES:
        part = choose_tracks(info, mode)
        assert part == [track for track in tracks if track in part]
        assert mode != "english" or all(is_english(track.language) for track in part)
