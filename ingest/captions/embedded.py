"""Caption tracks inside a video file: streams of text in MKV, WebM, MP4 and others (yt-dlp --embed-subs).

They count as files beside the video do, by kind. A file beside it comes first, and the same captions are taken once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from signverse.ingest.captions.cleaning import clean, clean_srt, clean_vtt, speaker_of
from signverse.ingest.captions.formats.ass import words_of
from signverse.ingest.captions.formats.reading import MAX_BYTES, UNREADABLE, Reading
from signverse.ingest.captions.formats.timed_lines import WORD_TIMES
from signverse.ingest.captions.track_names import TrackName, language_named, language_of
from signverse.ingest.captions.track_reader import make_track
from signverse.ingest.captions.tracks import CHANGED, IN_PART, Track
from signverse.lake.model.wording import printable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

_FORMATS: Final = {
    "srt": "SubRip", "subrip": "SubRip", "text": "SubRip", "ssa": "ASS", "ass": "ASS", "webvtt": "WebVTT",
    "mov_text": "MP4 text",
}  # fmt: skip
"""Formats of text by FFmpeg's names of their codecs."""

_ASS_COMMAS: Final = 8
"""Commas before the text of an ASS packet: order, layer, style, name, three margins, effect."""

_ASS_NAME: Final = 3
"""The field of these that names the speaker, from 0."""

_AUTOMATIC: Final = re.compile(r"auto(?:matic(?:ally)?|\b)|\bASR\b", re.I)
_TRANSLATED: Final = re.compile(r"\bfrom (\w[\w ]*?)\)?$")
"""YouTube's names of tracks: English (auto-generated), English from German."""


def embedded_tracks(
    container: InputContainer, file: str, beside: Sequence[Track] = (), *, sound_marks: bool = True
) -> tuple[list[Track], list[tuple[str, str]]]:
    """The caption tracks inside a video that are not beside it as files; (reason, remark) for what is not taken.

    Args:
        container: a video opened with PyAV; it is read to its end where it holds subtitles.
        file: its name, for the remarks.
        beside: the tracks of the caption files beside it.
        sound_marks: as in `track_from`.
    """
    import av
    from av.stream import Disposition

    streams = [stream for stream in container.streams if stream.type == "subtitle"]
    remarks: list[tuple[str, str]] = []
    readings: dict[int, Reading] = {}
    for stream in streams:
        codec = _codec(stream)
        if codec in _FORMATS:
            readings[stream.index] = Reading(_FORMATS[codec])
        else:
            what = f"{file}, stream {stream.index}: subtitles as pictures, or of an unknown format"
            remarks.append((IN_PART, f"{what} ({codec or 'unknown'}): left out"))
    wanted = [stream for stream in streams if stream.index in readings]
    size = 0
    try:
        for packet in container.demux(*wanted) if wanted else ():
            size += packet.size
            if size > MAX_BYTES:
                why = f"{file}: its subtitles are larger than {MAX_BYTES:,} bytes: the rest is left out"
                remarks.append((IN_PART, why))
                break
            if packet.pts is not None and packet.size:
                _take(packet, readings[packet.stream.index], container.start_time or 0)
    except (av.FFmpegError, ValueError) as error:
        remarks.append((IN_PART, f"{file}: its subtitles cannot be read to the end ({error})"))
    tracks: list[Track] = []
    # Forced ones hold signs and foreign words only.
    for stream in sorted(wanted, key=lambda stream: bool(stream.disposition & Disposition.forced)):
        reading = readings[stream.index]
        if stream.disposition & Disposition.forced:
            reading.remarks.append("marked as forced: it may hold a part of what is said")
        track = make_track(
            reading, meant_by(stream.metadata), f"{file}, stream {stream.index}", sound_marks=sound_marks
        )
        if (same := _same(track, [*beside, *tracks])) is not None:
            remarks.append((CHANGED, f"{track.file}: the same captions as in {same.file}, taken once"))
        else:
            tracks.append(track)
    return tracks, remarks


def _codec(stream: Any) -> str:
    context = stream.codec_context
    return context.name if context is not None else ""


def _take(packet: Packet[Any], reading: Reading, start_us: int) -> None:
    """Takes a packet as a cue; times count from the start of the container, as frames do."""
    data = bytes(packet)
    if reading.format == "MP4 text":
        # Two bytes of length, the text, then boxes of styling. An empty text is a pause.
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
        if not data:
            return
    reading.found += 1
    try:
        text = data.decode("utf-16" if data[:2] in {b"\xfe\xff", b"\xff\xfe"} else "utf-8")
    except UnicodeDecodeError:
        reading.leave_out(UNREADABLE)
        return
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n\0")
    lines: tuple[str, ...]
    speaker = ""
    if reading.format == "ASS":
        fields = text.split(",", _ASS_COMMAS)
        lines = words_of(fields[-1])[0] if len(fields) > _ASS_COMMAS else ()
        speaker = fields[_ASS_NAME].strip() if len(fields) > _ASS_COMMAS else ""
    elif reading.format == "WebVTT":
        reading.is_recognised |= bool(WORD_TIMES.search(text))
        lines, speaker = clean_vtt(text), speaker_of(text)
    elif reading.format == "SubRip":
        lines = clean_srt(text)
    else:
        lines = tuple(clean(line, entities=False) for line in text.split("\n"))
    # Whole numbers until the last division, so that times are those of a file with the same captions.
    base, pts = packet.time_base, packet.pts or 0
    start_s = (pts * base.numerator * 1_000_000 - start_us * base.denominator) / (base.denominator * 1_000_000)
    end_s = ((pts + (packet.duration or 0)) * base.numerator * 1_000_000 - start_us * base.denominator) / (
        base.denominator * 1_000_000
    )
    reading.take(start_s, end_s, lines, speaker=speaker)


def meant_by(metadata: dict[str, str]) -> TrackName:
    """Language, kind and source of a stream, as its tags and its title say."""
    # Remarks quote it, and a longer text names no track.
    title = printable(metadata.get("title") or metadata.get("name") or "")
    language = language_of(metadata.get("language", ""))
    if match := _TRANSLATED.search(title):
        source = language_named(match.group(1).partition("(")[0].strip())
        if source:
            return TrackName(
                language, "translated", source, f"called '{title}': taken for a translation from '{source}'"
            )
    if _AUTOMATIC.search(title):
        return TrackName(language, "automatic", "", f"called '{title}': taken as automatic")
    return TrackName(language)


def _same(track: Track, others: Sequence[Track]) -> Track | None:
    """The first of other tracks with the same words, in the same language as far as is known."""
    words = [cue.text for cue in track.cues]
    for other in others:
        known = {track.language.split("-")[0], other.language.split("-")[0]} - {"und"}
        if words and len(known) <= 1 and [cue.text for cue in other.cues] == words:
            return other
    return None
