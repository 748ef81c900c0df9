"""`python -m tests.site.server`: the site for a person who wants to try things."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from tests.site.population import TROUBLES, manifest, population
from tests.site.server import PLUGINS, Site
from tests.site.videos import small_video


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.site.server", description="A video site on this machine.")
    words.add_argument("--videos", type=Path, metavar="DIR", help="mp4 files to serve by turns; else small made ones")
    words.add_argument("--count", type=int, default=20, help="how many videos there are (20)")
    words.add_argument("--port", type=int, default=0, help="where; else any that is free")
    words.add_argument("--seed", type=int, default=0, help="another one gives other videos")
    words.add_argument("--no-troubles", action="store_true", help="nothing goes wrong")
    words.add_argument("--manifest", type=Path, metavar="FILE", help="writes the videos' addresses there, as CSV")
    given = words.parse_args()
    files = sorted(given.videos.glob("*.mp4")) if given.videos else [small_video(10.0)]
    if not files:
        words.error(f"there is no .mp4 in {given.videos}")
    clips = population(given.count, files, troubles={} if given.no_troubles else TROUBLES, seed=given.seed)
    with Site(clips, port=given.port) as site:
        print(f"{len(clips)} videos at {site.address}")
        if given.manifest:
            given.manifest.write_text(manifest(site, clips))
            print(f"their addresses are in {given.manifest}")
        print(f"one of them: PYTHONPATH={PLUGINS} yt-dlp --proxy '' '{site.made(clips[0].video_id)}'")
        print("Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            asked = len(site.requests)
            print(f"\n{asked} requests, at most {site.most_connections} connections and {site.most_at_once} at once")
