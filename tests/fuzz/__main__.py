"""`just fuzz`: readers of what strangers give, on files that are changed at random.

Files that do harm are kept, and printed with the command that reads them again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.campaign import fuzz, read_one
from tests.fuzz.readers import READERS


def main() -> None:
    """Runs what the command line asks for; ends with 1 where something did harm."""
    parser = argparse.ArgumentParser(prog="just fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", default=list(READERS), help=f"of {', '.join(READERS)}")
    parser.add_argument("--seconds", type=float, default=60, help="for each reader (default: 60)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="the same files for the same number")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"), help="where files that do harm are kept")
    parser.add_argument("--file", type=Path, help="read this kept file by the one reader that is named")
    options = parser.parse_args()
    harm = 0
    for name in options.readers:
        if options.file:
            with tempfile.TemporaryDirectory(prefix="signverse-fuzz-") as folder:
                ending = options.file.name[len(name) + 13 :]
                how = read_one(name, ending, options.file.read_bytes(), Path(folder))
            print(how or "does no harm")
            harm += bool(how)
            continue
        found = fuzz(name, options.seconds, seed=options.seed, keep=options.keep)
        print(f"{name}: {found.count:,} files, {len(found.harm)} ways to do harm (seed {options.seed})", flush=True)
        for how, path in found.harm.items():
            print(f"  {how}\n    just fuzz {name} --file '{path}'", flush=True)
        harm += len(found.harm)
    sys.exit(harm > 0)


if __name__ == "__main__":
    main()
