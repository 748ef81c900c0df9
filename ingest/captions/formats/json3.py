"""YouTube's json3: events with words, and times of words where speech was recognised."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Final

from signverse.ingest.captions.cleaning import clean
from signverse.ingest.captions.formats.reading import BadCaptionsError, Reading

_MAX_MS: Final = 1000 * 3600 * 1000
"""A thousand hours: no caption comes later."""


_MAX_OBJECTS: Final = 2_000_000
"""Events and segments of them: ten hours of recognised speech, a segment a word, have 400,000."""


def read_json3(text: str, name: str, reading: Reading) -> None:
    """Reads the text of a json3 file. Words of speech recognition have times.

    Raises:
        BadCaptionsError: it is not what YouTube sends; names the file.
    """
    if text.count("{") > _MAX_OBJECTS:
        # Each takes twenty times its bytes in memory, before anything is known of it.
        raise BadCaptionsError(f"{name} has more than {_MAX_OBJECTS:,} objects in it, no captions have so many")
    try:
        events = json.loads(text)["events"]
        shown = [event for event in events if _words(event).strip()]
        reading.find(len(shown))
        reading.is_recognised = any(segment.get("tOffsetMs") for event in shown for segment in event["segs"])
        spans = [_span(event) for event in shown]
        words = [tuple(clean(line, entities=False) for line in _words(event).splitlines()) for event in shown]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise BadCaptionsError(f"{name} cannot be read: it is not the json3 that YouTube sends") from None
    if reading.is_recognised:
        # A recognised line stays on the screen while the next one is spoken: it ends when that begins.
        spans = [(start, min(end, after) if after > start else end) for (start, end), (after, _) in pairwise(spans)] + (
            spans[-1:]
        )
    for (start, end), lines in zip(spans, words, strict=True):
        reading.take(start / 1000, end / 1000, tuple(line for line in lines if line))


def _words(event: dict[str, Any]) -> str:
    return "".join(segment.get("utf8", "") for segment in event.get("segs") or ())


def _span(event: dict[str, Any]) -> tuple[int, int]:
    """Milliseconds."""
    start = min(max(0, int(event.get("tStartMs", 0))), _MAX_MS)
    return start, start + min(max(0, int(event.get("dDurationMs", 0))), _MAX_MS)
