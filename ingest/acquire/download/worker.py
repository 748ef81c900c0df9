"""What a download worker does: one video at a time, with its captions, into the media folder."""

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

from signverse.ingest.acquire.download.caption_choice import choose_tracks
from signverse.ingest.acquire.download.outcomes import MAX_SHOWN, Outcome, classify
from signverse.ingest.acquire.download.reach import NotPublicError, limited_reach
from signverse.ingest.acquire.download.settings import Settings
from signverse.ingest.acquire.download.ytdlp import Downloader, NotDownloadedError, sleep
from signverse.ingest.acquire.media_folder import FinishedVideo, MediaFolder, kept_info, shortened_info
from signverse.ingest.captions.files_beside import captions_beside, tag_of
from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.captions.track_names import file_tag
from signverse.lake.jobs.executor import Job, Report
from signverse.lake.media.decode import Decoder
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import VTT
from signverse.lake.model.untrusted.regular_files import open_regular

CAPTIONS: Final = "captions"
DOWNLOAD: Final = "download"
"""Stages of the outcomes that a download gives."""

_CHUNK: Final = 8 << 20

_REPORT_S: Final = 0.25

MAX_TRACKS: Final = 250
"""Caption tracks of a video. YouTube offers 200 languages, and few videos have more than a hundred by people."""

_MAX_CAPTION_BYTES: Final = 256 << 20
"""Of the tracks of a video together."""

_MAX_MESSAGE: Final = 10_000
"""Characters of what is said of a video's captions."""


@dataclass(frozen=True)
class DownloadTask:
    """A video to download.

    Attributes:
        url: an address, or the path of a local file.
        is_last: whether it is the last try of this run: then the video comes without the captions that a site refuses.
    """

    video_id: str
    url: str
    is_last: bool = False


@dataclass(frozen=True)
class Attempt:
    """The result of an attempt to download a video.

    Attributes:
        outcome: of the video.
        captions: of its captions; None where nothing is known of them.
        media: the finished video, where it is done.
        info: what the site says of it, see `media_folder.kept_info`.
        size: bytes of the video.
    """

    outcome: Outcome
    captions: Outcome | None = None
    media: FinishedVideo | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0


def make_job(folder: Path, settings: Settings) -> Job:
    """Starts yt-dlp once, then takes tasks; a task's result is an Attempt, whatever happens."""
    with limited_reach(public_only=settings.public_only):
        downloader = Downloader(settings)
    media = MediaFolder(folder)
    is_first = True

    def job(task: DownloadTask, report: Report) -> Attempt:
        nonlocal is_first
        path = local_path(task.url)
        try:
            if path is not None and settings.public_only:
                raise NotPublicError(f"{str(path)[:200]}: a file of this machine, refused by --public-only")
            if path is not None:
                return copy_local(media, task, path, report)
            if not is_first:
                sleep(random.uniform(*settings.sleep), lambda: report(("pausing", 0, 0)))  # noqa: S311
            is_first = False
            with limited_reach(public_only=settings.public_only):
                return download(downloader, media, task, settings, report)
        except NotDownloadedError as error:
            return Attempt(error.outcome)
        except NotPublicError as error:
            return Attempt(Outcome("failed", "not_public", str(error)))
        except OSError as error:
            return Attempt(classify(error))

    return job


def download(
    downloader: Downloader, media: MediaFolder, task: DownloadTask, settings: Settings, report: Report
) -> Attempt:
    """Downloads a video from a site: what the site says of it, its captions, then the video.

    Captions come first: where a site refuses them the video waits for another try, because without them it would come
    into the lake as one that has none.

    Raises:
        NotDownloadedError: it could not be downloaded.
        OSError: it could not be written.
    """
    report(("looking", 0, 0))
    info = downloader.fetch_info(task.url)
    folder = media.partial(task.video_id)
    tracks: dict[str, Path] = {}
    problems: list[str] = []
    taken = 0
    remarks: list[str] = []
    refused: Outcome | None = None
    chosen = choose_tracks(info, settings.captions)
    if len(chosen) > MAX_TRACKS:
        problems.append(f"{len(chosen) - MAX_TRACKS:,} of {len(chosen):,} tracks left out, {MAX_TRACKS} are taken")
    for track in chosen[:MAX_TRACKS]:
        tag = file_tag(track.language if track.kind == "translated" else track.key, track.kind, track.source)
        name = f"{tag}.{track.ext}"
        path = folder / name
        if not path.exists():
            try:
                data, found = downloader.fetch_captions(track, lambda: report(("captions", 0, 0)))
            except BadCaptionsError as error:
                problems.append(str(error))
                continue
            except NotDownloadedError as error:
                why = error.outcome
                message = f"track {track.key[:MAX_SHOWN]}: {why.message}"
                if why.kind != "unavailable" and not task.is_last:
                    outcome = Outcome(why.kind, f"captions_{why.reason}", message, why.scope)
                    return Attempt(outcome, outcome, info=kept_info(info))
                if why.kind != "unavailable":
                    refused = why
                problems.append(message)
                continue
            remarks += found
            taken += len(data)
            if taken > _MAX_CAPTION_BYTES:
                problems.append(f"tracks of more than {_MAX_CAPTION_BYTES:,} bytes together: the rest left out")
                break
            _write(path, data)
        tracks[name] = path
    video = _fetch_video(downloader, info, folder, report)
    size = video.stat().st_size
    finished = media.publish(task.video_id, video, tracks, info)
    captions = None if settings.captions == "none" else _captions_outcome(list(tracks), problems, refused, remarks)
    shortened = "; ".join(shortened_info(info))
    outcome = Outcome("done", "text_shortened" if shortened else "", shortened)
    return Attempt(outcome, captions, finished, kept_info(info), size)


