"""What the page has to know once: the lake, names, how a skeleton is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from signverse.export.draw.colours import BODY_COLOURS, FINGER_COLOURS
from signverse.export.draw.skeleton import FACE_CONTOURS
from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.clips.counting import language_names
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import BODY_LIMBS, HAND_LIMBS, PARTS
from signverse.lake.model.thresholds import SEEN
from signverse.lake.query.selection import FILTERS, option_names

if TYPE_CHECKING:
    from signverse.export.explorer.session import Explorer


def about(catalog: Catalog, explorer: Explorer) -> dict[str, Any]:
    """One object for the page."""
    present = {file.partition for file in catalog.snapshot.stored_files("segments")}
    return {
        "lake": explorer.lake.resolve().name,
        "version": catalog.snapshot.version,
        "is_empty": catalog.is_whole and not len(catalog),
        "reading": explorer.progress,
        "media": explorer.media is not None,
        "fps": FPS,
        "seen": SEEN,
        "languages": {code: name for code, name in language_names().items() if code in present},
        "options": {name: FILTERS[attribute].help for attribute in FILTERS for name in option_names(attribute)},
        "parts": [{"name": part.name, "start": part.start, "size": part.size} for part in PARTS],
        "body_limbs": BODY_LIMBS,
        "hand_limbs": HAND_LIMBS,
        "face_contours": FACE_CONTOURS,
        "body_colours": BODY_COLOURS,
        "finger_colours": FINGER_COLOURS,
    }
