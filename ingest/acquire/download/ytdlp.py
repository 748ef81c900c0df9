"""Downloads one video and its captions with yt-dlp."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from signverse.ingest.acquire.download.caption_choice import CaptionTrack
from signverse.ingest.acquire.download.outcomes import MAX_SHOWN, Outcome, classify
from signverse.ingest.acquire.download.settings import SOCKET_TIMEOUT_S, Settings
from signverse.ingest.acquire.media_folder import MAX_URL
from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.formats.reading import MAX_BYTES, BadCaptionsError

OnBytes = Callable[[int, int], None]
"""Called with the bytes downloaded, and those expected (0: unknown)."""

_CAPTION_TRIES: Final = 3
_LONGEST_WAIT_S: Final = 60.0
_NO_FFMPEG: Final = str(Path(os.devnull) / "ffmpeg")
"""A path at which there is none."""

_NEEDS_PROGRAM: Final = (
    "the site gives it in a form that needs another program, which is not started on what a site gives"
)


class NotDownloadedError(Exception):
    """A video could not be downloaded; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class _SilentLog:
    """Drops yt-dlp's log: what matters comes as an exception."""

    def debug(self, _: str) -> None: ...
    def info(self, _: str) -> None: ...
    def warning(self, _: str) -> None: ...
    def error(self, _: str) -> None: ...


