"""A video file opened with FFmpeg, or refused in one line. Nothing else in this project opens a file with FFmpeg.

FFmpeg goes by a file's content, whatever its name, and some of its formats are lists of other files and addresses
(ffconcat, HLS, DASH, SDP, picture sequences), or text and pictures that it "plays". So it gets the formats that it may
read, each of which holds its pictures itself, and may read the file alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.lake.media.encryption import has_encrypted_entry, refuse_encrypted
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.regular_files import open_regular

if TYPE_CHECKING:
    from av.container import InputContainer

FORMATS: Final = (
    "asf", "av1", "avi", "avs2", "avs3", "dhav", "dv", "evc", "flv", "gif", "gxf", "h264", "hevc", "hxvs", "ivf",
    "live_flv", "m4v", "matroska", "mjpeg", "mov", "mpeg", "mpegts", "mpegvideo", "mpjpeg", "mxf", "nsv", "nut", "obu",
    "ogg", "rm", "smjpeg", "swf", "vc1", "vc1test", "vvc", "wtv", "yuv4mpegpipe",
)  # fmt: skip
"""FFmpeg's names of the formats that are read: those of the endings `decode.SUFFIXES`."""

MAX_PIXELS: Final = 1 << 25
"""Of a picture: 8K (8192x4096). A decoder holds several of them, each of 50 to 100 MB."""

# Decoders count in blocks of up to 64 pixels, which may reach over the edges of the picture.
_CODED_PIXELS: Final = MAX_PIXELS + (MAX_PIXELS >> 3)

_OPTIONS: Final = {
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "file",
    # Without it, a clock that is earlier than the file's first timestamp is taken for one that has run over, and put
    # 26.5 hours later.
    "correct_ts_overflow": "0",
}


def open_video(path: Path) -> InputContainer:
    """The container of a video file. No picture of more than MAX_PIXELS is decoded from it.

    Raises:
        BadInputError: the file is missing, empty, not a video, encrypted, truncated before its index, or its pictures
            are too large.
    """
    import av

    if not path.exists():
        raise BadInputError(f"{path}: no such file")
    # Not a pipe or a device, nor a link to one.
    open_regular(path).close()
    if path.stat().st_size == 0:
        raise BadInputError(f"{path}: the file is empty", "Download it again")
    try:
        # To find out what the streams hold, FFmpeg decodes the first pictures while it opens the file.
        container = _open(path, {"max_pixels": str(_CODED_PIXELS)})
    except (av.FFmpegError, OSError, ValueError) as error:
        if has_encrypted_entry(path):
            raise refuse_encrypted(path) from error
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, av.error.ArgumentError):
            reason = "none of the formats that are read"
        raise BadInputError(
            f"{path}: cannot be opened as a video ({reason})", "It is not a video, or is truncated: download it again"
        ) from error
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = {"max_pixels": str(_CODED_PIXELS)}
    return container


def claimed_size(path: Path, index: int) -> tuple[int, int]:
    """Width and height of a stream's pictures as the file's header has them; (0, 0) where it says nothing.

    FFmpeg forgets them where it refuses to decode pictures of that size. This way it decodes nothing.
    """
    import av

    try:
        with _open(path, {"codec_whitelist": "none"}) as container:
            context: Any = container.streams[index].codec_context
            return (context.width, context.height) if context is not None else (0, 0)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return 0, 0


def _open(path: Path, options: dict[str, str]) -> InputContainer:
    import av

    # The prefix keeps a name such as "a:b.mp4" from being read as a protocol.
    return av.open(f"file:{path}", options=_OPTIONS | options, metadata_errors="replace")
