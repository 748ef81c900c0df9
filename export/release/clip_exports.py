"""Writing clips to a folder, in one of the formats of clips. The same lake gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from signverse.export.formats.clip_content import Chunk, plan_chunks
from signverse.export.formats.format import ClipFormat, Written
from signverse.export.formats.index_rows import ClipRow
from signverse.export.formats.registry import CLIP_FORMATS
from signverse.export.release.folder import Folder, fingerprint
from signverse.lake.jobs.executor import Engine
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError


@dataclass(frozen=True)
class ClipExport:
    """An export of clips to a folder.

    Attributes:
        kind: a name of `CLIP_FORMATS`.
        all_people: all people, not the primary signer only.
    """

    lake: Lake
    out: Path
    kind: str
    all_people: bool = False

    def plan(self, clips: pl.DataFrame, count: int) -> list[Chunk]:
        """Divide clips into chunks of `count`; see `plan_chunks`.

        Raises:
            BadInputError: a video has the name of a file of the export.
        """
        form = self._format
        taken = form.reserved & set(clips["video_id"])
        if taken:
            raise BadInputError(f"the folder of video '{min(taken)}' would be the export's own file", "Leave it out.")
        return plan_chunks(
            clips,
            form.chunk_name,
            count,
            all_people=self.all_people,
            frame_bytes=form.frame_bytes,
            clip_bytes=form.clip_bytes,
        )

    def prepare(self, chunks: Sequence[Chunk], *, overwrite: bool) -> list[Written[ClipRow]]:
        """Make the folder; returns the chunks of the same export that an earlier run finished.

        Raises:
            BadInputError: it holds another export, or the disk has too little room.
        """
        columns = ["segment_id", "ingest_id", "start_frame", "end_frame"]
        content = ([chunk.name, *row] for chunk in chunks for row in chunk.clips.select(columns).iter_rows())
        settings = {"kind": self.kind, "all_people": self.all_people, "revision": self._format.revision}
        state = fingerprint(self.lake, settings, content)
        return self._folder().prepare(chunks, state, overwrite=overwrite)

    def write(
        self,
        chunks: Sequence[Chunk],
        *,
        done: Sequence[Written[ClipRow]] = (),
        workers: int = 1,
        engine: Engine = LOCAL,
        on_chunk: Callable[[Written[ClipRow]], None] | None = None,
    ) -> list[ClipRow]:
        """Write chunks, then index.csv and SHA256SUMS; returns the rows of the index. See `Folder.write`."""
        write = partial(self._format.write, all_people=self.all_people)
        return self._folder().write(
            self.lake, chunks, write, done=done, workers=workers, engine=engine, on_unit=on_chunk
        )

    def _folder(self) -> Folder[ClipRow]:
        return Folder(self.out, self._format.folder)

    @property
    def _format(self) -> ClipFormat:
        return CLIP_FORMATS[self.kind]
