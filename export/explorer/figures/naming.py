"""Languages as the figures name them, and a row for each in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import polars as pl

from signverse.lake.model.languages import by_code
from signverse.lake.query.reports import short_name

NO_LANGUAGE: Final = ""
"""The code of clips without a language, which a foreign writer may leave."""


def named(code: str | None) -> dict[str, Any]:
    """A language's code, its English name, and that name without "Sign Language"; of an unknown one the code."""
    language = by_code().get(code or NO_LANGUAGE)
    name = language.name if language else code or "no language"
    return {"code": code or NO_LANGUAGE, "name": name, "short": short_name(name), "known": language is not None}


def by_name(
    languages: list[dict[str, Any]], example: dict[str, Any], row: Callable[[dict[str, Any]], dict[str, Any]]
) -> pl.DataFrame:
    """A row a language, for a file: sign_language and name, then what `row` makes of its figures.

    Args:
        languages: figures, each with the code and name of its language.
        example: figures of the same names, from which the headings come where there is no language.
    """
    first = {"code": "", "name": "", **example}
    rows = [{"sign_language": one["code"], "name": one["name"], **row(one)} for one in [first, *languages]]
    # A quantile may be known of none of the first languages: types are taken from all.
    return pl.DataFrame(rows, infer_schema_length=None)[1:]
