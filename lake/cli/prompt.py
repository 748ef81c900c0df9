"""A small SQL prompt, with a history and completion by Tab."""

from __future__ import annotations

import contextlib
import difflib
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import platformdirs

from signverse.lake.cli.shared import complain, say
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.interrupt import Terminated
from signverse.lake.query import read_only
from signverse.lake.query.output import Format, write_rows

_HELP: Final = (
    "Statements end with a semicolon or an empty line; Ctrl-C stops one, Tab completes.",
    ".tables lists the tables, .schema TABLE the columns of one, .quit leaves.",
)

_COMMANDS: Final = (".tables", ".schema", ".help", ".quit", ".exit")

_TABLES: Final = "select table_name from information_schema.tables where table_schema = 'main' order by all"

_HIDDEN_HINT: Final = "shown if the query names fewer"


def prompt(con: duckdb.DuckDBPyConnection, form: Format, *, wide: bool = False) -> None:
    """Runs statements until .quit or the end of input; an error is printed, and the next statement is read."""
    history = Path(platformdirs.user_state_path("signverse")) / "sql_history"
    # Imported here: some builds of Python lack it.
    with contextlib.suppress(ImportError, OSError):
        import readline

        history.parent.mkdir(parents=True, exist_ok=True)
        _complete_with_tab(readline, con)
        with contextlib.suppress(FileNotFoundError):
            readline.read_history_file(history)
    say(*_HELP)
    unfinished: list[str] = []
    while (query := _read(unfinished)) is not None:
        if not query:
            continue
        try:
            if query.startswith("."):
                query = _as_sql(con, query)
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


def _as_sql(con: duckdb.DuckDBPyConnection, command: str) -> str:
    """The query that a dot command stands for.

    Raises:
        BadInputError: there is no such command or table.
    """
    name, *words = command.split()
    if name == ".tables" and not words:
        return _TABLES
    tables = [row[0] for row in con.execute(_TABLES).fetchall()]
    if name != ".schema" or len(words) != 1:
        hint = f"Tables: {', '.join(tables)}." if name == ".schema" else f"There are {', '.join(_COMMANDS)}."
        what = ".schema takes a table" if name == ".schema" else f"'{command[:60]}' is not a command"
        raise BadInputError(what, hint)
    table = words[0].strip('"').casefold()
    if table not in tables:
        near = difflib.get_close_matches(table, tables, n=3) or tables
        raise BadInputError(f"no table is called '{words[0][:60]}'", f"Nearest: {', '.join(near)}.")
    return (
        "select column_name, data_type from information_schema.columns "  # noqa: S608 (one of the names above)
        f"where table_schema = 'main' and table_name = '{table}' order by ordinal_position"
    )


def _complete_with_tab(readline: Any, con: duckdb.DuckDBPyConnection) -> None:
    """Makes Tab complete names of tables, columns and macros, words of SQL, and dot commands."""

    @cache
    def words() -> tuple[str, ...]:
        found = con.execute(
            "select table_name from information_schema.tables where table_schema = 'main' "
            "union select column_name from information_schema.columns where table_schema = 'main' "
            "union select function_name from duckdb_functions() where schema_name = 'main' and not internal "
            "union select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        )
        return tuple(sorted(row[0] for row in found.fetchall()))

    @cache
    def matching(line: str, text: str) -> list[str]:
        if line.startswith(".") and " " not in line:
            # Python's readline adds no blank.
            commands = (".schema " if command == ".schema" else command for command in _COMMANDS)
            return [command for command in commands if command.startswith(line)]
        # c.num_frames: what stands before the dot is kept.
        table, dot, start = text.rpartition(".")
        return [f"{table}{dot}{word}" for word in words() if text and word.startswith(start.lower())]

    def complete(text: str, state: int) -> str | None:
        # An exception here would be lost in readline; without an answer Tab does nothing.
        with contextlib.suppress(duckdb.Error):
            found = matching(readline.get_line_buffer().lstrip(), text)
            return found[state] if state < len(found) else None
        return None

    # A dot command is one word with its dot.
    readline.set_completer_delims(" \t\n,;()[]=<>+-*/|'\"")
    readline.set_completer(complete)
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")


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
            say(*_HELP)
            return ""
        if command.split()[:1] in ([".tables"], [".schema"]) or (not lines and line.startswith(".")):
            return command
        if line:
            lines.append(line)
        if not line or line.endswith(";"):
            statement = "\n".join(lines)
            lines.clear()
            return statement
