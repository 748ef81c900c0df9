"""Reading a caption file of any format that is known: its content decides which, not its name."""

from __future__ import annotations

import re
from typing import Final

from signverse.ingest.captions.formats.ass import BEGINNING, DIALOGUE, read_ass
from signverse.ingest.captions.formats.encodings import decode
from signverse.ingest.captions.formats.json3 import read_json3
from signverse.ingest.captions.formats.reading import MAX_BYTES, BadCaptionsError, Reading
from signverse.ingest.captions.formats.timed_lines import read_subrip, read_webvtt
from signverse.lake.model.ids import VTT
from signverse.lake.model.languages import UNDETERMINED

ENDINGS: Final = (VTT, ".srt", ".ass", ".ssa", ".json3")
"""The endings of caption files, best first: WebVTT says more of its track than the others."""

_FORMATS: Final = {VTT: "WebVTT", ".srt": "SubRip", ".ass": "ASS", ".ssa": "ASS", ".json3": "json3"}


def read_captions(data: bytes, name: str, language: str = UNDETERMINED) -> Reading:
    """Reads a caption file.

    Args:
        name: of the file, for messages; its ending says which format it claims to be.
        language: BCP 47 tag, which decides on the letters of files that are not Unicode.

    Raises:
        BadCaptionsError: it holds no captions of a known format, which letters are meant is not known, none of its
            cues can be read, or it is too large; names the file.
    """
    if len(data) > MAX_BYTES:
        raise BadCaptionsError(f"{name} has {len(data):,} bytes, captions of up to {MAX_BYTES:,} are read")
    text, encoding, remarks = decode(data, name, language)
    reading = Reading(format="", encoding=encoding, name=name, remarks=remarks)
    if re.match(r"\s*WEBVTT(?:\s|$)", text):
        reading.format = "WebVTT"
        read_webvtt(text, reading)
    elif BEGINNING.match(text) or text.lower().lstrip().startswith(DIALOGUE):
        reading.format = "ASS"
        read_ass(text, reading)
    elif name.lower().endswith(".json3") or (text.lstrip().startswith("{") and '"events"' in text):
        reading.format = "json3"
        read_json3(text, name, reading)
    else:
        reading.format = "SubRip"
        read_subrip(text, reading)
        if not reading.found:
            raise BadCaptionsError(
                f"{name} holds no captions: no line has times with an arrow between, such as "
                "00:00:01.000 --> 00:00:02.500",
                f"{', '.join(dict.fromkeys(_FORMATS.values()))} are read. Correct or remove it, then run again.",
            )
    _check_any_can_be_read(reading, name)
    claimed = _FORMATS.get(next((ending for ending in ENDINGS if name.lower().endswith(ending)), ""))
    if claimed not in {None, reading.format}:
        reading.remarks.append(f"called {claimed}, and read as the {reading.format} that it holds")
    return reading


def _check_any_can_be_read(reading: Reading, name: str) -> None:
    """Raises where a file has cues and none can be read: then it is of a kind that is not known."""
    unreadable = [left for why, left in reading.left_out.items() if why.startswith("cannot")]
    if unreadable and unreadable[0].count == reading.found:
        raise BadCaptionsError(
            f"{name}: none of its {reading.found:,} cues can be read, the first is in line {unreadable[0].line:,}",
            "Times look like 00:00:01.000 --> 00:00:02.500.",
        )
