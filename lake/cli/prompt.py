"""A small SQL prompt."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import duckdb
import platformdirs

from signverse.lake.cli.shared import complain, say
from signverse.lake.model.errors import SignverseError
from signverse.lake.query import read_only
from signverse.lake.query.output import Format, write_rows

_HELP: Final = "Statements end with a semicolon or an empty line. .tables lists the tables, .quit leaves."


def prompt(con: duckdb.DuckDBPyConnection, form: Format, *, wide: bool = False) -> None:
    """Runs statements until .quit or the end of input; an error is printed, and the next statement is read."""
    history = Path(platformdirs.user_state_path("signverse")) / "sql_history"
    with contextlib.suppress(ImportError, OSError):
        import readline

        history.parent.mkdir(parents=True, exist_ok=True)

        with contextlib.suppress(FileNotFoundError):
            readline.read_history_file(history)
    say(_HELP)
    while (query := _read()) is not None:
        if not query:
            continue
        if query == ".tables":
            query = "select table_name from information_schema.tables where table_schema = 'main' order by all"
        try:
            write_rows(read_only.run(con, query), form, None, wide=wide)
        except SignverseError as error:
            complain(str(error))
    with contextlib.suppress(ImportError, OSError):
        import readline

        readline.write_history_file(history)


def _read() -> str | None:
    """Reads one statement, up to a semicolon or an empty line; None at the end of input or after .quit."""
    lines: list[str] = []
    while True:
        try:
            line = input("... " if lines else "signverse> ").strip()
        except EOFError:
            say("")
            return None
        except KeyboardInterrupt:
            say("")
            return ""
        if not lines and line.rstrip(";") in {".quit", ".exit", "quit", "exit", "\\q"}:
            return None
        if not lines and line in {".help", "help"}:
            say(_HELP)
            return ""
        if line:
            lines.append(line)
        statement = "\n".join(lines)
        if not line or statement.startswith(".") or statement.endswith(";"):
            return statement
