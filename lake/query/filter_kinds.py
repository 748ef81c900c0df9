"""The kinds of filters that a selection is made of.

A filter holds all that is said of it anywhere: which values it takes, its condition on a clip, its words in messages,
its option on the command line and its documentation. Each attribute of `Selection` has one.

Imported at every start of the command line: `conditions`, which imports Polars, is imported only where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from signverse.lake.model import plain_values
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.model.times import read_time
from signverse.lake.model.wording import counted, shown

if TYPE_CHECKING:
    from signverse.lake.query.conditions import Condition

SplitVideos = Callable[[str, str], Sequence[str]]
"""Gives the videos of a part of a stored split, by the split's name and the part's."""

_LARGEST_INT: Final = 2**31 - 1

_SHOWN_VALUES: Final = 4
"""So many values are named in a message; of more only the number."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What an attribute of a selection accepts and does. A clip whose value is unknown (null) never passes.

    Attributes:
        help: what it selects, for the command line and the documentation; without a full stop.
        metavar: what stands for the value in the help of the command line.
        example: a value on the command line, where its form needs one.
        python: the same value in Python.
        flags: names of the option, where they are not made of the attribute's name.
        several: types whose empty value sets no condition: of attributes that hold several values.
    """

    several: ClassVar[tuple[type, ...]] = ()

    help: str
    metavar: str | None = None
    example: str = ""
    python: str = ""
    flags: tuple[str, ...] = ()

    @property
    def option_type(self) -> Any:
        """The type of the option, for typer."""
        return str | None

    def normalize(self, value: Any) -> Any:
        """A value from Python as the attribute holds it: a list as a tuple."""
        return tuple(value) if isinstance(value, list) else value

    def parse(self, value: Any) -> Any:
        """A value from the command line as the attribute holds it.

        Raises:
            ValueError: it is malformed; the message completes "Invalid value for --option:".
            BadInputError: it is malformed.
        """
        return value

    def to_json(self, value: Any) -> Any:
        """A value as JSON can hold it."""
        return value

    def from_json(self, value: Any) -> Any:
        """The inverse of `to_json`.

        Raises:
            ValueError, TypeError: it is malformed.
        """
        return self.normalize(value)

    def check(self, name: str, value: Any) -> None:
        """Checks the type and the range of a value.

        Args:
            name: the attribute, for messages.

        Raises:
            BadInputError: the value cannot be used.
        """

    def conditions(self, value: Any, split_videos: SplitVideos | None) -> list[Condition]:
        """The conditions on a clip; none where the attribute says how many clips are taken.

        Args:
            value: one that `check` accepts.
            split_videos: looks up stored splits.
        """
        return []


@dataclass(frozen=True, kw_only=True)
class AnyOf(Filter):
    """A column holds one of several texts.

    Attributes:
        columns: one of them has to hold it.
        noun: what a value is, for messages: "channel".
        known: all values that there are; empty where any text may occur.
        resolve: turns a value into what the column holds.
        until: compare the column's text only up to this separator.
    """

    several: ClassVar[tuple[type, ...]] = (tuple, list)

    columns: tuple[str, ...]
    noun: str
    known: tuple[str, ...] = ()
    resolve: Callable[[str], str] | None = None
    until: str | None = None

    @property
    def option_type(self) -> Any:
        return list[str] | None

    def normalize(self, value: Any) -> Any:
        if isinstance(value, str):
            return (value,)
        try:
            return tuple(value) if isinstance(value, Iterable) else value
        except TypeError:
            return value  # An array of no dimensions, which `check` refuses.

    def check(self, name: str, value: Any) -> None:
        if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
            raise BadInputError(f"{name} is {shown(value)}", "It takes a list of texts.")
        for text in value:
            plain_values.check_utf8(text)
            if self.known and text not in self.known:
                raise BadInputError(f"{shown(text)} is not a {self.noun}", f"Known: {', '.join(self.known)}.")

    def conditions(self, value: Sequence[str], split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import any_of

        values = list(value) if self.resolve is None else sorted({self.resolve(text) for text in value})
        words = f"{self.noun} {' or '.join(values)}" if len(values) <= _SHOWN_VALUES else ""
        return [any_of(words or f"one of {counted(len(values), self.noun)}", self.columns, values, self.until)]


@dataclass(frozen=True, kw_only=True)
class Number(Filter):
    """A number; by itself no condition on a clip, but how many are taken.

    Attributes:
        least, greatest: the range of the number; integers are limited to 32 bits unless said otherwise.
        whole: it is an integer.
        option_least: the least that the command line takes, where that is more.
    """

    least: float = 0
    greatest: float | None = None
    whole: bool = False
    option_least: int | None = None

    @property
    def option_type(self) -> Any:
        return int | None if self.whole else float | None

    def normalize(self, value: Any) -> Any:
        value = plain_values.number(value)
        return int(value) if self.whole and isinstance(value, float) and value % 1 == 0 else value

    def check(self, name: str, value: Any) -> None:
        most = _LARGEST_INT if self.whole else plain_values.LARGEST_FLOAT
        greatest = most if self.greatest is None else self.greatest
        if not plain_values.is_number(value) or (self.whole and not isinstance(value, Integral)):
            raise BadInputError(f"{name} is {shown(value)}", f"It takes a {'whole ' if self.whole else ''}number.")
        if not self.least <= value <= greatest:
            limit = f"{greatest:,}" if isinstance(greatest, int) else f"{greatest:g}"
            more = f" to {limit}" if greatest < plain_values.LARGEST_FLOAT else " or more, a finite number"
            raise BadInputError(f"{name} is {shown(value)}", f"It takes {self.least:g}{more}.")


@dataclass(frozen=True, kw_only=True)
class Bound(Number):
    """A numeric column is at least, or at most, a number.

    Attributes:
        column: of the view `clips`.
        side: whether the number is the least or the most.
        noun: what is bounded, for messages: "seconds".
        scale: the column counts so many to one of the number's unit.
        float32: the column is stored in single precision: 0.7 has to pass "at least 0.7", in both engines.
    """

    column: str
    side: Literal["least", "most"]
    noun: str
    scale: float = 1.0
    float32: bool = False

    def conditions(self, value: float, split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import bounded

        words = f"{self.noun} at {self.side} {float(value):g}"
        return [bounded(words, self.column, self.side, float(value) * self.scale, float32=self.float32)]


@dataclass(frozen=True, kw_only=True)
class PartBounds(Filter):
    """The mean scores of parts of the body are at least so much."""

    several: ClassVar[tuple[type, ...]] = (Mapping,)

    @property
    def option_type(self) -> Any:
        return list[str] | None

    def parse(self, value: list[str]) -> dict[str, float]:
        return dict(plain_values.part_score(item) for item in value)

    def normalize(self, value: Any) -> Any:
        is_mapping = isinstance(value, Mapping)
        return {part: plain_values.number(score) for part, score in value.items()} if is_mapping else value

    def check(self, name: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise BadInputError(f"{name} is {shown(value)}", "It takes a score by part, such as {'right_hand': 0.5}.")
        for part, score in value.items():
            if part not in PART_NAMES:
                raise BadInputError(f"{shown(part)} is not a part of the body", f"Parts: {', '.join(PART_NAMES)}.")
            if not plain_values.is_number(score) or score != score:
                raise BadInputError(f"{name} of {part} is {shown(score)}, which is not a number")
            if plain_values.LARGEST_FLOAT < abs(score) < float("inf"):
                raise BadInputError(f"{name} of {part} is {shown(score)}, which is too large")

    def conditions(self, value: Mapping[str, float], split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import bounded

        return [
            bounded(f"{part} confidence at least {score:g}", f"{part}_confidence", "least", score, float32=True)
            for part, score in zip(value, map(float, value.values()), strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Text(Filter):
    """A text that is encodable as UTF-8; the base of filters on texts."""

    def check(self, name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise BadInputError(f"{name} is {shown(value)}", "It takes a text.")
        plain_values.check_utf8(value)


@dataclass(frozen=True, kw_only=True)
class Contains(Text):
    """A text column contains a text, in any case of any script."""

    column: str

    def conditions(self, value: str, split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import contains

        return [contains(f"{self.column} with '{value}'", self.column, value)]


@dataclass(frozen=True, kw_only=True)
class Matches(Text):
    """A regular expression is found in a text column. Only Polars can express it."""

    column: str

    def check(self, name: str, value: Any) -> None:
        from signverse.lake.query.conditions import check_regex

        super().check(name, value)
        check_regex(value)

    def conditions(self, value: str, split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import matches

        return [matches(f"{self.column} like '{value}'", self.column, value)]


@dataclass(frozen=True, kw_only=True)
class Sql(Text):
    """A condition in SQL over the view `clips`. Only SQL can express it."""

    def conditions(self, value: str, split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import Condition

        return [Condition(f"where {value}", None, f"({value}\n)")]


@dataclass(frozen=True, kw_only=True)
class Known(Filter):
    """A column is known (True) or null (False).

    Attributes:
        noun: what the column holds, for messages: "captions".
    """

    column: str
    noun: str

    @property
    def option_type(self) -> Any:
        return bool | None

    def normalize(self, value: Any) -> Any:
        return bool(value) if plain_values.is_boolean(value) else value

    def check(self, name: str, value: Any) -> None:
        if not plain_values.is_boolean(value):
            raise BadInputError(f"{name} is {shown(value)}", "It takes True or False.")

    def conditions(self, value: bool, split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import known

        return [known(f"{'with' if value else 'without'} {self.noun}", self.column, is_known=value)]


@dataclass(frozen=True, kw_only=True)
class Moment(Filter):
    """A column of times lies at or after a moment, or before it.

    Attributes:
        noun: what happened then, for messages: "ingested".
    """

    column: str
    side: Literal["after", "before"]
    noun: str

    def parse(self, value: str) -> datetime:
        return read_time(value)

    def normalize(self, value: Any) -> Any:
        return plain_values.moment(value)

    def to_json(self, value: datetime) -> str:
        return value.isoformat()

    def from_json(self, value: str) -> Any:
        return self.normalize(datetime.fromisoformat(value))

    def check(self, name: str, value: Any) -> None:
        if not isinstance(value, datetime):
            raise BadInputError(f"{name} is {shown(value)}", "It takes a datetime with a time zone.")
        if value.utcoffset() is None:
            raise BadInputError(f"{name} has no time zone", "Such as 2026-11-22T08:00Z.")
        try:
            value.astimezone(UTC)
        except OverflowError:
            raise BadInputError(f"{name} is outside the calendar: {value}") from None

    def conditions(self, value: datetime, split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import before, since

        words = f"{self.noun} {self.side} {value.isoformat()}"
        return [(since if self.side == "after" else before)(words, self.column, plain_values.moment(value))]


@dataclass(frozen=True, kw_only=True)
class InSplit(Filter):
    """The video belongs to a part of a stored split: a pair of the split's name and the part's."""

    def parse(self, value: str) -> tuple[str, str]:
        name, equals, part = value.rpartition("=")
        if not equals:
            raise ValueError(f"'{value}' is not NAME=PART, such as main=train")
        return name, part

    def check(self, name: str, value: Any) -> None:
        if not isinstance(value, tuple) or len(value) != 2 or not all(isinstance(text, str) for text in value):
            raise BadInputError(f"{name} is {shown(value)}", "It takes a name and a part: ('main', 'train').")
        for text in value:
            plain_values.check_utf8(text)

    def conditions(self, value: tuple[str, str], split_videos: SplitVideos | None) -> list[Condition]:
        from signverse.lake.query.conditions import in_split

        if split_videos is None:
            return []
        name, part = value
        return [in_split(f"{part} of split {name}", name, part, split_videos(name, part))]
