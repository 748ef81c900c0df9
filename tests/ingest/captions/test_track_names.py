"""What caption tracks are called by sites, and in the names of files."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from signverse.ingest.captions.track_names import file_tag, language_of, parse_tag


@pytest.mark.parametrize(
    ("key", "language"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("eng", "eng"),
        ("en-US", "en-US"),
        ("en_us", "en-US"),
        ("pt-BR", "pt-BR"),
        ("es-419", "es-419"),
        ("zh-Hans", "zh-Hans"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("en-eEY6OEpapPo", "en"),
        ("en-j3PyPqV-e1s", "en"),
        ("en-Us-12345678", "en"),
        ("en-US-eEY6OEpapPo", "en-US"),
        ("en-US-Us-12345678", "en-US"),
        ("en-_0a-b_C-dEF", "en"),
        ("de-orig", "de"),
        ("sl-IT-nedis", "sl-IT"),
        ("iw", "he"),
        ("yue-HK", "yue-HK"),
        ("English", "en"),
        ("English (auto-generated)", "en"),
        ("live_chat", "und"),
        ("und", "und"),
        ("x-private", "und"),
        ("", "und"),
        ("英語", "und"),
    ],
)
def test_what_a_site_calls_a_track_becomes_a_clean_language(key: str, language: str) -> None:
    assert language_of(key) == language


@pytest.mark.parametrize(
    ("language", "kind", "source", "tag"),
    [
        ("en", "manual", "", "en"),
        ("zh-Hans", "manual", "", "zh-Hans"),
        ("en", "automatic", "", "en-orig"),
        ("en-orig", "automatic", "", "en-orig"),
        ("en", "translated", "de", "en-t-de"),
        ("en", "translated", "zh-Hans", "en-t-zh-hans"),
        ("en", "translated", "", "en-t-und"),
    ],
)
def test_the_name_of_a_file_tells_language_kind_and_source(language: str, kind: str, source: str, tag: str) -> None:
    assert file_tag(language, kind, source) == tag
    assert parse_tag(tag) == (language.removesuffix("-orig"), None if kind == "manual" else kind, source)


def test_several_tracks_of_one_language_get_names_of_their_own() -> None:
    tags = [file_tag(key, "manual") for key in ("en", "en-eEY6OEpapPo", "en-j3PyPqV-e1s", "EN")]
    assert len({tag.lower() for tag in tags}) == 4
    assert {parse_tag(tag) for tag in tags} == {("en", None, "")}


@pytest.mark.parametrize(
    ("tag", "meaning"),
    [
        # As yt-dlp itself names the files, and as our exporter does.
        ("en-eEY6OEpapPo", ("en", None, "")),
        ("EN-ORIG", ("en", "automatic", "")),
        ("en-automatic", ("en", "automatic", "")),
        ("pt-BR-translated", ("pt-BR", "translated", "")),
        ("en-t-de-t0-mtec", ("en", "translated", "de")),
        ("x-02", ("und", None, "")),
    ],
)
def test_names_that_others_gave_are_understood(tag: str, meaning: tuple[str, str | None, str]) -> None:
    assert parse_tag(tag) == meaning


letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. é", max_size=11)
codes = st.from_regex(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-[0-9]{3})?", fullmatch=True)
keys = st.one_of(codes, st.builds("{}-{}".format, codes, letters), st.text(max_size=60))
kinds = st.sampled_from(["manual", "automatic", "translated"])


@given(keys, kinds, st.one_of(codes, st.just("")))
@example("zho-Hant-001-abcdefghijk", "translated", "zho-Hant-001")
def test_a_name_fits_into_a_file_and_is_read_as_it_was_meant(key: str, kind: str, source: str) -> None:
    tag = file_tag(key, kind, source)
    assert re.fullmatch("[A-Za-z0-9-]{2,35}", tag)
    origin = language_of(source).lower() if kind == "translated" else "und"
    found_language, found_kind, found_source = parse_tag(tag)
    assert found_language == language_of(key.removesuffix("-orig") if kind == "automatic" else key)
    assert found_kind == (None if kind == "manual" else kind)
    assert found_source.lower() == ("" if origin == "und" else origin)
    # What was read is written as the same name, but for what told two tracks of a language apart.
    again = file_tag(found_language, kind, found_source)
    assert again == re.sub(r"-x-[a-z2-7]{5}", "", tag)


@given(keys, keys, kinds)
def test_different_tracks_never_share_a_file(one: str, other: str, kind: str) -> None:
    assume(one.removesuffix("-orig") != other.removesuffix("-orig"))
    assert file_tag(one, kind).lower() != file_tag(other, kind).lower()
