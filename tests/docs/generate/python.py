"""docs/reference/python.md: the public names of the package, with signatures and docstrings.

The source is read and not imported: what needs PyTorch is documented where PyTorch is missing as well.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import griffe

from signverse import Selection

ROOT: Final = Path(__file__).parents[3]

HEAD: Final = """# Python

<!-- Made by `just docs` from the docstrings: change them there. -->

`import signverse` is all that a program imports; every name on this page is `signverse.NAME`. Frames are
counted from 0 at 24 a second, ranges are half-open, times are seconds, coordinates are pixels of the video's stored
width and height.

```python
import signverse

lake = signverse.open("LAKE")
lake.clips(languages=["ase"], min_duration=2).collect()  # polars.DataFrame
lake.keypoints("VIDEO_ID", end_frame=100)  # float32 [100, 128, 3], nan where absent
lake.duckdb().sql("from segments limit 5")  # a DuckDB connection with the views
```
"""

FIRST: Final = ("open", "Lake", "Selection", "ClipReader", "Clip")
"""What most readers look for; the rest is in the order of `__all__`."""


def public(package: griffe.Module) -> list[tuple[str, Any]]:
    """The public names in the order of `__all__`, each with what it stands for."""
    found = []
    for name in sorted(map(str, package.exports or []), key=lambda name: FIRST.index(name) if name in FIRST else 99):
        item = package.members.get(name)
        if item is None:
            raise AssertionError(f"signverse.{name} is in __all__, and the source does not say what it is")
        found.append((name, item.final_target if item.is_alias else item))
    return found


def _markdown(text: str) -> str:
    """A docstring's prose as Markdown: indented examples are Python."""
    lines, out, code = text.splitlines(), [], False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not code and (not out or not out[-1].strip()):
            out.append("```py")
            code = True
        elif code and line.strip() and not indented:
            while not out[-1].strip():
                out.pop()
            out += ["```", ""]
            code = False
        out.append(line.removeprefix("    ") if code else line)
    if code:
        out.append("```")
    # Modules are an inside matter: `lake.query.selection.Selection` is Selection to a reader.
    return re.sub(r"`(?:signverse\.)?(?:lake|ingest|export)\.[a-z_.]+\.([A-Z]\w*(?:\.\w+)?)`", r"`\1`", "\n".join(out))


def _flat(text: str) -> str:
    return _markdown(" ".join(text.split()))


_SECTION: Final = re.compile(r"^(Args|Returns|Yields|Raises|Attributes):$", re.M)
_ITEM: Final = re.compile(r"^    (?=\S)", re.M)
_TITLES: Final = {"Args": "Arguments"}


def _docstring(item: Any) -> Iterator[str]:
    """A docstring as Markdown: its prose, and its sections as lists."""
    if item.docstring is None:
        return
    # The attributes of a selection are documented by their filters, when the module is loaded.
    made = item.path == "signverse.lake.query.selection.Selection"
    text = inspect.getdoc(Selection) or "" if made else item.docstring.value
    prose, *sections = _SECTION.split(text)
    yield _markdown(prose.strip())
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        if title in {"Returns", "Yields"}:
            yield f"**{title}** {_flat(body)}"
            continue
        rows = []
        for entry in _ITEM.split(body)[1:]:
            names, _, about = entry.partition(":")
            rows.append(f"- {', '.join(f'`{name.strip()}`' for name in names.split(','))}: {_flat(about)}")
        yield f"**{_TITLES.get(title, title)}**\n\n" + "\n".join(rows)


def _parameters(function: Any) -> str:
    words, star = [], False
    for parameter in function.parameters:
        if parameter.name in {"self", "cls"}:
            continue
        kind = parameter.kind.value
        if kind == "keyword-only" and not star:
            words.append("*")
            star = True
        text = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "") + parameter.name
        star = star or kind == "variadic positional"
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None and not kind.startswith("variadic"):
            text += f" = {parameter.default}" if parameter.annotation is not None else f"={parameter.default}"
        words.append(text)
    return ", ".join(words)


def _signature(name: str, function: Any) -> str:
    returns = f" -> {function.returns}" if function.returns is not None else ""
    line = f"{name}({_parameters(function)}){returns}"
    if len(line) > 84:
        inner = _parameters(function)
        # At commas that are not inside brackets.
        parts, depth, begun = [], 0, 0
        for at, letter in enumerate(inner):
            depth += (letter in "[({") - (letter in "])}")
            if letter == "," and not depth:
                parts.append(inner[begun:at].strip())
                begun = at + 1
        parts.append(inner[begun:].strip())
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"
    return f"```py\n{line}\n```"


def _function(name: str, item: Any, level: str, owner: str = "") -> Iterator[str]:
    yield f"{level} {owner}{name}"
    labels = item.labels if hasattr(item, "labels") else set()
    if "property" in labels or item.is_attribute:
        yield f"```py\n{owner}{name}: {item.annotation if item.is_attribute else item.returns}\n```"
    else:
        yield _signature(f"{owner}{name}", item)
    yield from _docstring(item)


def _class(name: str, item: Any) -> Iterator[str]:
    yield f"### {name}"
    bases = ", ".join(str(base) for base in item.bases)
    yield f"```py\nclass {name}{f'({bases})' if bases else ''}\n```"
    yield from _docstring(item)
    for member, inner in item.members.items():
        documented = inner.docstring is not None
        if inner.is_alias or member.startswith("_") or not documented:
            continue
        if inner.is_function or (inner.is_attribute and "property" in inner.labels):
            yield from _function(member, inner, "####", f"{name}.")


def _constant(name: str, item: Any) -> Iterator[str]:
    yield f"### {name}"
    value = str(item.value) if item.value is not None else ""
    kind = "" if item.annotation is None or str(item.annotation) == "Final" else f": {item.annotation}"
    yield f"```py\n{name}{kind}{f' = {value}' if value and len(value) < 80 else ''}\n```"
    yield from _docstring(item)


def page() -> str:
    package = griffe.load("signverse", search_paths=[str(ROOT / "src")])
    groups: dict[str, list[tuple[str, Any]]] = {"Functions": [], "Classes": [], "Errors": [], "Constants": []}
    for name, item in public(package):
        if item.is_class:
            groups["Errors" if name.endswith("Error") else "Classes"].append((name, item))
        else:
            groups["Functions" if item.is_function else "Constants"].append((name, item))
    parts = [HEAD.rstrip()]
    for heading, items in groups.items():
        if not items:
            continue
        parts.append(f"## {heading}")
        for name, item in items:
            if item.is_class:
                parts += _class(name, item)
            elif item.is_function:
                parts += _function(name, item, "###")
            else:
                parts += _constant(name, item)
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
