"""Pictures to a file that plays: mp4, gif, webp; or to a folder of PNG files. Nothing half-written takes its name.

24 pictures a second, exactly: of mp4 by its clock, of gif and webp by durations whose sum is the exact time.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.wording import size_of
from signverse.lake.storage.location import check_outside_lakes
from signverse.lake.storage.temporary.leftovers import clear_halves, half_name
from signverse.lake.storage.temporary.whole_file import whole_path

if TYPE_CHECKING:
    from PIL import Image

    from signverse.export.draw.skeleton import Pixels

_CODEC: Final = "libx264"
_ENCODING: Final = {"preset": "veryfast", "crf": "18"}
"""Thin coloured lines on black: from 23 on their colours run."""

_BT709: Final = 1
"""FFmpeg's number of the colours that players expect of video of this size, if nothing else is said."""

MOST_LOOPED: Final = 1_440
"""Pictures of a gif or webp, which are in memory until the end: a minute."""

_MOST_LOOPED_BYTES: Final = 2 << 30

_GIF_COLOURS: Final = 64


def format_of(out: Path, named_folder: bool) -> str:
    """What a file's name asks for: mp4, gif, webp, or frames for a folder.

    Args:
        named_folder: it was written with a slash at its end, which a Path does not keep.

    Raises:
        BadInputError: none of these.
    """
    if named_folder or out.is_dir():
        return "frames"
    ending = out.suffix.lower().lstrip(".")
    if ending not in {"mp4", "gif", "webp"}:
        raise BadInputError(
            f"{out}: unknown video format '{out.suffix}'", "End the name in .mp4, .gif or .webp; a folder in /."
        )
    return ending


def check_place(out: Path, inputs: Iterable[Path] = ()) -> None:
    """Checks, before anything is drawn, that a result takes nobody's place.

    Args:
        inputs: the files that it is drawn of.

    Raises:
        BadInputError: it is one of these, or lies in a lake.
    """
    check_outside_lakes(out)
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise BadInputError(f"{out} is what is drawn on, and would be replaced", "Name another file.")


def check_writable(out: Path, form: str) -> None:
    """Checks, before anything is drawn, that the place exists.

    Raises:
        BadInputError: the folder that it lies in is missing; or it is a folder of frames that holds something.
    """
    parent = out.absolute().parent
    if not parent.is_dir():
        raise BadInputError(f"{out} cannot be written: there is no folder {parent}", "Make it first.")
    if form == "frames" and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInputError(f"{out} holds something already", "Name a new folder for the frames.")
    if form != "frames" and out.is_dir():
        raise BadInputError(f"{out} is a folder", "Name a file.")


def encode(out: Path, form: str, pictures: Iterable[Pixels], *, first: int, total: int) -> None:
    """Writes pictures, RGB uint8 [H, W, 3], all of one size.

    Args:
        form: mp4, gif, webp or frames.
        first: the number of the first frame, by which the files of a folder are named.
        total: how many pictures come.

    Raises:
        BadInputError: it cannot be written, the encoder is missing, or a gif or webp would be too long or too large.
    """
    if form in {"gif", "webp"} and total > MOST_LOOPED:
        raise BadInputError(
            f"{out}: {total} frames are too many for .{form}, which is kept in memory; at most {MOST_LOOPED}",
            "Write .mp4, or a shorter range: --start, --end.",
        )
    if form == "frames":
        _write_frames(out, pictures, first)
        return
    write: dict[str, Callable[[Path, Iterator[Pixels]], None]] = {"mp4": _mp4, "gif": _gif, "webp": _webp}
    drawn = iter(pictures) if form == "mp4" else _bounded(iter(pictures), total, form)
    with whole_path(out, suffix=f".{form}") as path:
        write[form](path, drawn)


def durations_ms(count: int, unit_ms: int) -> list[int]:
    """How long each of so many pictures is shown, in multiples of `unit_ms`; their sum is as close as it can be."""
    ends = [round(number * 1000 / FPS / unit_ms) * unit_ms for number in range(count + 1)]
    return [end - start for start, end in pairwise(ends)]


def _mp4(path: Path, pictures: Iterator[Pixels]) -> None:
    # Imported in functions, for speed of start.
    import av

    first = next(pictures)
    height, width = first.shape[:2]
    try:
        av.Codec(_CODEC, "w")
    except av.codec.codec.UnknownCodecError:
        raise BadInputError(
            f"this FFmpeg has no encoder {_CODEC}, which .mp4 needs", "Write .webp, .gif or a folder of frames."
        ) from None
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(_CODEC, rate=round(FPS), options=_ENCODING)
        # Colours at half the size need even sides: a row or column of the edge is repeated.
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.time_base = Fraction(1, round(FPS))
        stream.codec_context.colorspace = stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc = stream.codec_context.color_range = _BT709
        for number, picture in enumerate(chain([first], pictures)):
            frame = av.VideoFrame.from_ndarray(_even(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = number, Fraction(1, round(FPS))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _even(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(picture)


def _bounded(pictures: Iterator[Pixels], total: int, form: str) -> Iterator[Pixels]:
    """The pictures of a gif or webp, which are in memory together.

    Raises:
        BadInputError: before the second one is drawn, if they would be too large.
    """
    for picture in pictures:
        # A gif has a byte a pixel.
        size = total * picture.nbytes // (3 if form == "gif" else 1)
        if size > _MOST_LOOPED_BYTES:
            height, width = picture.shape[:2]
            raise BadInputError(
                f"{total} frames of {width}x{height} are too large for .{form}, which is kept in memory: "
                f"{size_of(size)}, at most {size_of(_MOST_LOOPED_BYTES)}",
                "Write .mp4, smaller pictures (--width), or a shorter range: --start, --end.",
            )
        yield picture


def _gif(path: Path, pictures: Iterator[Pixels]) -> None:
    from PIL import Image

    fast = Image.Quantize.FASTOCTREE
    images = [Image.fromarray(p).quantize(_GIF_COLOURS, fast, dither=Image.Dither.NONE) for p in pictures]
    _animate(path, images, "GIF", 10, optimize=False, disposal=1)


def _webp(path: Path, pictures: Iterator[Pixels]) -> None:
    from PIL import Image, features

    if not features.check("webp"):
        raise BadInputError("this Pillow cannot write .webp", "Write .mp4 or .gif.")
    _animate(path, [Image.fromarray(p) for p in pictures], "WEBP", 1, quality=80, method=2)


def _animate(path: Path, images: list[Image.Image], form: str, unit_ms: int, **options: Any) -> None:
    durations = durations_ms(len(images), unit_ms)
    first, rest = images[0], islice(images, 1, None)
    first.save(path, form, save_all=True, append_images=list(rest), duration=durations, loop=0, **options)


def _write_frames(out: Path, pictures: Iterable[Pixels], first: int) -> None:
    """A folder of PNG files, each named by the number of its frame in the video, in eight digits."""
    from PIL import Image

    clear_halves(out.parent)
    try:
        with tempfile.TemporaryDirectory(
            prefix=half_name(out.name), dir=out.parent, ignore_cleanup_errors=True
        ) as made:
            folder = Path(made, "frames")
            folder.mkdir()
            for number, picture in enumerate(pictures, first):
                Image.fromarray(picture).save(folder / f"{number:08d}.png", compress_level=1)
            if out.is_dir():
                # Empty, as was checked.
                out.rmdir()
            shutil.move(folder, out)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror or error}") from None
