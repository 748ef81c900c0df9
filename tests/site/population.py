"""Thousands of clips of all sorts as a crawl finds them, a share of them with faults."""

from __future__ import annotations

import csv
import io
import random
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.site.caption_text import automatic_vtt, human_vtt
from tests.site.faults import CAPTIONS, MEDIA
from tests.site.server import Captions, Clip, Fault, Site

FAULTS: Mapping[Fault, float] = {
    Fault("deleted"): 0.05,
    Fault("private"): 0.04,
    Fault("terminated"): 0.02,
    Fault("region"): 0.01,
    Fault("age"): 0.01,
    Fault("members"): 0.005,
    Fault("upcoming"): 0.005,
    Fault("rate_limited", times=1): 0.01,
    Fault("429", times=1): 0.01,
    Fault("429", CAPTIONS, times=1, retry_after=1): 0.03,
    Fault("403", MEDIA, times=1): 0.01,
    Fault("500", MEDIA, times=1): 0.02,
    Fault("truncated", MEDIA, times=1): 0.02,
}
"""The share of the videos that have each fault. Those with `times` end by themselves."""

LABELS = ("ase", "ase", "ase", "ase", "bfi", "gsg", "bzs", "fsl", "jsl", "csl", "ASL", "BSL", "Libras")

_ALPHABET = string.ascii_letters + string.digits + "-_"
_TEXT = "good evening here is the news of today rain comes to the north and two children sign a story about water"
_WORDS = _TEXT.split()


def population(
    count: int,
    files: Sequence[Path | bytes],
    *,
    faults: Mapping[Fault, float] = FAULTS,
    seed: int = 0,
    lines: int = 8,
) -> list[Clip]:
    """Clips with ids like YouTube's; the same for the same arguments.

    Args:
        files: the videos, in turn.
        lines: cues of a caption track, a second each.
    """
    chance = random.Random(seed)
    return [_clip(chance, files[i % len(files)], faults, count, lines) for i in range(count)]


def _clip(chance: random.Random, file: Path | bytes, faults: Mapping[Fault, float], count: int, lines: int) -> Clip:
    name = "".join(chance.choices(_ALPHABET, k=11))
    (fault,) = chance.choices([*faults, None], [*faults.values(), max(0.0, 1 - sum(faults.values()))])
    # A few channels have most of the videos.
    channel = int(chance.paretovariate(1.0)) % max(1, count // 20 + 1)
    text = [" ".join(chance.choices(_WORDS, k=5)).capitalize() + "." for _ in range(lines)]
    return Clip(
        name,
        file,
        _tracks(chance.choices(range(5), [1, 3, 3, 2, 1])[0], text),
        fault or (),
        title=" ".join(chance.choices(_WORDS, k=4)).capitalize(),
        channel=f"Made Signs {channel}",
        channel_id=f"UC{channel:022}",
    )


def _tracks(sort: int, text: Sequence[str]) -> tuple[Captions, ...]:
    """Captions of one of five sorts of videos."""
    match sort:
        case 0:
            return ()
        case 1:
            return (Captions("en", text=human_vtt(*text)),)
        case 2:
            return (Captions("en", text=human_vtt(*text)), Captions("en", "automatic", automatic_vtt(*text)))
        case 3:
            machine = Captions("de", "translated", human_vtt(*text), source="en")
            return (Captions("en", "automatic", automatic_vtt(*text)), machine)
    return (
        Captions("de", text=human_vtt(*text)),
        Captions("de", "automatic", automatic_vtt(*text, language="de")),
        Captions("en", "translated", human_vtt(*text), source="de"),
    )


def manifest(site: Site, clips: Iterable[Clip]) -> str:
    """A CSV of the videos' addresses with a sign language each, as `signverse ingest` takes it."""
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(["video_id", "sign_language", "url"])
    for i, clip in enumerate(clips):
        table.writerow([clip.video_id, LABELS[i % len(LABELS)], site.url(clip.video_id)])
    return rows.getvalue()
