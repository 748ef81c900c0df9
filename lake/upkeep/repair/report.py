"""What a repair finds and does, and the commands that bring the rest back."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, SEGMENTS, SOURCES, SPLITS, VIDEOS, Table
from signverse.lake.storage.integrity.lost_files import LostFile

State = Literal["mended", "lost", "removed"]

_LISTED: Final = 20
"""Ids in a command; of more videos it has the range of their ids and the language, which may take more of them."""


@dataclass(frozen=True)
class Finding:
    """Something that was not as it should be.

    Attributes:
        table: where; "log of TABLE" of a transaction log.
        found: what, in a few words.
        state: mended, lost (nothing in the lake brings it back), or removed from the tables on request.
    """

    table: str
    found: str
    state: State


@dataclass
class Report:
    """What a repair found.

    Attributes:
        commands: what brings the lost back, a line each, in the order to run them.
    """

    findings: list[Finding] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def add(self, table: str, found: str, state: State = "mended") -> None:
        """Adds a finding."""
        self.findings.append(Finding(table, found, state))

    @property
    def lost(self) -> int:
        """How many findings could not be mended."""
        return sum(finding.state == "lost" for finding in self.findings)


def commands_for(lake: Path, lost: Sequence[LostFile]) -> list[str]:
    """The commands that bring back what lost files held.

    Args:
        lake: the folder, as the commands name it.
    """
    named = shlex.quote(str(lake))
    tables = {file.table for file in lost if file.videos is None or file.videos}
    commands = []
    if VIDEOS in tables:
        commands.append(f"signverse repair {named}")
    if KEYPOINTS in tables:
        # The next ingestion takes them as if the lake did not have them.
        commands += [
            f"signverse ingest videos FOLDER --lake {named}   # videos that were extracted",
            f"signverse ingest shards TARS --lake {named}   # videos of released shards",
        ]
    for file in lost:
        if file.table in (SEGMENTS, CAPTIONS) and file.videos:
            condition = shlex.quote(_condition(file))
            commands += [
                f"signverse ingest videos FOLDER --lake {named} --redo {condition}",
                f"signverse ingest shards TARS --lake {named} --redo",
            ]
    for table in (SOURCES, SPLITS, OUTCOMES):
        if table in tables:
            # Until then whatever asks the table is refused.
            commands += [f"signverse repair {named} --drop-lost", *commands_for_table(lake, table)]
    return list(dict.fromkeys(commands))


def commands_for_table(lake: Path, table: Table) -> list[str]:
    """The commands that fill a table again of which nothing is left."""
    named = shlex.quote(str(lake))
    if table is SOURCES:
        return [
            f"signverse ingest videos FOLDER --lake {named} --manifest MANIFEST",
            f"signverse ingest shards TARS --lake {named} --manifest MANIFEST",
        ]
    if table is CAPTIONS:
        return [
            f"signverse ingest captions FOLDER --lake {named}   # caption files, or tars of subtitles",
            f"signverse ingest shards TARS --lake {named} --redo",
        ]
    return [f"signverse split --lake {named}"] if table is SPLITS else []


def commands_without_segments(lake: Path) -> list[str]:
    """The commands that make the segments of videos that have none."""
    named = shlex.quote(str(lake))
    return [
        f'signverse ingest videos FOLDER --lake {named} --redo "video_id not in (select video_id from segments)"',  # noqa: S608 (to type)
        f"signverse ingest shards TARS --lake {named} --redo",
    ]


def _condition(file: LostFile) -> str:
    """A condition over `videos` that the videos of a lost file meet."""
    ids = file.videos or ()
    if len(ids) <= _LISTED:
        listed = ", ".join("'" + video_id.replace("'", "''") + "'" for video_id in ids)
        return f"video_id in ({listed})"
    first, last = (video_id.replace("'", "''") for video_id in (ids[0], ids[-1]))
    return f"sign_language = '{file.file.partition}' and video_id between '{first}' and '{last}'"
