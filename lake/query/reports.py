"""The named reports: one SQL file each in sql/reports/."""

from __future__ import annotations

import difflib

from signverse.lake.model.errors import BadInputError
from signverse.lake.query.session import sql_folder


def report_names() -> list[str]:
    """The named reports, one a file in sql/reports/."""
    return sorted(path.stem for path in (sql_folder() / "reports").glob("*.sql"))


def report_sql(name: str) -> str:
    """The SQL of a named report.

    Raises:
        BadInputError: there is no such report.
    """
    if name not in report_names():
        near = difflib.get_close_matches(name[:60], report_names(), n=1)
        raise BadInputError(
            f"no report is called '{name[:60]}'",
            f"{f'Nearest: {near[0]}. ' if near else ''}Reports: {', '.join(report_names())}.",
        )
    return (sql_folder() / "reports" / f"{name}.sql").read_text(encoding="utf-8")


def report_summary(name: str) -> str:
    """What a named report is about: the first sentence of the comment that its file begins with."""
    comment = [line.removeprefix("--").strip() for line in report_sql(name).split("\n") if line.startswith("--")]
    return " ".join(comment).split(". ")[0].rstrip(".") + "."
