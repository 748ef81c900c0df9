"""Which caption tracks of a video are fetched, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from signverse.ingest.captions.formats import FORMS
from signverse.ingest.captions.track_names import language_of
from signverse.ingest.captions.tracks import is_english

NO_TRACKS: Final = {"live_chat", "comments", "danmaku"}
"""What sites list among the captions and is none."""


@dataclass(frozen=True)
class Wanted:
    """A track to fetch.

    Attributes:
        key: what the site calls it.
        language: BCP 47.
        kind: manual, automatic or translated.
        source: of a translation, the language that it was made from.
        url, ext: where it is, and its form.
        headers: that the site wants.
        data: the track itself where the site gave it along, then without a url.
    """

    key: str
    language: str
    kind: str
    source: str
    url: str
    ext: str
    headers: tuple[tuple[str, str], ...] = ()
    data: str | None = None


def wanted_tracks(info: Mapping[str, Any], mode: str) -> list[Wanted]:
    """The tracks of a video in the order in which they are fetched: human ones, the recogniser's own, a translation.

    Translations are rate-limited hardest: one into English is taken, and only where there is no other English.

    Args:
        info: as yt-dlp gives it.
        mode: all, english (English ones only) or none.
    """
    if mode == "none":
        return []
    spoken = language_of(info.get("language") or "")
    human = [
        track
        for key, forms in (info.get("subtitles") or {}).items()
        if key not in NO_TRACKS and (track := _wanted(key, "manual", forms)) is not None
    ]
    addresses = {track.url for track in human}
    automatic: list[Wanted] = []
    translated: list[tuple[bool, bool, Wanted]] = []
    for key, forms in (info.get("automatic_captions") or {}).items():
        track = None if key in NO_TRACKS else _wanted(key, "automatic", forms)
        if track is None or (track.url and track.url in addresses):
            # YouTube lists a person's track among the translations into its own language once more: en-en.
            continue
        query = parse_qs(urlsplit(track.url).query)
        if "tlang" not in query:
            automatic.append(track)
            continue
        told = (query.get("lang") or [""])[0]
        source = language_of(told) if told else spoken
        # Without kind=asr the text that was translated is a person's; then tlang is en-de for English from German.
        by_machine = "asr" in query.get("kind", ())
        into = query["tlang"][0]
        into = language_of(into if by_machine or not told else into.partition(f"-{told}")[0])
        if is_english(into):
            track = replace(track, language=into, kind="translated", source=source)
            translated.append((by_machine, source != spoken, track))
    own = [track for track in automatic if track.key.endswith("-orig")]
    if own:
        # `en` beside `en-orig` is the same track once more.
        automatic = own
    tracks = [*human, *automatic]
    if translated and not any(is_english(track.language) for track in tracks):
        tracks.append(min(translated, key=lambda one: one[:2])[2])
    if mode == "english":
        tracks = [track for track in tracks if is_english(track.language)]
    return tracks


def _wanted(key: str, kind: str, forms: Sequence[Mapping[str, Any]]) -> Wanted | None:
    """A track in the best form that can be read; None where there is none."""
    for ext in FORMS:
        for form in forms:
            if form.get("ext") == ext and (form.get("url") or form.get("data")) and _is_whole(form):
                headers = tuple(sorted((form.get("http_headers") or {}).items()))
                language = language_of(key.removesuffix("-orig"))
                return Wanted(key, language, kind, "", form.get("url") or "", ext, headers, form.get("data"))
    return None


def _is_whole(form: Mapping[str, Any]) -> bool:
    """Whether a form has an address that can be one, and is no playlist of pieces, whatever its ending says."""
    try:
        path = urlsplit(form.get("url") or "").path
    except ValueError:
        return False
    return not (str(form.get("protocol") or "").startswith("m3u8") or path.endswith(".m3u8"))
