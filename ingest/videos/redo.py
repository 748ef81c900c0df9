"""`--redo [WHERE]`: which of the videos that a lake has are done again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

if TYPE_CHECKING:
    from signverse.lake.lake import Lake

OPTION: Final = "--redo"
ALL: Final = "true"


class RedoCommand(TyperCommand):
    """A command whose option --redo may go without its condition: all are done again then.

    What follows is no condition where it is an option, or a file or folder that exists.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words: list[str] = []
        for i, word in enumerate(args):
            words.append(word)
            if word == OPTION:
                following = args[i + 1] if i + 1 < len(args) else "-"
                if following.startswith("-") or Path(following).exists():
                    words.append(ALL)
        return super().parse_args(ctx, words)


def kept_videos(lake: Lake, where: str | None) -> set[str]:
    """The ids of the videos of a lake that are left as they are.

    Args:
        where: a condition in SQL over the view `videos`; what it holds for is done again. None keeps all.

    Raises:
        BadInputError: the condition is none, or does more than read.
    """
    there = set(lake.snapshot.visible()["video_id"])
    if where is None or not there:
        return there
    from signverse.lake.query.read_only import run

    with lake.duckdb() as con:
        # The line's end closes a comment that the condition may end with.
        again = run(con, f"select video_id from videos where ({where}\n)")  # noqa: S608 (looked at by `run`)
    return there - set(again["video_id"])
