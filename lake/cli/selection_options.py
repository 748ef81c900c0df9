"""The options that choose clips, shared by `select`, `split` and the exports: made of the filters of a selection.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from signverse.lake.cli.option_groups import option_group
from signverse.lake.query.filter_kinds import AnyOf, Filter, Number, PartBounds
from signverse.lake.query.selection import FILTERS, Selection, flags_of, option_names


def _option(attribute: str, entry: Filter) -> tuple[Any, None]:
    """What typer reads of a filter, and the default."""
    more = f", such as {entry.example}" if entry.example else ""
    more += "; repeatable" if isinstance(entry, AnyOf | PartBounds) else ""
    option = typer.Option(
        *flags_of(attribute),
        metavar=entry.metavar,
        help=f"{entry.help}{more}.",
        min=entry.option_least if isinstance(entry, Number) else None,
    )
    return Annotated[entry.option_type, option], None


_ATTRIBUTES: Final = {option_names(attribute)[0].replace("-", "_"): attribute for attribute in FILTERS}
"""The attribute of each option, by the option's name: language -> languages."""

OPTIONS: Final = {option: _option(attribute, FILTERS[attribute]) for option, attribute in _ATTRIBUTES.items()}


def make_selection(**options: Any) -> Selection:
    """The selection that the options describe.

    Raises:
        BadInputError, UnknownLanguageError: a value is out of range or unknown.
    """
    conditions = {}
    for option, value in options.items():
        if value is None:
            continue
        attribute = _ATTRIBUTES[option]
        try:
            conditions[attribute] = FILTERS[attribute].parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=flags_of(attribute)[0]) from None
    selection = Selection.of(**conditions)
    selection.check()
    return selection


selecting = option_group("conditions", OPTIONS, make_selection)
"""Decorates a command with a parameter `conditions: Selection`: it has all options that choose clips."""
