"""Writes the help of every command into the README: `just readme`. A test compares, so it cannot go stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.main import get_command

from signverse.command_line import build_app
from signverse.lake.cli.selection_options import OPTIONS

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- help: begin; made by `just readme` -->\n", "<!-- help: end -->\n"


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by its path, in the order of the help."""
    children = getattr(command, "commands", None)
    if children is None:
        return [(path, command)]
    names = command.list_commands(None)
    return [found for name in names for found in commands(children[name], (*path, name))]


def help_text() -> str:
    """The help of every command, as Markdown."""
    sections = []
    for path, command in commands(get_command(build_app())):
        name = " ".join(("signverse", *path))
        shared = [parameter for parameter in command.params if parameter.name in OPTIONS]
        shared = shared if len(shared) == len(OPTIONS) else []
        if shared and path != ("select",):
            # Once is enough: they are told in full by `signverse select`.
            command.params = [parameter for parameter in command.params if parameter not in shared]
        context = command.make_context(name, ["--help"], resilient_parsing=True, terminal_width=80)
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        if shared and path != ("select",):
            text += "\n\n  And --language to --seed, which choose clips: see signverse select."
        sections.append(f"### {name}\n\n```text\n{text}\n```\n")
    return "\n" + "\n".join(sections) + "\n"


def with_help(readme: str) -> str:
    """The README with the help between its marks made anew."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{help_text()}{END}{after}"


if __name__ == "__main__":
    README.write_text(with_help(README.read_text(encoding="utf-8")), encoding="utf-8")
