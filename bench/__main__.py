"""`python -m bench [NAME...]`: runs the named benchmarks, or all."""

from __future__ import annotations

import sys

from bench import clips, extract, layout, people, query, shards, upkeep

BENCHES = {
    "clips": clips.main,
    "extract": extract.main,
    "layout": layout.main,
    "shards": shards.main,
    "upkeep": upkeep.main,
    "query": query.main,
    "people": people.main,
}

if __name__ == "__main__":
    names = sys.argv[1:] or list(BENCHES)
    for name in names:
        if name not in BENCHES:
            sys.exit(f"no benchmark is called {name}: {', '.join(BENCHES)}")
        BENCHES[name]()
