"""What a repair finds and does, and the commands that bring the rest back."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import polars as pl

from signverse.lake.model.errors import SignverseError
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, OUTCOMES, SEGMENTS, SOURCES, SPLITS, VIDEOS, Table
from signverse.lake.model.wording import as_argument
from signverse.lake.storage.integrity.digests import CHANGED
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.integrity.lost_files import LostFile
from signverse.lake.storage.snapshot import Snapshot

State = Literal["mended", "lost", "removed"]

_LISTED: Final = 20
"""Ids in a command; of more videos it has the range of their ids and the language, which may take more of them."""

_TARS: Final = 8
"""Tars in a command; more are TARS."""


@dataclass(frozen=True)
class Finding:
    """Something that was not as it should be.

    Attributes:
        table: where; "log of TABLE" of a transaction log.
        found: what, in a few words.
        state: mended, lost (nothing in the lake brings it back), or removed from the tables on request.
        file: of a lost file, its path inside the lake.
    """

    table: str
    found: str
    state: State
    file: str | None = None


@dataclass
class Report:
    """What a repair found.

    Attributes:
        commands: what brings the lost back, a line each, in the order to run them.
    """

    findings: list[Finding] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def add(self, table: str, found: str, state: State = "mended", file: str | None = None) -> None:
        """Adds a finding."""
        self.findings.append(Finding(table, found, state, file))

    @property
    def lost(self) -> int:
        """How many findings could not be mended."""
        return sum(finding.state == "lost" for finding in self.findings)


class Commands:
    """Command lines that bring back what a lake has lost. FOLDER and MANIFEST are for the person to fill in.

    Args:
        lake: the folder.
        tars: by id of the videos that came from released shards, the name of their tar; of all others they were
            extracted. Without it nothing is known of where videos came from.
    """

    def __init__(self, lake: Path, tars: Mapping[str, str] | None = None) -> None:
        self._lake = as_argument(lake)
        self._tars = tars

    @classmethod
    def of(cls, snapshot: Snapshot, lake: Path) -> Commands:
        """For a lake whose table `videos` says where its videos came from."""
        try:
            rows = collect(snapshot.table(VIDEOS.name).filter(pl.col("source") == "shard"))
        except SignverseError:
            return cls(lake)
        return cls(lake, dict(rows.select("video_id", pl.col("source_shard").fill_null("TARS")).iter_rows()))

    def for_files(self, lost: Sequence[LostFile]) -> list[str]:
        """For lost files."""
        tables = {file.table for file in lost if file.videos is None or file.videos}
        commands = [f"signverse repair {self._lake}"] if VIDEOS in tables else []
        for file in lost:
            if file.table is KEYPOINTS and file.problem == CHANGED:
                commands += self._ingest(file.videos or (), f"keypoints_file = '{file.file.name}'")
            elif file.table is KEYPOINTS:
                # The next ingestion takes them as if the lake did not have them.
                commands += self._ingest(file.videos or (), "")
            elif file.table in (SEGMENTS, CAPTIONS) and file.videos:
                commands += self._ingest(file.videos, _condition(file))
        for table in (SOURCES, SPLITS, OUTCOMES):
            if table in tables:
                # Until then whatever asks the table is refused.
                commands += [f"signverse repair {self._lake} --drop-lost {table.name}", *self.for_table(table)]
        return list(dict.fromkeys(commands))

    def for_table(self, table: Table) -> list[str]:
        """For a table of which nothing is left."""
        if table is SOURCES:
            return [f"{line} --manifest MANIFEST" for line in self._both()]
        if table is CAPTIONS:
            return [f"signverse ingest captions FOLDER --lake {self._lake}", f"{self._both()[1]} --redo"]
        return [f"signverse split --lake {self._lake}"] if table is SPLITS else []

    def for_segments(self, ids: Collection[str]) -> list[str]:
        """For videos that no clip is of."""
        return self._ingest(ids, "video_id not in (select video_id from segments)")

    def _ingest(self, ids: Collection[str], redo: str) -> list[str]:
        """The commands that take videos again, by where they came from."""
        if not ids:
            return []
        videos, shards = self._both()
        videos += f" --redo {shlex.quote(redo)}" if redo else ""
        shards += " --redo" if redo else ""
        if self._tars is None:
            return [videos, shards]
        found = sorted({self._tars[video_id].partition("#")[0] for video_id in ids if video_id in self._tars})
        elsewhere = [tar for tar in found if "://" in tar]
        tars = [tar for tar in found if "://" not in tar]
        named = " ".join(map(shlex.quote, tars)) if len(tars) <= _TARS else "TARS"
        extracted = any(video_id not in self._tars for video_id in ids)
        # What was fetched is fetched again; `verify --videos` writes the list of ids.
        again = [
            f"signverse fetch {shlex.quote(tar)} --ids IDS --lake {self._lake}{' --redo' if redo else ''}"
            for tar in (elsewhere if len(elsewhere) <= _TARS else ["SOURCE"])
        ]
        return [
            *([videos] if extracted else []),
            *([shards.replace("TARS", named)] if tars else []),
            *(again if elsewhere else []),
        ]

    def _both(self) -> tuple[str, str]:
        return (
            f"signverse ingest videos FOLDER --lake {self._lake}",
            f"signverse ingest shards TARS --lake {self._lake}",
        )


def _condition(file: LostFile) -> str:
    """A condition over `videos` that the videos of a lost file meet."""
    ids = file.videos or ()
    if len(ids) <= _LISTED:
        listed = ", ".join("'" + video_id.replace("'", "''") + "'" for video_id in ids)
        return f"video_id in ({listed})"
    first, last = (video_id.replace("'", "''") for video_id in (ids[0], ids[-1]))
    return f"sign_language = '{file.file.partition}' and video_id between '{first}' and '{last}'"
