"""The pictures of a card: how much there is of each language, and a clip as a strip of skeletons."""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from signverse.export.draw.scene import scene_of
from signverse.export.draw.sheet import Look, draw_sheet
from signverse.export.publish.dataset_card.body import CLIP_PICTURE, LANGUAGES_PICTURE
from signverse.export.publish.dataset_card.facts import Facts
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.plots import drawn

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
    look = Look(count=_FRAMES, person=0, crop=True, background="white", tile_width=240)
    try:
        sheet = draw_sheet([scene_of(lake, segment_id, person=0)], look)
    except BadInputError:
        return b""
    data = io.BytesIO()
    sheet.save(data, format="PNG")
    return data.getvalue()
