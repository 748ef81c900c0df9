"""Runs a command line: what a user can cause ends in one line on stderr and an exit code, never in a traceback."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import redirect_stderr
from pathlib import Path
from typing import Final, TextIO, cast

import typer
from typer.main import get_command

from signverse.lake.cli.shared import CleanStream, complain, reset_quiet
from signverse.lake.model.errors import MistypedError, SignverseError
from signverse.lake.model.interrupt import Sigterm

_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
"""128 and the number of the signal, as shells have it."""

_QUERY_INTERRUPTED: Final = "Query interrupted"

TRACEBACK: Final = "SIGNVERSE_TRACEBACK"
"""The environment variable that makes a fault of this program end in a traceback."""

_LONGEST: Final = 300
"""Characters of the message of an unexpected error; some libraries put whole queries or tables into it."""


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Runs one command.

    Returns:
        0 done, 1 it could not be done, 2 it was typed wrongly, 130 interrupted, 143 ended by SIGTERM.
    """
    # A scheduler's SIGTERM is Ctrl-C by another name: what is finished is committed before the end.
    sigterm = Sigterm()
    sigterm.install()
    reset_quiet()
    if sys.stdout is None:
        # Closed by the caller (`>&-`): results go nowhere, as was asked.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
    try:
        with redirect_stderr(cast(TextIO, CleanStream(sys.stderr))):
            # Typer turns Ctrl-C into exit code 130 and a closed pipe into a quiet end.
            get_command(app).main(arguments, prog_name="signverse", standalone_mode=True)
    except SystemExit as stop:
        if sigterm.received and stop.code == _INTERRUPTED:
            return _TERMINATED
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except SignverseError as error:
        complain(f"signverse: {error}")
        return 2 if isinstance(error, MistypedError) else 1
    except OSError as error:
        complain(f"signverse: {_plain(error)}")
        return 1
    except RuntimeError as error:
        # DuckDB may put this error in the place of the one that a signal raises while a query runs.
        if str(error) != _QUERY_INTERRUPTED:
            return _unexpected(error)
        return _TERMINATED if sigterm.received else _INTERRUPTED
    # A panic of Rust is a BaseException as well.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return _unexpected(error)
    return 0


def _unexpected(error: BaseException) -> int:
    """Says in one line what no command expects; a traceback comes where it was asked for."""
    if os.environ.get(TRACEBACK):
        complain(*"".join(traceback.format_exception(error)).splitlines())
        return 1
    says = " ".join(str(error).split())[:_LONGEST]
    complain(
        f"signverse: unexpected {type(error).__name__}{f': {says}' if says else ''}. This is a fault of signverse: "
        f"please report it, with what the same command prints where {TRACEBACK}=1 is set"
    )
    return 1


def _plain(error: OSError) -> str:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    if full or "os error 28" in str(error) or "No space left" in str(error):
        return f"the disk is full ({error}). Nothing half-written is visible: free some space and run the same again"
    return " ".join(str(error).split())
