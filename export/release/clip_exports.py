"""The formats of clips, and writing an export in one of them. The same lake gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from signverse.export.formats import parquet, posefile, webdataset
from signverse.export.release.clips import Chunk, plan_chunks
from signverse.export.release.folder import Folder, Written, fingerprint
from signverse.export.release.index import INDEX, SUMS, ClipRow
from signverse.export.release.layouts import PARQUET, POSE, WEBDATASET, Layout
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError


@dataclass(frozen=True)
class Format:
    """How clips are written.

    Attributes:
        layout: of the folder.
        chunk: name of a chunk, a template with the number from 0.
        frame_bytes, clip_bytes: about what a person in a frame takes, and a clip besides.
        write: writes a chunk to the folder.
    """

    layout: Layout[ClipRow]
    chunk: str
    frame_bytes: int
    clip_bytes: int
    write: Callable[..., Written[ClipRow]]


FORMATS: Final[Mapping[str, Format]] = {
    "webdataset": Format(
        WEBDATASET, webdataset.NAME, webdataset.FRAME_BYTES, webdataset.CLIP_BYTES, webdataset.write_tar
    ),
    "parquet": Format(PARQUET, parquet.NAME, parquet.FRAME_BYTES, parquet.CLIP_BYTES, parquet.write_part),
    "pose": Format(POSE, posefile.NAME, posefile.FRAME_BYTES, posefile.CLIP_BYTES, posefile.write_poses),
}


@dataclass(frozen=True)
class ClipExport:
    """An export of clips to a folder.

    Attributes:
        kind: a name of `FORMATS`.
        all_people: everybody, not the primary signer only.
    """

    lake: Lake
    out: Path
    kind: str
    all_people: bool = False

    def plan(self, clips: pl.DataFrame, count: int) -> list[Chunk]:
        """Shares clips out to chunks of `count`; see `plan_chunks`.

        Raises:
            BadInputError: a video is called as a file of the export is.
        """
        form = FORMATS[self.kind]
        taken = {INDEX, SUMS} & set(clips["video_id"]) if self.kind == "pose" else set()
        if taken:
            raise BadInputError(f"the folder of video '{min(taken)}' would be the export's own file", "Leave it out.")
        return plan_chunks(
            clips,
            form.chunk,
            count,
            all_people=self.all_people,
            frame_bytes=form.frame_bytes,
            clip_bytes=form.clip_bytes,
        )

    def prepare(self, chunks: Sequence[Chunk], *, overwrite: bool) -> list[Written[ClipRow]]:
        """Makes the folder; returns the chunks of the same export that an earlier run finished.

        Raises:
            BadInputError: it holds another export, or the disk has not the room.
        """
        columns = ["segment_id", "ingest_id", "start_frame", "end_frame"]
        content = ([chunk.name, *row] for chunk in chunks for row in chunk.clips.select(columns).iter_rows())
        state = fingerprint(self.lake, {"kind": self.kind, "all_people": self.all_people}, content)
        return self._folder().prepare(chunks, state, overwrite=overwrite)

    def write(
        self,
        chunks: Sequence[Chunk],
        *,
        done: Sequence[Written[ClipRow]] = (),
        workers: int = 1,
        on_chunk: Callable[[Written[ClipRow]], None] | None = None,
    ) -> list[ClipRow]:
        """Writes chunks, then index.csv and SHA256SUMS; gives the rows of the index. See `Folder.write`."""
        write = partial(FORMATS[self.kind].write, all_people=self.all_people)
        return self._folder().write(self.lake, chunks, write, done=done, workers=workers, on_unit=on_chunk)

    def _folder(self) -> Folder[ClipRow]:
        return Folder(self.out, FORMATS[self.kind].layout)
