"""`python -m bench [NAME...]`: run the named benchmarks, or all of them."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

BENCHMARKS = {
    "layout": "bytes a frame and a clip to numpy, beside Delta's default writer and the released tars",
    "clips": "one clip and 256 random ones to numpy, beside Lance and the released tars",
    "epoch": "a shuffled epoch for training, beside webdataset tars and Lance, through PyTorch and alone",
    "preparation": "normalization and frame rates for training, beside pose-format",
    "query": "queries to a lake of the released size: 39,197 videos, 2 million segments; cold and warm",
    "explorer": "the page in the browser over a lake of the released size: answers, their size, memory",
    "shards": "import and export of shards, beside numpy on the same bytes; peak memory",
    "fetch": "two languages of a release on a server, beside downloading whole tars: bytes, requests, seconds",
    "upkeep": "maintain on a growing lake: speed, and whether memory stays flat",
    "writers": "eight writers, two readers and maintenance at one lake for ten minutes, with kills",
    "extract": "extraction beside easy-dwpose and rtmlib: frames/s and accuracy, on the CPU",
    "gpu": "frames/s on the GPUs of this machine, against what the models alone could do",
    "long_video": "peak memory of extraction over a video of ten hours",
    "memory": "peak memory of import, export and pictures of a video of ten hours",
    "drawing": "pictures of skeletons a second, in each style, beside easy-dwpose's drawing",
    "people": "identity switches a minute and correct numbers, on videos of known people",
    "channels": "BGR against RGB as the detector's input",
    "acquire": "downloads beside yt-dlp in a shell loop, from a site on this machine",
}
"""What each measures. A name is a module of this package with a function `main`."""

PICTURES = "pictures"


def main() -> None:
    listing = "\n".join(f"  {name:11} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure speed, size and accuracy beside what one would use instead.",
        epilog=f"benchmarks (all of them if none is named):\n{listing}\n\n"
        f"not a benchmark:\n  {PICTURES:11} draw the results of extraction and tracking into the folder --out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder for {PICTURES}")
    options = parser.parse_args()
    if unknown := set(options.names) - {*BENCHMARKS, PICTURES}:
        names = ", ".join((*BENCHMARKS, PICTURES))
        parser.error(f"{', '.join(sorted(unknown))} is not a benchmark: choose from {names}")
    for name in options.names or BENCHMARKS:
        # Imported one by one: each needs other libraries.
        module = import_module(f"bench.{name}")
        if name == PICTURES:
            module.main(options.out)
        else:
            module.main()


if __name__ == "__main__":
    main()
