"""`python -m bench [NAME...]`: runs the named benchmarks, or all; `pictures --out DIR` draws."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import acquire, channels, clips, extract, gpu, layout, long_video, people, pictures, query, shards, upkeep

BENCHES = {
    "acquire": acquire.main,
    "channels": channels.main,
    "clips": clips.main,
    "extract": extract.main,
    "gpu": gpu.main,
    "layout": layout.main,
    "long_video": long_video.main,
    "shards": shards.main,
    "upkeep": upkeep.main,
    "query": query.main,
    "people": people.main,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHES)} or pictures; all but the last")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where pictures go")
    given = parser.parse_args()
    for name in given.names or BENCHES:
        if name == "pictures":
            pictures.main(given.out)
        elif name in BENCHES:
            BENCHES[name]()
        else:
            parser.error(f"no benchmark is called {name}: {', '.join(BENCHES)} or pictures")
