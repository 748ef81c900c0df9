"""Which clips: a typed selection. Each attribute has a filter, which says everything about it.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.query.filter_kinds import (
    AnyOf,
    Bound,
    Contains,
    Filter,
    InSplit,
    Known,
    Matches,
    Moment,
    Number,
    PartBounds,
    SplitVideos,
    Sql,
)

if TYPE_CHECKING:
    from signverse.lake.query.conditions import Condition

KEY: Final = ("segment_id", "video_id", "ingest_id", "start_frame", "end_frame")
"""The columns that identify the clips of a selection; a file with these is a selection."""

ORDER: Final = ("video_id", "start_frame", "ordinal")
"""The order of clips, unless another is requested."""


def _by(entry: Filter) -> dict[str, Filter]:
    """The metadata of a field that has this filter."""
    return {"filter": entry}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Conditions on clips, and how many are taken. An attribute that is None or empty sets no condition.

    A clip whose value is unknown (null) does not pass a bound on it.
    """

    # A new filter on a column of the view `clips` is one attribute here; its order is that of the help.
    # fmt: off
    languages: tuple[str, ...] = field(default=(), metadata=_by(AnyOf(
        help="Sign language by code, alias or name", metavar="LANGUAGE", flags=("--language", "-l"),
        columns=("sign_language",), noun="language", resolve=sign_languages.resolve
    )))
    videos: tuple[str, ...] = field(default=(), metadata=_by(AnyOf(
        help="Video id", metavar="ID", flags=("--video",), columns=("video_id",), noun="video id"
    )))
    channels: tuple[str, ...] = field(default=(), metadata=_by(AnyOf(
        help="Channel by name or id", metavar="NAME", flags=("--channel",), columns=("channel", "channel_id"),
        noun="channel"
    )))
    split: tuple[str, str] | None = field(default=None, metadata=_by(InSplit(
        help="Part of a stored split", metavar="NAME=PART", example="main=train", python="('main', 'train')"
    )))
    min_confidence: Mapping[str, float] = field(default_factory=dict, metadata=_by(PartBounds(
        help="Least mean score of a part of the body", metavar="PART=SCORE", example="right_hand=0.5",
        python="{'right_hand': 0.5}"
    )))
    # A clip lasts as long as its frames: captions may claim a time past the end of the video.
    min_duration: float | None = field(default=None, metadata=_by(Bound(
        help="Least length in seconds", metavar="SECONDS", column="num_frames", side="least", noun="seconds",
        scale=FPS
    )))
    max_duration: float | None = field(default=None, metadata=_by(Bound(
        help="Greatest length in seconds", metavar="SECONDS", column="num_frames", side="most", noun="seconds",
        scale=FPS
    )))
    text: str | None = field(default=None, metadata=_by(Contains(
        help="Words that the caption contains, in any case", metavar="WORDS", column="text"
    )))
    text_regex: str | None = field(default=None, metadata=_by(Matches(
        help="Regular expression (Rust's syntax) that is found in the caption", metavar="REGEX", column="text"
    )))
    captioned: bool | None = field(default=None, metadata=_by(Known(
        help="Only clips with, or without, a caption", flags=("--captioned/--uncaptioned",), column="text",
        noun="captions"
    )))
    caption_kinds: tuple[str, ...] = field(default=(), metadata=_by(AnyOf(
        help="Kind of caption: manual, automatic, translated or none", metavar="KIND",
        flags=("--caption-kind",), columns=("caption_kind",), noun="caption kind",
        known=("manual", "automatic", "translated", "none")
    )))
    # The column holds "translated_from:de" and the like.
    english: tuple[str, ...] = field(default=(), metadata=_by(AnyOf(
        help="Source of the English text: native, translated or none", metavar="SOURCE",
        columns=("english_source",), noun="source of English", known=("native", "translated", "none"), until="_"
    )))
    min_coverage: float | None = field(default=None, metadata=_by(Bound(
        help="Least share of frames with the primary signer, 0 to 1", metavar="SHARE", column="coverage",
        side="least", noun="coverage", greatest=1, float32=True
    )))
    min_hands_seen: float | None = field(default=None, metadata=_by(Bound(
        help="Least share of frames with both hands, 0 to 1", metavar="SHARE", column="hands_seen",
        side="least", noun="share of frames with both hands", greatest=1, float32=True
    )))
    min_people: int | None = field(default=None, metadata=_by(Bound(
        help="Least number of people in the fullest frame", metavar="N", column="people_max", side="least",
        noun="people", whole=True
    )))
    max_people: int | None = field(default=None, metadata=_by(Bound(
        help="Most people in any frame", metavar="N", column="people_max", side="most", noun="people",
        whole=True
    )))
    ingested_after: datetime | None = field(default=None, metadata=_by(Moment(
        help="Only videos ingested at this time or later (ISO 8601)", metavar="TIME", column="ingested_at",
        side="after", noun="ingested"
    )))
    ingested_before: datetime | None = field(default=None, metadata=_by(Moment(
        help="Only videos ingested before this time", metavar="TIME", column="ingested_at", side="before",
        noun="ingested"
    )))
    where: str | None = field(default=None, metadata=_by(Sql(
        help="Condition in SQL over the view clips", example="\"title like '%news%'\"",
        python="\"title like '%news%'\"", metavar="SQL"
    )))
    per_language: int | None = field(default=None, metadata=_by(Number(
        help="At most this many clips of each language, at random", metavar="N", whole=True
    )))
    hours: float | None = field(default=None, metadata=_by(Number(
        help="About this many hours, at random", metavar="H"
    )))
    temperature: float | None = field(default=None, metadata=_by(Number(
        help="Within hours or limit, weigh languages by n^T: 1 as they are, 0 all equal", metavar="T",
        greatest=1
    )))
    limit: int | None = field(default=None, metadata=_by(Number(
        help="At most this many clips: the first by video id and start, or at random with a seed", metavar="N",
        whole=True, option_least=1
    )))
    seed: int | None = field(default=None, metadata=_by(Number(
        help="Seed of what is at random (0); with limit alone it makes that a sample", metavar="N", whole=True,
        least=-1e40, greatest=1e40
    )))
    # fmt: on

    @classmethod
    def of(cls, **conditions: Any) -> Selection:
        """A selection from Python: lists as well as tuples, and one language or id instead of a list of it.

        Raises:
            BadInputError: there is no such attribute.
        """
        for name in conditions:
            if name not in FILTERS:
                near = difflib.get_close_matches(name, FILTERS, n=1)
                raise BadInputError(
                    f"'{name}' is not an attribute of a selection",
                    f"Nearest: {near[0]}." if near else f"There are: {', '.join(FILTERS)}.",
                )
        given = {name: value for name, value in conditions.items() if value is not None}
        return cls(**{name: FILTERS[name].normalize(value) for name, value in given.items()})

    @property
    def sampled(self) -> bool:
        """Whether the clips are drawn at random."""
        return any(value is not None for value in (self.per_language, self.hours, self.temperature, self.seed))

    @property
    def empty(self) -> bool:
        """Whether there is no condition at all."""
        return self == Selection()

    def _given(self) -> dict[str, Any]:
        """The attributes that set something: not None, and not an empty list of values."""
        values = {name: getattr(self, name) for name in FILTERS}
        empty = {name for name, value in values.items() if isinstance(value, FILTERS[name].several) and not value}
        return {name: value for name, value in values.items() if value is not None and name not in empty}

    def to_dict(self) -> dict[str, Any]:
        """The attributes that are set, as JSON can hold them: for the metadata of a file."""
        return {name: FILTERS[name].to_json(FILTERS[name].normalize(value)) for name, value in self._given().items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Selection:
        """The inverse of `to_dict`, also after a way through JSON.

        Raises:
            BadInputError: the values do not describe a selection.
        """
        try:
            values = dict(json.loads(json.dumps(dict(values))))
            if not values.keys() <= FILTERS.keys():
                raise ValueError(f"unknown: {', '.join(sorted(values.keys() - FILTERS.keys()))}")
            return cls(**{name: FILTERS[name].from_json(value) for name, value in values.items()})
        except (ValueError, TypeError) as error:
            raise BadInputError(f"this is not a selection: {error}") from None

    def to_options(self) -> list[str]:
        """The options of the command line that say the same, as words: `["--language", "ase", "--min-people", "2"]`.

        The inverse of `from_options`, once a shell has quoted them.
        """
        words = []
        for name, value in self._given().items():
            flag, _, negative = flags_of(name)[0].partition("/")
            if isinstance(value, bool):
                words.append(flag if value else negative)
                continue
            for text in _as_typed(FILTERS[name], value):
                # A value that begins with a dash is one with its option: ids may.
                words += [f"{flag}={text}"] if text.startswith("-") else [flag, text]
        return words

    @classmethod
    def from_options(cls, options: Mapping[str, Sequence[str]]) -> Selection:
        """A selection from the values of options, by their names without dashes: {"language": ["ase"]}.

        Of an option that is not repeatable the last value counts, as on the command line; `captioned` and `uncaptioned`
        take none.

        Raises:
            BadInputError, UnknownLanguageError: there is no such option, or a value cannot be used.
        """
        names = {name: attribute for attribute in FILTERS for name in option_names(attribute)}
        conditions: dict[str, Any] = {}
        for option, values in options.items():
            if option not in names:
                raise BadInputError(
                    f"there is no option '{option:.60}' of a selection", "See: signverse select --help."
                )
            entry = FILTERS[names[option]]
            try:
                conditions[names[option]] = _parsed(entry, values, negative=option != option_names(names[option])[0])
            except ValueError as error:
                raise BadInputError(f"{option}: {error}") from None
        selection = cls.of(**conditions)
        selection.check()
        return selection

    def check(self) -> None:
        """Checks types, ranges and names.

        Raises:
            BadInputError, UnknownLanguageError: see `conditions`.
        """
        self.conditions()

    def conditions(self, split_videos: SplitVideos | None = None) -> list[Condition]:
        """The conditions on each clip.

        Args:
            split_videos: gives the videos of a part of a stored split; without it that condition is left out.

        Raises:
            UnknownLanguageError, BadInputError: a language, a part or a word is not known, a bound is out of range.
        """
        given = self._given()
        for name, value in given.items():
            FILTERS[name].check(name, value)
        if self.temperature is not None and self.hours is None and self.limit is None:
            raise BadInputError("a temperature was given, and not how much is taken", "Give hours or a limit too.")
        return [
            condition for name, value in given.items() for condition in FILTERS[name].conditions(value, split_videos)
        ]


FILTERS: Final[dict[str, Filter]] = {
    attribute.name: attribute.metadata["filter"] for attribute in fields(Selection) if "filter" in attribute.metadata
}
"""The filter of each attribute of a selection."""


def flags_of(attribute: str) -> tuple[str, ...]:
    """The option of an attribute: ("--language", "-l"), or ("--captioned/--uncaptioned",) of one that is a switch."""
    return FILTERS[attribute].flags or (f"--{attribute.replace('_', '-')}",)


def option_names(attribute: str) -> list[str]:
    """The long names of an attribute's option, without dashes: ["captioned", "uncaptioned"]."""
    return [flag.removeprefix("--") for flag in flags_of(attribute)[0].split("/")]


def _as_typed(entry: Filter, value: Any) -> list[str]:
    """The values of an option, as one types them."""
    if isinstance(entry, AnyOf):
        return list(value)
    if isinstance(entry, PartBounds):
        return [f"{part}={score!r}" for part, score in value.items()]
    if isinstance(entry, InSplit):
        return ["=".join(value)]
    return [value.isoformat() if isinstance(value, datetime) else str(value)]


def _parsed(entry: Filter, values: Sequence[str], *, negative: bool) -> Any:
    """The inverse of `_as_typed`, as typer has it.

    Raises:
        ValueError, BadInputError: it is malformed.
    """
    if entry.option_type == list[str] | None:
        return entry.parse(list(values))
    if entry.option_type == bool | None:
        return not negative
    convert, what = {int | None: (int, "a whole number"), float | None: (float, "a number")}.get(
        entry.option_type, (str, "a text")
    )
    try:
        value = convert(values[-1])
    except ValueError:
        raise ValueError(f"{values[-1]!r:.40} is not {what}") from None
    return entry.parse(value)


def _attributes() -> str:
    lines = []
    for name, entry in FILTERS.items():
        more = f", such as {entry.python}" if entry.python else "; any of them" if isinstance(entry, AnyOf) else ""
        about = f"{name}: {entry.help[0].lower()}{entry.help[1:]}{more}."
        lines += textwrap.wrap(about, 112, initial_indent=" " * 8, subsequent_indent=" " * 12)
    return "\n".join(lines)


Selection.__doc__ = f"{Selection.__doc__}\n    Attributes:\n{_attributes()}\n    "
