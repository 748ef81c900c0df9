"""docs/reference/command-line.md: the help of every command, as the command prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from typer.main import get_command

from signverse.command_line import HELP_OPTIONS, build_app
from signverse.lake.cli.selection_options import OPTIONS

HEAD: Final = """# Command line

<!-- Made by `just docs` from the help of the commands: change it there. -->

This is what `signverse COMMAND --help` prints. Results go to standard output, everything else to standard error;
[Troubleshooting](../troubleshooting.md) lists the exit codes.
"""

SHARED: Final = "And --language to --seed, which choose clips: see signverse select."


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by its path, in the order of the help."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name in command.list_commands(None):
        yield from commands(children[name], (*path, name))


def _help(path: tuple[str, ...], command: Any) -> str:
    """The help of a command at 80 columns; the options that choose clips are shown by `signverse select` only."""
    name = " ".join(("signverse", *path))
    selection = [parameter for parameter in command.params if parameter.name in OPTIONS]
    elsewhere = len(selection) == len(OPTIONS) and path != ("select",)
    if elsewhere:
        command.params = [parameter for parameter in command.params if parameter not in selection]
    settings = {"terminal_width": 80, "help_option_names": HELP_OPTIONS}
    context = command.make_context(name, ["--help"], resilient_parsing=True, **settings)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"{text}\n\n  {SHARED}" if elsewhere else text


def page() -> str:
    parts = [HEAD]
    group = ""
    for path, command in commands(get_command(build_app())):
        # A command of its own is a heading beside those of the groups.
        level = "##" if len(path) == 1 else "###"
        if len(path) > 1 and path[0] != group:
            parts.append(f"## {path[0]}\n")
        group = path[0]
        parts.append(f"{level} {' '.join(path)}\n\n```text\n{_help(path, command)}\n```\n")
    return "\n".join(parts)
