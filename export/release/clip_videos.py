"""Clips of a selection to a folder of videos, VIDEO_ID/SEGMENT_ID.mp4, several at once; what is there stays there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from signverse.export.draw.captions import CaptionWriter
from signverse.export.draw.encoders import encode
from signverse.export.draw.film import Film
from signverse.export.draw.footage import media_of
from signverse.export.draw.scene import ClipRange, ClipScenes, same_scene
from signverse.export.formats.format import folder_in
from signverse.export.release.folder import fingerprint
from signverse.lake.jobs.executor import UNLIMITED, Engine, Job, Report, WorkerLimits
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.storage.location import check_outside_lakes
from signverse.lake.storage.temporary.whole_file import whole_file

_STATE: Final = ".videos.json"
_MOST_STATE: Final = 1 << 16
_CLIP: Final = ["segment_id", "video_id", "start_frame", "end_frame"]


@dataclass(frozen=True)
class ClipFilm:
    """How the clips of a selection are drawn.

    Attributes:
        film: see `Film`.
        form: mp4, gif, webp or frames.
        person: only this one; None is all people.
        captions: whether they are written into the pictures.
        font: of the captions; None for one that has their letters.
        media: a folder of VIDEO_ID.mp4 to draw on.
        other: a lake whose keypoints are drawn to the right.
    """

    film: Film
    form: str = "mp4"
    person: int | None = None
    captions: bool = False
    font: Path | None = None
    media: Path | None = None
    other: Path | None = None

    def path(self, out: Path, clip: ClipRange) -> Path:
        """Where the video of a clip is."""
        return out / clip.video_id / (clip.name if self.form == "frames" else f"{clip.name}.{self.form}")

    def scenes(self, lake: Lake) -> ClipScenes:
        """What makes the scenes of clips."""
        return ClipScenes(lake, person=self.person, captions=self.captions)

    def write(self, scenes: ClipScenes, out: Path, clip: ClipRange, remark: Callable[[str], None]) -> None:
        """Writes the video of one clip.

        Args:
            scenes: of this film's.

        Raises:
            BadInputError, UnknownVideoError: it cannot be drawn or written.
        """
        with ExitStack() as stack:
            scene = scenes.scene(clip)
            other = None
            if self.other is not None:
                other = same_scene(stack.enter_context(Lake.open(self.other)), scene, self.person)
            media = None if self.media is None else media_of(self.media, scene.video_id)
            writer = CaptionWriter(self.font, remark) if self.captions else None
            folder_in(out, scene.video_id)
            pictures = self.film.pictures(scene, other=other, media=media, captions=writer, remark=remark)
            encode(self.path(out, clip), self.form, pictures, first=scene.start, total=len(scene))


@dataclass(frozen=True)
class Drawn:
    """What became of a clip: `failure` is "" where its video is written.

    Attributes:
        remarks: what a person should know, a line each.
    """

    segment_id: str
    failure: str = ""
    remarks: Sequence[str] = ()


def prepare_folder(lake: Lake, clips: pl.DataFrame, out: Path, how: ClipFilm, *, overwrite: bool) -> list[ClipRange]:
    """Makes the folder; returns the clips whose videos are missing, in order.

    Args:
        clips: rows of `choice.clips_to_write`.
        overwrite: write them all again where the folder holds videos of other clips, or drawn in another way.

    Raises:
        BadInputError: it holds such videos, or cannot be made.
    """
    check_outside_lakes(out)
    for video_id in clips["video_id"].unique():
        check_video_id(video_id)
    settings = {key: value if isinstance(value, int | None) else str(value) for key, value in asdict(how).items()}
    columns = ["segment_id", "ingest_id", "start_frame", "end_frame"]
    state = fingerprint(lake, settings, clips.select(columns).iter_rows())
    earlier = _state(out / _STATE)
    if earlier is None and out.is_dir() and any(out.iterdir()):
        raise BadInputError(f"{out} holds something already", "Name a new folder.")
    same = earlier == json.loads(state)
    if earlier is not None and not same and not overwrite:
        raise BadInputError(
            f"{out} holds videos of other clips, or drawn in another way", "Name another folder, or give --overwrite."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
    places = {clip: how.path(out, clip) for clip in map(ClipRange._make, clips.select(_CLIP).iter_rows())}
    if not same:
        for path in places.values():
            _remove(path)
        with whole_file(out / _STATE) as file:
            file.write(state.encode())
    return [clip for clip, path in places.items() if not path.exists()]


def draw_clips(
    lake: Lake,
    missing: Sequence[ClipRange],
    out: Path,
    how: ClipFilm,
    *,
    workers: int = 1,
    limits: WorkerLimits = UNLIMITED,
    engine: Engine = LOCAL,
) -> Iterator[Drawn]:
    """Writes the videos of clips, one after the other or several at once; a clip that fails costs its own video only.

    Args:
        missing: see `prepare_folder`.
        workers: videos written at once, each by a process of its own where there are several, or limits.
    """
    if not missing or ((workers == 1 or len(missing) < 2) and limits == UNLIMITED):
        scenes = how.scenes(lake)
        for clip in missing:
            yield _draw(scenes, out, how, clip)
        return
    size = min(workers, len(missing))
    with engine.executor(size, _make_job, lake.folder, lake.version, out, how, memory_mb=limits.memory_mb) as executor:
        for event in executor.run(missing, limits.stalled_s):
            if event.kind == "result":
                yield event.value
            elif event.kind != "progress":
                yield Drawn(event.task.name, event.failure)


def _draw(scenes: ClipScenes, out: Path, how: ClipFilm, clip: ClipRange) -> Drawn:
    remarks: list[str] = []
    try:
        how.write(scenes, out, clip, remarks.append)
    except SignverseError as error:
        return Drawn(clip.name, str(error), remarks)
    return Drawn(clip.name, "", remarks)


def _make_job(folder: Path, version: int, out: Path, how: ClipFilm) -> Job:
    """The worker's side: opens the lake once, then writes videos."""
    import cv2

    # There are as many processes as were asked for: threads of OpenCV's would get into their way.
    cv2.setNumThreads(1)
    scenes = how.scenes(Lake.open(folder, version=version))

    def job(clip: ClipRange, report: Report) -> Drawn:
        return _draw(scenes, out, how, clip)

    return job


def _state(path: Path) -> Any:
    """What an earlier run wrote; None where there was none."""
    try:
        return json.loads(read_regular(path, _MOST_STATE))
    except (BadInputError, OSError, ValueError, RecursionError):
        return None


def _remove(path: Path) -> None:
    """Removes a video of an earlier run: a file, or a folder of nothing but numbered PNG files."""
    if path.is_dir() and not path.is_symlink():
        for file in path.glob("[0-9]" * 8 + ".png"):
            file.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
