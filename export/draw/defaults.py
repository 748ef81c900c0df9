"""Names and defaults that `--help` shows. Imported at every start of the command line: nothing heavy here."""

from __future__ import annotations

from typing import Final

STYLES: Final = ("lake", "openpose", "dwpose", "controlnext")
"""How people can be drawn, see styles/."""

VIDEO_FORMATS: Final = ("mp4", "gif", "webp", "frames")
"""What a video can be written as; frames is a folder of PNG files."""
