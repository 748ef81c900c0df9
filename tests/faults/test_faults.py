"""A disk that fails, is full or goes away, and a process that is killed, at every n-th change of the disk.

`uv run just faults` tries more: every fault of every operation.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.faults.short_form import sample, short
from tests.faults.trial import Trials


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.startswith("export")])
def test_after_any_fault_the_same_command_ends_in_the_very_same_content(name: str, tmp_path: Path) -> None:
    """One line or a kill, a lake that opens, nothing lost, nothing twice, nothing left but what maintain clears."""
    with Trials(SCENARIOS[name], tmp_path) as trials:
        faults = short(trials.operations)
        assert len(faults) > 10
        found = {str(fault): problems for fault in faults if (problems := trials.problems(fault))}
    assert found == {}


@pytest.mark.parametrize("name", ["export-shards"])
def test_after_some_faults_the_same_command_ends_in_the_very_same_content(name: str, tmp_path: Path) -> None:
    with Trials(SCENARIOS[name], tmp_path) as trials:
        faults = sample(trials.operations, 5)
        found = {str(fault): problems for fault in faults if (problems := trials.problems(fault))}
    assert found == {}
