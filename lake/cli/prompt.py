"""A small SQL prompt."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import duckdb
import platformdirs

from signverse.lake.cli.shared import complain, say
from signverse.lake.model.errors import SignverseError
from signverse.lake.model.interrupt import Terminated
from signverse.lake.query import read_only
from signverse.lake.query.output import Format, write_rows

_HELP: Final = "Statements end with a semicolon or an empty line. .tables lists the tables, .quit leaves."

_HIDDEN_HINT: Final = "shown if the query names fewer"


def prompt(con: duckdb.DuckDBPyConnection, form: Format, *, wide: bool = False) -> None:
    """Runs statements until .quit or the end of input; an error is printed, and the next statement is read."""
    history = Path(platformdirs.user_state_path("signverse")) / "sql_history"
    # Imported here: some builds of Python lack it.
    with contextlib.suppress(ImportError, OSError):
        import readline

        history.parent.mkdir(parents=True, exist_ok=True)

        with contextlib.suppress(FileNotFoundError):
            readline.read_history_file(history)
    say(_HELP)
    unfinished: list[str] = []
    while (query := _read(unfinished)) is not None:
        if not query:
            continue
        if query == ".tables":
            query = "select table_name from information_schema.tables where table_schema = 'main' order by all"
        try:
            write_rows(read_only.run(con, query), form, None, wide=wide, hint=_HIDDEN_HINT)
        except SignverseError as error:
            complain(str(error))
        except Terminated:
            raise
        except KeyboardInterrupt:
            complain("interrupted")
    # Imported here: some builds of Python lack it.
    with contextlib.suppress(ImportError, OSError):
        import readline

        readline.write_history_file(history)


def _read(lines: list[str]) -> str | None:
    """Reads one statement, up to a semicolon or an empty line; None at the end of input or after .quit.

    Args:
        lines: those of the statement that are read already; emptied with it. A dot command between them leaves them.
    """
    while True:
        try:
            line = input("... " if lines else "signverse> ").strip()
        except EOFError:
            say("")
            return None
        except Terminated:
            raise
        except KeyboardInterrupt:
            say("")
            lines.clear()
            return ""
        command = line.rstrip(";")
        # Within a statement a line that begins with a dot may be SQL, and so may a word.
        if command in {".quit", ".exit"} or (not lines and command in {"quit", "exit", "\\q"}):
            return None
        if command == ".help" or (not lines and command == "help"):
            say(_HELP)
            return ""
        if command == ".tables" or (not lines and line.startswith(".")):
            return command
        if line:
            lines.append(line)
        if not line or line.endswith(";"):
            statement = "\n".join(lines)
            lines.clear()
            return statement
