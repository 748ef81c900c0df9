"""Which sign language is meant: by code, alias, abbreviation or name.

languages.csv holds the languages of the SignVerse-2M manifest first, with the labels it uses, and then every other
sign language of ISO 639-3. Membership in it is the test, never "is it ISO 639-3": lse, lis and ngt are codes of spoken
languages. `countries` are ISO 3166-1 codes of where a language is the one of the deaf community; CH-FR is the part of
Switzerland that speaks French.

language_names.csv holds what else they are called, with the source of each:

    IANA    the tag sgn-DE and the like, which IANA's registry of language subtags replaces by a code
    own     in the language of its country: its deaf association, its law, its encyclopedia
    other   another English name, as in Ethnologue
    CLDR    translations of American Sign Language in Unicode's CLDR
    word    a word of several names that is theirs alone ("Swiss"); other words ("and", "old") do not name it
    place   the country's English name in CLDR
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import UnknownLanguageError
from signverse.lake.model.spoken_languages import SpokenLanguage, signed_where, spoken_languages

UNDETERMINED = "und"


@dataclass(frozen=True)
class Language:
    """A sign language.

    Attributes:
        code: what the lake keeps: ISO 639-3, or the BCP 47 tag where ISO has none (sgn-SI, sgn-VN), or und.
        other_names: such as Deutsche Gebärdensprache.
        countries: ISO 3166-1 codes, of parts of a country with the language spoken there: CH-FR.
        in_corpus: SignVerse-2M's manifest or dataset card names it.
    """

    code: str
    iso639_3: str
    bcp47: str
    label: str
    name: str
    other_names: tuple[str, ...]
    aliases: tuple[str, ...]
    abbreviations: tuple[str, ...]
    countries: tuple[str, ...]
    in_corpus: bool


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """All sign languages known, those of SignVerse-2M first."""
    other_names: dict[str, list[str]] = {}
    for row in _rows("language_names.csv"):
        if row["source"] in {"own", "other", "CLDR"}:
            other_names.setdefault(row["sign_language"], []).append(row["name"])
    return tuple(
        Language(
            code=row["sign_language"],
            iso639_3=row["iso639_3"],
            bcp47=row["bcp47"],
            label=row["label"],
            name=row["name"],
            other_names=tuple(other_names.get(row["sign_language"], ())),
            aliases=tuple(row["aliases"].split()),
            abbreviations=tuple(row["abbreviations"].split()),
            countries=tuple(row["countries"].split()),
            in_corpus=row["videos_in_manifest"] != "",
        )
        for row in _rows("languages.csv")
    )


_BETWEEN: Final = re.compile("[\t-\r \u00a0\u2000-\u200a\u202f\u3000_\u2010-\u2015-]+")
_APOSTROPHES: Final = re.compile("['`\u00b4\u02bb\u02bc\u2018\u2019]")


def _fold(text: str) -> str:
    """A name as names are compared: in any case, with accents or without, with blanks or hyphens between words."""
    # As the SQL macro language() does it: letter by letter, so that no final sigma differs.
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c)[0] != "M")
    lower = "".join(map(str.lower, unicodedata.normalize("NFC", plain)))
    return _BETWEEN.sub(" ", _APOSTROPHES.sub("", lower)).strip(" ")


def _short(name: str) -> str:
    return re.sub(r"\s+sign( languages?)?$", "", _fold(name))


LEVELS: Final = ("code", "alias", "abbreviation", "name", "short name", "place")
"""What a language may be called by, from the surest to the loosest."""


@lru_cache(maxsize=1)
def _levels() -> dict[str, dict[str, set[str]]]:
    """The names of each level: name -> codes."""
    levels: dict[str, dict[str, set[str]]] = {level: {} for level in LEVELS}

    def add(level: str, name: str, code: str) -> None:
        if name:
            levels[level].setdefault(name, set()).add(code)

    abbreviated = {_fold(a): lang.code for lang in languages() for a in lang.abbreviations}
    for lang in languages():
        # PSL, LSC and HSL are codes of languages outside the corpus and everyone's abbreviations of others inside it:
        # taking the code would silently choose a language that was not meant.
        clash = not lang.in_corpus and abbreviated.get(lang.code, lang.code) != lang.code
        for code in (lang.code, lang.bcp47, lang.label):
            add("abbreviation" if clash else "code", _fold(code), lang.code)
        if lang.iso639_3 == lang.code != UNDETERMINED:
            add("code", _fold(f"sgn-{lang.code}"), lang.code)  # The extended subtag of BCP 47.
        for alias in lang.aliases:
            add("alias", _fold(alias), lang.code)
        for abbreviation in lang.abbreviations:
            add("abbreviation", _fold(abbreviation), lang.code)
        for name in (lang.name, *lang.other_names):
            add("name", _fold(name), lang.code)
            add("short name", _short(name), lang.code)
        for place in lang.countries:
            add("place", _fold(f"sgn-{place}"), lang.code)
            add("place", _fold(f"sgn-{place[:2]}"), lang.code)
    for row in _rows("language_names.csv"):
        level = {"IANA": "code", "word": "short name", "place": "place"}.get(row["source"], "name")
        add(level, _fold(row["name"]), row["sign_language"])
    return levels


@lru_cache(maxsize=1)
def _spoken() -> Mapping[str, SpokenLanguage]:
    """Spoken languages by their codes, names and own names."""
    named = {_fold(n): spoken for spoken in spoken_languages() for n in (spoken.name, spoken.own_name) if n}
    return named | {code: spoken for spoken in spoken_languages() for code in spoken.codes}


@lru_cache(maxsize=1)
def by_code() -> dict[str, Language]:
    """The languages by the code that the lake keeps."""
    return {lang.code: lang for lang in languages()}


def _describe(code: str) -> str:
    return f"{code} ({by_code()[code].name})"


def resolve(name: str) -> str:
    """The code of the sign language a person means.

    Code, alias, abbreviation, name, name without "Sign Language", then country, in any case, with accents or without;
    the first level at which exactly one language is called that wins. Codes of spoken languages are refused, and the
    sign languages of their countries are named.

    Raises:
        UnknownLanguageError: several are called that (it names all), or none is (it names the nearest).
    """
    code, _ = _resolve(_fold(name), name)
    return code


def _resolve(folded: str, name: str) -> tuple[str, str]:
    """The code, and the level at which the name was found."""
    spoken = _spoken().get(folded)
    spoken_code = spoken if spoken and folded in spoken.codes else None
    for level, called in _levels().items():
        found = called.get(folded, set())
        if spoken_code and found and level != "code":
            # IS is International Sign and the code of Icelandic; Lao and UK are short names and codes.
            found = found | set(_signed_where(spoken_code)[:1])
            if len(found) == 1:
                break
        if len(found) == 1:
            return min(found), level
        if found:
            also = f"; it is also a code of {spoken_code.name}" if spoken_code else ""
            raise UnknownLanguageError(
                f"'{name}' may be any of {', '.join(map(_describe, sorted(found)))}{also}",
                "Use the code, or the full name.",
            )
    raise UnknownLanguageError(f"no sign language is called '{name[:60]}'", _hint(name, spoken))


def is_known(name: str) -> bool:
    """Whether `resolve` finds a name, or can say which languages it may be; quick, for it looks for no nearest one."""
    folded = _fold(name)
    return folded in _spoken() or any(folded in called for called in _levels().values())


def _hint(name: str, spoken: SpokenLanguage | None) -> str:
    what = f"It is {spoken.name}, a spoken language." if spoken else ""
    if spoken and not _signed_where(spoken):
        return what
    return f"{what} Nearest: {', '.join(map(_describe, nearest(name)))}.".lstrip()


def _signed_where(spoken: SpokenLanguage) -> list[str]:
    return signed_where(spoken, ((lang.code, lang.countries) for lang in languages()))


def nearest(name: str, count: int = 3) -> list[str]:
    """Codes of the languages that may be meant.

    For a spoken language (`de`, `de-CH`, `Deutsch`) those of its countries; otherwise those whose code, alias,
    abbreviation or name comes nearest.
    """
    folded = _fold(name)[:60]
    language, _, region = folded.partition(" ")
    spoken = _spoken().get(folded) or (_spoken().get(language) if len(region) == 2 else None)
    if spoken:
        found = _signed_where(spoken)
        places = (f"{region}-{spoken.codes[0]}".upper(), region.upper())
        of_region = [lang.code for place in places for lang in languages() if place in lang.countries]
        if found:
            return list(dict.fromkeys((of_region if folded not in _spoken() else []) + found))[:count]
    levels = [called for level, called in _levels().items() if level != "place"]
    known = {called: code for names in levels for called, found in names.items() for code in found}
    hits = difflib.get_close_matches(folded, known, n=3 * count, cutoff=0.0)
    return list(dict.fromkeys(known[hit] for hit in hits))[:count]


@lru_cache(maxsize=1)
def lookup_table() -> list[dict[str, str | None]]:
    """Every name that resolves or is refused with a reason, for the SQL macro language().

    Rows of name (folded), sign_language and level, or else refusal.
    """
    rows: list[dict[str, str | None]] = []
    for name in sorted({called for level in _levels().values() for called in level} | _spoken().keys()):
        row: dict[str, str | None] = {"name": name, "sign_language": None, "level": None, "refusal": None}
        try:
            row["sign_language"], row["level"] = _resolve(name, name)
        except UnknownLanguageError as error:
            row["refusal"] = str(error)
        rows.append(row)
    return rows
