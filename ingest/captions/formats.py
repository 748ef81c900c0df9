"""Converts captions of other formats to WebVTT: SubRip (srt) and YouTube's json3."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from typing import Any, Final

from signverse.ingest.captions.webvtt import MAX_BYTES, BadCaptionsError

FORMS: Final = ("vtt", "srt", "json3")
"""What `to_vtt` takes, best first."""

_MAX_MS: Final = 1000 * 3600 * 1000
"""A thousand hours: no caption comes later."""


def to_vtt(data: bytes, ext: str) -> bytes:
    """Converts a caption file to WebVTT; WebVTT is returned unchanged.

    Args:
        ext: its format, as yt-dlp calls it: vtt, srt or json3.

    Raises:
        BadCaptionsError: an unknown format, or the bytes are not of this one; names the format.
    """
    if ext not in FORMS:
        raise BadCaptionsError(f"captions of the format {ext} cannot be read", f"These can: {', '.join(FORMS)}.")
    if ext == "vtt":
        return data
    if len(data) > MAX_BYTES:
        raise BadCaptionsError(f"the {ext} captions have {len(data):,} bytes, captions of up to {MAX_BYTES:,} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadCaptionsError(f"the {ext} captions are not UTF-8 at byte {error.start}") from None
    return (_from_srt(text) if ext == "srt" else _from_json3(text)).encode("utf-8", "replace")


def _from_srt(text: str) -> str:
    # Imported in functions, not at the top: it would slow the start of the command line.
    import webvtt

    try:
        content = webvtt.WebVTT.from_buffer(io.StringIO(text.lstrip()), format="srt").content
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError) as error:
        raise BadCaptionsError(f"the srt captions cannot be read: {error}") from None
    return f"{content}\n"


def _from_json3(text: str) -> str:
    """Words of speech recognition keep their times, by which the track is recognised as automatic."""
    try:
        events = json.loads(text)["events"]
        shown = [event for event in events if _words(event)]
        recognised = any(segment.get("tOffsetMs") for event in shown for segment in event["segs"])
        spans = [_span(event) for event in shown]
        payloads = [_payload(event, start) for event, (start, _) in zip(shown, spans, strict=True)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise BadCaptionsError("the json3 captions cannot be read: they are not what YouTube sends") from None
    if recognised:
        # A recognised line stays on the screen while the next one is spoken: it ends when that begins.
        spans = [(start, min(end, after) if after > start else end) for (start, end), (after, _) in pairwise(spans)] + (
            spans[-1:]
        )
    cues = [
        f"{_stamp(start)} --> {_stamp(end)}\n{payload}\n"
        for payload, (start, end) in zip(payloads, spans, strict=True)
        if end > start
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _words(event: dict[str, Any]) -> bool:
    return any(segment.get("utf8", "").strip() for segment in event.get("segs") or ())


def _span(event: dict[str, Any]) -> tuple[int, int]:
    """Milliseconds."""
    start = min(max(0, int(event.get("tStartMs", 0))), _MAX_MS)
    return start, start + min(max(0, int(event.get("dDurationMs", 0))), _MAX_MS)


def _payload(event: dict[str, Any], start: int) -> str:
    text = ""
    for segment in event["segs"]:
        words = segment.get("utf8", "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        offset = segment.get("tOffsetMs")
        text += (
            f"<{_stamp(start + int(offset))}><c>{words}</c>" if isinstance(offset, int | float) and offset else words
        )
    # An empty line would end the cue.
    return "\n".join(line for line in text.splitlines() if line.strip())


def _stamp(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
