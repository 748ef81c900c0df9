"""Fetching one video and its captions with yt-dlp."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from signverse.ingest.acquire.settings import SOCKET_TIMEOUT_S, Settings
from signverse.ingest.acquire.verdict import Verdict, judge
from signverse.ingest.acquire.wanted import Wanted
from signverse.ingest.captions.formats import to_vtt
from signverse.ingest.captions.webvtt import MAX_BYTES, BadCaptionsError, read_vtt

OnBytes = Callable[[int, int], None]
"""Told how many bytes of the video there are, and how many are expected (0 where nobody knows)."""

_CAPTION_TRIES: Final = 3
_LONGEST_WAIT_S: Final = 60.0
_MAX_URL: Final = 8000


class NotHadError(Exception):
    """A video could not be had; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class _Silent:
    """yt-dlp's log goes nowhere: what matters comes as an exception."""

    def debug(self, _: str) -> None: ...
    def info(self, _: str) -> None: ...
    def warning(self, _: str) -> None: ...
    def error(self, _: str) -> None: ...


class Fetcher:
    """yt-dlp, started once for many videos."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._on_bytes: OnBytes | None = None
        self._folder = Path()
        cookies = None
        if settings.cookies is not None and settings.scratch is not None:
            # yt-dlp writes into its cookie file when it ends.
            cookies = settings.scratch / f"cookies-{os.getpid()}.txt"
            shutil.copyfile(settings.cookies, cookies)
            cookies.chmod(0o600)
        options: dict[str, Any] = {
            "quiet": True,
            "noprogress": True,
            "logger": _Silent(),
            "color": {"stdout": "no_color", "stderr": "no_color"},
            # Keypoints need no sound. H.264 before AV1 of the same height: it is decoded everywhere, and faster.
            "format": "bv/b",
            "format_sort": [f"res:{settings.max_height}", "vcodec:h264"],
            "noplaylist": True,
            # YouTube's translations of a person's track are listed only for who asks so; we fetch tracks ourselves.
            "writeautomaticsub": True,
            # A channel's address must not become ten thousand requests.
            "playlist_items": "1:2",
            "fixup": "never",
            "updatetime": False,
            "overwrites": False,
            "retries": 3,
            "fragment_retries": 5,
            "extractor_retries": 2,
            "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor", "file_access"), _growing),
            "socket_timeout": SOCKET_TIMEOUT_S,
            "ratelimit": settings.rate,
            "progress_hooks": [self._hook],
            "cookiefile": str(cookies) if cookies else None,
        }
        if settings.proxy is not None:
            options["proxy"] = settings.proxy
        self._ydl = _downloader(options)

    def look(self, url: str) -> dict[str, Any]:
        """What a site tells of a video: yt-dlp's info.

        Raises:
            NotHadError: nothing, or not of one video that is finished.
        """
        try:
            if len(url) > _MAX_URL:
                raise NotHadError(Verdict("failed", "not_a_video", "the address is too long to be one"))
            info = self._ydl.extract_info(url, download=False)
        except NotHadError:
            raise
        except Exception as error:
            raise NotHadError(judge(error)) from error
        if info and info.get("_type") in {"playlist", "multi_video"}:
            entries = [entry for entry in info.get("entries") or () if entry]
            if len(entries) != 1:
                what = "several videos" if entries else "no video"
                raise NotHadError(Verdict("failed", "playlist", f"{what} at {url}: name one"))
            info = entries[0]
        if not info:
            raise NotHadError(Verdict("failed", "unknown", f"nothing was told of {url}"))
        if info.get("live_status") == "is_live" or info.get("is_live"):
            raise NotHadError(Verdict("failed", "live", "it is live now: it can be had when it has ended"))
        if info.get("live_status") == "is_upcoming":
            raise NotHadError(Verdict("failed", "upcoming", "it has not begun"))
        return dict(info)

    def captions(self, track: Wanted, alive: Callable[[], None]) -> bytes:
        """A caption track as WebVTT, which has been read once.

        Args:
            alive: called now and then while a site wants us to wait.

        Raises:
            NotHadError: the site does not give it.
            BadCaptionsError: it is none.
        """
        data = track.data.encode() if track.data is not None else self._get(track, alive)
        if len(data) > MAX_BYTES:
            raise BadCaptionsError(f"track {track.key} has more than {MAX_BYTES:,} bytes")
        vtt = to_vtt(data, track.ext)
        read_vtt(vtt, f"track {track.key}")
        return vtt

    def _get(self, track: Wanted, alive: Callable[[], None]) -> bytes:
        from yt_dlp.networking import Request
        from yt_dlp.networking.exceptions import HTTPError

        for attempt in range(1, _CAPTION_TRIES + 1):
            try:
                with self._ydl.urlopen(Request(track.url, headers=dict(track.headers))) as response:
                    return bytes(response.read(MAX_BYTES + 1))
            except Exception as error:
                if not (isinstance(error, HTTPError) and error.status == 429) or attempt == _CAPTION_TRIES:
                    raise NotHadError(judge(error)) from error
                wait(_wanted_pause(error.response.headers) or self._settings.backoff_s * 4 ** (attempt - 1), alive)
        raise AssertionError("the last try returns or raises")

    def video(self, info: Mapping[str, Any], folder: Path, on_bytes: OnBytes) -> Path:
        """Downloads the video of an info into a folder, going on where an earlier try ended.

        Raises:
            NotHadError: it could not be had whole.
        """
        self._on_bytes, self._folder = on_bytes, folder
        # By format: another one must not be appended to what there is of the first.
        self._ydl.params["outtmpl"] = {"default": str(folder).replace("%", "%%") + "/video.%(format_id)s.%(ext)s"}
        self._ydl.params["paths"] = {}
        told = {**info, "requested_subtitles": None}
        try:
            self._ydl.process_info(told)
        except NotHadError:
            raise
        except Exception as error:
            verdict = judge(error)
            if verdict.outcome == "unavailable":
                # The site has just told of the video: its address has died, and the next look gives another.
                verdict = replace(verdict, outcome="failed")
            raise NotHadError(verdict) from error
        finally:
            self._on_bytes = None
        # As yt-dlp calls it: a finished one of another format may lie there, of a try that was killed.
        found = Path(str(told.get("filepath") or ""))
        if found.parent != folder or not found.is_file() or not found.stat().st_size:
            if found.parent == folder:
                found.unlink(missing_ok=True)
            raise NotHadError(Verdict("failed", "truncated", "the site gave an empty file"))
        return found

    def _hook(self, now: Mapping[str, Any]) -> None:
        if shutil.disk_usage(self._folder).free < self._settings.least_free:
            # Of a video that does not fit nothing is kept: the others would wait for its room.
            why = "it does not fit on the disk beside what --keep-free keeps"
            raise NotHadError(Verdict("failed", "disk", why, "machine"))
        if self._on_bytes is not None:
            expected = now.get("total_bytes") or now.get("total_bytes_estimate") or 0
            self._on_bytes(int(now.get("downloaded_bytes") or 0), int(expected))


def _downloader(options: dict[str, Any]) -> Any:
    from yt_dlp import YoutubeDL

    class Untabled(YoutubeDL):  # type: ignore[misc]
        """Draws no tables of formats and captions: it would six times a video, for a listing that nobody asked for.

        Measured on a site on this machine: half of the processor's time.
        """

        def render_formats_table(self, info_dict: Any) -> None: ...
        def render_thumbnails_table(self, info_dict: Any) -> None: ...
        def render_subtitles_table(self, video_id: Any, subtitles: Any) -> None: ...

    return Untabled(options)


def _growing(n: int) -> float:
    """Seconds before yt-dlp's own n-th retry, from 0."""
    return min(30.0, float(2**n))


def _wanted_pause(headers: Mapping[str, str]) -> float:
    """What Retry-After says in seconds; 0 where it says nothing that can be waited for here."""
    said = headers.get("Retry-After") or ""
    return min(float(said), _LONGEST_WAIT_S) if said.isdecimal() and len(said) < 6 else 0.0


def wait(seconds: float, alive: Callable[[], None]) -> None:
    """Sleeps, and calls `alive` every few seconds meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        alive()
        time.sleep(min(left, 5.0))
