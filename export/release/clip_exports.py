"""Writing clips to a folder, in one of the formats of clips. The same lake gives the same bytes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import polars as pl

from signverse.export.formats.clip_content import Chunk, plan_chunks
from signverse.export.formats.defaults import CLIPS_PER_FILE
from signverse.export.formats.format import ClipFormat, Written
from signverse.export.formats.index_rows import ClipRow
from signverse.export.formats.posefile import CLIPS_PER_CHUNK
from signverse.export.formats.registry import CLIP_FORMATS
from signverse.export.release.choice import clips_to_write
from signverse.export.release.folder import Folder, WriteBeside, fingerprint
from signverse.lake.clips.table import Clips, selected_rows
from signverse.lake.jobs.executor import UNLIMITED, Engine, WorkerLimits
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.selection import KEY


@dataclass(frozen=True)
class ClipExport:
    """An export of clips to a folder.

    Attributes:
        kind: a name of `CLIP_FORMATS`.
        all_people: all people, not the primary signer only.
        by_language: the files of each language in a folder of its own, data/CODE.
        beside: writes a card, see `Folder.write`.
    """

    lake: Lake
    out: Path
    kind: str
    all_people: bool = False
    by_language: bool = False
    beside: WriteBeside | None = None

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
            by_language=self.by_language,
        )

    def prepare(self, chunks: Sequence[Chunk], *, overwrite: bool) -> list[Written[ClipRow]]:
        """Make the folder; returns the chunks of the same export that an earlier run finished.

        Raises:
            BadInputError: it holds another export, or the disk has too little room.
        """
        columns = ["segment_id", "ingest_id", "start_frame", "end_frame"]
        content = (
            [f"{chunk.folder}/{chunk.name}".lstrip("/"), *row]
            for chunk in chunks
            for row in chunk.clips.select(columns).iter_rows()
        )
        settings = {"kind": self.kind, "all_people": self.all_people, "revision": self._format.revision}
        if self.beside is not None:
            settings["card"] = True
        state = fingerprint(self.lake, settings, content)
        return self._folder().prepare(chunks, state, overwrite=overwrite)

    def write(
        self,
        chunks: Sequence[Chunk],
        *,
        done: Sequence[Written[ClipRow]] = (),
        workers: int = 1,
        limits: WorkerLimits = UNLIMITED,
        engine: Engine = LOCAL,
        on_chunk: Callable[[Written[ClipRow]], None] | None = None,
    ) -> list[ClipRow]:
        """Write chunks, then index.csv and SHA256SUMS; returns the rows of the index. See `Folder.write`."""
        write = partial(self._format.write, all_people=self.all_people)
        return self._folder().write(
            self.lake,
            chunks,
            write,
            done=done,
            workers=workers,
            limits=limits,
            engine=engine,
            on_unit=on_chunk,
            beside=self.beside,
        )

    def remarks(self, index: Sequence[ClipRow]) -> list[str]:
        """What a person should know of the clips that were written, a line each."""
        return self._format.remarks(index)

    def _folder(self) -> Folder[ClipRow]:
        return Folder(self.out, self._format.folder)

    @property
    def _format(self) -> ClipFormat:
        return CLIP_FORMATS[self.kind]


def export_clips(
    lake: Lake,
    clips: Clips | None,
    folder: str | Path,
    *,
    format: Literal["webdataset", "parquet", "pose"] = "webdataset",
    all_people: bool = False,
    clips_per_file: int = CLIPS_PER_FILE,
    workers: int = 1,
    overwrite: bool = False,
) -> pl.DataFrame:
    """Writes clips to a folder, as `signverse export webdataset`, `parquet` and `pose` do.

    After an interruption the same call goes on with the files that are missing. Release shards are written by the
    command `signverse export shards`.

    Args:
        clips: see `Lake.read_clips`; None for all.
        all_people: all people in the clips, not the primary signer only.
        clips_per_file: clips in a tar or Parquet file; a .pose file holds one.
        workers: files written at once, each by a process.
        overwrite: replace an earlier export in the folder.

    Returns:
        The rows of the folder's index.csv, one per clip.

    Raises:
        BadInputError: the format is unknown; the clips cannot be used; the folder holds something else.
        EmptySelectionError: there is no clip.
    """
    if format not in CLIP_FORMATS:
        raise BadInputError(f"unknown format '{format}'", f"Formats: {', '.join(CLIP_FORMATS)}.")
    chosen = None if clips is None else selected_rows(lake.snapshot, clips).select(KEY)
    rows, remarks = clips_to_write(lake, chosen)
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    job = ClipExport(lake, Path(folder).expanduser(), format, all_people)
    chunks = job.plan(rows, CLIPS_PER_CHUNK if format == "pose" else clips_per_file)
    done = job.prepare(chunks, overwrite=overwrite)
    index = job.write(chunks, done=done, workers=workers)
    for remark in job.remarks(index):
        warnings.warn(remark, stacklevel=2)
    return pl.DataFrame([asdict(row) for row in index])
