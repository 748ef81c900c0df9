"""What caption tracks are called by sites, and in the names of files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from signverse.ingest import captions
from signverse.ingest.captions.track_names import TrackName, file_tag, language_of, parse_tag


@pytest.mark.parametrize(
    ("key", "language"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("eng", "en"),
        ("ger", "de"),
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
    meant = parse_tag(tag)
    assert meant == TrackName(language.removesuffix("-orig"), None if kind == "manual" else kind, source)


def test_several_tracks_of_one_language_get_names_of_their_own() -> None:
    tags = [file_tag(key, "manual") for key in ("en", "en-eEY6OEpapPo", "en-j3PyPqV-e1s", "EN")]
    assert len({tag.lower() for tag in tags}) == 4
    assert {parse_tag(tag) for tag in tags} == {TrackName("en")}


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
    assert parse_tag(tag) == TrackName(*meaning)


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
    found = parse_tag(tag)
    assert found.language == language_of(key.removesuffix("-orig") if kind == "automatic" else key)
    assert found.kind == (None if kind == "manual" else kind)
    assert found.source.lower() == ("" if origin == "und" else origin)
    # What was read is written as the same name, but for what told two tracks of a language apart.
    again = file_tag(found.language, kind, found.source)
    assert again == re.sub(r"-x-[a-z2-7]{5}", "", tag)


@given(keys, keys, kinds)
def test_different_tracks_never_share_a_file(one: str, other: str, kind: str) -> None:
    assume(one.removesuffix("-orig") != other.removesuffix("-orig"))
    assert file_tag(one, kind).lower() != file_tag(other, kind).lower()


TRANSLATED = """en-de en de; en-ja en ja; en-iw en he; en-zh-Hans en zh-Hans; zh-Hans-en zh-Hans en; en-pt-BR en pt-BR;
pt-BR-en pt-BR en; en-zh-TW en zh-TW; zh-TW-en zh-TW en; iw-en he en; en-US-de en-US de; en-hi en hi; en-id en id;
es-pt es pt; pt-PT-pt-BR pt-PT pt-BR; zh-Hans-zh-Hant zh-Hans zh-Hant; en-GB-en en-GB en;
sr-Latn-de sr-Latn de; en-es-419 en es-419; en_de en de; en-fil en fil; eng-deu en de"""


@pytest.mark.parametrize("line", TRANSLATED.replace("\n", " ").split("; "))
def test_a_language_in_lower_case_behind_a_language_is_what_a_machine_translated_from(line: str) -> None:
    # As yt-dlp names the tracks that YouTube translates.
    tag, language, source = line.split()
    assert parse_tag(tag) == TrackName(language, "translated", source, parse_tag(tag).doubt)
    assert language_of(tag) == language


PEOPLES = """en-GB en-GB; es-419 es-419; zh-Hans zh-Hans; zh-hans zh-Hans; sr-latn sr-Latn; sr-latn-rs sr-Latn-RS;
en-us en-US; en-gb en-GB; de-at de-AT; es-es es-ES; pt-pt pt-PT; es-mx es-MX; en-en en; ja-ja ja; zh-cn zh-CN;
zh-yue yue; en-sdh en; en-forced en; fr-CA fr-CA; pt-BR pt-BR; en-IN en-IN; sgn-ase sgn"""


@pytest.mark.parametrize("line", PEOPLES.replace("\n", " ").split("; "))
def test_a_region_a_script_or_a_word_behind_a_language_is_no_translation(line: str) -> None:
    tag, language = line.split()
    assert parse_tag(tag) == TrackName(language)


@pytest.mark.parametrize(
    ("tag", "language", "source"),
    [
        ("pt-br", "pt-BR", ""),
        ("fr-ca", "fr-CA", ""),
        ("zh-tw", "zh-TW", ""),
        ("en-in", "en-IN", ""),
        ("nb-no", "nb-NO", ""),
        ("en-ca", "en", "ca"),
        ("en-war", "en", "war"),
    ],
)
def test_what_can_be_read_in_two_ways_is_told(tag: str, language: str, source: str) -> None:
    meant = parse_tag(tag)
    assert (meant.language, meant.source) == (language, source)
    assert meant.doubt.startswith(f"'{tag}' is taken for a ")


@given(st.sampled_from(["en", "de", "zh-Hans", "pt-BR", "es-419"]), st.sampled_from(["de", "ja", "zh-Hans", "pt-BR"]))
def test_every_pair_of_languages_is_a_translation_unless_it_is_one_language(into: str, source: str) -> None:
    meant = parse_tag(f"{into}-{source}")
    if into.split("-")[0] != source.split("-")[0]:
        assert meant == TrackName(into, "translated", source)


def test_the_table_of_languages_is_the_standards() -> None:
    pycountry = pytest.importorskip("pycountry")
    path = Path(next(iter(captions.__path__)), "language_codes.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    short = {language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2")}
    assert {code for code in rows if len(code) == 2} == short
    for language in pycountry.languages:
        if hasattr(language, "alpha_2"):
            longer = {language.alpha_3, getattr(language, "bibliographic", language.alpha_3)}
            assert set(rows[language.alpha_2]["longer"].split()) == longer
    for row in rows.values():
        for region in row["regions"].split():
            # Listed because it is both.
            assert pycountry.countries.get(alpha_2=region.upper())
            assert region in {*short, "in"}
