"""Commands that share options: one parameter of a command stands for several options of the command line.

    reading = option_group("opened", {"lake": (LakeOption, inspect.Parameter.empty), "version": ...}, open_lake)

    @reading
    def stats(*, opened: Lake, name: ...) -> None: ...

typer takes the options of a command from its signature, and is shown one that has --lake and --version in the place of
`opened`; the command is called with opened=open_lake(lake=..., version=...). Several groups may be stacked.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from signverse.lake.model.errors import BadInputError, MistypedError, UnknownLanguageError

Command = TypeVar("Command", bound=Callable[..., None])


@contextmanager
def mistyped(option: str = "") -> Iterator[None]:
    """Makes what is raised inside an error of how the command was typed; the message begins with the option's name."""
    try:
        yield
    except (BadInputError, UnknownLanguageError) as error:
        raise MistypedError(f"{option} {error.message}".strip(), error.hint) from None


def option_group(
    name: str, options: Mapping[str, tuple[Any, Any]], make: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Makes a decorator that gives a command the options in the place of its parameter `name`.

    Args:
        options: by name, the annotation for typer and the default; inspect.Parameter.empty for a required option.
        make: takes the values of the options, and returns the value of the parameter.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**values: Any) -> None:
            mine = {option: values.pop(option) for option in options}
            with mistyped():
                made = make(**mine)
            command(**{name: made}, **values)

        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name == name:
                parameters += [
                    inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
                    for option, (annotation, default) in options.items()
                ]
            else:
                annotation = _evaluated(parameter.annotation, command.__module__)
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        # Else typer would look through the wrapper and find the signature of the command.
        del run.__wrapped__
        return typing.cast(Command, run)

    return decorate


def _evaluated(annotation: Any, module: str) -> Any:
    """An annotation as an object: typer evaluates texts in the module of the wrapper, where their names are unknown.

    A name that only type checkers know (`opened: Lake`) stays a text: it is the parameter of another group.
    """
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, vars(sys.modules[module]))  # noqa: S307 (our own source)
    except NameError:
        return annotation


def one_of(*choices: str) -> Callable[[Any], Any]:
    """Makes a callback for typer that refuses values outside of the choices; an option that is absent passes."""

    def check(value: Any) -> Any:
        for word in value if isinstance(value, list) else [value]:
            if word is not None and word not in choices:
                raise typer.BadParameter(f"choose from {', '.join(choices)}")
        return value

    return check
