"""Writes the help of every command into the README: `just readme`. A test compares, so it cannot go stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.main import get_command

import signverse

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
    for path, command in commands(get_command(signverse.build_app())):
        name = " ".join(("signverse", *path))
        context = command.make_context(name, ["--help"], resilient_parsing=True, terminal_width=80)
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        sections.append(f"### {name}\n\n```text\n{text}\n```\n")
    return "\n" + "\n".join(sections) + "\n"


def with_help(readme: str) -> str:
    """The README with the help between its marks made anew."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{help_text()}{END}{after}"


if __name__ == "__main__":
    README.write_text(with_help(README.read_text(encoding="utf-8")), encoding="utf-8")
