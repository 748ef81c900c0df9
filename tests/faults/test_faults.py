"""A disk that fails, is full or goes away, and a process that is killed, at every n-th change of the disk.

`uv run just faults` tries more: every fault of every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.faults.shim import Fault
from tests.faults.short_form import sample, short
from tests.faults.trace import Operation
from tests.faults.trial import Trials


def harm(name: str, folder: Path, choose: Callable[[Sequence[Operation]], list[Fault]]) -> dict[str, list[str]]:
    """What is wrong after each of the faults: nothing, where all holds."""
    with Trials(SCENARIOS[name], folder) as trials:
        faults = choose(trials.operations)
        assert faults
        return {str(fault): problems for fault in faults if (problems := trials.problems(fault))}


@pytest.mark.slow
def test_after_any_fault_of_an_import_the_same_command_ends_in_the_very_same_content(tmp_path: Path) -> None:
    """One line or a kill, a lake that opens, nothing lost, nothing twice, nothing left but what maintain clears."""
    assert harm("import-more", tmp_path, short) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_after_faults_all_over_a_command_the_same_command_ends_in_the_very_same_content(
    name: str, tmp_path: Path
) -> None:
    assert harm(name, tmp_path, lambda operations: sample(operations, 20)) == {}


@pytest.mark.parametrize("name", ["import-more", "export-shards"])
def test_after_some_faults_the_same_command_ends_in_the_very_same_content(name: str, tmp_path: Path) -> None:
    assert harm(name, tmp_path, lambda operations: sample(operations, 4)) == {}
