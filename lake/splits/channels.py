"""Which channel a video is of: by the video's own metadata, else by a list of channels, else by `sources`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from signverse.lake.lists.addresses import identify
from signverse.lake.lists.columns import CHANNEL, CHANNEL_ID, IDENTIFYING
from signverse.lake.lists.table import is_language, read_table
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import normal_form
from signverse.lake.model.schema import SOURCES
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.sources import NAMES, known_sources

_COLUMNS: Final = {**IDENTIFYING, "channel": CHANNEL, "channel_id": CHANNEL_ID}

Channel = tuple[str | None, str | None]
"""Name and id; at least one of them is known."""


@dataclass
class ChannelList:
    """The content of a list of channels.

    Attributes:
        path: of the file.
        channels: by video id.
        remarks: a line for each kind of row that was skipped.
    """

    path: Path
    channels: dict[str, Channel] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def read_channels(path: Path) -> ChannelList:
    """Reads a list of video ids and their channels: the first two columns, or as a header names them.

    Raises:
        BadInputError: the file cannot be read, or has other columns.
    """
    expected = "Its columns are: video_id, channel (and channel_id, if known)."
    try:
        table = read_table(path, "the list of channels", _COLUMNS, ("video_id", "channel"))
    except BadInputError as error:
        raise BadInputError(
            error.message, error.hint if "names no video id" not in error.message else expected
        ) from None
    shown = ", ".join(values[0] for values in table.first_values if values)[:200]
    if table.header is None:
        if len(table.first_values) != 2:
            width = counted(len(table.first_values), "column")
            raise BadInputError(f"{path} has no header and {width}: {shown}", expected)
        if all(is_language(row.cells["channel"]) for row in table.rows):
            raise BadInputError(
                f"the second column of {path} holds sign languages, not channels: {shown}",
                "Give it the header video_id,channel if they are channels.",
            )
    elif not table.columns.keys() & {"channel", "channel_id"}:
        raise BadInputError(f"the header of {path} names no channel: {', '.join(table.header)[:200]}", expected)
    found = ChannelList(path, remarks=[f"{path}: {line}" for line in table.remarks])
    invalid = [str(number) for number, _ in table.refused]
    without_channel, repeated = [], []
    for row in table.rows:
        try:
            video_id = identify(row.cells)[0]
        except BadInputError:
            invalid.append(str(row.number))
            continue
        channel = tuple(" ".join(row.cells.get(name, "").split()) or None for name in ("channel", "channel_id"))
        name, channel_id = channel
        if channel == (None, None):
            without_channel.append(video_id)
        elif found.channels.setdefault(video_id, (name, channel_id)) != channel:
            repeated.append(video_id)
    total = len(table.rows) + len(table.refused)
    found.remarks.insert(0, table.account(f"{counted(len(found.channels), 'video')} of {counted(total, 'row')}"))
    if invalid:
        rows = counted(len(invalid), "row")
        found.remarks.append(f"{path}: {rows} without a valid video id: {table.unit} {some(invalid)}")
    if without_channel:
        videos = counted(len(without_channel), "video")
        found.remarks.append(f"{path}: {videos} without a channel skipped: {some(without_channel)}")
    if repeated:
        found.remarks.append(
            f"{path}: {counted(len(repeated), 'row')} with another channel for an id, the first is used: "
            f"{some(repeated)}"
        )
    return found


def channel_groups(snapshot: Snapshot, channels: ChannelList | None = None) -> pl.DataFrame:
    """video_id and group of every visible video, by video_id.

    The group is the channel's id, else its name, and null where neither is known. A name that one video has alone and
    another with an id is the same channel.
    """
    own = _channels_of_videos(snapshot)
    listed = {} if channels is None else {of: _channel(*channel) for of, channel in channels.channels.items()}
    sources = collect(snapshot.table(SOURCES.name).select(_COLUMNS_READ))
    known = {row[0]: _channel(*row[1:]) for row in sources.iter_rows()}
    of = {video_id: own[video_id] or listed.get(video_id) or known.get(video_id) for video_id in own}
    group_of = _group_names({channel for channel in of.values() if channel})
    groups = [group_of[channel[1] or channel[0] or ""] if channel else None for channel in of.values()]
    return pl.DataFrame({"video_id": list(of), "group": groups}, schema={"video_id": pl.String, "group": pl.String})


_COLUMNS_READ: Final = ("video_id", "channel", "channel_id")


def _channels_of_videos(snapshot: Snapshot) -> dict[str, Channel | None]:
    """By video id, the channel in the metadata of every visible video."""
    videos = collect(snapshot.videos().select(_COLUMNS_READ))
    return {row[0]: _channel(*row[1:]) for row in videos.iter_rows()}


def _channel(name: str | None, channel_id: str | None) -> Channel | None:
    # A name from macOS may be in another of Unicode's forms: the same channel, which no split may divide.
    name, channel_id = normal_form((name or "").strip()) or None, (channel_id or "").strip() or None
    return (name, channel_id) if name or channel_id else None


def _group_names(channels: set[Channel]) -> dict[str, str]:
    """The group of every name and id: the first of the ids of the same channel, else the name (a union-find)."""
    ids = {channel_id for _, channel_id in channels if channel_id}
    names_without_id = {name for name, channel_id in channels if name and not channel_id}
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for name, channel_id in sorted(channels, key=lambda channel: (channel[1] or "", channel[0] or "")):
        if name in names_without_id and channel_id:
            # Two channels may share a name, and it is unknown which of them a video without an id is of: they are
            # treated as one.
            roots = sorted((find(name), find(channel_id)), key=lambda root: (root not in ids, root))
            parent[roots[1]] = roots[0]
        else:
            find(channel_id or name or "")
    return {key: find(key) for key in list(parent)}


def remarks_on(snapshot: Snapshot, channels: ChannelList) -> list[str]:
    """The remarks of a list, and its rows without effect: ids not in the lake, and videos that have another channel."""
    own = _channels_of_videos(snapshot)
    unknown = [video_id for video_id in channels.channels if video_id not in own]
    # A channel is the same where its name or its id is.
    different = [
        video_id
        for video_id, channel in channels.channels.items()
        if (own_channel := own.get(video_id)) and not {*own_channel} & ({*channel} - {None})
    ]
    remarks = list(channels.remarks)
    if unknown:
        remarks.append(f"{channels.path}: {counted(len(unknown), 'id')} not in the lake: {some(unknown)}")
    if different:
        videos = counted(len(different), "video")
        remarks.append(f"{channels.path}: {videos} with another channel in the lake, which is used: {some(different)}")
    return remarks


def rows_for_sources(snapshot: Snapshot, channels: ChannelList) -> Iterator[Mapping[str, Any]]:
    """Rows of `sources` with the channels of a list, for videos of the lake; other columns keep their values."""
    known = known_sources(snapshot)
    videos = collect(snapshot.videos().select(NAMES))
    for row in videos.iter_rows(named=True):
        known.setdefault(row["video_id"], row)
    for video_id, (name, channel_id) in channels.channels.items():
        if video_id in known:
            before = known[video_id]
            if channel_id is None and name == before["channel"]:
                channel_id = before["channel_id"]
            yield {**before, "channel": name, "channel_id": channel_id}
