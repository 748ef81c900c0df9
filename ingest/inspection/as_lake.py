"""One video of a released file as a lake of its own, to be looked at: read, and repaired, as an import would do it."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Final

from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Failure, Options
from signverse.ingest.shards.tar_files import videos_in
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.wording import some
from signverse.lake.storage.committer import VideoRows

_FRAME_FILE: Final = re.compile(r"[0-9]{8}")


def released_as_lake(path: Path, video_id: str | None, folder: Path) -> tuple[Lake, str]:
    """Makes a lake of a video of a shard, or of a .npz file of one.

    Args:
        path: a tar, or a .npz file in one of the released dialects.
        video_id: which video of the tar; may be None where it holds one.
        folder: an empty folder for the lake.

    Returns:
        The lake, and the id of the video in it.

    Raises:
        BadInputError: the file cannot be read, or does not hold the video.
    """
    if not path.is_file():
        raise BadInputError(f"there is no file {path}")
    given = path
    if path.suffix.lower() == ".npz":
        path = _in_a_tar(path, folder)
    with Tar(path) as tar:
        ids = list(videos_in(tar)[0])
    if video_id is None and len(ids) > 1:
        raise BadInputError(f"{path} holds {len(ids)} videos: {some(ids)}", "Name one: SHARD.tar:VIDEO_ID")
    video_id = video_id or next(iter(ids), None)
    if video_id not in ids:
        raise BadInputError(f"{path} does not hold a video '{video_id}'", f"It holds: {some(ids) or 'no video'}.")
    lake = Lake.create(folder / "lake")
    failures: list[str] = []

    def on_video(event: VideoRows | Failure) -> None:
        if isinstance(event, Failure):
            failures.append(event.why)

    import_shards(lake, [path], Options(skip=frozenset(ids) - {video_id}), on_video=on_video, redo=True)
    lake.refresh()
    if lake.snapshot.visible().is_empty():
        why = failures[0] if failures else f"'{video_id}' of {path} cannot be read"
        raise BadInputError(why.replace(str(path), str(given)))
    return lake, video_id


def _in_a_tar(path: Path, folder: Path) -> Path:
    """A tar that holds the file as a released one would: what reads tars knows all dialects and bounds."""
    video_id = path.stem if path.stem != "poses" else path.absolute().parent.name
    name = f"npz/{path.name}" if _FRAME_FILE.fullmatch(path.stem) else "poses.npz"
    if name.startswith("npz/"):
        video_id = f"frame-{path.stem}"
    try:
        check_video_id(video_id)
    except BadInputError:
        video_id = "poses"
    tar = folder / f"{path.name}.tar"
    with tarfile.open(tar, "w") as file:
        file.add(path.resolve(), f"{video_id}/{name}")
    return tar
