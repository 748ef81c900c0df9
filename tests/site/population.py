"""Videos as a crawl meets them: by the thousand, of all sorts, and a share of them in trouble."""

from __future__ import annotations

import csv
import io
import random
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.site.server import Captions, Clip, Site, Trouble
from tests.site.troubles import CAPTIONS, MEDIA
from tests.site.words import rolled_up, spoken

TROUBLES: Mapping[Trouble, float] = {
    Trouble("deleted"): 0.05,
    Trouble("private"): 0.04,
    Trouble("terminated"): 0.02,
    Trouble("region"): 0.01,
    Trouble("age"): 0.01,
    Trouble("members"): 0.005,
    Trouble("upcoming"): 0.005,
    Trouble("rate_limited", times=1): 0.01,
    Trouble("429", times=1): 0.01,
    Trouble("429", CAPTIONS, times=1, retry_after=1): 0.03,
    Trouble("403", MEDIA, times=1): 0.01,
    Trouble("500", MEDIA, times=1): 0.02,
    Trouble("truncated", MEDIA, times=1): 0.02,
}
"""Share of the videos that have each. What has `times` goes by."""

LABELS = ("ase", "ase", "ase", "ase", "bfi", "gsg", "bzs", "fsl", "jsl", "csl", "ASL", "BSL", "Libras")

_ALPHABET = string.ascii_letters + string.digits + "-_"
_TEXT = "good evening here is the news of today rain comes to the north and two children sign a story about water"
_WORDS = _TEXT.split()


def population(
    count: int,
    files: Sequence[Path | bytes],
    *,
    troubles: Mapping[Trouble, float] = TROUBLES,
    seed: int = 0,
    lines: int = 8,
) -> list[Clip]:
    """Videos with ids like YouTube's; the same for the same arguments.

    Args:
        files: given out by turns.
        lines: captions of a track, a second each.
    """
    chance = random.Random(seed)
    return [_clip(chance, files[i % len(files)], troubles, count, lines) for i in range(count)]


def _clip(chance: random.Random, file: Path | bytes, troubles: Mapping[Trouble, float], count: int, lines: int) -> Clip:
    name = "".join(chance.choices(_ALPHABET, k=11))
    (trouble,) = chance.choices([*troubles, None], [*troubles.values(), max(0.0, 1 - sum(troubles.values()))])
    # A few channels have most of the videos.
    channel = int(chance.paretovariate(1.0)) % max(1, count // 20 + 1)
    text = [" ".join(chance.choices(_WORDS, k=5)).capitalize() + "." for _ in range(lines)]
    return Clip(
        name,
        file,
        _tracks(chance.choices(range(5), [1, 3, 3, 2, 1])[0], text),
        trouble or (),
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
            return (Captions("en", text=spoken(*text)),)
        case 2:
            return (Captions("en", text=spoken(*text)), Captions("en", "automatic", rolled_up(*text)))
        case 3:
            machine = Captions("de", "translated", spoken(*text), source="en")
            return (Captions("en", "automatic", rolled_up(*text)), machine)
    return (
        Captions("de", text=spoken(*text)),
        Captions("de", "automatic", rolled_up(*text, language="de")),
        Captions("en", "translated", spoken(*text), source="de"),
    )


def manifest(site: Site, clips: Iterable[Clip]) -> str:
    """A CSV of the videos' addresses with a sign language each, as `signverse ingest` takes it."""
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(["video_id", "sign_language", "url"])
    for i, clip in enumerate(clips):
        table.writerow([clip.video_id, LABELS[i % len(LABELS)], site.made(clip.video_id)])
    return rows.getvalue()
