"""Checks before a download: whatever can be refused is refused before anything is made or requested."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.request import getproxies

from signverse.ingest.acquire.media_folder import check_folder
from signverse.ingest.acquire.options import Acquisition
from signverse.ingest.acquire.worklist import YOUTUBE
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted, size_of

_COOKIE_FORMAT: Final = "Its first line is '# Netscape HTTP Cookie File', then seven columns with tabs between them."


def check_requirements(options: Acquisition, media: Path, lake: Path, urls: Mapping[str, str]) -> None:
    """Checks cookies, proxies, the folder, the room on its disk, and that there is a JavaScript runtime for YouTube.

    Raises:
        BadInputError: something is lacking; says what to do.
    """
    if options.settings.cookies is not None:
        check_cookies(options.settings.cookies)
    if options.settings.proxy and "://" not in options.settings.proxy:
        raise BadInputError(
            f"--proxy {options.settings.proxy[:80]} is not an address", "Such as socks5://127.0.0.1:1080."
        )
    if options.settings.public_only:
        _check_no_proxy(options.settings.proxy)
    check_folder(media)
    if lake.resolve() in (media.resolve(), *media.resolve().parents):
        raise BadInputError(f"{media} is inside the lake", "Name a folder outside it for the media.")
    folder = media
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < options.keep_free:
        raise BadInputError(
            f"{size_of(free)} are free at {media}, and {size_of(options.keep_free)} are to stay free",
            "Make room, or allow less with --keep-free.",
        )
    if any(url.startswith(YOUTUBE) or "youtu.be/" in url or "youtube.com/" in url for url in urls.values()):
        _check_runtime()


def _check_no_proxy(proxy: str | None) -> None:
    """A proxy looks addresses up itself: which ones it connects to cannot be known here."""
    if proxy:
        raise BadInputError("--public-only does not go with --proxy", "The proxy looks addresses up. Leave one out.")
    if proxy is None and (named := [name for name in getproxies() if name != "no"]):
        raise BadInputError(
            f"--public-only does not go with the environment's proxy ({', '.join(sorted(named))})",
            "The proxy looks addresses up. --proxy '' goes without it.",
        )


def _check_runtime() -> None:
    """YouTube's pages need a JavaScript runtime; the package `deno` brings one."""
    # Imported where it is used: yt-dlp takes half a second to start.
    from yt_dlp import YoutubeDL

    with YoutubeDL({"quiet": True}) as ydl:
        # The one place that knows which runtimes this yt-dlp takes; it has no public name.
        runtimes = getattr(ydl, "_js_runtimes", {})
    if not any(runtime is not None and (info := runtime.info) and info.supported for runtime in runtimes.values()):
        raise BadInputError(
            "YouTube needs a JavaScript runtime, and there is none",
            "Install one: pip install 'yt-dlp[default,deno]'.",
        )


def check_cookies(path: Path) -> None:
    """Reads a cookie file once, without changing it.

    Raises:
        BadInputError: it cannot be read, or is not a Netscape cookie file.
    """
    from yt_dlp.cookies import YoutubeDLCookieJar

    # yt-dlp writes the lines that it skips to stderr, with all secrets in them: such a file is refused.
    skipped = io.StringIO()
    try:
        jar = YoutubeDLCookieJar(str(path))
        with contextlib.redirect_stderr(skipped):
            jar.load(ignore_discard=True, ignore_expires=True)
    except OSError as error:
        # http.cookiejar's LoadError, too, is an OSError; only the system's has words of its own.
        if error.strerror:
            raise BadInputError(f"cookies {path} cannot be read: {error.strerror}") from None
        raise BadInputError(f"cookies {path} cannot be read: not in Netscape's format", _COOKIE_FORMAT) from None
    except UnicodeDecodeError:
        raise BadInputError(f"cookies {path} cannot be read: not text in UTF-8", _COOKIE_FORMAT) from None
    if count := len(skipped.getvalue().splitlines()):
        raise BadInputError(f"{counted(count, 'line')} of cookies {path} cannot be read", _COOKIE_FORMAT)
    if not len(jar):
        raise BadInputError(f"cookies {path} holds none", "Export it again while you are signed in.")
