"""A tar, or a file of Parquet, without some videos: what stays has the bytes that it had."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from signverse.export.formats.format import SHARD_FOLDER
from signverse.export.formats.parquet import part_writer
from signverse.export.formats.read_tar import unreadable
from signverse.export.formats.webdataset import key_of
from signverse.export.writers.tar_writer import HashingSink, HashingWriter
from signverse.lake.lists.parquet_footer import check_footer
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular
from signverse.lake.storage.temporary.whole_file import whole_file

_PIECE: Final = 4 << 20


def is_of(member: str, video_ids: Collection[str], segment_keys: Collection[str], *, shard: bool) -> bool:
    """Whether a member of a tar is of one of the videos.

    Args:
        segment_keys: of the clips of these videos, see `webdataset.key_of`.
        shard: a release shard, with a folder a video; otherwise a tar of clips.
    """
    return member.removeprefix("./").partition("/")[0] in video_ids if shard else member.split(".")[0] in segment_keys


def without_videos(
    folder: Path, name: str, video_ids: Collection[str], segment_ids: Collection[str]
) -> tuple[int, str] | None:
    """Writes a file of an export again without some videos, in its place; removes it where nothing is left.

    Args:
        name: path in the folder.
        segment_ids: of the clips of these videos.

    Returns:
        Its bytes and sha256; None where it was removed.

    Raises:
        BadInputError: it cannot be read or written; it is as it was.
    """
    path = folder / name
    try:
        if name.endswith(".tar"):
            keys = {key_of(segment_id) for segment_id in segment_ids}
            shard = SHARD_FOLDER.file.split("_")[0] in name

            def drops(member: str) -> bool:
                return is_of(member, video_ids, keys, shard=shard)

            written = _tar(path, drops)
        elif name.endswith(".parquet"):
            written = _parquet(path, video_ids)
        else:
            # A file of one clip.
            written = None
    except Exception as error:
        if isinstance(error, BadInputError) or not unreadable(error):
            raise
        raise BadInputError(
            f"{path} cannot be read: {' '.join(str(error).split())}", "`signverse verify` says more."
        ) from None
    if written is None:
        path.unlink(missing_ok=True)
    return written


def _tar(path: Path, drops: Callable[[str], bool]) -> tuple[int, str] | None:
    """Copies the members that stay, each with its header as it is."""
    spans: list[tuple[int, int]] = []
    with open_regular(path) as file:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                if not drops(member.name):
                    size = member.size if member.isreg() else 0
                    spans.append(
                        (member.offset, member.offset_data + -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
                    )
                tar.members = []  # type: ignore[attr-defined]
        if not spans:
            return None
        with whole_file(path) as out:
            hashed = HashingWriter(out)
            for start, end in spans:
                file.seek(start)
                while start < end:
                    piece = file.read(min(_PIECE, end - start))
                    if not piece:
                        raise tarfile.ReadError("it ends in the middle of a member")
                    hashed.write(piece)
                    start += len(piece)
            end = hashed.size + 2 * tarfile.BLOCKSIZE
            hashed.write(bytes(end + -end % tarfile.RECORDSIZE - hashed.size))
    return hashed.size, hashed.sha256()


def _parquet(path: Path, video_ids: Collection[str]) -> tuple[int, str] | None:
    """Copies the rows that stay, a row group at a time."""
    values = pa.array(sorted(video_ids), pa.string())
    with open_regular(path) as file, pq.ParquetFile(file, page_checksum_verification=True) as old:
        check_footer(old.metadata, path.stat().st_size)
        schema = old.schema_arrow
        stays = [
            index
            for index in range(old.num_row_groups)
            if not pc.all(pc.is_in(old.read_row_group(index, ["video_id"])["video_id"], value_set=values)).as_py()
        ]
        if not stays:
            return None
        with whole_file(path) as out:
            hashed = HashingSink(out)
            with part_writer(hashed, schema) as writer:
                for index in stays:
                    rows = old.read_row_group(index)
                    rows = rows.filter(pc.invert(pc.is_in(rows["video_id"], value_set=values)))
                    writer.write_table(rows, row_group_size=rows.num_rows)
    return hashed.size, hashed.sha256()
