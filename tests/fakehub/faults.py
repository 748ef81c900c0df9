"""What can go wrong between a client and the fake hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakehub.handler import Reply


@dataclass(frozen=True)
class Answer:
    """An answer in place of the true one.

    Attributes:
        headers: besides those that every answer has; they replace equal ones.
        after_doing: what was asked for is done, and this said all the same: a 504 whose commit went through.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "a fault of the fake hub"
    after_doing: bool = False


@dataclass(frozen=True)
class Drop:
    """The connection ends without an answer; `after_doing`: once what was asked for is done."""

    after_doing: bool = False


@dataclass(frozen=True)
class Cut:
    """The connection ends inside the body of the answer, after so many bytes of it."""

    at: int = 0


@dataclass(frozen=True)
class Altered:
    """The true answer, changed: with other headers, another part of the file, more of it, or all of it."""

    change: Callable[[Reply], Reply]


@dataclass
class Fault:
    """What goes wrong, for which requests, and how many of them it concerned."""

    what: Answer | Drop | Cut | Altered
    path: re.Pattern[str]
    method: str
    times: int | None
    after: int
    seen: int = 0

    def due(self) -> bool:
        """Whether the request that has just matched meets the fault; counts it."""
        number = self.seen
        self.seen += 1
        return number >= self.after and (self.times is None or number < self.after + self.times)
