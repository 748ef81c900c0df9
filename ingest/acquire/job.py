"""The worker's side of a download: one video at a time, with its captions, into the media folder."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from signverse.ingest.acquire.fetcher import Fetcher, NotHadError, wait
from signverse.ingest.acquire.media import Fetched, Media, about
from signverse.ingest.acquire.settings import Settings
from signverse.ingest.acquire.verdict import Verdict, judge
from signverse.ingest.acquire.wanted import wanted_tracks
from signverse.ingest.captions.files_beside import VTT, captions_beside, tag_of
from signverse.ingest.captions.track_names import file_tag
from signverse.ingest.captions.webvtt import BadCaptionsError
from signverse.ingest.extract.decode import Decoder
from signverse.lake.jobs.pool import Job, Report
from signverse.lake.model.errors import BadInputError

CAPTIONS: Final = "captions"
DOWNLOAD: Final = "download"

_CHUNK: Final = 8 << 20


@dataclass(frozen=True)
class DownloadTask:
    """A video to fetch.

    Attributes:
        url: an address, or the path of a local file.
        last: whether it is the last try of this run: then captions that a site refuses are done without.
    """

    video_id: str
    url: str
    last: bool = False


@dataclass(frozen=True)
class Attempt:
    """How a download went.

    Attributes:
        verdict: of the video.
        captions: of its captions; None where nothing is known of them.
        fetched: where the video is, when it is done.
        info: what the site told, see `ingest.acquire.media.about`.
        size: bytes of the video.
    """

    verdict: Verdict
    captions: Verdict | None = None
    fetched: Fetched | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0


def make_job(folder: Path, settings: Settings) -> Job:
    """Starts yt-dlp once, then takes tasks; a task's result is an Attempt, whatever happens."""
    fetcher = Fetcher(settings)
    media = Media(folder)
    first = True

    def job(task: DownloadTask, report: Report) -> Attempt:
        nonlocal first
        local = local_path(task.url)
        try:
            if local is not None:
                return take_local(media, task, local, report)
            if not first:
                wait(random.uniform(*settings.sleep), lambda: report(("pausing", 0, 0)))  # noqa: S311
            first = False
            return fetch(fetcher, media, task, settings, report)
        except NotHadError as error:
            return Attempt(error.verdict)
        except OSError as error:
            return Attempt(judge(error))

    return job


def fetch(fetcher: Fetcher, media: Media, task: DownloadTask, settings: Settings, report: Report) -> Attempt:
    """One video from a site: what is told of it, its captions, then itself.

    Captions come first: where a site refuses them the video waits for another try, for without them it would come in
    as one that has none.

    Raises:
        NotHadError: it could not be had.
        OSError: it could not be written.
    """
    report(("looking", 0, 0))
    info = fetcher.look(task.url)
    folder = media.partial(task.video_id)
    tracks: dict[str, Path] = {}
    problems: list[str] = []
    refused: Verdict | None = None
    for track in wanted_tracks(info, settings.captions):
        tag = file_tag(track.language if track.kind == "translated" else track.key, track.kind, track.source)
        path = folder / f"{tag}{VTT}"
        if not path.exists():
            try:
                data = fetcher.captions(track, lambda: report(("captions", 0, 0)))
            except BadCaptionsError as error:
                problems.append(str(error))
                continue
            except NotHadError as error:
                if error.verdict.outcome == "unavailable":
                    problems.append(f"track {track.key}: {error.verdict.message}")
                    continue
                if not task.last:
                    why = f"track {track.key}: {error.verdict.message}"
                    verdict = Verdict(
                        error.verdict.outcome, f"captions_{error.verdict.reason}", why, error.verdict.scope
                    )
                    return Attempt(verdict, verdict, info=about(info))
                refused = error.verdict
                problems.append(f"track {track.key}: {error.verdict.message}")
                continue
            _write(path, data)
        tracks[tag] = path
    video = fetcher.video(info, folder, _throttled(report))
    try:
        _check(video)
    except NotHadError:
        # Nothing to go on from.
        video.unlink()
        raise
    size = video.stat().st_size
    fetched = media.publish(task.video_id, video, tracks, info)
    return Attempt(Verdict("done"), _of_captions(list(tracks), problems, refused, settings), fetched, about(info), size)


def take_local(media: Media, task: DownloadTask, source: Path, report: Report) -> Attempt:
    """A file of this machine with the captions beside it: linked where the disk is the same, copied otherwise.

    Raises:
        NotHadError: there is no such video.
        OSError: it could not be written.
    """
    if not source.is_file():
        raise NotHadError(Verdict("unavailable", "not_found", f"there is no file {source}"))
    _check(source)
    folder = media.partial(task.video_id)
    names = [path.name for path in source.parent.iterdir() if path.name.startswith(f"{source.stem}.")]
    tracks = {}
    for path in captions_beside(source, source.stem, names):
        tag = tag_of(path, source.stem) or "und"
        shutil.copyfile(path, folder / f"{tag}{VTT}")
        tracks[tag] = folder / f"{tag}{VTT}"
    video = folder / f"video{source.suffix.lower()}"
    video.unlink(missing_ok=True)
    try:
        # A link to a link would lead elsewhere from there.
        os.link(source.resolve(), video)
    except OSError:
        _copy(source, video, _throttled(report))
    fetched = media.publish(task.video_id, video, tracks, {})
    return Attempt(Verdict("done"), _of_captions(list(tracks), [], None, None), fetched, size=fetched.size)


def local_path(url: str) -> Path | None:
    """The file that an address names, or None where it is one of the network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        # Brackets that hold no address of a host: whoever fetches it says so.
        return None
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    # One letter is a drive of Windows.
    return None if len(parts.scheme) > 1 else Path(url)


def _check(video: Path) -> None:
    """Raises NotHadError where a file is no video: a page that says so, or cut before its index."""
    try:
        with Decoder(video):
            pass
    except BadInputError as error:
        why = str(error).removeprefix(f"{video}: ")
        raise NotHadError(Verdict("failed", "bad_file", f"what came is no video that can be read: {why}")) from None


def _of_captions(
    tags: list[str], problems: list[str], refused: Verdict | None, settings: Settings | None
) -> Verdict | None:
    if settings is not None and settings.captions == "none":
        return None
    message = "; ".join([", ".join(sorted(tags)), *problems[:3]]).strip("; ")
    if refused is not None:
        return Verdict(refused.outcome, refused.reason, message, refused.scope)
    if problems:
        return Verdict("failed" if not tags else "done", "bad_captions", message)
    return Verdict("done", "" if tags else "no_captions", message)


def _write(path: Path, data: bytes) -> None:
    """A file that is there whole or not at all."""
    half = path.with_suffix(".half")
    half.write_bytes(data)
    half.replace(path)


def _copy(source: Path, target: Path, on_bytes: Callable[[int, int], None]) -> None:
    """Copies a file and tells of it: a large one takes longer than a worker may be silent."""
    expected = source.stat().st_size
    with source.open("rb") as taken, target.open("wb") as given:
        while chunk := taken.read(_CHUNK):
            given.write(chunk)
            on_bytes(given.tell(), expected)


def _throttled(report: Report) -> Callable[[int, int], None]:
    """Reports bytes, four times a second."""
    told = 0.0

    def on_bytes(there: int, expected: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= 0.25:
            told = now
            report(("video", there, expected))

    return on_bytes
