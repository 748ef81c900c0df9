"""One trial: a fault, what the command says of it, what it leaves, and whether the same command puts it right."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.faults.scenarios import Disk, Scenario, asking
from tests.faults.server import Server
from tests.faults.shim import Control, Fault
from tests.faults.trace import Operation, read_trace

_TO_BE_EXPECTED: Final = re.compile(
    "belongs? to no version of the table|without the outcome 'done'|that the table does not have"
)
"""What `verify` says of a lake whose last command was broken off: what was written and not committed, what the next
ingestion adds, and keypoints that maintenance moved, which are read where they were until their places are changed."""


@dataclass
class Trials:
    """A scenario, ready for its trials.

    Attributes:
        operations: what the undisturbed command changes on the disk, in order.
        expected: what its lake or its export holds in the end.
    """

    scenario: Scenario
    root: Path
    operations: list[Operation] = field(default_factory=list)
    expected: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.control = Control(self.root / "control")
        self.server = Server(self.control.environment())
        self.disk = Disk(self.scenario, self.root)
        self.ask = asking(self.server, self.disk, self.control.path)
        self.disk.prepare(self.ask)
        self.control.disarm()
        self.disk.renew()
        self.before = self._state()
        self.said, _ = self._command()
        self.after = self._state()
        assert self.said["value"] == 0, self.said
        self.operations = read_trace(self.root / "trace")
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.__exit__(kind, error, at)

    def _command(self, fault: Fault | None = None) -> tuple[dict[str, Any], bool]:
        trace = None if fault else str(self.root / "trace")
        answer = self.ask("command", words=self.disk.words, fault=str(fault) if fault else None, trace=trace)
        self.control.disarm()
        return answer, self.control.fired

    def _state(self) -> dict[str, Any]:
        state = dict(self.ask("lake_content", lake=str(self.disk.lake))["value"])
        if self.scenario.checks == "export":
            state["files"] = self.ask("files_of", folder=str(self.disk.out))["value"]
        return state

    def problems(self, fault: Fault) -> list[str]:
        """What is wrong after a fault; empty where all holds. A fault that the command never meets says so alone."""
        self.disk.renew()
        answer, fired = self._command(fault)
        if not fired:
            # The number of syncs varies: a log's entries that are known to be on the disk are not synced again.
            met = answer.get("value") == 0 and fault.kind == "sync"
            return [] if met else [f"not met: {answer}"]
        return [*self._said(fault, answer), *self.judge(answer.get("value"))]

    def _said(self, fault: Fault, answer: dict[str, Any]) -> list[str]:
        if answer.get("hangs"):
            return ["hangs"]
        if fault.action in {"kill", "cut_kill"}:
            return [] if answer["signal"] == signal.SIGKILL else [f"was not killed: {answer}"]
        found = []
        if "value" not in answer or any(word in answer["error"] for word in ("Traceback", "panicked")):
            found.append(f"no end in one line: {answer}")
        elif answer["value"] != 0:
            lines = [line for line in answer["error"].splitlines() if line.startswith("signverse: ")]
            if len(lines) != 1:
                found.append(f"{len(lines)} lines say why: {answer['error']!r}")
        return found

    def judge(self, code: int | None, *, power_cut: bool = False) -> list[str]:
        """What is wrong with the disk, and after the same command.

        Args:
            code: how the command ended; what it called done has to be there.
            power_cut: a log whose last entry came to the disk in part may be refused, where `repair` mends it and the
                command had not ended.
        """
        if code == 0 and self.scenario.checks == "export":
            # It succeeded in spite of the fault, and would refuse to write over a finished export.
            files = self.ask("files_of", folder=str(self.disk.out))["value"]
            return [] if files == self.after["files"] else [f"other files: {_difference(files, self.after['files'])}"]
        step = "lake_after" if self.scenario.checks == "lake" else "export_after"
        more = {"out": str(self.disk.out)} if step == "export_after" else {}
        answer = self.ask(step, lake=str(self.disk.lake), words=self.disk.words, **more)
        if power_cut and code is None and "value" not in answer and "Nothing was changed" in answer["error"]:
            self.ask("command", words=["repair", str(self.disk.lake)], prefix=str(self.root / "nowhere"))
            self.control.disarm()
            answer = self.ask(step, lake=str(self.disk.lake), words=self.disk.words, **more)
        if "value" not in answer:
            return [f"the next command ends in: {_end(answer)}"]
        value = answer["value"]
        if "Traceback" in answer["error"]:
            return [f"the next command ends in: {_end(answer)}"]
        # Nothing is written over a finished export: then it has to be whole.
        finished = step == "export_after" and value["verified"] == 0 and "holds an export already" in answer["error"]
        if value["code"] != 0 and not finished:
            return [f"the same command fails: {_end(answer)}"]
        return self._of_export(value) if step == "export_after" else self._of_lake(value, code)

    def _of_export(self, value: dict[str, Any]) -> list[str]:
        found = []
        if value["files"] != self.after["files"]:
            found.append(f"other files: {_difference(value['files'], self.after['files'])}")
        if value["verified"] != 0:
            found.append("the export does not verify")
        if value["lake"] != {key: held for key, held in self.before.items() if key != "files"}:
            found.append("the lake has changed")
        return found

    def _of_lake(self, value: dict[str, Any], code: int | None) -> list[str]:
        found = []
        start = self.after if code == 0 else self.before
        if "missing" not in start:
            lost = set(start["videos"]) - set(value["found"].get("videos", ()))
            if lost:
                found.append(f"lost: {sorted(lost)}")
        for when in ("found", "again", "last"):
            problems = value[when].get("problems") or []
            if when == "found" and code != 0:
                # What was written and not committed, and what the same command adds.
                problems = [line for line in problems if not _TO_BE_EXPECTED.search(line)]
            if problems:
                found.append(f"{when}: {problems}")
            if when != "found" or code == 0:
                for key in ("videos", "rows", "done"):
                    if key == "rows":
                        have, want = dict(value[when].get(key, {})), dict(self.after[key])
                        have.pop("outcomes", None), want.pop("outcomes")
                    else:
                        have, want = value[when].get(key, {}), self.after[key]
                    if have != want:
                        found.append(f"{when}: other {key}: {_difference(have, want)}")
        if value["left"]:
            found.append(f"left: {value['left']}")
        return found


def _end(answer: dict[str, Any]) -> str:
    return " / ".join(answer["error"].strip().splitlines()[-2:])


def _difference(have: Any, want: Any) -> str:
    if isinstance(have, dict) and isinstance(want, dict):
        keys = sorted(key for key in have.keys() | want.keys() if have.get(key) != want.get(key))
        return ", ".join(f"{key}: {have.get(key)} for {want.get(key)}" for key in keys)
    return f"{have} for {want}"
