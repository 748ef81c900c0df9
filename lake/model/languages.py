"""Which sign language is meant: by code, alias, abbreviation or name.

The table beside this file holds the languages of the SignVerse-2M manifest first, with the labels it uses, and then
every other sign language of ISO 639-3. Membership in it is the test, never "is it ISO 639-3": lse, lis and ngt are
codes of spoken languages.
"""

from __future__ import annotations

import csv
import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from signverse.lake.model.errors import UnknownLanguageError

UNDETERMINED = "und"


@dataclass(frozen=True)
class Language:
    """A sign language.

    Attributes:
        code: what the lake keeps: ISO 639-3, or the BCP 47 tag where ISO has none (sgn-SI, sgn-VN), or und.
        in_corpus: SignVerse-2M's manifest or dataset card names it.
    """

    code: str
    iso639_3: str
    bcp47: str
    label: str
    name: str
    aliases: tuple[str, ...]
    abbreviations: tuple[str, ...]
    in_corpus: bool


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """All sign languages known, those of SignVerse-2M first."""
    with (Path(__file__).parent / "languages.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Language(
                code=row["sign_language"],
                iso639_3=row["iso639_3"],
                bcp47=row["bcp47"],
                label=row["label"],
                name=row["name"],
                aliases=tuple(row["aliases"].split()),
                abbreviations=tuple(row["abbreviations"].split()),
                in_corpus=row["videos_in_manifest"] != "",
            )
            for row in csv.DictReader(file)
        )


def _fold(text: str) -> str:
    # As the SQL macro language() does it.
    return re.sub(r"[\s_]+", " ", text.casefold()).strip()


def _short(name: str) -> str:
    return re.sub(r"\s+sign( languages?)?$", "", _fold(name))


@lru_cache(maxsize=1)
def _levels() -> tuple[dict[str, set[str]], ...]:
    """What a language may be called, from the surest level to the loosest: name -> codes."""
    levels: tuple[dict[str, set[str]], ...] = ({}, {}, {}, {}, {}, {})
    codes, aliases, abbreviations, names, short_names, words = levels
    abbreviated = {_fold(a): lang.code for lang in languages() for a in lang.abbreviations}
    for lang in languages():
        # PSL, LSC and HSL are codes of languages outside the corpus and everyone's abbreviations of others inside it:
        # taking the code would silently choose a language that was not meant.
        clash = not lang.in_corpus and abbreviated.get(lang.code, lang.code) != lang.code
        for called in {lang.code, lang.bcp47, lang.label} - {""}:
            (abbreviations if clash else codes).setdefault(_fold(called), set()).add(lang.code)
        for alias in lang.aliases:
            aliases.setdefault(_fold(alias), set()).add(lang.code)
        for abbreviation in lang.abbreviations:
            abbreviations.setdefault(_fold(abbreviation), set()).add(lang.code)
        names.setdefault(_fold(lang.name), set()).add(lang.code)
        short_names.setdefault(_short(lang.name), set()).add(lang.code)
        for word in re.split(r"[\s-]+", _short(lang.name)):
            words.setdefault(word, set()).add(lang.code)
    return levels


@lru_cache(maxsize=1)
def by_code() -> dict[str, Language]:
    """The languages by the code that the lake keeps."""
    return {lang.code: lang for lang in languages()}


def _describe(code: str) -> str:
    return f"{code} ({by_code()[code].name})"


def resolve(name: str) -> str:
    """The code of the sign language a person means.

    Code, alias, abbreviation, full name, name without "Sign Language", then a word of the name, in any case; the
    first level at which exactly one language is called that wins.

    Raises:
        UnknownLanguageError: several are called that (it names all), or none is (it names the nearest).
    """
    folded = _fold(name)
    for level in _levels():
        found = sorted(level.get(folded, ()))
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownLanguageError(
                f"'{name}' may be any of {', '.join(_describe(code) for code in found)}",
                "Use the code, or the full name.",
            )
    raise UnknownLanguageError(
        f"no sign language is called '{name[:60]}'",
        f"Nearest: {', '.join(_describe(code) for code in nearest(name))}.",
    )


def nearest(name: str, count: int = 3) -> list[str]:
    """Codes of the languages whose code, alias, abbreviation or name comes nearest."""
    known = {called: code for level in _levels()[:5] for called, found in level.items() for code in found}
    hits = difflib.get_close_matches(_fold(name)[:60], known, n=3 * count, cutoff=0.0)
    return list(dict.fromkeys(known[hit] for hit in hits))[:count]


@lru_cache(maxsize=1)
def lookup_table() -> list[dict[str, str | None]]:
    """Every name that resolves or is refused, for the SQL macro language(): name, sign_language, refusal."""
    rows: list[dict[str, str | None]] = []
    for name in sorted({called for level in _levels() for called in level}):
        try:
            rows.append({"name": name, "sign_language": resolve(name), "refusal": None})
        except UnknownLanguageError as error:
            rows.append({"name": name, "sign_language": None, "refusal": str(error)})
    return rows
