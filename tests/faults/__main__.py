"""`just faults`: every fault of every operation of the scenarios that are named, and power cuts; as long as it takes.

Says how far it is, a line for each fault that does harm, with the command that repeats it, and a table at the end, also
after Ctrl-C.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from tests.faults.power_cut import LOSSES, cuts, write_disk
from tests.faults.scenarios import SCENARIOS
from tests.faults.shim import KINDS, Fault
from tests.faults.short_form import dense, short
from tests.faults.trial import Trials

Tally = Counter[tuple[str, str, bool]]
"""How many trials by scenario, by kind of operation or of loss, and by whether they did harm."""

Trial = tuple[str, str, list[str]]
"""What was disturbed, how (which a command can repeat), and what is wrong afterwards."""

_SAID_EVERY_S = 30.0


def main() -> None:
    """Runs what the command line asks for; ends with 1 where something did harm."""
    parser = argparse.ArgumentParser(prog="just faults", description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS), help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--short", action="store_true", help="one fault for each operation")
    parser.add_argument("--every-write", action="store_true", help="also inside long sequences of writes to one file")
    parser.add_argument("--fault", action="append", metavar="KIND:N:ACTION", help="this one only; repeatable")
    parser.add_argument("--power-cuts", action="store_true", help="power cuts in place of faults")
    parser.add_argument("--share", type=int, default=1, metavar="N", help="every N-th of them only (default 1)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after so many, for each scenario")
    options = parser.parse_args()
    results: Tally = Counter()
    try:
        for name in options.scenarios:
            _sweep(name, options, results)
    except KeyboardInterrupt:
        print("broken off", flush=True)
    _table(results)
    sys.exit(any(harm for *_, harm in results))


def _sweep(name: str, options: argparse.Namespace, results: Tally) -> None:
    """The trials of a scenario, counted and said as they come."""
    began = said = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="signverse-faults-") as folder,
        Trials(SCENARIOS[name], Path(folder)) as trials,
        closing(_cuts(trials, options) if options.power_cuts else _faults(trials, options)) as tried,
    ):
        for kind, how, problems in tried:
            results[name, kind, bool(problems)] += 1
            now = time.monotonic()
            if problems:
                print(f"{name} {how}", *problems, sep="\n  ", flush=True)
            if now - said > _SAID_EVERY_S:
                said = now
                print(f"{name}: {_counts(results, name)} after {now - began:.0f} s, at {how}", flush=True)
            if now - began > options.seconds:
                break
    print(f"{name}: {_counts(results, name)} in {time.monotonic() - began:.0f} s", flush=True)


def _faults(trials: Trials, options: argparse.Namespace) -> Generator[Trial]:
    if options.fault:
        faults = [Fault.of(text) for text in options.fault]
    elif options.short:
        faults = short(trials.operations)
    else:
        faults = dense(trials.operations, every_write=options.every_write)
    for fault in faults[:: options.share]:
        place = next((item for item in trials.operations if (item.kind, item.n) == (fault.kind, fault.n)), None)
        where = f"{place.path} {place.new}".replace(str(trials.root), "").strip() if place else "nowhere"
        yield fault.kind, f"--fault {fault}   # {where}", trials.problems(fault)


def _cuts(trials: Trials, options: argparse.Namespace) -> Generator[Trial]:
    disk, operations = trials.disk, trials.operations
    for i, (done, loss, files) in enumerate(cuts(disk.base, disk.disk, operations)):
        ended = done == len(operations)
        if i % options.share and not ended:
            continue
        write_disk(files, disk.disk)
        disk.temporary.mkdir(parents=True, exist_ok=True)
        how = f"--power-cuts   # after {done} of {len(operations)} operations, without the {loss} not synced"
        yield loss, how, trials.judge(0 if ended else None, power_cut=True)


def _counts(results: Tally, name: str, kind: str | None = None) -> str:
    good, bad = (
        sum(n for key, n in results.items() if key[0] == name and kind in {None, key[1]} and key[2] == harm)
        for harm in (False, True)
    )
    return f"{good + bad} trials, {bad} harm"


def _table(results: Tally) -> None:
    for name in dict.fromkeys(key[0] for key in results):
        print(f"\n{name:34}{_counts(results, name):>24}")
        for kind in (*KINDS, *LOSSES):
            if any(key[:2] == (name, kind) for key in results):
                print(f"  {kind:32}{_counts(results, name, kind):>24}")


if __name__ == "__main__":
    main()
