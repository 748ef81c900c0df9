"""What precedes the extraction of a folder: its checks, the lake, the manifest's labels and the plan."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from signverse.ingest.captions.settings import TextSettings
from signverse.ingest.manifest import Manifest, known_entries, write_sources
from signverse.ingest.models.pair import ModelPair, find_models
from signverse.ingest.models.runtime import resolve_device
from signverse.ingest.videos.options import ExtractionOptions, IdFrom
from signverse.ingest.videos.plan import Plan, plan_videos, scan_videos
from signverse.ingest.videos.redo import videos_to_keep
from signverse.ingest.videos.relabel import relabel
from signverse.ingest.videos.stored_captions import videos_with_changed_captions
from signverse.lake.lake import Lake
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.forgotten.tombstones import Tombstones


@dataclass(frozen=True)
class PreparedVideos:
    """A folder that is ready to be extracted with `ingest_videos`.

    Attributes:
        models: the pair that extracts.
        device: what the models run on, such as cpu or cuda:0.
        relabelled: ids of the lake's videos that got another language from the manifest.
        remarks: what the user should know, a line each.
    """

    lake: Lake
    plan: Plan
    models: ModelPair
    device: str
    relabelled: list[str]
    remarks: list[str]


def prepare_videos(
    folder: Path,
    lake: Path,
    options: ExtractionOptions,
    *,
    manifest: Manifest | None = None,
    redo: str | None = None,
    id_from: IdFrom = "name",
) -> PreparedVideos:
    """Check everything that can be refused; then create the lake if there is none, record the manifest, and plan.

    Args:
        folder: of videos with captions beside them; or one video.
        redo: a SQL condition over the view `videos`: those that meet it are extracted again. None for none.
        id_from: what ids are made of: the names of files, or those of their folders too.

    Raises:
        BadInputError: there are no videos or no models, the device is not available, or the condition is not valid.
    """
    scan = scan_videos(folder, manifest)
    models = find_models(options.models, detector=options.detector, pose=options.pose)
    device = resolve_device(options.device)
    opened = Lake.create(lake)
    done = videos_to_keep(opened, redo)
    relabelled = []
    if manifest:
        write_sources(opened, manifest)
        # Videos that are extracted again take the manifest's language anyway.
        relabelled = relabel(opened, {key: entry for key, entry in manifest.entries.items() if key in done})
    plan = plan_videos(folder, manifest, done, known_entries(opened), id_from=id_from, scan=scan)
    plan.leave_out(Tombstones.of(opened.folder))
    if manifest:
        plan.refused += manifest.refused
    remarks = [
        *(models.remark, *((manifest.summary, *manifest.remarks) if manifest else ()), *plan.remarks),
        *(why for _, why in plan.refused),
        _changed_captions(opened, folder, plan, options.text),
    ]
    return PreparedVideos(opened, plan, models, device, relabelled, [line for line in remarks if line])


def _changed_captions(lake: Lake, folder: Path, plan: Plan, text: TextSettings) -> str:
    """Says that captions of known videos are new or changed, and which command takes them; "" where none are."""
    changed = videos_with_changed_captions(lake, plan.captions_of_done, text)
    if not changed:
        return ""
    options = ["--sentences"] if text.sentences else []
    options += [] if text.sound_marks else ["--sound-marks", "drop"]
    command = shlex.join(["signverse", "ingest", "captions", str(folder), "--lake", str(lake.folder), *options])
    known = counted(len(changed), "known video")
    return f"captions of {known} are new or changed and not in the lake: {some(changed)}; take them: {command}"
