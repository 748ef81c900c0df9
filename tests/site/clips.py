"""What the test site has: videos with captions, and its API's answer about a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.site.caption_text import FORMATS, human_vtt
from tests.site.faults import MESSAGES, Fault

CODECS = {"avc1": "avc1.64001F", "av01": "av01.0.05M.08"}

CHUNK = 10 << 20
"""Bytes of the ranges that yt-dlp requests from YouTube."""


@dataclass(frozen=True)
class Captions:
    """A caption track.

    Attributes:
        key: what the site calls it: a language, or `en-de` for a human German text in English.
        kind: manual; automatic: the recogniser's own, which is listed as `de` and as `de-orig`; or translated.
        text: a WebVTT file.
        source: of a translation, the language it was made from.
        formats: that it is offered in.
    """

    key: str = "en"
    kind: str = "manual"
    text: str = human_vtt("Good evening.", "Here is the news.")
    source: str = ""
    formats: tuple[str, ...] = FORMATS

    @property
    def query(self) -> str:
        """The query that tells it from other tracks with its key, as in YouTube's addresses."""
        if self.kind == "manual":
            return f"lang={self.key}"
        if self.kind == "automatic":
            return f"lang={self.key}&kind=asr"
        is_human = self.key.endswith(f"-{self.source}")
        return f"lang={self.source}{'' if is_human else '&kind=asr'}&tlang={self.key}"


@dataclass(frozen=True)
class Clip:
    """A video of the site, with what goes wrong with it.

    Attributes:
        file: the video, a path or its bytes. All of its formats are this one file.
        fault: what goes wrong with it, one or several.
        heights: of its formats. Each comes in each of the codecs, as picture only; the smallest comes with sound too.
        chunk: bytes of the ranges that yt-dlp requests, as with YouTube; None for the whole file.
    """

    video_id: str
    file: Path | bytes
    tracks: tuple[Captions, ...] = ()
    fault: Fault | tuple[Fault, ...] = ()
    title: str = "A made video"
    channel: str = "Made Signs"
    channel_id: str = "UCmadesigns0000000000000"
    duration: float | None = None
    language: str | None = None
    heights: tuple[int, ...] = (360, 720, 1080)
    codecs: tuple[str, ...] = ("avc1", "av01")
    chunk: int | None = CHUNK

    @property
    def size(self) -> int:
        """Bytes of the video."""
        return len(self.file) if isinstance(self.file, bytes) else self.file.stat().st_size

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self.fault if isinstance(self.fault, tuple) else (self.fault,)


def api_answer(clip: Clip, address: str, fault: Fault | None) -> dict[str, Any]:
    """The answer of `/api/ID.json`."""
    kind = fault.kind if fault else ""
    answer: dict[str, Any] = {
        "id": clip.video_id,
        "title": clip.title,
        "channel": clip.channel,
        "channel_id": clip.channel_id,
        "duration": clip.duration,
        "language": clip.language,
        "fault": kind,
        "formats": [],
    }
    if kind in MESSAGES:
        return answer | {"reason": MESSAGES[kind][0], "subreason": MESSAGES[kind][1]}
    if kind in {"sign_in", "no_formats"}:
        return answer
    if kind == "playlist":
        return answer | {"entries": [f"{address}/made/{clip.video_id}?part={part}" for part in (1, 2)]}
    return answer | {"formats": _formats(clip, address), **_captions(clip, address)}


def _formats(clip: Clip, address: str) -> list[dict[str, Any]]:
    def video_format(height: int, codec: str, sound: bool) -> dict[str, Any]:
        name = f"{codec}-{height}{'-sound' if sound else ''}"
        return {
            "format_id": name,
            "url": f"{address}/media/{clip.video_id}.mp4?format={name}",
            "ext": "mp4",
            "width": height * 16 // 9,
            "height": height,
            "fps": 24,
            "vcodec": CODECS[codec],
            "acodec": "mp4a.40.2" if sound else "none",
            "tbr": height * (1.0 if codec == "avc1" else 0.7),
            "filesize": clip.size,
            "downloader_options": {"http_chunk_size": clip.chunk},
        }

    return [
        *(video_format(height, codec, False) for height in clip.heights for codec in clip.codecs),
        video_format(min(clip.heights), clip.codecs[0], True),
    ]


def _captions(clip: Clip, address: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Both lists of caption tracks, as yt-dlp has them."""
    human: dict[str, list[dict[str, str]]] = {}
    automatic: dict[str, list[dict[str, str]]] = {}
    for track in clip.tracks:
        addresses = [
            {
                "ext": ext,
                "url": f"{address}/captions/{clip.video_id}/{track.key}.{ext}?{track.query}&fmt={ext}",
                "name": track.key,
            }
            for ext in track.formats
        ]
        (human if track.kind == "manual" else automatic)[track.key] = addresses
        if track.kind == "automatic":
            automatic[f"{track.key}-orig"] = addresses
    return {"subtitles": human, "automatic_captions": automatic}
