"""Which column is which: the names that people give to columns, the most exact one first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

ColumnNames = Mapping[str, Sequence[str]]
"""By our column, the names that it has in headers, folded as `fold` does it: the first that is there wins."""

VIDEO_ID: Final = (
    *("video_id", "videoid", "youtube_id", "youtube_video_id", "youtubeid", "yt_id", "ytid", "yid", "vid"),
    *("video", "id", "display_id", "identifier"),
    *("id_video", "video_kennung", "videokennung", "kennung", "identifiant", "identifiant_vidéo", "identifiant_video"),
    *("identifiant_de_la_vidéo", "id_vidéo", "vidéo", "id_vídeo", "id_de_vídeo", "id_del_vídeo", "id_do_vídeo"),
    *("id_de_video", "id_del_video", "identificador", "identificativo", "vídeo", "動画id", "视频id", "影片id"),
)
URL: Final = (
    "webpage_url",
    "original_url",
    "url",
    "video_url",
    "youtube_url",
    "yt_url",
    "link",
    "video_link",
    "address",
    *("adresse", "lien", "enlace", "dirección", "indirizzo", "endereço", "リンク", "链接", "連結"),
)
FILE: Final = (
    *("file_name", "filename", "file", "video_file", "video_name", "file_path", "filepath", "path", "video_path"),
)
CHANNEL: Final = (
    *("channel", "channel_name", "uploader", "uploader_name"),
    *("kanal", "chaîne", "canal", "canale", "チャンネル", "频道", "頻道"),
)
CHANNEL_ID: Final = ("channel_id", "uploader_id")

IDENTIFYING: Final = {"video_id": VIDEO_ID, "url": URL, "file": FILE}
"""Columns that tell which video a row is about; any of them will do."""


_LONGEST: Final = 100
"""A longer cell is not a name."""
_MOST: Final = 10_000
"""Columns beyond are not looked at."""


def fold(name: str) -> str:
    """A column's name without what does not matter: case, form of letters, kind of blanks, a note in brackets."""
    if len(name) > _LONGEST:
        return ""
    name = unicodedata.normalize("NFKC", name)
    name = re.sub(r"\s*[(\[].*", "", name.strip().strip("\ufeff'\"").strip())
    return "_".join(word for word in re.split(r"[\s_-]+", name.casefold()) if word)


def find_columns(cells: Sequence[str], names: ColumnNames) -> dict[str, int]:
    """The index of each of our columns in a header; none where it is not one."""
    folded = [fold(cell) for cell in cells[:_MOST]]
    found: dict[str, int] = {}
    for ours, theirs in names.items():
        index = next((folded.index(name) for name in theirs if name in folded), None)
        if index is not None and index not in found.values():
            found[ours] = index
    return found
