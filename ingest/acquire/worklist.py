"""Which videos a run is about: those of the manifest, by language, slice and limit, and where each is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from signverse.ingest.acquire.download.worker import local_path
from signverse.ingest.acquire.options import Acquisition
from signverse.ingest.manifest import Entry, Manifest
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.outcomes.states import IN_LAKE, UNAVAILABLE, video_states
from signverse.lake.storage.forgotten.tombstones import Tombstones

YOUTUBE: Final = "https://www.youtube.com/watch?v="


@dataclass(frozen=True)
class Worklist:
    """What a run is about.

    Attributes:
        entries: the manifest's videos, by id.
        urls: where each is.
        retry: outcomes (blocked, failed, unavailable) to try again at once, and no others; empty for all that is due.
        invalid: rows of the manifest with an invalid id: a printable form of the id, and why.
        forgotten: how many videos the lake has forgotten, and does not take.
    """

    entries: Mapping[str, Entry]
    urls: Mapping[str, str]
    retry: Sequence[str] = ()
    invalid: Sequence[tuple[str, str]] = ()
    forgotten: int = 0


def make_worklist(manifest: Manifest, options: Acquisition, lake: Lake, known: Mapping[str, Entry]) -> Worklist:
    """The videos of a manifest that a run is about.

    Args:
        known: what the lake knows of videos; its url and title stand where the manifest is silent.

    Raises:
        BadInputError: the manifest has no video of the languages.
    """
    entries = {video_id: known.get(video_id, entry) for video_id, entry in manifest.entries.items()}
    # A path is relative to the manifest that names it, not to the one of an earlier run.
    entries = {key: replace(entry, url=manifest.entries[key].url or entry.url) for key, entry in entries.items()}
    if options.languages:
        entries = {key: entry for key, entry in entries.items() if entry.sign_language in options.languages}
        if not entries:
            raise BadInputError(
                f"{manifest.path} has no video of {', '.join(sorted(options.languages))}",
                f"See what it has: signverse ingest plan {manifest.path}.",
            )
    gone = Tombstones.of(lake.folder).among(in_slice(entries, *options.slice))
    kept = [video_id for video_id in in_slice(entries, *options.slice) if video_id not in gone]
    if options.limit is not None:
        rows = video_states(lake.snapshot, kept)
        settled = (
            set(rows.filter(rows["state"].is_in([IN_LAKE, UNAVAILABLE]))["video_id"]) if not options.retry else set()
        )
        kept = [video_id for video_id in kept if video_id not in settled][: options.limit]
    entries = {video_id: entries[video_id] for video_id in kept}
    return Worklist(entries, urls_of(entries, manifest.path), options.retry, manifest.refused, len(gone))


def urls_of(entries: Mapping[str, Entry], manifest: Path) -> dict[str, str]:
    """Where each video is: its url, a file relative to the manifest, or YouTube's page of its id."""
    return {video_id: _url(entry, manifest) for video_id, entry in entries.items()}


def _url(entry: Entry, manifest: Path) -> str:
    if not entry.url:
        return YOUTUBE + entry.video_id
    path = local_path(entry.url)
    return entry.url if path is None else str(manifest.parent / path)


def complete(entry: Entry, info: Mapping[str, Any]) -> Entry:
    """A manifest's entry, with what the site says of the video where the manifest is silent.

    Args:
        info: as `media_folder.kept_info` gives it.
    """

    def value(name: str) -> str | None:
        return str(info[name]) if info.get(name) not in (None, "") else None

    has_channel = entry.channel or entry.channel_id
    return replace(
        entry,
        title=entry.title or value("title"),
        channel=entry.channel if has_channel else value("channel"),
        channel_id=entry.channel_id if has_channel else value("channel_id"),
        url=entry.url or value("webpage_url"),
    )


def read_slice(text: str) -> tuple[int, int]:
    """A slice such as 3/16: its number, from 1, and how many there are.

    Raises:
        BadInputError: it is not one.
    """
    number, _, count = text.partition("/")
    if not (text.isascii() and number.isdecimal() and count.isdecimal() and len(text) < 12 and int(count)):
        raise BadInputError(f"--slice {text[:40]} is not a slice", "Such as 3/16: the third of sixteen.")
    if not 1 <= int(number) <= int(count):
        raise BadInputError(
            f"--slice {text} is not one of its {count} slices", f"From 1/{int(count)} to {int(count)}/{int(count)}."
        )
    return int(number), int(count)


def in_slice(video_ids: Collection[str], number: int, count: int) -> list[str]:
    """The ids of one slice: by a hash, so that all machines agree and a longer manifest moves none."""
    return [video_id for video_id in video_ids if _hash(video_id) % count == number - 1]


def _hash(video_id: str) -> int:
    return int.from_bytes(hashlib.sha256(video_id.encode("utf-8")).digest()[:8], "big")
