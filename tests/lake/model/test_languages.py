"""Which sign language is meant."""

from __future__ import annotations

import csv
from pathlib import Path

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import UnknownLanguageError
from signverse.lake.model.languages import by_code, languages, lookup_table, nearest, resolve


@pytest.mark.parametrize("lang", languages(), ids=lambda lang: lang.code)
def test_a_language_of_the_corpus_goes_by_its_code_and_its_full_name(lang):
    if lang.in_corpus:
        assert resolve(lang.code) == lang.code
        assert resolve(lang.label or lang.code) == lang.code
    assert resolve(lang.name) == lang.code


@pytest.mark.parametrize(
    ("alias", "code"),
    [
        ("lsf", "fsl"),
        ("lse", "ssp"),
        ("lis", "ise"),
        ("lgp", "psr"),
        ("ngt", "dse"),
        ("pjm", "pso"),
        ("lsm", "mfs"),
        ("sgd", "sgg"),
    ],
)
def test_a_language_goes_by_the_alias_of_the_dataset_card(alias, code):
    assert resolve(alias) == code
    assert resolve(alias.upper()) == code


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("ASL", "ase"),
        ("ase", "ase"),
        ("Libras", "bzs"),
        ("American Sign Language", "ase"),
        ("american", "ase"),
        ("Polish", "pso"),
        ("PJM", "pso"),
        ("DGS", "gsg"),
        ("BSL", "bfi"),
        ("Auslan", "asf"),
        ("Brazilian", "bzs"),
    ],
)
def test_a_person_asks_by_abbreviation_or_name(asked, code):
    assert resolve(asked) == code


@pytest.mark.parametrize(
    ("asked", "code"),
    [("???", "und"), ("slovenia", "sgn-SI"), ("sgn-SI", "sgn-SI"), ("vietnam", "sgn-VN"), ("und", "und")],
)
def test_labels_that_iso_does_not_know_have_their_own_codes(asked, code):
    assert resolve(asked) == code


def test_what_iso_does_not_know_is_mis_or_und():
    codes = by_code()
    assert (codes["sgn-SI"].iso639_3, codes["sgn-SI"].bcp47) == ("mis", "sgn-SI")
    assert (codes["sgn-VN"].iso639_3, codes["sgn-VN"].bcp47) == ("mis", "sgn-VN")
    assert codes["und"].iso639_3 == "und"


@pytest.mark.parametrize(
    ("asked", "all_of_them"),
    [
        ("ISL", {"ins", "isr", "icl", "isg"}),
        ("PSL", {"pks", "psp", "psl"}),
        ("TSL", {"tsm", "tss", "tsq"}),
        ("KSL", {"kvk", "xki"}),
        ("Swiss", {"sgg", "ssr", "slf"}),
        ("lsc", {"csc", "csn"}),
    ],
)
def test_an_ambiguous_name_is_refused_naming_all(asked, all_of_them):
    for spelled in (asked, asked.lower(), asked.upper()):
        with pytest.raises(UnknownLanguageError) as refusal:
            resolve(spelled)
        said = str(refusal.value)
        assert all(f"{code} ({by_code()[code].name})" in said for code in all_of_them)
        assert "\n" not in said


@pytest.mark.parametrize(
    ("asked", "meant"), [("Amercan Sign Language", "ase"), ("polsh", "pso"), ("libraas", "bzs"), ("Austrlian", "asf")]
)
def test_an_unknown_name_gets_the_nearest(asked, meant):
    with pytest.raises(UnknownLanguageError, match="Nearest: ") as refusal:
        resolve(asked)
    assert f"{meant} (" in str(refusal.value)
    assert meant in nearest(asked)


@pytest.mark.parametrize(
    "asked", ["", "   ", "_", "x" * 10_000, "\n", "\udcff", "Sign Language", "%", "'; drop table x"]
)
def test_nonsense_is_refused_in_one_line(asked):
    with pytest.raises(UnknownLanguageError) as refusal:
        resolve(asked)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_eso_is_estonian_and_esn_salvadoran():
    assert by_code()["eso"].name == "Estonian Sign Language"
    assert by_code()["esn"].name == "Salvadoran Sign Language"


@given(st.sampled_from(sorted({row["name"] for row in lookup_table()})), st.data())
def test_case_blanks_and_underscores_do_not_matter(asked, data):
    spelled = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) if c.isascii() else c for c in asked)
    spelled = data.draw(st.sampled_from(["", " ", "\t", "_"])) + spelled.replace(
        " ", data.draw(st.sampled_from([" ", "_", "  "]))
    )
    try:
        expected = resolve(asked)
    except UnknownLanguageError:
        with pytest.raises(UnknownLanguageError):
            resolve(spelled)
    else:
        assert resolve(spelled) == expected


def test_every_iso_code_exists_and_is_a_sign_language():
    unlike_others = {"asf": "Auslan", "vgt": "Vlaamse Gebarentaal", "sfb": "Langue des signes de Belgique Francophone"}
    for lang in languages():
        if lang.iso639_3 in {"mis", "und"}:
            continue
        known = pycountry.languages.get(alpha_3=lang.iso639_3)
        assert known is not None, lang.code
        if lang.iso639_3 in unlike_others:
            assert known.name == unlike_others[lang.iso639_3]
        else:
            assert "sign" in known.name.lower(), (lang.code, known.name)


def test_no_sign_language_of_iso_is_missing():
    theirs = {known.alpha_3 for known in pycountry.languages if known.name.endswith("Sign Language")}
    assert theirs - {lang.iso639_3 for lang in languages()} == set()


def test_codes_are_unique_and_the_corpus_has_58_languages():
    # 56 labels of the manifest, and two more languages that the dataset card names.
    assert len({lang.code for lang in languages()}) == len(languages())
    assert sum(lang.in_corpus for lang in languages()) == 58


def test_every_label_of_the_manifest_resolves(data: Path):
    file = next((data / "manifest").glob("*.csv"))
    with file.open(encoding="utf-8", newline="") as opened:
        labels = {row[1] for row in csv.reader(opened)}
    codes = {label: resolve(label) for label in labels}
    assert len(labels) == 56
    assert len(set(codes.values())) == 56
    assert all(by_code()[code].label == label for label, code in codes.items())
