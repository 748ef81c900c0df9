"""What precedes the import of shards: the tars by kind, the lake, and the manifest's labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from signverse.ingest.manifest import Manifest, known_entries, write_sources
from signverse.ingest.shards.caption_tracks import index_captions
from signverse.ingest.shards.reader import Options
from signverse.ingest.shards.tar_files import TarFiles, sort_tars
from signverse.ingest.shards.upload_state import listed_videos
from signverse.ingest.videos.relabel import relabel
from signverse.lake.lake import Lake


@dataclass(frozen=True)
class PreparedImport:
    """Shards that are ready to be imported with `import_shards`.

    Attributes:
        options: how the shards are read.
        listed: by the name of a tar, the videos that a state JSON says it holds.
        relabelled: ids of the lake's videos that got another language from the manifest.
    """

    lake: Lake
    tars: TarFiles
    options: Options
    listed: Mapping[str, frozenset[str]]
    relabelled: list[str]


def prepare_import(
    tars: Sequence[Path],
    lake: Path,
    *,
    subtitles: Sequence[Path] = (),
    manifest: Manifest | None = None,
    languages: Collection[str] = (),
    repair: bool = True,
    redo: bool = False,
) -> PreparedImport:
    """Find the tars and index their captions; then create the lake if there is none, and record the manifest.

    Args:
        tars: released shards, or folders of them.
        subtitles: tars of captions that were released beside the shards, or folders of them.
        languages: codes; only videos of these are imported. Empty for all.
        repair: whether known defects of the published bytes are repaired.
        redo: whether videos that the lake has are imported again; they take the manifest's language then.

    Raises:
        BadInputError: there is no shard, or a tar or a state JSON cannot be read.
    """
    found = sort_tars(tars, subtitles)
    listed = listed_videos(tars)
    captions = index_captions(found.subtitles)
    opened = Lake.create(lake)
    relabelled = []
    if manifest:
        write_sources(opened, manifest)
        if not redo:
            relabelled = relabel(opened, manifest.entries)
    known = known_entries(opened) | (manifest.entries if manifest else {})
    return PreparedImport(opened, found, Options(known, frozenset(languages), repair, captions), listed, relabelled)
