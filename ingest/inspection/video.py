"""What would be read from a video: streams, clock, shape, captions inside and beside it."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.captions.files_beside import CaptionFiles
from signverse.ingest.extract.probe import ClockReport, StreamReport, VideoReport, probe
from signverse.ingest.inspection.kinds import Kind
from signverse.ingest.inspection.report import Report
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.ids import check_video_id, id_in_name


def inspect_video(path: Path, files: CaptionFiles) -> Report:
    """Reads what a video says of itself, and which caption files lie beside it.

    Raises:
        BadInputError: it cannot be read.
    """
    found = probe(path)
    used = next((stream for stream in found.streams if stream.used), None)
    inside = [_subtitles(found, index) for index in range(len(found.subtitles))]
    video_id = id_in_name(path.stem)
    beside = [file.name for file in files.of(path, video_id)]
    length = "of unknown length" if found.clock.duration_s is None else f"{found.clock.duration_s:,.3f} s"
    frames = "unknown before decoding" if found.frames_expected is None else f"{found.frames_expected:,} expected"
    codec = used.codec if used else "no stream"
    return Report(
        path,
        Kind.video,
        f"{codec}, {found.width}x{found.height}, {found.clock.fps:.5g} pictures/s, {length}",
        [
            ("id", video_id),
            ("format", found.clock.format),
            *((f"stream {stream.index}", _stream(stream)) for stream in found.streams),
            ("shape", _shape(found, used)),
            ("clock", _clock(found.clock, length)),
            ("frames", f"{frames}, at {FPS:g} a second"),
            *(("captions", f"inside: {text}") for text in inside),
            ("captions", f"beside it: {', '.join(beside)}" if beside else "no files beside it"),
        ],
        {
            "video_id": video_id,
            "format": found.clock.format,
            "codec": used.codec if used else None,
            "streams": len(found.streams),
            "width": found.width,
            "height": found.height,
            "rotation": found.rotation,
            "pixel_aspect": float(found.sample_aspect),
            "fps": found.clock.fps,
            "start_s": found.clock.start_s,
            "duration_s": found.clock.duration_s,
            "frames": found.frames_expected,
            "captions_inside": inside,
            "captions_beside": beside,
        },
        [*_about_id(path), *found.remarks],
        f"{path} is encrypted: no picture of it can be read" if found.encrypted else "",
    )


def _about_id(path: Path) -> list[str]:
    """Why the name cannot be an id; nothing where it can."""
    try:
        check_video_id(id_in_name(path.stem))
    except BadInputError as error:
        return [str(error)]
    return []


def _stream(stream: StreamReport) -> str:
    size = f" {stream.width}x{stream.height}" if stream.width else ""
    notes = [
        stream.language,
        "default" if stream.default else "",
        "a still picture" if stream.cover else "",
        "extracted" if stream.used else "",
    ]
    return ", ".join([f"{stream.kind} {stream.codec or 'of an unknown codec'}{size}", *filter(None, notes)])


def _shape(found: VideoReport, used: StreamReport | None) -> str:
    changes = []
    if used and (used.width, used.height) != (found.width, found.height):
        changes.append(f"stored as {used.width}x{used.height}")
    if found.sample_aspect != 1:
        changes.append(f"pixels of {found.sample_aspect.numerator}:{found.sample_aspect.denominator}")
    if found.rotation:
        changes.append(f"turned by {found.rotation} degrees")
    return ", ".join([f"{found.width}x{found.height} as displayed", *changes])


def _clock(clock: ClockReport, length: str) -> str:
    leaps = "; it may restart in this format" if clock.discontinuous else ""
    return f"from {clock.start_s:.3f} s, {length}, {clock.fps:.5g} pictures/s{leaps}"


def _subtitles(found: VideoReport, index: int) -> str:
    subtitles = found.subtitles[index]
    notes = [
        subtitles.language or "und",
        subtitles.title,
        "forced" if subtitles.forced else "",
        "" if subtitles.is_text else "pictures of text, not taken",
    ]
    return f"stream {subtitles.index}, {subtitles.codec}, {', '.join(filter(None, notes))}"
