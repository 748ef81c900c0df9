"""Release shards: tars of whole videos or chosen clips, an index and checksums. The same lake gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from export import card, consolidated
from export.content import Content, load_content
from export.index import INDEX, SHARD_NAME, SUMS, IndexRow, index_row, shard_name, write_index
from export.workers import side_by_side
from lake.errors import BadInputError
from lake.lake import Lake
from lake.output import whole_file
from lake.schema import CAPTIONS, SEGMENTS

VIDEOS_PER_SHARD: Final = 40

DIALECTS: Final[Mapping[str, Callable[[Content], dict[str, bytes]]]] = {
    "card": card.files,
    "consolidated": consolidated.files,
}
"""What writes the files of a video; the first file of each is its keypoints."""

_BYTES_A_ROW: Final = 2_300
"""Of a person in a frame, in a shard (measured: card 1,800, consolidated 2,200): whether the disk will do."""

_STATE: Final = ".export.json"
_DONE: Final = ".done.json"

_FILES: Final = "|".join(
    (SHARD_NAME.pattern, rf"\.{SHARD_NAME.pattern}{re.escape(_DONE)}", *map(re.escape, (INDEX, SUMS, _STATE)))
)
_HALF: Final = re.compile(rf"\.(?:{_FILES})\.[a-z0-9_]{{8}}")
"""What a killed run was writing (see `whole_file`)."""


@dataclass(frozen=True)
class Spec:
    """What is written of each video.

    Attributes:
        dialect: card or consolidated.
        only_segments: the frames of the chosen segments and no others.
        segments: ids of the chosen segments by video id; None for all.
    """

    dialect: str = "card"
    only_segments: bool = False
    segments: Mapping[str, frozenset[str]] | None = None


@dataclass(frozen=True)
class Shard:
    """A shard to write, and when it is written: its checksum and its part of the index."""

    name: str
    videos: Sequence[dict[str, Any]] = field(repr=False)


@dataclass(frozen=True)
class Written:
    """A shard that is finished."""

    name: str
    sha256: str
    index: list[IndexRow]


def plan_shards(videos: pl.DataFrame, *, videos_per_shard: int = VIDEOS_PER_SHARD, shard_bytes: int = 0) -> list[Shard]:
    """Shares videos out to shards, in their order.

    Args:
        videos_per_shard: of each but the last.
        shard_bytes: about how large a shard may be; where given, it counts instead of the number of videos.
    """
    batches: list[list[dict[str, Any]]] = []
    size = 0
    for video in videos.iter_rows(named=True):
        expected = _bytes_of(video)
        full = (
            size + expected > shard_bytes if shard_bytes else len(batches[-1]) >= videos_per_shard if batches else True
        )
        if not batches or full:
            batches.append([])
            size = 0
        batches[-1].append(video)
        size += expected
    return [Shard(shard_name(number), batch) for number, batch in enumerate(batches, 1)]


def _bytes_of(video: Mapping[str, Any]) -> int:
    return 4096 + int(video["num_frames"]) * max(1, video["people_max"] or 1) * _BYTES_A_ROW


def prepare_folder(out: Path, lake: Lake, shards: Sequence[Shard], spec: Spec, *, overwrite: bool) -> list[Written]:
    """Makes the folder of an export; returns the shards of the same export that an earlier run finished.

    Raises:
        BadInputError: it holds another export, or the disk has not the room.
    """
    state = _fingerprint(lake, shards, spec)
    earlier = [path for path in out.iterdir() if _is_ours(path)] if out.is_dir() else []
    whole, same = (out / SUMS).exists(), _same(out / _STATE, state)
    if earlier and not overwrite:
        if whole:
            raise BadInputError(f"{out} holds an export already", "Name another folder, or give --overwrite.")
        if not same:
            raise BadInputError(
                f"{out} holds an unfinished export of something else", "Name another folder, or give --overwrite."
            )
    # With --overwrite too: a command that replaces goes on as others do.
    done = [] if whole or not same else [written for shard in shards if (written := _read_done(out, shard.name))]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
    kept = {name for written in done for name in (written.name, _done_name(written.name))}
    going = [path for path in earlier if path.name not in kept]
    needed = sum(_bytes_of(video) for shard in shards if shard.name not in kept for video in shard.videos)
    room = shutil.disk_usage(out).free + sum(path.stat().st_size for path in going)
    if needed > room:
        raise BadInputError(
            f"{out} has room for {room / 1e9:,.1f} GB, the export may take {needed / 1e9:,.1f}",
            "Free some space, or select less.",
        )
    for path in going:
        path.unlink()
    with whole_file(out / _STATE) as file:
        file.write(state.encode())
    return done


def _is_ours(path: Path) -> bool:
    return re.fullmatch(_FILES, path.name) is not None or _HALF.fullmatch(path.name) is not None


def _fingerprint(lake: Lake, shards: Sequence[Shard], spec: Spec) -> str:
    """What an export is of: two runs with the same may share their shards."""
    digest = hashlib.sha256(f"{spec.dialect} {spec.only_segments}".encode())
    for shard in shards:
        for video in shard.videos:
            chosen = sorted((spec.segments or {}).get(video["video_id"], ()))
            digest.update(json.dumps([shard.name, video["video_id"], video["ingest_id"], chosen]).encode())
    return json.dumps({"lake": str(lake.folder.resolve()), "content": digest.hexdigest()}, indent=1) + "\n"


def _same(path: Path, state: str) -> bool:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8") == state
    return False


def _done_name(shard: str) -> str:
    return f".{shard}{_DONE}"


def _read_done(out: Path, shard: str) -> Written | None:
    """A shard that an earlier run finished; None where it did not."""
    try:
        told = json.loads((out / _done_name(shard)).read_text(encoding="utf-8"))
        if (out / shard).stat().st_size != told["size"]:
            return None
        return Written(shard, told["sha256"], [index_row(row) for row in told["index"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def export_shards(
    lake: Lake,
    shards: Sequence[Shard],
    out: Path,
    spec: Spec,
    *,
    done: Sequence[Written] = (),
    workers: int = 1,
    on_shard: Callable[[Written], None] | None = None,
) -> list[IndexRow]:
    """Writes shards, then index.csv and SHA256SUMS.

    A shard takes its name only when all of it is written. After a kill the next run goes on with the shards that are
    missing, see `prepare_folder`.

    Args:
        done: shards of this export that are there already.
        workers: shards written side by side, each by a process.
        on_shard: told each finished shard.
    """
    finished = {written.name: written for written in done}
    for written in _write_all(lake, [shard for shard in shards if shard.name not in finished], out, spec, workers):
        finished[written.name] = written
        if on_shard is not None:
            on_shard(written)
    in_order = [finished[shard.name] for shard in shards]
    index = [row for written in in_order for row in written.index]
    write_index(out, index, {written.name: written.sha256 for written in in_order})
    for name in (_STATE, *(_done_name(shard.name) for shard in shards)):
        (out / name).unlink(missing_ok=True)
    return index


def _write_all(lake: Lake, shards: Sequence[Shard], out: Path, spec: Spec, workers: int) -> Iterator[Written]:
    if workers == 1 or len(shards) < 2:
        for shard in shards:
            yield write_shard(lake, shard, out, spec)
        return
    calls = [(shard, out, spec) for shard in shards]
    given = (lake.folder, lake.version)
    try:
        yield from side_by_side(_write_shard, calls, workers=workers, begin=_open_lake, given=given)
    except BaseException:
        # A process that was killed, or broken off while it cleared up, leaves what it was writing.
        for path in out.iterdir():
            if _HALF.fullmatch(path.name):
                path.unlink(missing_ok=True)
        raise


_lake: Lake | None = None


def _open_lake(folder: Path, version: int) -> None:
    global _lake
    _lake = Lake.open(folder, version=version)


def _write_shard(shard: Shard, out: Path, spec: Spec) -> Written:
    assert _lake is not None
    return write_shard(_lake, shard, out, spec)


def write_shard(lake: Lake, shard: Shard, out: Path, spec: Spec) -> Written:
    """Writes one shard, which takes its name when all of it is there."""
    digest = hashlib.sha256()
    index: list[IndexRow] = []
    with (
        whole_file(out / shard.name) as file,
        tarfile.open(fileobj=cast(Any, _Hashed(file, digest)), mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for content in _contents(lake, shard, spec):
            files = DIALECTS[spec.dialect](content)
            for name, data in files.items():
                _add(tar, f"{content.video_id}/{name}", data)
            index.append(
                IndexRow(
                    video_id=content.video_id,
                    shard=shard.name,
                    language=content.video["sign_language"],
                    segments=sum(row["text"] is not None for row in content.segments),
                    frames=len(content.frame_ids),
                    sha256=hashlib.sha256(next(iter(files.values()))).hexdigest(),
                )
            )
    written = Written(shard.name, digest.hexdigest(), index)
    told = {
        "size": (out / shard.name).stat().st_size,
        "sha256": written.sha256,
        "index": [{key: str(value) for key, value in asdict(row).items()} for row in index],
    }
    with whole_file(out / _done_name(shard.name)) as file:
        file.write(json.dumps(told).encode())
    return written


def _contents(lake: Lake, shard: Shard, spec: Spec) -> Iterator[Content]:
    ids = [video["video_id"] for video in shard.videos]
    segments = _by_video(lake.frame(SEGMENTS.name), ids, "ordinal")
    captions: dict[str, list[dict[str, Any]]] = {}
    if spec.dialect == "consolidated":
        captions = _by_video(lake.frame(CAPTIONS.name), ids, "track", "ordinal")
    for video in shard.videos:
        video_id = video["video_id"]
        rows = segments.get(video_id, [])
        if spec.only_segments and spec.segments is not None:
            rows = [row for row in rows if row["segment_id"] in spec.segments.get(video_id, ())]
        yield load_content(lake, video, rows, captions.get(video_id, []), only_segments=spec.only_segments)


def _by_video(rows: pl.LazyFrame, ids: Sequence[str], *order: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of some videos, by video id, in order."""
    found = rows.filter(pl.col("video_id").is_in(ids)).sort("video_id", *order).collect()
    return {key: part.to_dicts() for (key,), part in found.partition_by("video_id", as_dict=True).items()}


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


class _Hashed:
    """A file that is hashed as it is written: a shard is not read again for its checksum."""

    def __init__(self, file: Any, digest: Any) -> None:
        self._file, self._digest = file, digest

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return int(self._file.write(data))
