"""Beginning a download: everything that can be refused is looked at before anything is made or asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from signverse.ingest.acquire.account import IN_LAKE, UNAVAILABLE, account
from signverse.ingest.acquire.job import local_path
from signverse.ingest.acquire.lanes import Work
from signverse.ingest.acquire.media import check_folder
from signverse.ingest.acquire.queue import in_slice
from signverse.ingest.acquire.settings import Acquisition, Settings, check_cookies
from signverse.ingest.manifest import Entry, Manifest
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import size_of

YOUTUBE: Final = "https://www.youtube.com/watch?v="


def urls_of(entries: Mapping[str, Entry], manifest: Path) -> dict[str, str]:
    """Where each video is: its url, a file beside the manifest or anywhere, or YouTube's page of its id."""
    return {video_id: _url(entry, manifest) for video_id, entry in entries.items()}


def _url(entry: Entry, manifest: Path) -> str:
    if not entry.url:
        return YOUTUBE + entry.video_id
    path = local_path(entry.url)
    return entry.url if path is None else str(manifest.parent / path)


def make_work(listed: Manifest, asked: Acquisition, lake: Lake, known: Mapping[str, Entry]) -> Work:
    """The videos of a manifest that a run is about.

    Args:
        known: what the lake knows of videos; its url and title stand where the manifest is silent.

    Raises:
        BadInputError: nothing of the manifest is asked for.
    """
    entries = {video_id: known.get(video_id, entry) for video_id, entry in listed.entries.items()}
    # A path is beside the manifest that names it, not beside the one of an earlier run.
    entries = {key: replace(entry, url=listed.entries[key].url or entry.url) for key, entry in entries.items()}
    if asked.languages:
        entries = {key: entry for key, entry in entries.items() if entry.sign_language in asked.languages}
        if not entries:
            raise BadInputError(
                f"{listed.path} has no video of {', '.join(sorted(asked.languages))}",
                f"See what it has: signverse ingest plan {listed.path}.",
            )
    kept = in_slice(entries, *asked.share)
    if asked.limit is not None:
        rows = account(lake, kept)
        settled = (
            set(rows.filter(rows["state"].is_in([IN_LAKE, UNAVAILABLE]))["video_id"]) if not asked.retry else set()
        )
        kept = [video_id for video_id in kept if video_id not in settled][: asked.limit]
    entries = {video_id: entries[video_id] for video_id in kept}
    return Work(entries, urls_of(entries, listed.path), asked.retry, listed.refused)


def check_start(asked: Acquisition, media: Path, lake: Path, urls: Mapping[str, str]) -> None:
    """Looks at what a download needs: the folder, room on the disk, cookies, and a JavaScript runtime for YouTube.

    Raises:
        BadInputError: something is lacking; says what to do.
    """
    if asked.settings.cookies is not None:
        check_cookies(asked.settings.cookies)
    if asked.settings.proxy and "://" not in asked.settings.proxy:
        raise BadInputError(f"--proxy {asked.settings.proxy[:80]} is no address", "Such as socks5://127.0.0.1:1080.")
    check_folder(media)
    if lake.resolve() in (media.resolve(), *media.resolve().parents):
        raise BadInputError(f"{media} is inside the lake", "Name a folder outside it for the media.")
    folder = media
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < asked.keep_free:
        raise BadInputError(
            f"{size_of(free)} are free at {media}, and {size_of(asked.keep_free)} are to stay free",
            "Make room, or allow less with --keep-free.",
        )
    if any(url.startswith(YOUTUBE) or "youtu.be/" in url or "youtube.com/" in url for url in urls.values()):
        _check_runtime()


def _check_runtime() -> None:
    """YouTube's pages need a JavaScript runtime; the package `deno` brings one."""
    from yt_dlp import YoutubeDL

    with YoutubeDL({"quiet": True}) as ydl:
        # The one place that knows which runtimes this yt-dlp takes; it has no public name.
        runtimes = getattr(ydl, "_js_runtimes", {})
    if not any(runtime is not None and (info := runtime.info) and info.supported for runtime in runtimes.values()):
        raise BadInputError(
            "YouTube needs a JavaScript runtime, and there is none",
            "Install one: pip install 'yt-dlp[default,deno]'.",
        )


@contextmanager
def scratch(settings: Settings) -> Iterator[Settings]:
    """A private folder for copies of the cookies while the block runs."""
    if settings.cookies is None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="signverse-") as folder:
        yield replace(settings, scratch=Path(folder))
