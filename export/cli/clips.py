"""The commands that write clips: export webdataset, parquet and pose.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.export.cli.options import (
    ByLanguageOption,
    CardOption,
    ExportOption,
    LicenceOption,
    OverwriteOption,
    StalledAfterOption,
    WorkersOption,
    say_stale_card,
    wants_card,
    worker_limits,
    writing,
)
from signverse.export.formats.defaults import CLIPS_PER_FILE
from signverse.lake.cli.option_groups import option_group
from signverse.lake.cli.selection_options import selecting
from signverse.lake.cli.shared import WorkerMemoryOption, reading, say

if TYPE_CHECKING:
    from signverse.lake.lake import Lake
    from signverse.lake.query.selection import Selection

ClipsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File written by `signverse select -o` (default: all clips).")
]
AllPeopleOption = Annotated[
    bool, typer.Option("--all-people", help="All people in the clip, not the primary signer only.")
]
PerShardOption = Annotated[int, typer.Option(min=1, metavar="N", help="Clips per file.")]


@dataclass(frozen=True)
class ClipOptions:
    """The options that the commands share, beside those of `selecting`."""

    out: Path
    selection: Path | None
    all_people: bool
    workers: int
    worker_memory: int | None
    stalled_after: int | None
    overwrite: bool
    card: bool
    licence: str | None


exporting_clips = option_group(
    "how",
    {
        "out": (ExportOption, inspect.Parameter.empty),
        "selection": (ClipsOption, None),
        "all_people": (AllPeopleOption, False),
        "workers": (WorkersOption, 1),
        "worker_memory": (WorkerMemoryOption, None),
        "stalled_after": (StalledAfterOption, None),
        "overwrite": (OverwriteOption, False),
        "card": (CardOption, False),
        "licence": (LicenceOption, None),
    },
    ClipOptions,
)
"""Decorates a command with a parameter `how: ClipOptions`."""


@reading
@exporting_clips
@selecting
def webdataset(
    *,
    opened: Lake,
    how: ClipOptions,
    conditions: Selection,
    clips_per_shard: PerShardOption = CLIPS_PER_FILE,
    by_language: ByLanguageOption = False,
) -> None:
    """Write clips as tars for WebDataset, one sample per clip.

    KEY.keypoints.npy is float32 [T, 128, 3], x and y in pixels and score; nan where absent. With --all-people it is
    [T, P, 128, 3]. KEY.json has the rest: segment_id, text, times, language, size, confidences. KEY is the segment_id
    with %2E for a dot. Where body scores are unknown, KEY.body_visible.npy has visibility (1, 0, or -1 unknown).

    \b
    signverse export webdataset --lake LAKE --out DIR --language ase --captioned
    signverse export webdataset --lake LAKE --out DIR --selection clips.parquet
    signverse export webdataset --lake LAKE --out DIR --card --licence cc-by-4.0
    tars = webdataset.WebDataset("DIR/signverse-{000000..000041}.tar")
    samples = tars.decode().to_tuple("keypoints.npy", "json")
    """
    _export("webdataset", opened, conditions, how, clips_per_shard, "tar", by_language=by_language or how.card)


@reading
@exporting_clips
@selecting
def parquet(
    *,
    opened: Lake,
    how: ClipOptions,
    conditions: Selection,
    clips_per_shard: PerShardOption = CLIPS_PER_FILE,
    by_language: ByLanguageOption = False,
) -> None:
    """Write clips as Parquet, one row per clip.

    The files are in DIR/data/. Beside the metadata the lake's own columns: body_xy, body_score, face_xy and so on, each
    one list of floats over all frames. As in the lake absent x and y and unknown scores are null, which numpy gets as
    nan.

    \b
    signverse export parquet --lake LAKE --out DIR --language ase --captioned
    signverse export parquet --lake LAKE --out DIR --selection clips.parquet
    signverse export parquet --lake LAKE --out DIR --card --licence cc-by-4.0

    In Python, an array [T, people, joints, 2] in one line:

    \b
    clips = polars.read_parquet("DIR/data")
    clips["body_xy"][i].to_numpy().reshape(-1, clips["num_people"][i], 18, 2)

    The other parts have 68 joints (face) and 21 (each hand). A clip of more than 32,768 frames (22 minutes of one
    person) has several rows of one segment_id, which follow each other.
    """
    _export("parquet", opened, conditions, how, clips_per_shard, "file", by_language=by_language or how.card)


@reading
@exporting_clips
@selecting
def pose(
    *,
    opened: Lake,
    how: ClipOptions,
    conditions: Selection,
) -> None:
    """Write clips as .pose files (pose-format), one file per clip.

    A clip is VIDEO_ID/SEGMENT_ID.pose, with pose-format's OpenPose components (pose_keypoints_2d, face_keypoints_2d,
    hand_left_keypoints_2d and hand_right_keypoints_2d) in pixels, at 24 frames/s. What is absent, or known to be
    hidden, is masked, with confidence 0. index.csv lists the files.

    \b
    signverse export pose --lake LAKE --out DIR --language ase --captioned
    signverse export pose --lake LAKE --out DIR --selection clips.parquet
    data = open("DIR/VIDEO_ID/SEGMENT_ID.pose", "rb").read()
    pose_format.Pose.read(data).normalize().body.data
    """
    from signverse.export.formats.posefile import CLIPS_PER_CHUNK

    _export("pose", opened, conditions, how, CLIPS_PER_CHUNK, "clip group")


def _export(
    kind: str,
    opened: Lake,
    conditions: Selection,
    how: ClipOptions,
    count: int,
    noun: str,
    *,
    by_language: bool = False,
) -> None:
    from signverse.export.release.choice import choose, clips_to_write
    from signverse.export.release.clip_exports import ClipExport
    from signverse.lake.model.wording import counted

    read: list[str] = []
    clips, remarks = clips_to_write(opened, choose(opened, how.selection, conditions, read), path=how.selection)
    for line in read + remarks:
        say(line)
    card = None
    if wants_card(how.card, how.licence):
        from signverse.export.publish.export_card import card_of_clips, in_words

        about = in_words(how.selection, conditions)
        card = card_of_clips(
            opened, how.out, clips, kind=kind, licence=how.licence, all_people=how.all_people, selection=about
        )
    job = ClipExport(opened, how.out, kind, how.all_people, by_language, card)
    chunks = job.plan(clips, count)
    done = job.prepare(chunks, overwrite=how.overwrite)
    with writing(noun, len(chunks), len(done)) as on_chunk:
        limits = worker_limits(how.worker_memory, how.stalled_after)
        index = job.write(chunks, done=done, workers=how.workers, limits=limits, on_chunk=on_chunk)
    for line in job.remarks(index) + (card.remarks if card else []):
        say(line)
    if card is None:
        say_stale_card(how.out)
    files = len({row.file for row in index})
    say(
        f"{counted(len(index), 'clip')}, {counted(sum(row.frames for row in index), 'frame')} in "
        f"{counted(files, 'file')} -> {how.out}"
    )
