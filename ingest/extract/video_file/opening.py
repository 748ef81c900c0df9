"""A video file opened with FFmpeg's demuxers, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from signverse.ingest.extract.video_file.encryption import has_encrypted_entry, refuse_encrypted
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from av.container import InputContainer

# FFmpeg also "plays" pictures, and renders text files as a terminal would: neither is a video.
_NOT_VIDEO: Final = ("tty", "image2", "_pipe", "concat", "hls", "lavfi")


def open_video(path: Path) -> InputContainer:
    """The container of a video file.

    Raises:
        BadInputError: the file is missing, empty, not a video, encrypted, or truncated before its index.
    """
    import av

    if not path.is_file():
        raise BadInputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise BadInputError(f"{path}: the file is empty", "Download it again")
    try:
        # The prefix keeps a name such as "a:b.mp4" from being read as a protocol. Without the option, a clock that is
        # earlier than the file's first timestamp is taken for one that has run over, and put 26.5 hours later.
        container = av.open(f"file:{path}", options={"correct_ts_overflow": "0"}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        if has_encrypted_entry(path):
            raise refuse_encrypted(path) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"{path}: cannot be opened as a video ({reason})", "It is not a video, or is truncated: download it again"
        ) from error
    if any(name in container.format.name for name in _NOT_VIDEO):
        kind = container.format.long_name
        container.close()
        raise BadInputError(f"{path}: this is not a video file ({kind})")
    return container
