"""DuckDB's errors in one line: what is wrong, where in the query, and the nearest names."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, Final

import duckdb

from signverse.lake.model import languages

_SHOWN: Final = 60
"""Characters of the query that are shown before the place, at most."""

_ADVICE: Final = re.compile(r"\n\s*(?:Did you mean|Candidate|LINE |Please try installing|Possible solutions)")
"""Where DuckDB's own suggestions begin, over several lines."""

_MISSING_FIELD: Final = re.compile(r'does not have a column named "(.+?)"')
_MISSING_TABLE: Final = re.compile(r'Referenced table "(?:.+?)" not found!\nCandidate tables: (.+)')
_CANDIDATE: Final = re.compile(r"^\t(\S.*\(.*)$", re.M)
_MISSING_LANGUAGE: Final = re.compile(r"(no sign language is called '(.*)'): see the table languages", re.S)

_OUTSIDE: Final = re.compile(r"Cannot access \w+ (?P<place>.*?) - file system operations are disabled", re.S)
_PATH: Final = re.compile(r"[/\\\\]|\.\w{2,7}$")
"""A table's name that was meant as a path."""


def is_outside(error: duckdb.Error) -> bool:
    """Whether a query failed because its session reads the lake only."""
    details = _details(error)
    missing = details.get("name", "") if details.get("type") == "Table" else ""
    return bool(_OUTSIDE.search(details["exception_message"]) or _PATH.search(missing))


def one_line(con: duckdb.DuckDBPyConnection, error: duckdb.Error, query: str, prefix: int = 0) -> str:
    """The message of a query that failed: `line 1, column 8: "select foo": ... not found ...; nearest: frame`.

    Args:
        con: where the query ran; the nearest names are taken from it.
        error: raised while `errors_as_json` was set. Without JSON in it, the message has no place.
        prefix: bytes that preceded the query in the statement that was run.
    """
    details = _details(error)
    message = _ADVICE.split(details["exception_message"])[0].strip().rstrip("!.")
    language = _MISSING_LANGUAGE.search(message)
    if outside := _OUTSIDE.search(message):
        message = f"{outside['place']} is outside the lake"
    elif is_outside(error):
        message = f"{json.dumps(details['name'], ensure_ascii=False)} is outside the lake"
    elif language:
        near = ", ".join(f"{code} ({languages.by_code()[code].name})" for code in languages.nearest(language.group(2)))
        message = f"{language.group(1)}; nearest: {near}; the table languages lists them"
    elif details.get("error_subtype") == "NO_MATCHING_FUNCTION":
        message += f". It takes {' or '.join(_CANDIDATE.findall(details['exception_message'])[:3])}"
    else:
        near = ", ".join(_nearest(con, details))
        message += f"; nearest: {near}" if near else ""
    return " ".join(f"{_place(details, query, prefix)}{message}".split())


def message_of(error: duckdb.Error) -> str:
    """The message alone, without its kind and place."""
    return str(_details(error)["exception_message"])


def _details(error: duckdb.Error) -> dict[str, Any]:
    text = str(error)
    try:
        details = json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text}
    return details if "exception_message" in details else {"exception_message": text}


def _place(details: dict[str, Any], query: str, prefix: int) -> str:
    """`line 1, column 8: "select foo": `, the query up to the error; empty if it lies in a macro."""
    start, length = json.loads(details.get("location") or f"[{details.get('position') or -1}, 0]")
    raw = query.encode()
    start -= prefix
    if not 0 <= start <= len(raw):
        return ""
    before = raw[:start].decode(errors="replace")
    wrong = (
        raw[start : start + length].decode(errors="replace") or (re.match(r"\w+|.?", raw[start:].decode()) or [""])[0]
    )
    if details.get("name") and details["name"].casefold() not in wrong.casefold():
        return ""
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    shown = before.splitlines()[-1] if before and not before.endswith("\n") else ""
    shown = f"...{shown[-_SHOWN:]}" if len(shown) > _SHOWN else shown
    wrong = wrong.splitlines()[0] if wrong else ""
    return f'line {line}, column {column}: "{shown}{wrong[:_SHOWN]}": '


def _nearest(con: duckdb.DuckDBPyConnection, details: dict[str, Any]) -> list[str]:
    """The names nearest to an unknown one."""
    name, message = details.get("name", ""), details["exception_message"]
    if table := _MISSING_TABLE.search(message):
        return [word.strip(' "') for word in table.group(1).split(",")]
    if details.get("error_subtype") == "COLUMN_NOT_FOUND":
        # DuckDB's candidates are those in scope; they are only sorted here.
        return difflib.get_close_matches(name, details.get("candidates", "").split(","), n=3, cutoff=0.0)
    if field := _MISSING_FIELD.search(message):
        name, known = field.group(1), "select distinct column_name from duckdb_columns() where schema_name = 'main'"
    elif details.get("error_subtype") == "MISSING_ENTRY" and "Function" in details.get("type", ""):
        known = r"select distinct function_name from duckdb_functions() where function_name similar to '\w+'"
    elif details.get("error_subtype") == "MISSING_ENTRY":
        known = "select table_name from information_schema.tables where table_schema = 'main'"
    else:
        return []
    return difflib.get_close_matches(name.casefold(), [row[0] for row in con.execute(known).fetchall()], n=3)
