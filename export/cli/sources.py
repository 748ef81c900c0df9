"""What `picture` and `video` draw: ids of a lake, released files, .pose files.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from signverse.lake.model.errors import BadInputError, UnknownVideoError

if TYPE_CHECKING:
    from signverse.export.draw.scene import Scene
    from signverse.lake.lake import Lake

ReadReleased = Callable[[Path, str | None, Path], "tuple[Lake, str]"]
"""Makes a lake of a video of a released file: path, which video, an empty folder."""

_ENDINGS: Final = frozenset({".npz", ".pose", ".tar"})

_read_released: ReadReleased | None = None


def read_released_with(reader: ReadReleased) -> None:
    """Says what reads released files: ingestion, which export does not know; the front door knows both."""
    global _read_released
    _read_released = reader


@contextmanager
def opened_scenes(open_lake: Callable[[], Lake], **options: Any) -> Iterator[Callable[[str], Scene]]:
    """Gives what makes a scene of what was typed; what it needs meanwhile is removed in the end.

    VIDEO_ID and SEGMENT_ID are of the lake; FILE.npz, SHARD.tar:VIDEO_ID and FILE.pose need none.

    Args:
        options: of `scene_of`.
    """
    from signverse.export.draw.scene import scene_of

    with ExitStack() as stack:
        lakes: list[Lake] = []

        def scene(name: str) -> Scene:
            path, video_id = _file(name)
            if path is None:
                try:
                    if not lakes:
                        lakes.append(open_lake())
                    return scene_of(lakes[0], name, **options)
                except (typer.BadParameter, UnknownVideoError):
                    if Path(name).suffix.lower() in _ENDINGS:
                        raise BadInputError(f"there is no file {name}") from None
                    raise
            if path.suffix.lower() == ".pose":
                from signverse.export.draw.pose_scene import pose_scene

                without = {key: value for key, value in options.items() if key != "captions"}
                return pose_scene(path, **without)
            if _read_released is None:
                raise BadInputError(f"{path} cannot be read here", "Import it: signverse ingest shards.")
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="signverse-picture-"))
            lake, found = _read_released(path, video_id, Path(folder))
            stack.callback(lake.close)
            return scene_of(lake, found, **options)

        yield scene


def _file(name: str) -> tuple[Path | None, str | None]:
    """The file that is meant, and which of its videos; None where it is an id of a lake."""
    shard, colon, video_id = name.rpartition(".tar:")
    if colon and Path(f"{shard}.tar").is_file():
        return Path(f"{shard}.tar"), video_id or None
    path = Path(name)
    if path.suffix.lower() in _ENDINGS and path.is_file():
        return path, None
    if "/" in name or colon:
        # Ids hold no slash.
        raise BadInputError(f"there is no file {f'{shard}.tar' if colon else name}")
    return None, None
