"""The pictures of a card: how much there is of each language, and a clip as a strip of skeletons."""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from signverse.export.draw.sheet import Look, draw_sheet
from signverse.export.publish.dataset_card.body import CLIP_PICTURE, LANGUAGES_PICTURE
from signverse.export.publish.dataset_card.facts import Facts
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.query.plots import drawn
from signverse.lake.storage.integrity.foreign_errors import collect

_FRAMES: Final = 8


def pictures(lake: Lake, facts: Facts) -> dict[str, bytes]:
    """The pictures that can be drawn, as PNG, by their paths; the same lake gives the same bytes."""
    found: dict[str, bytes] = {}
    if facts.languages:
        rows = pl.DataFrame(facts.languages, infer_schema_length=None)
        found[LANGUAGES_PICTURE] = drawn("languages", rows, "png")
    if facts.clip_id:
        strip = _strip(lake, facts.clip_id)
        if strip:
            found[CLIP_PICTURE] = strip
    return found


def _strip(lake: Lake, segment_id: str) -> bytes:
    """A clip's frames side by side; b"" where nobody is in it."""
    clip = collect(lake.unfiltered_clips().filter(pl.col("segment_id") == segment_id)).row(0, named=True)
    start, end = clip["start_frame"] / FPS, clip["end_frame"] / FPS
    look = Look(count=_FRAMES, person=0, crop=True, background="white", tile_width=240)
    try:
        sheet = draw_sheet(lake, [clip["video_id"]], start, end, look)
    except BadInputError:
        return b""
    data = io.BytesIO()
    sheet.save(data, format="PNG")
    return data.getvalue()
