"""Which channel a video is of: as the video says, else as a list of channels says, else as `sources` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.ids import check_video_id
from signverse.lake.model.schema import SOURCES
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.snapshot import Snapshot, collect
from signverse.lake.storage.sources import NAMES, columns_of, known_sources, read_rows

_COLUMNS: Final = {
    "video_id": {"video_id", "id", "youtube_id", "video", "videoid"},
    "channel": {"channel", "uploader"},
    "channel_id": {"channel_id", "uploader_id"},
}

Channel = tuple[str | None, str | None]
"""Name and id; one of them at least."""


@dataclass
class ChannelList:
    """What a CSV of channels holds.

    Attributes:
        channels: by video id.
        remarks: what was passed over, a line each.
    """

    path: Path
    channels: dict[str, Channel] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def read_channels(path: Path) -> ChannelList:
    """Reads a CSV of video ids and their channels: the first two columns, or as a header names them.

    Raises:
        BadInputError: the file cannot be read as CSV, or has other columns.
    """
    shape = "Its columns are: video_id, channel (and channel_id, if known)."
    rows = read_rows(path, "the list of channels")
    if not rows:
        raise BadInputError(f"the list of channels {path} is empty", shape)
    first = rows[0][1]
    shown = ", ".join(cell.strip() for cell in first)[:200]
    columns = columns_of(path, first, _COLUMNS)
    if columns is None:
        if len(first) != 2:
            raise BadInputError(f"{path} has no header and {counted(len(first), 'column')}: {shown}", shape)
        columns = {"video_id": 0, "channel": 1}
        if all(len(row) > 1 and _is_language(row[1]) for _, row in rows):
            raise BadInputError(
                f"the second column of {path} holds sign languages, not channels: {shown}",
                "Give it the header video_id,channel if they are channels.",
            )
    elif len(columns) == 1:
        raise BadInputError(f"the header of {path} names no channel: {shown}", shape)
    else:
        rows = rows[1:]
    found = ChannelList(path)
    refused, bare, repeated = [], [], []
    for line, row in rows:
        cells = {name: " ".join(row[i].split()) if i < len(row) else "" for name, i in columns.items()}
        video_id = cells["video_id"]
        try:
            check_video_id(video_id)
        except BadInputError:
            refused.append(str(line))
            continue
        channel = (cells.get("channel") or None, cells.get("channel_id") or None)
        if channel == (None, None):
            bare.append(video_id)
        elif found.channels.setdefault(video_id, channel) != channel:
            repeated.append(video_id)
    if refused:
        found.remarks.append(f"{path}: {counted(len(refused), 'row')} without a usable video id: line {some(refused)}")
    if bare:
        found.remarks.append(f"{path}: {counted(len(bare), 'video')} without a channel passed over: {some(bare)}")
    if repeated:
        found.remarks.append(
            f"{path}: {counted(len(repeated), 'row')} with another channel for an id, the first counts: "
            f"{some(repeated)}"
        )
    return found


def _is_language(text: str) -> bool:
    try:
        sign_languages.resolve(text.strip())
    except UnknownLanguageError:
        return False
    return True


def channel_groups(snapshot: Snapshot, told: ChannelList | None = None) -> pl.DataFrame:
    """video_id and group of every visible video, by video_id: the channel's id, else its name; null where unknown.

    A name that stands alone for one video and with an id for another is the same channel.
    """
    own = {row[0]: _pair(*row[1:]) for row in _own(snapshot).iter_rows()}
    listed = {} if told is None else told.channels
    known = {row[0]: _pair(*row[1:]) for row in collect(snapshot.table(SOURCES.name).select(_THREE)).iter_rows()}
    of = {video_id: own[video_id] or listed.get(video_id) or known.get(video_id) for video_id in own}
    name_of = _one_name({channel for channel in of.values() if channel})
    groups = [name_of[channel[1] or channel[0] or ""] if channel else None for channel in of.values()]
    return pl.DataFrame({"video_id": list(of), "group": groups}, schema={"video_id": pl.String, "group": pl.String})


_THREE: Final = ("video_id", "channel", "channel_id")


def _own(snapshot: Snapshot) -> pl.DataFrame:
    return collect(snapshot.videos().select(_THREE))


def _pair(name: str | None, channel_id: str | None) -> Channel | None:
    name, channel_id = (name or "").strip() or None, (channel_id or "").strip() or None
    return (name, channel_id) if name or channel_id else None


def _one_name(channels: set[Channel]) -> dict[str, str]:
    """What every name and id is called as a group: the first of the ids that are the same channel, else the name."""
    ids = {channel_id for _, channel_id in channels if channel_id}
    alone = {name for name, channel_id in channels if name and not channel_id}
    first: dict[str, str] = {}

    def find(one: str) -> str:
        while first.setdefault(one, one) != one:
            one = first[one]
        return one

    for name, channel_id in sorted(channels, key=lambda channel: (channel[1] or "", channel[0] or "")):
        if name in alone and channel_id:
            # Two channels may share a name: which of them a video without an id is of, nobody knows. All are one then.
            ends = sorted((find(name), find(channel_id)), key=lambda end: (end not in ids, end))
            first[ends[1]] = ends[0]
        else:
            find(channel_id or name or "")
    return {one: find(one) for one in list(first)}


def remarks_on(snapshot: Snapshot, told: ChannelList) -> list[str]:
    """What of a list is of no use: ids that the lake does not know, and channels that the videos say otherwise."""
    own = {row[0]: _pair(*row[1:]) for row in _own(snapshot).iter_rows()}
    unknown = [video_id for video_id in told.channels if video_id not in own]
    # The same where a name or an id is.
    other = [
        video_id
        for video_id, channel in told.channels.items()
        if (came_with := own.get(video_id)) and not {*came_with} & ({*channel} - {None})
    ]
    remarks = list(told.remarks)
    if unknown:
        remarks.append(f"{told.path}: {counted(len(unknown), 'id')} of no video of the lake: {some(unknown)}")
    if other:
        remarks.append(
            f"{told.path}: {counted(len(other), 'video')} came with another channel, which counts: {some(other)}"
        )
    return remarks


def rows_for_sources(snapshot: Snapshot, told: ChannelList) -> Iterator[Mapping[str, Any]]:
    """The rows of `sources` with the channels of a list, of the videos that the lake knows; all else stays."""
    known = known_sources(snapshot)
    videos = collect(snapshot.videos().select(NAMES))
    for row in videos.iter_rows(named=True):
        known.setdefault(row["video_id"], row)
    for video_id, (name, channel_id) in told.channels.items():
        if video_id in known:
            before = known[video_id]
            if channel_id is None and name == before["channel"]:
                channel_id = before["channel_id"]
            yield {**before, "channel": name, "channel_id": channel_id}
