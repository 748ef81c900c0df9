"""The named reports: one SQL file each in sql/reports/.

The comment that a file begins with says what the report is about, what its columns are, and which of them answer its
question: "Short form: column, column as heading, ...".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.languages import by_code
from signverse.lake.query.session import sql_folder


@dataclass(frozen=True)
class Report:
    """A named report.

    Attributes:
        sql: gives its rows.
        about: what it is about and what its columns are; the first sentence is its summary.
        short_form: the columns that answer its question, with their headings.
    """

    name: str
    sql: str
    about: str
    short_form: dict[str, str]

    @property
    def summary(self) -> str:
        return self.about.split(". ")[0].rstrip(".") + "."

    def short(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the columns of the short form only, under their headings; names of languages are shortened."""
        if "name" in rows.columns:
            rows = rows.with_columns(pl.col("name").map_elements(short_name, pl.String))
        return rows.select(pl.col(column).alias(heading) for column, heading in self.short_form.items())

    def answer(self, rows: pl.DataFrame) -> list[str]:
        """The answer in words, a line each; empty where there is none."""
        return _ANSWERS[self.name](rows) if self.name in _ANSWERS and not rows.is_empty() else []


def short_name(language: str) -> str:
    """The name of a sign language without these two words: "Polish Sign Language" -> "Polish"."""
    return re.sub("^Langue des signes de | [Ss]ign [Ll]anguages?$", "", language)


def report_names() -> list[str]:
    """The named reports, one a file in sql/reports/."""
    return sorted(path.stem for path in (sql_folder() / "reports").glob("*.sql"))


def find_report(name: str) -> Report:
    """A report by its name.

    Raises:
        BadInputError: there is no such report.
    """
    if name not in report_names():
        near = difflib.get_close_matches(name[:60], report_names(), n=1)
        raise BadInputError(
            f"no report is called '{name[:60]}'",
            f"{f'Nearest: {near[0]}. ' if near else ''}Reports: {', '.join(report_names())}.",
        )
    sql = (sql_folder() / "reports" / f"{name}.sql").read_text(encoding="utf-8")
    comment = re.match(r"(?:--.*\n)*", sql)
    words = (comment.group() if comment else "").replace("--", " ").split()
    about, _, columns = " ".join(words).partition(" Short form: ")
    pairs = [column.partition(" as ") for column in columns.rstrip(" .").split(", ")]
    return Report(name, sql, about, {column: heading or column for column, _, heading in pairs})


def _balance(rows: pl.DataFrame) -> list[str]:
    by_hours = rows.filter(pl.col("weighted_by") == "hours")
    now = by_hours.row(by_predicate=pl.col("temperature") == 1, named=True)
    half = by_hours.row(by_predicate=pl.col("temperature") == 0.5, named=True)
    code = now["top_language"]
    largest = f"{by_code()[code].name} ({code})" if code in by_code() else code
    return [
        f"Effective number of languages, by hours: {now['exp_shannon_entropy']:.3g} of {now['languages']}",
        f"Largest: {largest} with {now['top_percent']:.3g} % of the hours",
        f"Sampled with temperature T = 0.5: {half['exp_shannon_entropy']:.3g} effective languages, largest"
        f" {half['top_percent']:.3g} %",
    ]


_ANSWERS: Final[dict[str, Callable[[pl.DataFrame], list[str]]]] = {"balance": _balance}
"""The answer of a report in words, made of its rows."""
