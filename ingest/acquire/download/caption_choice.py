"""Which caption tracks of a video are downloaded, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from signverse.ingest.captions.formats.reader import ENDINGS
from signverse.ingest.captions.track_names import language_of, parse_tag
from signverse.ingest.captions.tracks import is_english

NOT_CAPTIONS: Final = {"live_chat", "comments", "danmaku"}
"""What sites list among the captions although it is something else."""


@dataclass(frozen=True)
class CaptionTrack:
    """A track to download.

    Attributes:
        key: what the site calls it.
        language: BCP 47.
        kind: manual, automatic or translated.
        source: of a translation, the language that it was made from.
        url, ext: where it is, and its format.
        headers: that the site requires.
        data: the track itself, where the info holds it; then there is no url.
    """

    key: str
    language: str
    kind: str
    source: str
    url: str
    ext: str
    headers: tuple[tuple[str, str], ...] = ()
    data: str | None = None


def choose_tracks(info: Mapping[str, Any], mode: str) -> list[CaptionTrack]:
    """The tracks of a video in the order in which they are downloaded: human ones, the recogniser's own, a translation.

    Translations are rate-limited hardest: one into English is taken, and only where there is no other English.

    Args:
        info: as yt-dlp gives it.
        mode: all, english (English ones only) or none.
    """
    if mode == "none":
        return []
    spoken = language_of(info.get("language") or "")
    human: list[CaptionTrack] = []
    automatic: list[CaptionTrack] = []
    # Into English: whether recognised speech was translated, whether from another language than is spoken.
    translated: list[tuple[bool, bool, CaptionTrack]] = []
    for key, forms in (info.get("subtitles") or {}).items():
        track = None if key in NOT_CAPTIONS else _best_format(key, "manual", forms)
        if track is not None and (source := parse_tag(key).source):
            if is_english(track.language):
                track = replace(track, kind="translated", source=source)
                translated.append((False, source != spoken, track))
        elif track is not None:
            human.append(track)
    addresses = {track.url for track in human}
    for key, forms in (info.get("automatic_captions") or {}).items():
        track = None if key in NOT_CAPTIONS else _best_format(key, "automatic", forms)
        if track is None or (track.url and track.url in addresses):
            # YouTube lists a human track once more among its translations, into its own language: en-en.
            continue
        query = parse_qs(urlsplit(track.url).query)
        if "tlang" not in query:
            if source := parse_tag(key).source:
                if is_english(track.language):
                    translated.append((True, source != spoken, replace(track, kind="translated", source=source)))
            else:
                automatic.append(track)
            continue
        lang = (query.get("lang") or [""])[0]
        source = language_of(lang) if lang else spoken
        # Without kind=asr the text that was translated is human; then tlang is en-de for English from German.
        by_machine = "asr" in query.get("kind", ())
        into = query["tlang"][0]
        into = language_of(into if by_machine or not lang else into.partition(f"-{lang}")[0])
        if is_english(into):
            track = replace(track, language=into, kind="translated", source=source)
            translated.append((by_machine, source != spoken, track))
    own = [track for track in automatic if track.key.endswith("-orig")]
    if own:
        # `en` beside `en-orig` is the same track once more.
        automatic = own
    tracks = [*human, *automatic]
    if translated and not any(is_english(track.language) for track in tracks):
        tracks.append(min(translated, key=lambda candidate: candidate[:2])[2])
    if mode == "english":
        tracks = [track for track in tracks if is_english(track.language)]
    return tracks


def _best_format(key: str, kind: str, forms: Sequence[Mapping[str, Any]]) -> CaptionTrack | None:
    """A track in the best format that can be read; None where there is none."""
    for ext in (ending.removeprefix(".") for ending in ENDINGS):
        for form in forms:
            if form.get("ext") == ext and (form.get("url") or form.get("data")) and _is_one_file(form):
                headers = tuple(sorted((form.get("http_headers") or {}).items()))
                language = language_of(key.removesuffix("-orig"))
                return CaptionTrack(key, language, kind, "", form.get("url") or "", ext, headers, form.get("data"))
    return None


def _is_one_file(form: Mapping[str, Any]) -> bool:
    """Whether a format has a valid address, and is not a playlist of segments, whatever its ending says."""
    try:
        path = urlsplit(form.get("url") or "").path
    except ValueError:
        return False
    return not (str(form.get("protocol") or "").startswith("m3u8") or path.endswith(".m3u8"))
