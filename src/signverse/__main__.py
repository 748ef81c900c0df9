"""The command `signverse`, and `python -m signverse`: Ctrl-C and SIGTERM end it in silence from its first moment."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final

_INTERRUPTED: Final = 130


def _end(number: int, _: FrameType | None) -> None:
    # Nothing has begun: at once, as a traceback out of an import helps nobody.
    os._exit(128 + number)


def main() -> None:
    """Loads the commands, which takes a moment, and runs the command line."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        # Who started this in the background may have it ignore Ctrl-C.
        if handler is not signal.SIG_IGN:
            signal.signal(number, _end)
    from signverse.command_line import main as run_command
    from signverse.lake.jobs.left_out import leave_pandas_out

    leave_pandas_out()

    signal.signal(signal.SIGINT, before[signal.SIGINT])
    # That of SIGTERM stays until the command puts its own in its place.
    try:
        run_command()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
