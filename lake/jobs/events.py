"""Events: what happens to a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

EventKind = Literal["progress", "result", "error", "died", "stalled", "memory"]


@dataclass(frozen=True)
class Event:
    """Something that happened to a task. Any number of progress events come first, then exactly one of another kind.

    Attributes:
        kind: what happened.
        task: the task, as it was submitted.
        value: depends on the kind.
            progress: what the job reported.
            result: what the job returned.
            error: the SignverseError that it raised; any other exception arrives as one.
            died: how the worker's process ended, such as "SIGKILL" or "exit code 7".
            stalled: the seconds without an event after which the worker was ended.
            memory: why its process was ended for the memory that it took, such as "needs more than 2,000 MB of memory".
    """

    kind: EventKind
    task: Any
    value: Any

    @property
    def failure(self) -> str:
        """Why the task has failed, in words that follow its name and a colon; "" for progress and results."""
        match self.kind:
            case "died":
                return f"the process that read it ended with {self.value}"
            case "stalled":
                return f"no progress for {self.value:g} seconds, given up"
            case "error" | "memory":
                return str(self.value)
            case _:
                return ""
