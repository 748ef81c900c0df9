"""What to do where files of a lake cannot be read: the videos that they cost, and the commands that bring them back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.wording import as_argument
from signverse.lake.storage.integrity.digests import CHANGED
from signverse.lake.storage.integrity.lost_files import LostFile, lost_in
from signverse.lake.storage.location import lake_folder
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.repair.report import Commands


@dataclass(frozen=True)
class Advice:
    """What verification found costs, and what to run.

    Attributes:
        lost: the files that are missing or damaged, whose rows are missed.
        commands: a line each, in the order to run them.
    """

    lost: tuple[LostFile, ...]
    commands: tuple[str, ...]

    @property
    def videos(self) -> list[str]:
        """The ids of the videos that lost files cost, as far as they are known."""
        return sorted({video_id for file in self.lost for video_id in file.videos or ()})


def advise(path: str | Path, broken: Collection[str], problems: int) -> Advice:
    """Says what the problems of a lake cost, and what to run.

    Args:
        broken: paths of the data files that cannot be read, of `verify_folder`.
        problems: how many there are, those of files among them.
    """
    repair = f"signverse repair {as_argument(lake_folder(path))}"
    try:
        snapshot = Snapshot.open(path)
        known: dict[str, dict[str, str]] = {}
        for name in broken:
            table, _, file = Path(name).relative_to(snapshot.folder).as_posix().partition("/")
            known.setdefault(table, {})[file] = CHANGED
        lost = lost_in(snapshot, known)
        commands = Commands.of(snapshot, snapshot.folder).for_files(lost)
    except SignverseError:
        return Advice((), (repair,))
    missed = tuple(file for file in lost if file.videos is None or file.videos)
    if problems > len(missed) or not commands:
        commands.insert(0, repair)
    return Advice(missed, tuple(dict.fromkeys(commands)))
