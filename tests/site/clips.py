"""What the site has: videos with their captions, and how its API tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.site.troubles import SAID, Trouble
from tests.site.words import FORMS, spoken

CODECS = {"avc1": "avc1.64001F", "av01": "av01.0.05M.08"}

CHUNK = 10 << 20
"""Bytes that yt-dlp asks YouTube for at once."""


@dataclass(frozen=True)
class Captions:
    """A caption track.

    Attributes:
        key: what the site calls it: a language, or `en-de` for a person's German text in English.
        kind: manual; automatic: the recogniser's own, which is listed as `de` and as `de-orig`; or translated.
        text: a WebVTT file.
        source: of a translation, the language it was made from.
        forms: that it is offered in.
    """

    key: str = "en"
    kind: str = "manual"
    text: str = spoken("Good evening.", "Here is the news.")
    source: str = ""
    forms: tuple[str, ...] = FORMS

    @property
    def query(self) -> str:
        """What tells it from others of its key, as in YouTube's addresses."""
        if self.kind == "manual":
            return f"lang={self.key}"
        if self.kind == "automatic":
            return f"lang={self.key}&kind=asr"
        by_person = self.key.endswith(f"-{self.source}")
        return f"lang={self.source}{'' if by_person else '&kind=asr'}&tlang={self.key}"


@dataclass(frozen=True)
class Clip:
    """A video of the site.

    Attributes:
        file: the video, a path or its bytes. All of its formats are this one file.
        trouble: what goes wrong with it.
        heights: of its formats. Each comes in each of the codecs, as picture only; the smallest comes with sound too.
        chunk: bytes that yt-dlp asks for at once, as with YouTube; None for all.
    """

    video_id: str
    file: Path | bytes
    tracks: tuple[Captions, ...] = ()
    trouble: Trouble | tuple[Trouble, ...] = ()
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
    def troubles(self) -> tuple[Trouble, ...]:
        return self.trouble if isinstance(self.trouble, tuple) else (self.trouble,)


def told(clip: Clip, address: str, trouble: Trouble | None) -> dict[str, Any]:
    """What `/api/ID.json` answers."""
    kind = trouble.kind if trouble else ""
    about: dict[str, Any] = {
        "id": clip.video_id,
        "title": clip.title,
        "channel": clip.channel,
        "channel_id": clip.channel_id,
        "duration": clip.duration,
        "language": clip.language,
        "trouble": kind,
        "formats": [],
    }
    if kind in SAID:
        return about | {"reason": SAID[kind][0], "subreason": SAID[kind][1]}
    if kind in {"sign_in", "no_formats"}:
        return about
    if kind == "playlist":
        return about | {"entries": [f"{address}/made/{clip.video_id}?part={part}" for part in (1, 2)]}
    return about | {"formats": _formats(clip, address), **_captions(clip, address)}


def _formats(clip: Clip, address: str) -> list[dict[str, Any]]:
    def one(height: int, codec: str, sound: bool) -> dict[str, Any]:
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
        *(one(height, codec, False) for height in clip.heights for codec in clip.codecs),
        one(min(clip.heights), clip.codecs[0], True),
    ]


def _captions(clip: Clip, address: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Both lists of caption tracks, as yt-dlp has them."""
    human: dict[str, list[dict[str, str]]] = {}
    automatic: dict[str, list[dict[str, str]]] = {}
    for track in clip.tracks:
        addresses = [
            {
                "ext": form,
                "url": f"{address}/captions/{clip.video_id}/{track.key}.{form}?{track.query}&fmt={form}",
                "name": track.key,
            }
            for form in track.forms
        ]
        (human if track.kind == "manual" else automatic)[track.key] = addresses
        if track.kind == "automatic":
            automatic[f"{track.key}-orig"] = addresses
    return {"subtitles": human, "automatic_captions": automatic}
