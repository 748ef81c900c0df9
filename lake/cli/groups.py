"""Groups of commands: help in sections, and a word on options that stand before their command.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from typer.core import TyperGroup

_COMPLETION: Final = ("--install-completion", "--show-completion")
_SHELLS: Final = ("bash", "zsh", "fish", "powershell", "pwsh")


class CommandGroup(TyperGroup):
    """A group of commands. An option that belongs after the command is refused with the line as it should be."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            mended = self._mended(args)
            if mended is not None:
                option, words = mended
                ctx.fail(f"{option} comes after the command: {ctx.command_path} {shlex.join(words)}")
        return super().parse_args(ctx, args)

    def _mended(self, args: Sequence[str]) -> tuple[str, list[str]] | None:
        """The first option that one of the commands takes but not this group, and the words in the right order."""
        own = _options(self)
        for place, word in enumerate(args):
            option, equals, _ = word.partition("=")
            if not word.startswith("-"):
                return None
            if option in own:
                continue
            for size in (1,) if equals else (1, 2):
                rest = [*args[:place], *args[place + size :]]
                command = self._command(rest[place:])
                parameter = _options(command).get(option) if command else None
                if parameter and (equals or parameter.is_flag == (size == 1)):
                    return option, [*rest, *args[place : place + size]]
            return None
        return None

    def _command(self, words: Sequence[str]) -> Any:
        """The command that the words begin with the name of; None where they do not."""
        command: Any = self
        for word in words:
            if word not in getattr(command, "commands", {}):
                break
            command = command.commands[word]
        return command if not hasattr(command, "commands") else None


def _options(command: Any) -> dict[str, Any]:
    return {
        name: parameter
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


class SectionedGroup(CommandGroup):
    """The whole command line: its commands in sections, and the options that all of them take.

    That is --quiet, and --storage-option where a lake is named.

    Attributes:
        sections: names of commands by the heading that they stand under.
    """

    sections: Mapping[str, Sequence[str]]

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        (quiet,) = (parameter for parameter in self.params if parameter.name == "quiet")
        _give(self, quiet)
        (storage,) = (parameter for parameter in self.params if parameter.name == "storage_option")
        _give(self, storage, beside="--lake")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # typer finds out which shell it runs in, and would pass over one that is named.
        option, _, shell = args[0].partition("=") if args else ("", "", "")
        shell = shell or (args[1] if len(args) > 1 else "")
        if shell and not shell.startswith("-") and option in _COMPLETION and not ctx.resilient_parsing:
            if shell not in _SHELLS:
                ctx.fail(f"{option}: '{shell}' is not one of {', '.join(_SHELLS)}")
            callbacks: list[Any] = [parameter.callback for parameter in self.params if option in parameter.opts]
            with ctx.scope(cleanup=False):
                callbacks[0](ctx, None, shell)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for names in self.sections.values() for name in names]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        # As typer does it, which has one section only unless rich draws the help: that takes 0.3 s to import.
        width = max(map(len, self.commands))
        for heading, names in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        (name.ljust(width), self.commands[name].get_short_help_str(formatter.width - width - 6))
                        for name in names
                    ]
                )


def _give(group: Any, option: Any, beside: str = "") -> None:
    """Adds an option of the command line to every command, so that it may stand before and after its name.

    Args:
        beside: only to those that take this option.
    """
    for command in group.commands.values():
        if not beside or beside in _options(command):
            command.params.append(option)
        if hasattr(command, "commands"):
            _give(command, option, beside)
