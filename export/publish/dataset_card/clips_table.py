"""clips.parquet: the rows of an export of Parquet without the keypoints, for search and the hub's viewer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from signverse.export.publish.dataset_card.features import CLIPS_SCHEMA
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular

CLIPS: Final = "clips.parquet"

_ROWS: Final = 50_000
"""Of a row group: some 10 MB with captions. The viewer takes 300 MB."""


def write_clips(folder: Path, files: Sequence[str], out: BinaryIO | Any) -> None:
    """Writes the table; the same files give the same bytes.

    Args:
        files: the Parquet files of the export, as paths in the folder.

    Raises:
        BadInputError: one cannot be read.
    """
    rows: list[pa.Table] = []
    with pq.ParquetWriter(
        out, CLIPS_SCHEMA, compression="zstd", write_page_index=True, write_page_checksum=True
    ) as writer:
        for name in files:
            try:
                with open_regular(folder / name) as opened, pq.ParquetFile(opened) as file:
                    rows.append(file.read(columns=CLIPS_SCHEMA.names).select(CLIPS_SCHEMA.names).cast(CLIPS_SCHEMA))
            except (OSError, ValueError, pa.ArrowException) as error:
                why = " ".join(str(error).split())[:200]
                raise BadInputError(f"{folder / name} cannot be read: {why}", "`signverse verify` says more.") from None
            if sum(map(len, rows)) >= _ROWS:
                writer.write_table(pa.concat_tables(rows), row_group_size=_ROWS)
                rows = []
        if rows:
            writer.write_table(pa.concat_tables(rows), row_group_size=_ROWS)
