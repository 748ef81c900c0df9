"""A power cut at any moment: what a command had called done is there, and the rest comes with the same command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.power_cut import cuts, write_disk
from tests.faults.scenarios import SCENARIOS
from tests.faults.trial import Trials


def problems(name: str, folder: Path, count: int) -> dict[str, list[str]]:
    """What is wrong after some power cuts all over a command, and after those at its very end."""
    found = {}
    with Trials(SCENARIOS[name], folder) as trials:
        disk, operations = trials.disk, trials.operations
        every = list(cuts(disk.base, disk.disk, operations))
        amid = [cut for cut in every if cut[0] < len(operations)]
        last = every[len(amid) :]
        for done, loss, files in [*(amid[(2 * i + 1) * len(amid) // (2 * count)] for i in range(count)), *last]:
            ended = done == len(operations)
            write_disk(files, disk.disk)
            disk.temporary.mkdir(parents=True, exist_ok=True)
            if wrong := trials.judge(0 if ended else None, power_cut=True):
                found[f"after {done} of {len(operations)} operations, without the {loss} not synced"] = wrong
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["import-new", "import-more", "maintain", "export-shards", "export-pose"])
def test_a_power_cut_at_any_moment_costs_nothing_that_was_called_done(name: str, tmp_path: Path) -> None:
    assert problems(name, tmp_path, 6) == {}


def test_what_an_import_called_done_survives_a_power_cut(tmp_path: Path) -> None:
    assert problems("import-more", tmp_path, 1) == {}
