"""A disk that fails, is full or goes away, and a process that is killed, at every n-th change of the disk.

`uv run just faults` tries all: every fault of every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.faults.shim import Fault
from tests.faults.short_form import covering
from tests.faults.trace import Operation
from tests.faults.trial import Trials


def harm(name: str, folder: Path, choose: Callable[[Sequence[Operation]], list[Fault]]) -> dict[str, list[str]]:
    """What is wrong after each of the faults: nothing, where all holds."""
    with Trials(SCENARIOS[name], folder) as trials:
        faults = choose(trials.operations)
        assert faults
        return {str(fault): problems for fault in faults if (problems := trials.problems(fault))}


COUNTS = {"import-new": 16, "import-more": 16, "maintain": 16} | {
    name: 5 for name, scenario in SCENARIOS.items() if scenario.checks == "export"
}
"""How many faults of a scenario the slow tests try: about a minute in all."""


def test_the_slow_tests_try_every_scenario() -> None:
    assert COUNTS.keys() == SCENARIOS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_after_faults_all_over_a_command_the_same_command_ends_in_the_very_same_content(
    name: str, tmp_path: Path
) -> None:
    """One line or a kill, a lake that opens, nothing lost, nothing twice, nothing left but what maintain clears."""
    first = sum(COUNTS[before] for before in list(SCENARIOS)[: list(SCENARIOS).index(name)])
    assert harm(name, tmp_path, lambda operations: covering(operations, COUNTS[name], first)) == {}


@pytest.mark.parametrize("name", ["import-more", "export-shards"])
def test_after_some_faults_the_same_command_ends_in_the_very_same_content(name: str, tmp_path: Path) -> None:
    assert harm(name, tmp_path, lambda operations: covering(operations, 3)) == {}
