"""Which clips: one typed selection, and what it means, in Polars and in SQL."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from signverse.lake.model import languages as sign_languages
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import FPS, PART_NAMES
from signverse.lake.model.wording import counted

KEY: Final = ("segment_id", "video_id", "ingest_id", "start_frame", "end_frame")
"""The columns that say which clips a selection chose; a file with these is a selection."""

ORDER: Final = ("video_id", "start_frame", "ordinal")
"""The order of clips, unless something else is said."""

_MOST_FLOAT: Final = 3e38

CAPTION_KINDS: Final = ("manual", "automatic", "translated", "none")
ENGLISH: Final = ("native", "translated", "none")

_SEVERAL: Final = ("languages", "caption_kinds", "english", "channels", "videos")

_ALIKE: Final = {"\u00df": "ss", "\u03c2": "\u03c3", "i\u0307": "i", "\u0131": "i"}
"""Small letters that case does not keep: German sharp s, Greek final sigma, Turkish i with a dot and without."""


def _folded(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_many(_ALIKE)


def _folded_sql(text: str) -> str:
    # The two engines agree on every letter but 55 that came with Unicode 16.
    folded = f"lower({text})"
    for letters, plain in _ALIKE.items():
        folded = f"replace({folded}, {quoted(letters)}, {quoted(plain)})"
    return folded


def quoted(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def _listed(values: Sequence[str]) -> str:
    return "(" + ", ".join(quoted(value) for value in values) + ")"


@dataclass(frozen=True)
class Condition:
    """One condition of a selection, over the columns of `clips`.

    Attributes:
        words: for messages, such as "at least 3 s".
        polars: as an expression; None for a condition that only SQL can say.
        sql: as SQL; None for a condition that only Polars can say, a regular expression: each engine has its own
            kind, and a selection means one thing.
    """

    words: str
    polars: pl.Expr | None
    sql: str | None


@dataclass(frozen=True)
class Selection:
    """What is asked of a clip, and how many are taken; what is None or empty is not asked.

    A clip whose value is unknown (null) does not pass a bound on it.

    Attributes:
        languages: sign languages by code, alias, abbreviation or name; any of them.
        min_confidence: least mean score by part, such as {"right_hand": 0.5}.
        min_duration, max_duration: seconds.
        text: words that the caption contains, in any case.
        text_regex: a regular expression (Rust's, as Polars has it) that is found in the caption.
        captioned: True for clips with text, False for those without.
        caption_kinds: manual, automatic, translated, none; any of them.
        english: native, translated, none: where the English text is from; any of them.
        min_coverage: least share of frames with the primary signer, 0 to 1.
        min_hands_seen: least share of frames with both hands seen, 0 to 1.
        min_people, max_people: most people in any of the clip's frames.
        channels: names or ids of channels; any of them.
        videos: only of these video ids.
        ingested_after, ingested_before: when the video came into the lake: from and until, with a time zone.
        split: name and part of a stored split, such as ("main", "train").
        where: a condition in SQL over the view `clips`.
        per_language: at most so many clips of each language, at random.
        hours: about so much, at random.
        temperature: shares of the languages as n^T of what there is of each: 1 leaves them, 0 makes them equal. It
            shapes `hours` or `limit`.
        limit: at most so many clips: the first by video_id and start, or at random where anything else is.
        seed: of what is at random; with `limit` alone it makes that a sample.
    """

    languages: tuple[str, ...] = ()
    min_confidence: Mapping[str, float] = field(default_factory=dict)
    min_duration: float | None = None
    max_duration: float | None = None
    text: str | None = None
    text_regex: str | None = None
    captioned: bool | None = None
    caption_kinds: tuple[str, ...] = ()
    english: tuple[str, ...] = ()
    min_coverage: float | None = None
    min_hands_seen: float | None = None
    min_people: int | None = None
    max_people: int | None = None
    channels: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    ingested_after: datetime | None = None
    ingested_before: datetime | None = None
    split: tuple[str, str] | None = None
    where: str | None = None
    per_language: int | None = None
    hours: float | None = None
    temperature: float | None = None
    limit: int | None = None
    seed: int | None = None

    @classmethod
    def of(cls, **asked: Any) -> Selection:
        """A selection from Python: lists as well as tuples, and one language or id for a list of it.

        Raises:
            BadInputError: there is no such attribute.
        """
        known = {one.name: one for one in dataclasses.fields(cls)}
        for name, value in asked.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise BadInputError(
                    f"a selection has no '{name}'",
                    f"Nearest: {near[0]}." if near else f"It has: {', '.join(known)}.",
                )
            if name in _SEVERAL:
                asked[name] = (value,) if isinstance(value, str) else tuple(value or ())
        if asked.get("min_confidence") is None:
            asked.pop("min_confidence", None)
        return cls(**asked)

    @property
    def sampled(self) -> bool:
        """Whether chance decides which clips are taken."""
        return any(value is not None for value in (self.per_language, self.hours, self.temperature, self.seed))

    @property
    def empty(self) -> bool:
        """Whether nothing at all is asked."""
        return self == Selection()

    def asked(self) -> dict[str, Any]:
        """What is asked, as JSON has it: for the metadata of a file."""
        told: dict[str, Any] = {}
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if value is None or value == () or value == {}:
                continue
            told[one.name] = value.isoformat() if isinstance(value, datetime) else value
        return told

    @classmethod
    def from_asked(cls, told: Mapping[str, Any]) -> Selection:
        """The selection that `asked` told; the same after a way through JSON.

        Raises:
            BadInputError: it is none.
        """
        known = {one.name for one in dataclasses.fields(cls)}
        try:
            values = dict(json.loads(json.dumps(dict(told))))
            if not values.keys() <= known:
                raise ValueError(f"unknown: {', '.join(sorted(values.keys() - known))}")
            for name in ("ingested_after", "ingested_before"):
                if name in values:
                    values[name] = datetime.fromisoformat(values[name])
            tuples: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
            return cls(**tuples)
        except (ValueError, TypeError) as error:
            raise BadInputError(f"this is no selection: {error}") from None

    def check(self) -> None:
        """Raises BadInputError where a bound is out of range or a name is unknown; UnknownLanguageError likewise."""
        self.conditions()

    def conditions(self, split_videos: Callable[[str, str], Sequence[str]] | None = None) -> list[Condition]:
        """The conditions on each clip.

        Args:
            split_videos: gives the videos of a part of a stored split; without it that condition is left out.

        Raises:
            UnknownLanguageError, BadInputError: a language, a part or a word is not known, a bound is out of range.
        """
        self._check_bounds()
        found: list[Condition] = []

        def say(words: str, polars: pl.Expr | None, sql: str | None) -> None:
            found.append(Condition(words, polars, sql))

        def any_of(words: str, column: str, values: Sequence[str]) -> None:
            say(words, pl.col(column).is_in(list(values)), f"{column} in {_listed(values)}")

        def bound(words: str, column: str, least: float | None = None, most: float | None = None) -> None:
            # Shares and scores are float32 in the tables: 0.7 is to pass "at least 0.7", in both engines.
            double = column == "people_max"
            kind, cast = (pl.Float64(), "double") if double else (pl.Float32(), "float")
            # Beyond float32 nothing lies; SQL knows infinity as a text.
            least, most = (
                value if value is None or abs(value) < _MOST_FLOAT else math.copysign(math.inf, value)
                for value in (least, most)
            )
            if least is not None:
                say(
                    f"{words} at least {least:g}",
                    pl.col(column) >= pl.lit(least, kind),
                    f"{column} >= '{float(least)!r}'::{cast}",
                )
            if most is not None:
                say(
                    f"{words} at most {most:g}",
                    pl.col(column) <= pl.lit(most, kind),
                    f"{column} <= '{float(most)!r}'::{cast}",
                )

        if self.languages:
            codes = sorted({sign_languages.resolve(asked) for asked in self.languages})
            any_of(f"language {' or '.join(codes)}", "sign_language", codes)
        if self.videos:
            any_of(counted(len(self.videos), "video id"), "video_id", self.videos)
        if self.split is not None and split_videos is not None:
            name, part = self.split
            ids = list(split_videos(name, part))
            of_part = f"select video_id from splits where name = {quoted(name)} and part = {quoted(part)}"  # noqa: S608
            sql = f"video_id in ({of_part})"
            say(f"{part} of split {name}", pl.col("video_id").is_in(ids), sql)
        for part, least in self.min_confidence.items():
            bound(f"{part} confidence", f"{part}_confidence", least)
        # A clip lasts as long as its frames: captions may claim a time past the end of the video.
        if self.min_duration is not None:
            frames = self.min_duration * FPS
            say(
                f"seconds at least {self.min_duration:g}",
                pl.col("num_frames") >= pl.lit(frames, pl.Float64),
                f"num_frames >= {frames!r}::double",
            )
        if self.max_duration is not None:
            frames = self.max_duration * FPS
            say(
                f"seconds at most {self.max_duration:g}",
                pl.col("num_frames") <= pl.lit(frames, pl.Float64),
                f"num_frames <= {frames!r}::double",
            )
        if self.text is not None:
            say(
                f"text with '{self.text}'",
                _folded(pl.col("text")).str.contains(_folded(pl.lit(self.text)), literal=True),
                f"contains({_folded_sql('text')}, {_folded_sql(quoted(self.text))})",
            )
        if self.text_regex is not None:
            say(f"text like '{self.text_regex}'", pl.col("text").str.contains(self.text_regex), None)
        if self.captioned is not None:
            words = "with captions" if self.captioned else "without captions"
            has_text = pl.col("text").is_not_null()
            say(words, has_text if self.captioned else ~has_text, f"text is {'not ' if self.captioned else ''}null")
        if self.caption_kinds:
            any_of(f"captions {' or '.join(self.caption_kinds)}", "caption_kind", self.caption_kinds)
        if self.english:
            # english_source says "translated_from:de".
            say(
                f"English {' or '.join(self.english)}",
                pl.col("english_source").str.split("_").list.first().is_in(list(self.english)),
                f"split_part(english_source, '_', 1) in {_listed(self.english)}",
            )
        bound("coverage", "coverage", self.min_coverage)
        bound("share of frames with both hands", "hands_seen", self.min_hands_seen)
        bound("people", "people_max", self.min_people, self.max_people)
        if self.channels:
            say(
                f"channel {' or '.join(self.channels)}",
                pl.col("channel").is_in(list(self.channels)) | pl.col("channel_id").is_in(list(self.channels)),
                f"(channel in {_listed(self.channels)} or channel_id in {_listed(self.channels)})",
            )
        for word, moment, after in (
            ("after", self.ingested_after, True),
            ("before", self.ingested_before, False),
        ):
            if moment is not None:
                column = pl.col("ingested_at")
                literal = f"timestamptz {quoted(moment.isoformat())}"
                say(
                    f"ingested {word} {moment.isoformat()}",
                    column >= moment if after else column < moment,
                    f"ingested_at {'>=' if after else '<'} {literal}",
                )
        if self.where is not None:
            say(f"where {self.where}", None, f"({self.where}\n)")
        return found

    def _check_bounds(self) -> None:
        for name, value, most in (
            ("min_duration", self.min_duration, math.inf),
            ("max_duration", self.max_duration, math.inf),
            ("min_coverage", self.min_coverage, 1.0),
            ("min_hands_seen", self.min_hands_seen, 1.0),
            ("min_people", self.min_people, math.inf),
            ("max_people", self.max_people, math.inf),
            ("per_language", self.per_language, math.inf),
            ("hours", self.hours, math.inf),
            ("temperature", self.temperature, 1.0),
            ("limit", self.limit, math.inf),
        ):
            if value is not None and not 0 <= value <= most:
                bounds = "0 or more" if most == math.inf else f"0 to {most:g}"
                raise BadInputError(f"{name} is {value:g}", f"It takes {bounds}.")
        if self.temperature is not None and self.hours is None and self.limit is None:
            raise BadInputError("a temperature was given, and not how much is taken", "Give hours or a limit too.")
        for value in (self.limit, self.per_language, self.min_people, self.max_people):
            if value is not None and value >= 2**31:
                raise BadInputError(f"{value:,} is more than there can be", "Name a smaller number.")
        for name in ("min_duration", "max_duration"):
            seconds = getattr(self, name)
            if seconds is not None and not math.isfinite(seconds):
                raise BadInputError(f"{name} is {seconds}", "It takes seconds.")
        texts = (*self.languages, *self.channels, *self.videos, self.text or "", self.where or "", *(self.split or ()))
        for text in texts:
            try:
                text.encode()
            except UnicodeEncodeError:
                raise BadInputError(f"{text[:40]!a} is not UTF-8") from None
        for part, least in self.min_confidence.items():
            if part not in PART_NAMES:
                raise BadInputError(f"'{part}' is no part of the body", f"Parts: {', '.join(PART_NAMES)}.")
            if math.isnan(least):
                raise BadInputError(f"the confidence of {part} is to be at least {least}, which is no number")
        for names, known, noun in (
            (self.caption_kinds, CAPTION_KINDS, "caption kind"),
            (self.english, ENGLISH, "English"),
        ):
            for name in names:
                if name not in known:
                    raise BadInputError(f"'{name}' is no {noun}", f"Known: {', '.join(known)}.")
        for name, moment in (("ingested_after", self.ingested_after), ("ingested_before", self.ingested_before)):
            if moment is not None and moment.tzinfo is None:
                raise BadInputError(f"{name} has no time zone", "Such as 2026-11-22T08:00Z.")
            try:
                _ = moment and moment.astimezone(UTC)
            except OverflowError:
                raise BadInputError(f"{name} is out of all time: {moment}") from None
        if self.text_regex is not None:
            try:
                pl.select(pl.lit("").str.contains(self.text_regex))
            except pl.exceptions.PolarsError as error:
                why = re.sub(r"\s+", " ", str(error))
                raise BadInputError(f"'{self.text_regex[:60]}' is no regular expression: {why}") from None
