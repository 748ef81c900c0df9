"""Which clips: one typed selection, and what it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from lake import languages as sign_languages
from lake.errors import BadInputError
from lake.skeleton import PART_NAMES
from lake.text import counted

KEY: Final = ("segment_id", "video_id", "ingest_id", "start_frame", "end_frame")
"""The columns that say which clips a selection chose; a file with these is a selection."""


_ALIKE: Final = {"\u00df": "ss", "\u03c2": "\u03c3", "i\u0307": "i", "\u0131": "i"}
"""Small letters that case does not keep: German sharp s, Greek final sigma, Turkish i with a dot and without."""


def _folded(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_many(_ALIKE)


@dataclass(frozen=True)
class Selection:
    """What is asked of a clip; what is None or empty is not asked. See `Lake.clips` for the meaning of each.

    A clip whose value is unknown (null) does not pass a bound on it.
    """

    languages: tuple[str, ...] = ()
    min_confidence: Mapping[str, float] = field(default_factory=dict)
    min_duration: float | None = None
    max_duration: float | None = None
    text: str | None = None
    captioned: bool | None = None
    min_coverage: float | None = None
    max_people: int | None = None
    videos: tuple[str, ...] = ()
    limit: int | None = None

    def conditions(self) -> list[tuple[str, pl.Expr]]:
        """Each condition in words, beside its expression over clips.

        Raises:
            UnknownLanguageError, BadInputError: a language or a part is not known.
        """
        found: list[tuple[str, pl.Expr]] = []
        for name, value, most in (
            ("min_duration", self.min_duration, math.inf),
            ("max_duration", self.max_duration, math.inf),
            ("min_coverage", self.min_coverage, 1.0),
            ("max_people", self.max_people, math.inf),
        ):
            if value is not None and not 0 <= value <= most:
                bounds = "0 or more" if most == math.inf else f"0 to {most:g}"
                raise BadInputError(f"{name} is {value:g}", f"It takes {bounds}.")
        if self.languages:
            codes = sorted({sign_languages.resolve(asked) for asked in self.languages})
            found.append((f"language {' or '.join(codes)}", pl.col("sign_language").is_in(codes)))
        if self.videos:
            found.append((counted(len(self.videos), "video id"), pl.col("video_id").is_in(list(self.videos))))
        for part, least in self.min_confidence.items():
            if part not in PART_NAMES:
                raise BadInputError(f"'{part}' is no part of the body", f"Parts: {', '.join(PART_NAMES)}.")
            if math.isnan(least):
                raise BadInputError(f"the confidence of {part} is to be at least {least}, which is no number")
            found.append((f"{part} confidence at least {least:g}", pl.col(f"{part}_confidence") >= least))
        # A clip lasts as long as its frames: captions may claim a time past the end of the video.
        duration = pl.col("duration_s")
        if self.min_duration is not None:
            found.append((f"at least {self.min_duration:g} s", duration >= self.min_duration))
        if self.max_duration is not None:
            found.append((f"at most {self.max_duration:g} s", duration <= self.max_duration))
        if self.text is not None:
            found.append(
                (
                    f"text with '{self.text}'",
                    _folded(pl.col("text")).str.contains(_folded(pl.lit(self.text)), literal=True),
                )
            )
        if self.captioned is not None:
            has_text = pl.col("text").is_not_null()
            found.append(("with captions", has_text) if self.captioned else ("without captions", ~has_text))
        if self.min_coverage is not None:
            found.append((f"coverage at least {self.min_coverage:g}", pl.col("coverage") >= self.min_coverage))
        if self.max_people is not None:
            found.append((f"at most {self.max_people} people", pl.col("people_max") <= self.max_people))
        return found

    def apply(self, clips: pl.LazyFrame) -> pl.LazyFrame:
        """The clips that pass, by video_id and start, cut to the limit."""
        for _, condition in self.conditions():
            clips = clips.filter(condition)
        clips = clips.sort("video_id", "start_frame", "ordinal")
        return clips if self.limit is None else clips.head(self.limit)

    def explain_nothing(self, clips: pl.LazyFrame) -> str:
        """Why nothing passed: how many clips each condition alone leaves, in one line."""
        conditions = self.conditions()
        counts = (
            clips.select(
                pl.len().alias("all"),
                *(condition.sum().alias(str(i)) for i, (_, condition) in enumerate(conditions)),
            )
            .collect()
            .row(0)
        )
        alone = "; ".join(f"{words}: {count or 0}" for (words, _), count in zip(conditions, counts[1:], strict=True))
        return f"no clip of {counts[0]} passes" + (f" (each condition alone: {alone})" if alone else "")
