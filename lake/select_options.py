"""The options that choose clips, shared by `select` and the exports: one meaning, one help text.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lake.selection import Selection

LanguageOption = Annotated[
    list[str] | None,
    typer.Option("--language", "-l", metavar="LANGUAGE", help="Sign language by code, alias or name; repeatable."),
]
MinConfidenceOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PART=SCORE", help="Least mean score of a part, as right_hand=0.5; repeatable."),
]
MinDurationOption = Annotated[float | None, typer.Option(metavar="SECONDS", help="Least length.")]
MaxDurationOption = Annotated[float | None, typer.Option(metavar="SECONDS", help="Most length.")]
TextOption = Annotated[str | None, typer.Option(metavar="WORDS", help="Words that the caption contains, in any case.")]
CaptionedOption = Annotated[
    bool | None, typer.Option("--captioned/--uncaptioned", help="Only clips with, or without, captions.")
]
MinCoverageOption = Annotated[
    float | None, typer.Option(metavar="SHARE", help="Least share of frames with the signer, 0 to 1.")
]
MaxPeopleOption = Annotated[int | None, typer.Option(metavar="N", help="Most people in any frame.")]
VideoOption = Annotated[list[str] | None, typer.Option(metavar="ID", help="Only of this video id; repeatable.")]
LimitOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most so many clips, the first by video id and start.")
]


def make_selection(
    language: list[str] | None,
    min_confidence: list[str] | None,
    min_duration: float | None,
    max_duration: float | None,
    text: str | None,
    captioned: bool | None,
    min_coverage: float | None,
    max_people: int | None,
    video: list[str] | None,
    limit: int | None,
) -> Selection:
    """The selection that the options ask for."""
    from lake.selection import Selection

    return Selection(
        languages=tuple(language or ()),
        min_confidence=dict(_part_score(item) for item in min_confidence or ()),
        min_duration=min_duration,
        max_duration=max_duration,
        text=text,
        captioned=captioned,
        min_coverage=min_coverage,
        max_people=max_people,
        videos=tuple(video or ()),
        limit=limit,
    )


def _part_score(item: str) -> tuple[str, float]:
    part, _, score = item.partition("=")
    try:
        return part.strip(), float(score)
    except ValueError:
        raise typer.BadParameter(f"'{item}' is not PART=SCORE, such as right_hand=0.5") from None
