"""The sections of a card: those that are made are replaced, those that a person wrote or edited stay.

A section that was made stands between two comments, of which the first has a sum of its text. What stands outside is a
person's, and so is a section whose text no longer has its sum. The last comment of a card says what of
its YAML was made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

_SECTION: Final = re.compile(
    r"<!-- signverse:begin (?P<name>[a-z-]+)(?: sum=(?P<sum>[0-9a-f]{16}))? -->\n"
    r"(?P<text>(?:(?!<!-- signverse:(?:begin|end) ).)*?)"
    r"<!-- signverse:end (?P=name) -->",
    re.DOTALL,
)
_BEFORE, _AFTER = "<!-- signverse:header ", " -->"
# What is between has neither < nor >: so each of many beginnings without an end is looked at once.
_MADE: Final = re.compile(rf"{_BEFORE}\{{[^<>]*\}}{_AFTER}")


def merge(made: Mapping[str, str], earlier: str, header: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The body of a card, and the names of the sections that are a person's edition.

    Args:
        made: text of each section, in order.
        earlier: body of the earlier card, or "".
        header: what of the YAML was made, for `made_header` of the next run.
    """
    earlier = "\n".join(part.strip("\n") for part in _MADE.split(earlier))
    edited: dict[str, str] = {}
    for found in _SECTION.finditer(earlier):
        if found["sum"] != _sum(found["text"]):
            edited.setdefault(found["name"], found.group())
    body, place = "", 0
    written: set[str] = set()
    for found in _SECTION.finditer(earlier):
        body += earlier[place : found.start()]
        place = found.end()
        name = found["name"]
        if name in made and name not in written:
            # A section that is new since then stands before the one that follows it.
            body += "".join(_block(new, made[new]) + "\n\n" for new in _missing_before(name, made, earlier, written))
            body += edited.get(name) or _block(name, made[name])
            written.add(name)
        elif name in edited and name not in written:
            body += edited[name]
            written.add(name)
        else:
            # It goes, and so do the blank lines after it.
            while earlier.startswith("\n", place):
                place += 1
    body += earlier[place:]
    rest = [_block(name, text) for name, text in made.items() if name not in written]
    body = "\n\n".join(part for part in (body.strip("\n"), *rest) if part)
    record = json.dumps(header, ensure_ascii=True).replace("-", "\\u002d").replace("<", "\\u003c")
    record = record.replace(">", "\\u003e")
    return f"{body}\n\n{_BEFORE}{record}{_AFTER}\n", sorted(edited)


def _missing_before(name: str, made: Mapping[str, str], earlier: str, written: set[str]) -> list[str]:
    present = {found["name"] for found in _SECTION.finditer(earlier)}
    names = list(made)
    new = []
    for other in reversed(names[: names.index(name)]):
        if other in present or other in written:
            break
        new.append(other)
    written |= set(new)
    return new[::-1]


def made_header(earlier: str) -> dict[str, Any]:
    """What of the YAML of an earlier card was made, as `merge` recorded it; {} where that is not known."""
    found = _MADE.search(earlier)
    if found:
        try:
            header = json.loads(found.group().removeprefix(_BEFORE).removesuffix(_AFTER))
        except (ValueError, RecursionError):
            return {}
        if isinstance(header, dict):
            return header
    return {}


def _block(name: str, text: str) -> str:
    text = text.strip("\n") + "\n"
    return f"<!-- signverse:begin {name} sum={_sum(text)} -->\n{text}<!-- signverse:end {name} -->"


def _sum(text: str) -> str:
    """Of the text as it reads: blanks at the ends of lines, which editors remove, do not count."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]
