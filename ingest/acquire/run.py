"""A run over a manifest, from the checks to the last commit: what `ingest download` and `ingest run` do."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.ingest.acquire.download.worker import make_job
from signverse.ingest.acquire.leases import Run
from signverse.ingest.acquire.media_folder import MediaFolder
from signverse.ingest.acquire.options import Acquisition
from signverse.ingest.acquire.preflight import check_requirements
from signverse.ingest.acquire.scheduling.context import RunContext
from signverse.ingest.acquire.scheduling.limits import Limits
from signverse.ingest.acquire.scheduling.progress import Listener, Summary
from signverse.ingest.acquire.scheduling.scheduler import Scheduler
from signverse.ingest.acquire.worklist import Worklist, make_worklist, urls_of
from signverse.ingest.extract.defaults import STALLED_S as EXTRACTION_STALLED_S
from signverse.ingest.manifest import Manifest, known_entries, write_sources
from signverse.ingest.models.pair import ModelPair, find_models
from signverse.ingest.models.runtime import resolve_device
from signverse.ingest.videos.options import ExtractionOptions
from signverse.ingest.videos.relabel import relabel
from signverse.ingest.videos.workers import default_workers, extraction_pool
from signverse.lake.jobs.executor import Engine, Executor
from signverse.lake.jobs.memory import default_memory_mb
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake

_DOWNLOAD_MB: Final = 2048
"""Memory of a download worker: yt-dlp, and the decoder that opens what came; with the largest pictures it is 0.5 GB."""


@dataclass(frozen=True)
class PreparedRun:
    """A manifest that is ready to be downloaded, and extracted, with `acquire`.

    Attributes:
        worklist: the videos of this run.
        extraction: how videos are extracted, with which models on which device; None to download only.
        relabelled: ids of the lake's videos that got another language from the manifest.
    """

    lake: Lake
    media: MediaFolder
    options: Acquisition
    worklist: Worklist
    extraction: tuple[ExtractionOptions, ModelPair, str] | None
    relabelled: list[str]

    @property
    def remark(self) -> str:
        """What the user should know of the models; mostly ""."""
        return self.extraction[1].remark if self.extraction is not None else ""


def prepare_run(
    manifest: Manifest, media: Path, lake: Path, options: Acquisition, extraction: ExtractionOptions | None = None
) -> PreparedRun:
    """Check everything that can be refused; then create the lake and the media folder, and record the manifest.

    Args:
        extraction: how videos are extracted; None to download only.

    Raises:
        BadInputError: something is lacking, such as models, disk space or a JavaScript runtime; says what to do.
    """
    check_requirements(options, media, lake, urls_of(manifest.entries, manifest.path))
    extracting = None
    if extraction is not None:
        models = find_models(extraction.models, detector=extraction.detector, pose=extraction.pose)
        extracting = (extraction, models, resolve_device(extraction.device))
    opened = Lake.create(lake)
    folder = MediaFolder.create(media)
    write_sources(opened, manifest)
    relabelled = relabel(opened, manifest.entries)
    opened.refresh()
    worklist = make_worklist(manifest, options, opened, known_entries(opened))
    return PreparedRun(opened, folder, options, worklist, extracting, relabelled)


def acquire(
    prepared: PreparedRun,
    listener: Listener,
    *,
    backlog: int,
    keep_media: bool = False,
    display: AbstractContextManager[object] | None = None,
    engine: Engine = LOCAL,
) -> Summary:
    """Download the videos of a prepared run, and extract and commit them where it says so.

    Args:
        backlog: bytes of finished downloads that may wait for extraction.
        keep_media: whether media stays after its commit.
        display: entered once the workers are there, and left before they end.
        engine: where the workers run.

    Raises:
        OSError: the lake or the media folder cannot be written.
    """
    options, media = prepared.options, prepared.media
    limits = Limits(
        backlog, options.keep_free, options.attempts, options.first_pause_s, options.keep_going, options.stalled_s
    )
    # Not started yet: its workers start with their first video.
    extraction = _extraction_workers(prepared, engine)
    with ExitStack() as stack:
        run = stack.enter_context(Run(media.folder))
        memory_mb = options.memory_mb or min(default_memory_mb(options.parallel), _DOWNLOAD_MB)
        downloads = stack.enter_context(
            engine.executor(options.parallel, make_job, media.folder, options.settings, memory_mb=memory_mb)
        )
        if extraction is not None:
            stack.enter_context(extraction)
        stack.enter_context(display or nullcontext())
        context = RunContext(prepared.lake, media, run, prepared.worklist, limits, listener)
        stalled_s = prepared.extraction[0].stalled_s if prepared.extraction is not None else EXTRACTION_STALLED_S
        return Scheduler(context, downloads, extraction, keep_media=keep_media, stalled_s=stalled_s).run()


def _extraction_workers(prepared: PreparedRun, engine: Engine) -> Executor | None:
    if prepared.extraction is None:
        return None
    how, models, device = prepared.extraction
    count, threads = default_workers(None, device, how.workers)
    settings = how.detect_every, how.exact, how.text
    return extraction_pool(count, models, device, threads, *settings, memory_mb=how.memory_mb, engine=engine)
