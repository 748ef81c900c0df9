"""What the command line says of the formats. Imported at every start of it: nothing heavy here."""

from __future__ import annotations

from typing import Final

LAYOUTS: Final = ("card", "consolidated")
"""Layouts of a release shard: that of the dataset card (the default), that of the released tars."""

BODY_SCORES: Final = ("scores", "codes")
"""Body scores of the layout `consolidated`: those of the lake (the default), or index codes as in the released tars."""

VIDEOS_PER_SHARD: Final = 40
"""As in the released tars."""

CLIPS_PER_FILE: Final = 1_000