def _fetch_video(downloader: Downloader, info: Mapping[str, Any], folder: Path, report: Report) -> Path:
    """Downloads the video of an info, and looks whether it is one. Raises as `download` does."""
    video = downloader.fetch_video(info, folder, _throttled(report))
    try:
        _check(video)
    except NotDownloadedError:
        # A later try cannot go on from it.
        video.unlink()
        raise
    return video


def copy_local(media: MediaFolder, task: DownloadTask, source: Path, report: Report) -> Attempt:
    """Takes a file of this machine with the captions beside it: linked on the same disk, copied from another.

    Raises:
        NotDownloadedError: there is no such video.
        OSError: it could not be written.
    """
    if not source.is_file():
        raise NotDownloadedError(Outcome("unavailable", "not_found", f"there is no file {source}"))
    _check(source)
    folder = media.partial(task.video_id)
    names = [path.name for path in source.parent.iterdir() if path.name.startswith(f"{source.stem}.")]
    tracks = {}
    for path in captions_beside(source, source.stem, names):
        name = f"{tag_of(path, source.stem) or 'und'}{path.suffix.lower()}"
        shutil.copyfile(path, folder / name)
        tracks[name] = folder / name
    video = folder / f"video{source.suffix.lower()}"
    video.unlink(missing_ok=True)
    try:
        # A link to a link would lead elsewhere from there.
        os.link(source.resolve(), video)
    except OSError:
        _copy(source, video, _throttled(report))
    finished = media.publish(task.video_id, video, tracks, {})
    return Attempt(Outcome("done"), _captions_outcome(list(tracks), [], None, []), finished, size=finished.size)


def local_path(url: str) -> Path | None:
    """The file that an address names, or None where it is one of the network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        # Brackets around something that is not a host: yt-dlp says so when it gets there.
        return None
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    # One letter is a drive of Windows.
    return None if len(parts.scheme) > 1 else Path(url)


def _check(video: Path) -> None:
    """Raises NotDownloadedError where a file is not a video: a page that says why, or cut before its index."""
    try:
        with Decoder(video):
            pass
    except BadInputError as error:
        why = str(error).removeprefix(f"{video}: ")
        message = f"what was downloaded is not a video that can be read: {why}"
        raise NotDownloadedError(Outcome("failed", "bad_file", message)) from None


def _captions_outcome(names: list[str], problems: list[str], refused: Outcome | None, remarks: list[str]) -> Outcome:
    """The outcome of the captions of a video that was downloaded.

    Args:
        names: of the files of tracks that came: tag and ending.
        problems: what went wrong with the others, a line each.
        refused: how the site refused one of them.
        remarks: what cannot be taken of those that came, a line each.
    """
    tags = [name.removesuffix(VTT) for name in names]
    message = "; ".join([", ".join(sorted(tags)), *problems[:3], *remarks]).strip("; ")
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]} ... ({len(message):,} characters)"
    if refused is not None:
        return Outcome(refused.kind, refused.reason, message, refused.scope)
    if problems:
        return Outcome("failed" if not tags else "done", "bad_captions", message)
    if remarks:
        return Outcome("done", "captions_in_part", message)
    return Outcome("done", "" if tags else "no_captions", message)


def _write(path: Path, data: bytes) -> None:
    """Writes a file atomically."""
    half = path.with_suffix(".half")
    half.write_bytes(data)
    half.replace(path)


def _copy(source: Path, target: Path, on_bytes: Callable[[int, int], None]) -> None:
    """Copies a file and reports its bytes: a large one takes longer than a worker may be silent."""
    expected = source.stat().st_size
    with open_regular(source) as read, target.open("wb") as written:
        while chunk := read.read(_CHUNK):
            written.write(chunk)
            on_bytes(written.tell(), expected)


def _throttled(report: Report) -> Callable[[int, int], None]:
    """Reports bytes, four times a second."""
    reported_at = 0.0

    def on_bytes(done: int, expected: int) -> None:
        nonlocal reported_at
        now = time.monotonic()
        if now - reported_at >= _REPORT_S:
            reported_at = now
            report(("video", done, expected))

    return on_bytes
