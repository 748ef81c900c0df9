"""Downloads beside plain yt-dlp in a shell loop, from a site on this machine: videos and captions a second.

The site never throttles and neither side pauses between videos, so that the downloader's own cost is measured. The
site's processor time is not counted.
"""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.site.server import PLUGINS, Captions, Clip, Site
from tests.site.videos import small_video

_VIDEOS = 60
_LOOPED = 8
"""Videos of the shell loop: each costs the same."""

_ROUNDS = 3
_TRACKS = (Captions("en"), Captions("de"))


def main() -> None:
    clips = [Clip(f"bench{i:03d}", small_video(2), _TRACKS) for i in range(_VIDEOS)]
    print(f"download: {_VIDEOS} videos of 2 s with {len(_TRACKS)} tracks each, medians of {_ROUNDS} rounds in turns")
    with Site(clips) as site, tempfile.TemporaryDirectory(prefix="signverse-bench-") as folder:
        ids = [clip.video_id for clip in clips]
        ways = {
            "signverse ingest download": lambda out: _ours(site, ids, out, 1),
            "signverse ingest download --parallel 2": lambda out: _ours(site, ids, out, 2),
            "yt-dlp, one process a video": lambda out: _loop(site, ids[:_LOOPED], out),
            "yt-dlp, one process for all": lambda out: _batch(site, ids, out),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(_ROUNDS):
            for name, way in ways.items():
                out = Path(folder, f"{number}-{len(found[name])}-{abs(hash(name))}")
                out.mkdir()
                found[name].append(way(out))
    loop = median(rate for rate, _ in found["yt-dlp, one process a video"])
    for name, rounds in found.items():
        rate, cost = median(rate for rate, _ in rounds), median(cost for _, cost in rounds)
        print(
            f"  {name:40} {rate:6.2f} videos/s {rate * len(_TRACKS):6.2f} captions/s {rate / loop:5.1f}x"
            f"  {cost * 1000:6.0f} ms of processor a video"
        )


def _timed(commands: list[list[str]], videos: int) -> tuple[float, float]:
    """Videos a second, and seconds of processor a video, children included."""
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, env=environment, capture_output=True)
    spent = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return videos / spent, processor / videos


def _ours(site: Site, ids: list[str], out: Path, parallel: int) -> tuple[float, float]:
    manifest = out / "manifest.csv"
    manifest.write_text("video_id,sign_language,url\n" + "".join(f"{one},ase,{site.url(one)}\n" for one in ids))
    options = shlex.split(f"--media {out}/media --lake {out}/lake --sleep 0 --keep-free 0 --parallel {parallel}")
    command = [sys.executable, "-m", "signverse", "ingest", "download", str(manifest), *options, "--proxy", ""]
    result = _timed([command], len(ids))
    got = len(list((out / "media").glob("*.mp4"))), len(list((out / "media").glob("*.vtt")))
    assert got == (len(ids), len(ids) * len(_TRACKS)), got
    return result


def _plain(site: Site, out: Path) -> list[str]:
    form = ["-q", "-f", "bv/b", "-S", "res:720,vcodec:h264", "--write-subs", "--sub-langs", "all", "--write-info-json"]
    return [sys.executable, "-m", "yt_dlp", *form, "--proxy", "", "-o", f"{out}/%(id)s.%(ext)s"]


def _loop(site: Site, ids: list[str], out: Path) -> tuple[float, float]:
    result = _timed([[*_plain(site, out), site.url(one)] for one in ids], len(ids))
    assert len(list(out.glob("*.mp4"))) == len(ids)
    return result


def _batch(site: Site, ids: list[str], out: Path) -> tuple[float, float]:
    result = _timed([[*_plain(site, out), *map(site.url, ids)]], len(ids))
    assert len(list(out.glob("*.mp4"))) == len(ids)
    return result
