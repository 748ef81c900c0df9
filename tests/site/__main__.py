"""`python -m tests.site`: runs the site until Ctrl-C, to try things by hand."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from tests.site.population import FAULTS, manifest, population
from tests.site.server import PLUGINS, Site
from tests.site.videos import small_video


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.site", description="A video site on this machine.")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="serve these mp4 files in turn (default: made ones)")
    parser.add_argument("--count", type=int, default=20, help="number of videos (20)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other videos")
    parser.add_argument("--no-faults", action="store_true", help="nothing goes wrong")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="write the videos' addresses there, as CSV")
    options = parser.parse_args()
    files = sorted(options.videos.glob("*.mp4")) if options.videos else [small_video(10.0)]
    if not files:
        parser.error(f"there is no .mp4 in {options.videos}")
    clips = population(options.count, files, faults={} if options.no_faults else FAULTS, seed=options.seed)
    with Site(clips, port=options.port) as site:
        print(f"{len(clips)} videos at {site.address}")
        if options.manifest:
            options.manifest.write_text(manifest(site, clips))
            print(f"their addresses are in {options.manifest}")
        print(f"one of them: PYTHONPATH={PLUGINS} yt-dlp --proxy '' '{site.url(clips[0].video_id)}'")
        print("Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(
                f"\n{len(site.requests)} requests, at most {site.max_connections} connections and "
                f"{site.max_concurrent} requests at the same time"
            )


if __name__ == "__main__":
    main()
