"""`--redo [WHERE]`: which videos of a lake are ingested again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

if TYPE_CHECKING:
    from signverse.lake.lake import Lake

OPTION: Final = "--redo"
ALL: Final = "true"


class RedoCommand(TyperCommand):
    """A command whose option --redo may have no condition; then all videos are ingested again.

    The word after it is not a condition if it is an option, or a file or folder that exists.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words: list[str] = []
        for i, word in enumerate(args):
            words.append(word)
            if word == OPTION:
                next_word = args[i + 1] if i + 1 < len(args) else "-"
                if next_word.startswith("-") or Path(next_word).exists():
                    words.append(ALL)
        return super().parse_args(ctx, words)


def videos_to_keep(lake: Lake, where: str | None) -> set[str]:
    """The ids of a lake's videos that are not ingested again: those whose keypoints are lost always are.

    Args:
        where: a SQL condition over the view `videos`; those that meet it are ingested again. None keeps all.

    Raises:
        MistypedError: the condition is not valid SQL, or does more than read.
    """
    if where == ALL:
        # Also where nothing of the lake can be read.
        return set()
    # Imported in functions, not at the top: it would slow the start of the command line.
    from signverse.lake.storage.integrity.lost_files import videos_to_take_again

    present = set(lake.snapshot.visible()["video_id"]) - videos_to_take_again(lake.snapshot)
    if where is None or not present:
        return present
    from signverse.lake.query.read_only import run_once

    # The newline ends a comment that may be at the end of the condition.
    query = f"select video_id from videos where ({where}\n)"  # noqa: S608 (run as one statement that reads)
    again = run_once(lake.snapshot, query, typed=where)
    return present - set(again["video_id"])