class Downloader:
    """yt-dlp, started once for many videos."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._on_bytes: OnBytes | None = None
        self._folder = Path()
        options: dict[str, Any] = {
            "quiet": True,
            "noprogress": True,
            "logger": _SilentLog(),
            "color": {"stdout": "no_color", "stderr": "no_color"},
            # Keypoints need no sound. H.264 before AV1 of the same height: it is decoded everywhere, and faster.
            "format": "bv/b",
            "format_sort": [f"res:{settings.max_height}", "vcodec:h264"],
            "noplaylist": True,
            # Else YouTube's translations of a human track are not listed. We download tracks ourselves.
            "writeautomaticsub": True,
            # A channel's address must not become ten thousand requests.
            "playlist_items": "1:2",
            "fixup": "never",
            "updatetime": False,
            "overwrites": False,
            "retries": 3,
            "fragment_retries": 5,
            "extractor_retries": 2,
            "retry_sleep_functions": dict.fromkeys(
                ("http", "fragment", "extractor", "file_access"),
                lambda n: _ytdlp_backoff(n) * min(1.0, settings.backoff_s),
            ),
            "socket_timeout": SOCKET_TIMEOUT_S,
            "ratelimit": settings.rate,
            "progress_hooks": [self._on_progress],
            # In memory: yt-dlp writes cookies back, which must neither change the user's file nor lie in another.
            "cookiefile": io.StringIO(settings.cookies.read_text("utf-8")) if settings.cookies else None,
            # A video without some of its pieces would be taken for whole.
            "skip_unavailable_fragments": False,
            # No program is started on what a site gives: see reach.py.
            "external_downloader": "native",
            "hls_prefer_native": True,
            "ffmpeg_location": _NO_FFMPEG,
        }
        if settings.proxy is not None:
            options["proxy"] = settings.proxy
        # Deno would ask its maker for a newer version.
        os.environ.setdefault("DENO_NO_UPDATE_CHECK", "1")
        self._ydl = _downloader(options)

    def fetch_info(self, url: str) -> dict[str, Any]:
        """What a site says of a video: yt-dlp's info.

        Raises:
            NotDownloadedError: it says nothing, or the address is not that of one finished video.
        """
        try:
            if len(url) > MAX_URL:
                raise NotDownloadedError(Outcome("failed", "not_a_video", "the address is too long"))
            info = self._ydl.extract_info(url, download=False)
        except NotDownloadedError:
            raise
        except Exception as error:
            raise NotDownloadedError(classify(error)) from error
        if info and info.get("_type") in {"playlist", "multi_video"}:
            entries = [entry for entry in info.get("entries") or () if entry]
            if len(entries) != 1:
                what = "several videos" if entries else "no video"
                raise NotDownloadedError(Outcome("failed", "playlist", f"{what} at {url[:MAX_SHOWN]}: name one"))
            info = entries[0]
        if not info:
            raise NotDownloadedError(Outcome("failed", "unknown", f"the site says nothing of {url[:MAX_SHOWN]}"))
        if info.get("live_status") == "is_live" or info.get("is_live"):
            raise NotDownloadedError(Outcome("failed", "live", "it is live now: try again when it has ended"))
        if info.get("live_status") == "is_upcoming":
            raise NotDownloadedError(Outcome("failed", "upcoming", "it has not begun"))
        return dict(info)

    def fetch_captions(self, track: CaptionTrack, keep_alive: Callable[[], None]) -> tuple[bytes, list[str]]:
        """A caption track as the site gives it, and what could not be taken of it: it is read once.

        Args:
            keep_alive: called now and then while the site makes us wait.

        Raises:
            NotDownloadedError: the site does not give it.
            BadCaptionsError: it holds no captions.
        """
        data = track.data.encode() if track.data is not None else self._get(track, keep_alive)
        if len(data) > MAX_BYTES:
            raise BadCaptionsError(f"track {track.key[:MAX_SHOWN]} has more than {MAX_BYTES:,} bytes")
        reading = read_captions(data, f"track {track.key[:MAX_SHOWN]}.{track.ext}", track.language)
        return data, [f"track {track.key[:MAX_SHOWN]}: {remark}" for remark in reading.account()]

    def _get(self, track: CaptionTrack, keep_alive: Callable[[], None]) -> bytes:
        # Imported in functions, not at the top: yt-dlp takes half a second to start.
        from yt_dlp.networking import Request
        from yt_dlp.networking.exceptions import HTTPError

        for attempt in range(1, _CAPTION_TRIES + 1):
            try:
                with self._ydl.urlopen(Request(track.url, headers=dict(track.headers))) as response:
                    return bytes(response.read(MAX_BYTES + 1))
            except Exception as error:
                if not (isinstance(error, HTTPError) and error.status == 429) or attempt == _CAPTION_TRIES:
                    raise NotDownloadedError(classify(error)) from error
                pause = _retry_after(error.response.headers) or self._settings.backoff_s * 4 ** (attempt - 1)
                sleep(pause, keep_alive)
        raise AssertionError("the last try returns or raises")

    def fetch_video(self, info: Mapping[str, Any], folder: Path, on_bytes: OnBytes) -> Path:
        """Downloads the video of an info into a folder, going on where an earlier try ended.

        Raises:
            NotDownloadedError: it could not be downloaded completely.
        """
        self._on_bytes, self._folder = on_bytes, folder
        # By format: another one must not be appended to what there is of the first.
        self._ydl.params["outtmpl"] = {"default": str(folder).replace("%", "%%") + "/video.%(format_id).60B.%(ext)s"}
        self._ydl.params["paths"] = {}
        request = {**info, "requested_subtitles": None}
        try:
            self._ydl.process_info(request)
        except NotDownloadedError:
            raise
        except Exception as error:
            outcome = classify(error)
            if outcome.kind == "unavailable":
                # The site has just listed the video: its address has expired, and the next try gets another.
                outcome = replace(outcome, kind="failed")
            if outcome.reason == "needs_program":
                # yt-dlp's words advise to install it.
                outcome = replace(outcome, message=_NEEDS_PROGRAM)
            raise NotDownloadedError(outcome) from error
        finally:
            self._on_bytes = None
        # The name that yt-dlp gave: a file of another format may be there, from a try that was killed.
        video = Path(str(request.get("filepath") or ""))
        if video.parent != folder or not video.is_file() or not video.stat().st_size:
            if video.parent == folder:
                video.unlink(missing_ok=True)
            raise NotDownloadedError(Outcome("failed", "truncated", "the site gave an empty file"))
        return video

    def _on_progress(self, progress: Mapping[str, Any]) -> None:
        if shutil.disk_usage(self._folder).free < self._settings.least_free:
            # Nothing of it is kept: the other videos would wait for its room.
            why = "it does not fit on the disk beside what --keep-free keeps"
            raise NotDownloadedError(Outcome("failed", "disk", why, "machine"))
        if self._on_bytes is not None:
            expected = progress.get("total_bytes") or progress.get("total_bytes_estimate") or 0
            self._on_bytes(int(progress.get("downloaded_bytes") or 0), int(expected))


def _downloader(options: dict[str, Any]) -> Any:
    # Imported in functions: yt-dlp takes half a second to start, and commands that download nothing do without it.
    from yt_dlp import YoutubeDL

    class WithoutTables(YoutubeDL):  # type: ignore[misc]
        """Draws no tables of formats and captions: it would six times a video, for a listing that is not shown.

        Measured on a site on this machine: half of the processor's time.
        """

        def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
            # Its sockets are not Python's: see reach.py.
            known = [handler for handler in handlers if handler.RH_KEY != "CurlCFFI"]
            return super().build_request_director(known, preferences)

        def render_formats_table(self, info_dict: Any) -> None: ...
        def render_thumbnails_table(self, info_dict: Any) -> None: ...
        def render_subtitles_table(self, video_id: Any, subtitles: Any) -> None: ...

    return WithoutTables(options)


def _ytdlp_backoff(n: int) -> float:
    """Seconds before yt-dlp's own n-th retry, from 0."""
    return min(30.0, float(2**n))


def _retry_after(headers: Mapping[str, str]) -> float:
    """The seconds of Retry-After, at most a minute; 0 where it is missing or not a number."""
    value = headers.get("Retry-After") or ""
    return min(float(value), _LONGEST_WAIT_S) if value.isdecimal() and len(value) < 6 else 0.0


def sleep(seconds: float, keep_alive: Callable[[], None]) -> None:
    """Sleeps, and calls `keep_alive` every few seconds meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        keep_alive()
        time.sleep(min(left, 5.0))
