"""Whether the files of an export of clips hold what its index says."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from signverse.export.formats.parquet import read_points
from signverse.export.formats.webdataset import key_of
from signverse.export.release.index import INDEX, ClipRow


def verify_clips(path: Path, sha256: str, rows: Sequence[ClipRow]) -> Iterator[str]:
    """What of a file differs from its rows of the index.

    Args:
        sha256: of the file, which is right.
    """
    if path.suffix == ".tar":
        yield from _verify_tar(path, rows)
    elif path.suffix == ".parquet":
        yield from _verify_part(path, rows)
    elif [row.sha256 for row in rows] != [sha256]:
        yield f"{path} is not the one of {INDEX}" if rows else f"{path} is not in {INDEX}"


def _verify_tar(path: Path, rows: Sequence[ClipRow]) -> Iterator[str]:
    digests: dict[str, str] = {}
    told: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                # A link is not followed: what it leads to may lie anywhere, or nowhere.
                data = tar.extractfile(member) if member.isreg() else None
                key, _, ending = member.name.partition(".")
                if data is None:
                    yield f"{path}: {member.name} is no plain file"
                elif ending == "keypoints.npy":
                    digests[key] = hashlib.file_digest(data, "sha256").hexdigest()  # type: ignore[arg-type]
                elif ending == "json":
                    told[key] = json.load(data)["segment_id"]
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        yield f"{path} cannot be read: {' '.join(str(error).split())}"
        return
    for row in rows:
        key = key_of(row.segment_id)
        if key not in digests:
            yield f"{path} lacks {key}.keypoints.npy"
        elif digests[key] != row.sha256:
            yield f"{path}: {key}.keypoints.npy is not the one of {INDEX}"
        if key not in told:
            yield f"{path} lacks {key}.json"
        elif told[key] != row.segment_id:
            yield f"{path}: {key}.json tells of another clip"
    for key in sorted(digests.keys() - {key_of(row.segment_id) for row in rows}):
        yield f"{path} holds {key}, which is not in {INDEX}"


def _verify_part(path: Path, rows: Sequence[ClipRow]) -> Iterator[str]:
    try:
        found = dict(read_points(path))
    # Arrow's errors are these; a column that is missing is a KeyError.
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"{path} cannot be read: {' '.join(str(error).split())}"
        return
    for row in rows:
        if row.segment_id not in found:
            yield f"{path} lacks {row.segment_id}"
        elif found[row.segment_id] != row.sha256:
            yield f"{path}: the points of {row.segment_id} are not those of {INDEX}"
    for segment_id in sorted(found.keys() - {row.segment_id for row in rows}):
        yield f"{path} holds {segment_id}, which is not in {INDEX}"
