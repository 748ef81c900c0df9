"""Spoken languages, whose codes and names people give where a sign language is meant, and what is signed there.

spoken_languages.csv: the languages of ISO 639-1 and more that are official where a sign language of ISO 639-3 is
used. Their codes are those of ISO 639-1, -2 and -3; names, own names and the countries where they are official, the
nearest first, are those of Unicode's CLDR (through Babel 2.19).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class SpokenLanguage:
    """A spoken language.

    Attributes:
        codes: ISO 639-1 where there is one, ISO 639-3, and the bibliographic code of ISO 639-2 where that differs.
        own_name: what it is called in itself; "" where that is its English name.
        countries: ISO 3166-1 codes of countries where it is official and a sign language is known.
    """

    codes: tuple[str, ...]
    name: str
    own_name: str
    countries: tuple[str, ...]


@lru_cache(maxsize=1)
def spoken_languages() -> tuple[SpokenLanguage, ...]:
    """The spoken languages whose codes and names are known."""
    with (Path(__file__).parent / "spoken_languages.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            SpokenLanguage(
                codes=tuple(row["codes"].split()),
                name=row["name"],
                own_name=row["own_name"],
                countries=tuple(row["countries"].split()),
            )
            for row in csv.DictReader(file)
        )


def signed_where(spoken: SpokenLanguage, signed: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Codes of the sign languages of the countries where a language is spoken, the nearest first.

    Args:
        signed: sign languages by code, each with its countries: CH-FR is the French-speaking part of Switzerland.
    """
    known = list(signed)
    found: list[str] = []
    for country in spoken.countries:
        for place in (f"{country}-{spoken.codes[0].upper()}", country):
            found += [code for code, countries in known if place in countries]
    return list(dict.fromkeys(found))
