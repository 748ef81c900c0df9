"""Caption text as sites have it: WebVTT by people and by a speech recogniser, and other formats."""

from __future__ import annotations

import json
from itertools import pairwise

FORMATS = ("json3", "srt", "vtt")
"""As YouTube lists them: the best one for us is last."""

TYPES = {"vtt": "text/vtt", "srt": "application/x-subrip", "json3": "application/json"}


def human_vtt(*lines: str, seconds: float = 1.0, start: float = 0.0) -> str:
    """WebVTT as people write it: a cue a line, one after the other."""
    cues = [
        f"{_stamp(start + i * seconds)} --> {_stamp(start + (i + 1) * seconds)}\n{line}\n"
        for i, line in enumerate(lines)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def automatic_vtt(*lines: str, seconds: float = 1.0, language: str = "en") -> str:
    """WebVTT as YouTube's speech recogniser writes it: words with times, and each line shown a second time."""
    cues = []
    for i, (before, line) in enumerate(pairwise(("", *lines))):
        start, end = i * seconds, (i + 1) * seconds
        words = line.split()
        step = seconds / max(len(words), 1)
        timed = "".join(f"<{_stamp(start + n * step)}><c> {word}</c>" for n, word in enumerate(words) if n)
        place = "align:start position:0%"
        cues.append(
            f"{_stamp(start)} --> {_stamp(end - 0.01)} {place}\n{before or ' '}\n{words[0] if words else ' '}{timed}\n"
        )
        cues.append(f"{_stamp(end - 0.01)} --> {_stamp(end)} {place}\n{line or ' '}\n \n")
    return "\n".join([f"WEBVTT\nKind: captions\nLanguage: {language}\n", *cues])


def to_format(vtt: str, ext: str) -> bytes:
    """A WebVTT file in one of FORMATS."""
    if ext == "vtt":
        return vtt.encode()
    import webvtt

    cues = [(_ms(cue.start_time), _ms(cue.end_time), cue.text) for cue in webvtt.from_string(vtt).captions]
    if ext == "srt":
        blocks = [
            f"{i}\n{_stamp(start / 1000, ',')} --> {_stamp(end / 1000, ',')}\n{text}\n"
            for i, (start, end, text) in enumerate(cues, 1)
        ]
        return "\n".join(blocks).encode()
    events = [{"tStartMs": a, "dDurationMs": b - a, "segs": [{"utf8": text}]} for a, b, text in cues]
    return json.dumps({"wireMagic": "pb3", "events": events}).encode()


def _stamp(seconds: float, point: str = ".") -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}{point}{whole % 1000:03}"


def _ms(stamp: object) -> int:
    hours, minutes, seconds, milliseconds = stamp.to_tuple()  # type: ignore[attr-defined]
    return int((hours * 3600 + minutes * 60 + seconds) * 1000 + milliseconds)
