"""The caption tracks that a lake holds of its videos, and how tracks read now differ from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import polars as pl

from signverse.ingest.captions.files_beside import read_track
from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.settings import AS_THEY_ARE, TextSettings
from signverse.ingest.captions.tracks import Cue, Track, unique
from signverse.ingest.videos.caption_times import joins_in, on_video_clock
from signverse.lake.lake import Lake
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.schema import CAPTIONS, OUTCOMES
from signverse.lake.storage.integrity.foreign_errors import collect

AT_ONCE: Final = 1000
"""Videos whose stored captions are read together: some 300,000 cues."""

_TRANSLATED_FROM: Final = "translated_from:"


def stored_tracks(lake: Lake, video_ids: Collection[str]) -> dict[str, list[Track]]:
    """The caption tracks of visible videos, by video id; a video without captions is left out."""
    of_videos = pl.col("video_id").is_in(list(video_ids))
    sources = dict(collect(lake.videos().filter(of_videos).select("video_id", "english_source")).iter_rows())
    columns = ["video_id", "track", "kind", "language", "start_s", "end_s", "text"]
    rows = collect(lake.table(CAPTIONS.name).filter(of_videos).sort("video_id", "track", "ordinal").select(columns))
    found: dict[str, list[Track]] = {}
    for (video_id, name, kind, language), cues in groupby(rows.iter_rows(), itemgetter(0, 1, 2, 3)):
        track = Track(name, kind, language, tuple(Cue(*cue[4:]) for cue in cues))
        # Only what the segments came from has its source stored, and no other needs it.
        source = sources[video_id] or ""
        if kind == "translated" and track.is_english and source.startswith(_TRANSLATED_FROM):
            track = Track(name, kind, language, track.cues, source.removeprefix(_TRANSLATED_FROM))
        found.setdefault(video_id, []).append(track)
    return found


@dataclass(frozen=True)
class TrackChanges:
    """How the tracks that were read differ from those that the lake holds.

    Attributes:
        tracks: all tracks that the video has afterwards.
        new, replaced, removed: names of tracks.
        unchanged: how many of the tracks that were read the lake holds as they are.
    """

    tracks: list[Track]
    new: list[str]
    replaced: list[str]
    removed: list[str]
    unchanged: int

    @property
    def any(self) -> bool:
        """Whether there is a difference."""
        return bool(self.new or self.replaced or self.removed)


def merge(
    stored: Sequence[Track], read: Sequence[Track], added: Sequence[Track] = (), *, only: bool = False
) -> TrackChanges:
    """Put tracks that were read beside those of the lake.

    Args:
        read: of files that belong to the video: one takes the place of the stored track of the same name.
        added: of subtitles tars, which are beside what a shard holds: they take no other's place.
        only: the tracks of the lake that were not read are removed.
    """
    read = unique(read)
    before = {_content(track): track.name for track in stored}
    # Of several tracks of a language the number may differ from the stored one: what is equal is the same track.
    same = {before[_content(track)] for track in read if _content(track) in before}
    others = {track.name for track in read if track.cues and _content(track) not in before}
    remaining = [] if only else [track for track in stored if track.name not in same | others]
    tracks = unique([*read, *remaining, *added])
    after = {_content(track) for track in tracks}
    gone = [track.name for track in stored if _content(track) not in after]
    fresh = [track.name for track in tracks if track.cues and _content(track) not in before]
    return TrackChanges(
        tracks,
        new=[name for name in fresh if name not in gone],
        replaced=[name for name in fresh if name in gone],
        removed=[name for name in gone if name not in fresh],
        unchanged=sum(_content(track) in before for track in (*read, *added)),
    )


def videos_with_changed_captions(
    lake: Lake, files: Mapping[str, Sequence[Path]], text: TextSettings = AS_THEY_ARE
) -> list[str]:
    """The videos of a lake whose caption files hold what it lacks, or cannot be read.

    Files are read only where that may be: one was written since the lake took the video's captions, or there are more
    or fewer than the lake has tracks.

    Args:
        files: caption files by video id.
        text: how captions are read.
    """
    with_files = {video_id: paths for video_id, paths in files.items() if paths}
    if not with_files:
        return []
    # Not `ingested_at`: a label that is corrected makes it later, and reads no captions.
    outcomes = lake.raw_table(OUTCOMES.name).filter(
        (pl.col("outcome") == "done") & pl.col("stage").is_in(["extract", "import", "captions"])
    )
    read_at = dict(collect(outcomes.group_by("video_id").agg(pl.col("attempted_at").max())).iter_rows())
    counts = collect(lake.table(CAPTIONS.name).group_by("video_id").agg(pl.col("track").n_unique()))
    tracks = dict(counts.iter_rows())
    suspects = [
        video_id
        for video_id, paths in with_files.items()
        if len(paths) != tracks.get(video_id, 0)
        or video_id not in read_at
        or any(_written_at(path) >= read_at[video_id].timestamp() for path in paths)
    ]
    changed = []
    for start in range(0, len(suspects), AT_ONCE):
        ids = suspects[start : start + AT_ONCE]
        stored = stored_tracks(lake, ids)
        videos = collect(lake.videos().filter(pl.col("video_id").is_in(ids)).select("video_id", "events", "num_frames"))
        clocks = {video_id: (joins_in(events), frames / FPS) for video_id, events, frames in videos.iter_rows()}
        for video_id in ids:
            try:
                read = [
                    on_video_clock(read_track(path, video_id, sound_marks=text.sound_marks), *clocks[video_id])
                    for path in with_files[video_id]
                ]
            except BadCaptionsError:
                changed.append(video_id)
            else:
                if merge(stored.get(video_id, []), read).any:
                    changed.append(video_id)
    return changed


def _written_at(path: Path) -> float:
    """When a file got its content or its place, in seconds: a copy keeps the first time and never the second."""
    try:
        state = path.stat()
    except OSError:
        return 0.0
    return max(state.st_mtime, state.st_ctime)


def _content(track: Track) -> tuple[str, str, tuple[Cue, ...]]:
    return track.kind, track.language, track.cues
