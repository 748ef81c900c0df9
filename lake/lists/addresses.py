"""The video id in an address or in a file's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import check_video_id, id_in_name, is_youtube_id
from signverse.lake.model.wording import counted

_ADDRESS: Final = re.compile(r"(?i)(https?:)?//|www\.|(m\.|music\.)?youtube\.com/|youtu\.be/")
_YOUTUBE: Final = re.compile(r"(?i)(.*\.)?(youtube\.com|youtube-nocookie\.com|youtu\.be)")
_MEDIA: Final = re.compile(
    r"(?i)\.(3gp|asf|avi|f4v|flv|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|mxf|ogv|swf|ts|vob|webm|wmv|m3u8|mpd|json|vtt|srt)$"
)
_BEFORE_ID: Final = {"clip", "embed", "live", "p", "reel", "shorts", "status", "tv", "v", "video", "videos", "watch"}
"""Parts of a path that an id follows: vimeo.com/video/ID, tiktok.com/@NAME/video/ID, x.com/NAME/status/ID."""
_QUERY: Final = ("v", "video_id", "videoid", "vid", "video", "id")
"""Names that an id has in the query of an address, the surest first."""


def is_address(text: str) -> bool:
    """Whether a text is the address of something on the network; one without https:// is, too, if it is YouTube's."""
    return _ADDRESS.match(text) is not None


def is_youtube(address: str) -> bool:
    """Whether an address is one of YouTube's."""
    try:
        host = urlsplit(address if "//" in address[:8] else f"//{address}").hostname
    except ValueError:
        return False
    return _YOUTUBE.fullmatch(host or "") is not None


def id_of_address(address: str) -> str:
    """The id of the video at an address: YouTube's, or for other sites the part that names the video. Not checked.

    Raises:
        BadInputError: it is the address of a channel or a playlist, or names nothing.
    """
    try:
        parts = urlsplit(address if "//" in address[:8] else f"//{address}")
        host = parts.hostname or ""
    except ValueError:
        raise BadInputError(f"{address[:80]!a} is not an address") from None
    # `&amp;` is how an address is written in HTML.
    query = {name.lower(): values[-1] for name, values in parse_qs(parts.query.replace("&amp;", "&")).items()}
    path = [unquote(part) for part in parts.path.split("/") if part]
    found = _of_youtube(host, path, query) if _YOUTUBE.fullmatch(host) else _of_site(path, query)
    if not found:
        raise BadInputError(f"the address {address[:80]!a} names no video")
    return found


def _of_youtube(host: str, path: list[str], query: dict[str, str]) -> str:
    """An id of YouTube. Its forms: watch?v=ID, youtu.be/ID, shorts/ID, embed/ID, live/ID, v/ID."""
    candidates = [query.get("v", "")]
    if host.lower().endswith("youtu.be"):
        candidates += path[:1]
    elif path and path[0].lower() in {"shorts", "embed", "live", "v", "e", "watch"}:
        candidates += path[1:2]
    for text in candidates:
        # What was typed behind an id, such as a full stop, is not part of it.
        video_id = re.split(r"[^A-Za-z0-9_-]", text)[0]
        if is_youtube_id(video_id) and video_id != "videoseries":
            return video_id
    where = "/".join(path[:2])
    if "list" in query or (path and (path[0].lower() in {"channel", "c", "user", "playlist"} or path[0][0] == "@")):
        raise BadInputError(
            f"youtube.com/{where[:60]} is a channel or a playlist, not a video",
            "List its videos: yt-dlp --flat-playlist -j ADDRESS > list.jsonl",
        )
    shown = next((text for text in candidates if text), where)
    raise BadInputError(f"the address of YouTube has no id of 11 characters: {shown[:60]!a}")


def _of_site(path: list[str], query: dict[str, str]) -> str:
    last = path[-1] if path else ""
    if _MEDIA.search(last):
        return id_in_name(_MEDIA.sub("", last))
    named = next((query[name] for name in _QUERY if query.get(name)), "")
    if named:
        return named
    after = next((path[at + 1] for at, part in enumerate(path[:-1]) if part.lower() in _BEFORE_ID), "")
    # An unlisted video of Vimeo is NUMBER/KEY.
    number = next((part for part in path if re.fullmatch(r"\d{6,}", part)), "")
    # https://SITE/watch/ names none.
    return after or number or ("" if last.lower() in _BEFORE_ID else PurePosixPath(last).stem)


def id_of_file(name: str) -> str:
    """The id in the name or path of a file, with ending or without: of `Title [ID].mp4` what the brackets hold."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return id_in_name(_MEDIA.sub("", last))


def is_file(text: str) -> bool:
    """Whether a text is the name of a media file, or `Title [ID]` as yt-dlp names files."""
    return _MEDIA.search(text) is not None or (text.endswith("]") and id_in_name(text) != text)


def identify(cells: Mapping[str, str]) -> tuple[str, str | None]:
    """The video id and the address of a row, from the column that has them: video_id, url or file.

    Raises:
        BadInputError: there is no valid id, or an address is not that of a video.
    """
    video_id, url = cells.get("video_id", ""), cells.get("url") or None
    if is_address(video_id):
        video_id, url = id_of_address(video_id), url or video_id
    elif is_file(video_id):
        video_id = id_of_file(video_id)
    elif not video_id and "video_id" in cells and not (url and is_youtube(url)):
        # In a list of ids, an address of another site does not say what its owner would call the video.
        return check_video_id(""), url
    elif not video_id and url:
        video_id = id_of_address(url) if is_address(url) else id_of_file(url)
    elif not video_id:
        video_id = id_of_file(cells.get("file", ""))
    return check_video_id(video_id), url


def why_not_youtube(video_id: str) -> str | None:
    """Why an id cannot be one of YouTube's, with what a spreadsheet may have done to it; None where it can be."""
    if is_youtube_id(video_id) or not video_id:
        return None if video_id else "nothing"
    if re.fullmatch(r"[-+]?\d+([.,]\d+)?[eE][-+]?\d+", video_id):
        return "a number that a spreadsheet has shortened"
    if video_id.startswith("#"):
        return "an error of a spreadsheet"
    if video_id[0] in "'=+":
        return f"a spreadsheet's mark {video_id[0]} in front"
    if " " in video_id.strip():
        return "a text with blanks"
    if re.fullmatch(r"[A-Za-z0-9_-]+", video_id):
        return f"{counted(len(video_id), 'character')}, not 11"
    return "characters that YouTube's ids do not have"
