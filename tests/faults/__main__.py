"""`just faults`: every fault of every operation of the scenarios that are named, and power cuts; as long as it takes.

A line for each fault that does harm, with the command that repeats it, and a table at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.power_cut import cuts, write_disk
from tests.faults.scenarios import SCENARIOS
from tests.faults.shim import Fault
from tests.faults.short_form import dense, short
from tests.faults.trial import Trials

Tally = Counter[tuple[str, str, str, bool]]


def main() -> None:
    """Runs what the command line asks for; ends with 1 where something did harm."""
    parser = argparse.ArgumentParser(prog="just faults", description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS), help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--short", action="store_true", help="one fault for each operation, as the slow tests have it")
    parser.add_argument("--every-write", action="store_true", help="also inside long sequences of writes to one file")
    parser.add_argument("--fault", action="append", metavar="KIND:N:ACTION", help="this one only; repeatable")
    parser.add_argument("--power-cuts", action="store_true", help="power cuts in place of faults")
    options = parser.parse_args()
    results: Tally = Counter()
    for name in options.scenarios:
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="signverse-faults-") as folder,
            Trials(SCENARIOS[name], Path(folder)) as it,
        ):
            if options.power_cuts:
                _cut(name, it, results)
            else:
                _disturb(name, it, options, results)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    _table(results)
    sys.exit(any(not good for *_, good in results))


def _disturb(name: str, trials: Trials, options: argparse.Namespace, results: Tally) -> None:
    if options.fault:
        faults = [Fault.of(text) for text in options.fault]
    elif options.short:
        faults = short(trials.operations)
    else:
        faults = dense(trials.operations, every_write=options.every_write)
    for fault in faults:
        problems = trials.problems(fault)
        results[name, fault.kind, fault.action, not problems] += 1
        if problems:
            place = next((o for o in trials.operations if (o.kind, o.n) == (fault.kind, fault.n)), None)
            where = f"{place.path} {place.new}".replace(str(trials.root), "") if place else ""
            print(f"just faults {name} --fault {fault}   # {where}\n  " + "\n  ".join(problems), flush=True)


def _cut(name: str, trials: Trials, results: Tally) -> None:
    disk, operations = trials.disk, trials.operations
    for done, loss, files in cuts(disk.base, disk.disk, operations):
        write_disk(files, disk.disk)
        disk.temporary.mkdir(parents=True, exist_ok=True)
        problems = trials.judge(0 if done == len(operations) else None, power_cut=True)
        results[name, "power cut", loss, not problems] += 1
        if problems:
            print(
                f"{name}: power cut after {done} of {len(operations)}, {loss} lost", *problems, sep="\n  ", flush=True
            )


def _table(results: Tally) -> None:
    print(f"{'':24}{'':12}{'':30}{'whole':>8}{'harm':>8}")
    for name, kind, action in dict.fromkeys(key[:3] for key in results):
        good, bad = (results[name, kind, action, value] for value in (True, False))
        print(f"{name:24}{kind:12}{action:30}{good:8}{bad:8}")


if __name__ == "__main__":
    main()
