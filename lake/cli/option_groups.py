"""Commands that share options: a parameter of the command stands for several options of the command line.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., None])


def stands_for(
    name: str, options: Mapping[str, tuple[Any, Any]], make: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Gives a command the options in the place of its parameter `name`; it receives what `make` makes of them.

    Args:
        options: by name, the annotation that typer reads and the default; inspect.Parameter.empty where it is needed.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            made = make(**{option: given.pop(option) for option in options})
            command(**{name: made}, **given)

        hints = command.__annotations__
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name == name:
                parameters += [
                    inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
                    for option, (annotation, default) in options.items()
                ]
            else:
                annotation = _resolved(hints[parameter.name], command.__module__)
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del run.__wrapped__
        return typing.cast(Command, run)

    return decorate


def _resolved(hint: Any, module: str) -> Any:
    """An annotation as an object; one that only type checkers know stays a text: it belongs to another decorator."""
    try:
        return eval(hint, vars(sys.modules[module])) if isinstance(hint, str) else hint  # noqa: S307 (our own source)
    except NameError:
        return hint


def one_of(*choices: str) -> Callable[[Any], Any]:
    """A callback for typer: refuses a value, or one of several, that is none of the choices; none at all may pass."""

    def check(value: Any) -> Any:
        for word in value if isinstance(value, list) else [value]:
            if word is not None and word not in choices:
                raise typer.BadParameter(f"choose from {', '.join(choices)}")
        return value

    return check
