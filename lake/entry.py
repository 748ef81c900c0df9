"""Running the command line: what a person may cause ends in one line on stderr and an exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import sys

import typer
from typer.main import get_command

from lake.command import say
from lake.errors import SignverseError


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Runs one command.

    Returns:
        0 done, 1 it could not be done, 2 it was asked wrongly, 130 interrupted.
    """
    try:
        get_command(app).main(arguments, prog_name="signverse", standalone_mode=True)
    except SignverseError as error:
        say(f"signverse: {error}")
        return 1
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BrokenPipeError:
        # Whoever read our output has enough, `head` for one. The interpreter would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        say(f"signverse: {_plain(error)}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def _plain(error: OSError) -> str:
    full = error.errno == errno.ENOSPC or "os error 28" in str(error) or "No space left" in str(error)
    if full:
        return f"the disk is full ({error}). Nothing half-written is visible: free some space and run the same again"
    return " ".join(str(error).split())
