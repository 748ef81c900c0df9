"""The options that choose clips, shared by `select`, `split` and the exports: one meaning, one help text.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from signverse.lake.cli.option_groups import stands_for

if TYPE_CHECKING:
    from signverse.lake.query.selection import Selection

_Texts = list[str] | None


def _option(kind: Any, *names: str, metavar: str | None = None, help: str, **more: Any) -> tuple[Any, None]:
    return Annotated[kind, typer.Option(*names, metavar=metavar, help=help, **more)], None


OPTIONS: Final = {
    "language": _option(
        _Texts, "--language", "-l", metavar="LANGUAGE", help="Sign language by code, alias or name; repeatable."
    ),
    "min_confidence": _option(
        _Texts, metavar="PART=SCORE", help="Least mean score of a part, as right_hand=0.5; repeatable."
    ),
    "min_duration": _option(float | None, metavar="SECONDS", help="Least length."),
    "max_duration": _option(float | None, metavar="SECONDS", help="Most length."),
    "text": _option(str | None, metavar="WORDS", help="Words that the caption contains, in any case."),
    "text_regex": _option(str | None, metavar="REGEX", help="A regular expression that is found in the caption."),
    "captioned": _option(bool | None, "--captioned/--uncaptioned", help="Only clips with, or without, captions."),
    "caption_kind": _option(_Texts, metavar="KIND", help="manual, automatic, translated or none; repeatable."),
    "english": _option(
        _Texts, metavar="SOURCE", help="Where the English is from: native, translated or none; repeatable."
    ),
    "min_coverage": _option(float | None, metavar="SHARE", help="Least share of frames with the signer, 0 to 1."),
    "min_hands_seen": _option(float | None, metavar="SHARE", help="Least share of frames with both hands, 0 to 1."),
    "min_people": _option(int | None, metavar="N", help="Least number of people in the fullest frame."),
    "max_people": _option(int | None, metavar="N", help="Most people in any frame."),
    "channel": _option(_Texts, metavar="NAME", help="Only of this channel, by name or id; repeatable."),
    "video": _option(_Texts, metavar="ID", help="Only of this video id; repeatable."),
    "ingested_after": _option(str | None, metavar="TIME", help="Came into the lake at this time or later (ISO 8601)."),
    "ingested_before": _option(str | None, metavar="TIME", help="Came into the lake before this time."),
    "split": _option(str | None, metavar="NAME=PART", help="Only of a part of a stored split, as main=train."),
    "where": _option(
        str | None, metavar="SQL", help="A condition over the view clips, such as \"title like '%news%'\"."
    ),
    "per_language": _option(int | None, metavar="N", help="At most so many clips of each language, at random."),
    "hours": _option(float | None, metavar="H", help="About so many hours, at random."),
    "temperature": _option(
        float | None, metavar="T", help="Languages by n^T within --hours or --limit: 1 as they are, 0 all alike."
    ),
    "limit": _option(
        int | None, metavar="N", help="At most so many clips: the first by video id and start, or at random.", min=1
    ),
    "seed": _option(int | None, metavar="N", help="Of what is at random (0); the same sample on every machine."),
}


def make_selection(**options: Any) -> Selection:
    """The selection that the options ask for.

    Raises:
        BadInputError, UnknownLanguageError: one is out of range or unknown.
    """
    from signverse.lake.model.times import read_time
    from signverse.lake.query.selection import Selection

    several = {"language": "languages", "caption_kind": "caption_kinds", "channel": "channels", "video": "videos"}
    asked = {several.get(name, name): value for name, value in options.items() if value is not None}
    if "min_confidence" in asked:
        asked["min_confidence"] = dict(_part_score(item) for item in asked["min_confidence"])
    if "split" in asked:
        name, equals, part = asked["split"].rpartition("=")
        if not equals:
            raise typer.BadParameter(f"'{part}' is not NAME=PART, such as main=train", param_hint="--split")
        asked["split"] = (name, part)
    for name in ("ingested_after", "ingested_before"):
        if name in asked:
            asked[name] = read_time(asked[name])
    selection = Selection.of(**asked)
    selection.check()
    return selection


selecting = stands_for("asked", OPTIONS, make_selection)
"""Decorates a command with a parameter `asked: Selection`: it has all options that choose clips."""


def _part_score(item: str) -> tuple[str, float]:
    part, _, score = item.partition("=")
    try:
        return part.strip(), float(score)
    except ValueError:
        raise typer.BadParameter(
            f"'{item}' is not PART=SCORE, such as right_hand=0.5", param_hint="--min-confidence"
        ) from None
