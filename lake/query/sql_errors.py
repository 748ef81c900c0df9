"""DuckDB's errors in one line: what is wrong, at which place of the query, and what was probably meant."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, Final

import duckdb

from signverse.lake.model import languages

_SHOWN: Final = 60
"""Characters of the query before the place, at most."""

_ADVICE: Final = re.compile(r"\n\s*(?:Did you mean|Candidate|LINE )")
"""Where DuckDB begins to draw and to suggest, over several lines."""

_MISSING_FIELD: Final = re.compile(r'does not have a column named "(.+?)"')
_MISSING_TABLE: Final = re.compile(r'Referenced table "(?:.+?)" not found!\nCandidate tables: (.+)')
_CANDIDATE: Final = re.compile(r"^\t(\S.*\(.*)$", re.M)
_MISSING_LANGUAGE: Final = re.compile(r"(no sign language is called '(.*)'): see the table languages", re.S)


def one_line(con: duckdb.DuckDBPyConnection, error: duckdb.Error, query: str, ahead: int = 0) -> str:
    """What DuckDB says of a query: `line 1, column 8: "select foo": ... not found ...; nearest: frame`.

    Args:
        con: where the query ran; its names are those that may have been meant.
        error: raised while `errors_as_json` was set. One without JSON in it is told without a place.
        ahead: bytes that stood before the query in what was run.
    """
    told = _told(error)
    message = _ADVICE.split(told["exception_message"])[0].strip().rstrip("!.")
    language = _MISSING_LANGUAGE.search(message)
    if language:
        near = ", ".join(f"{code} ({languages.by_code()[code].name})" for code in languages.nearest(language.group(2)))
        message = f"{language.group(1)}; nearest: {near}; the table languages lists them"
    elif told.get("error_subtype") == "NO_MATCHING_FUNCTION":
        message += f". It takes {' or '.join(_CANDIDATE.findall(told['exception_message'])[:3])}"
    else:
        near = ", ".join(_meant(con, told))
        message += f"; nearest: {near}" if near else ""
    return " ".join(f"{_place(told, query, ahead)}{message}".split())


def _told(error: duckdb.Error) -> dict[str, Any]:
    text = str(error)
    try:
        told = json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text}
    return told if "exception_message" in told else {"exception_message": text}


def _place(told: dict[str, Any], query: str, ahead: int) -> str:
    """`line 1, column 8: "select foo": `, the query up to and with what is wrong; nothing where it lies in a macro."""
    start, length = json.loads(told.get("location") or f"[{told.get('position') or -1}, 0]")
    raw = query.encode()
    start -= ahead
    if not 0 <= start <= len(raw):
        return ""
    before = raw[:start].decode(errors="replace")
    wrong = (
        raw[start : start + length].decode(errors="replace") or (re.match(r"\w+|.?", raw[start:].decode()) or [""])[0]
    )
    if told.get("name") and told["name"].casefold() not in wrong.casefold():
        return ""
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    shown = before.splitlines()[-1] if before and not before.endswith("\n") else ""
    shown = f"...{shown[-_SHOWN:]}" if len(shown) > _SHOWN else shown
    wrong = wrong.splitlines()[0] if wrong else ""
    return f'line {line}, column {column}: "{shown}{wrong[:_SHOWN]}": '


def _meant(con: duckdb.DuckDBPyConnection, told: dict[str, Any]) -> list[str]:
    """The names that come nearest to one that is not known."""
    name, message = told.get("name", ""), told["exception_message"]
    if table := _MISSING_TABLE.search(message):
        return [word.strip(' "') for word in table.group(1).split(",")]
    if told.get("error_subtype") == "COLUMN_NOT_FOUND":
        # DuckDB's own are those within reach of the query: only their order is ours.
        return difflib.get_close_matches(name, told.get("candidates", "").split(","), n=3, cutoff=0.0)
    if field := _MISSING_FIELD.search(message):
        name, known = field.group(1), "select distinct column_name from duckdb_columns() where schema_name = 'main'"
    elif told.get("error_subtype") == "MISSING_ENTRY" and "Function" in told.get("type", ""):
        known = r"select distinct function_name from duckdb_functions() where function_name similar to '\w+'"
    elif told.get("error_subtype") == "MISSING_ENTRY":
        known = "select table_name from information_schema.tables where table_schema = 'main'"
    else:
        return []
    return difflib.get_close_matches(name.casefold(), [row[0] for row in con.execute(known).fetchall()], n=3)
