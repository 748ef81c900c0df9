"""The YAML of a card: written so that every reader of YAML sees the same values, read within bounds.

Readers differ: to one `1e3`, `on` or `12:30` is a text, to another a number, a truth or a time. So what is not a plain
word is quoted.
"""

from __future__ import annotations

import re
from typing import Any, Final

from signverse.lake.model.errors import BadInputError

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.*-]+)*")
"""A word that needs no quotes where PyYAML's own rules agree."""

MAX_CARD: Final = 4 << 20
"""Bytes of a card that is read: fifty times that of a card of sixty languages."""


def dump_yaml(values: dict[str, Any]) -> str:
    """A mapping as YAML; it parses back to the same values."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        # Of what looks like a word some are none: null, true, yes.
        word = _WORD.fullmatch(value) and yaml.safe_load(value) == value
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if word else '"')

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)
    return dumped


def load_yaml(text: str) -> dict[str, Any]:
    """The mapping of a card's header; {} where it is empty.

    Raises:
        BadInputError: it is not YAML, not a mapping, or uses what a header does not need (anchors, tags).
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise yaml.YAMLError("it uses anchors")  # A few lines of them can stand for gigabytes.
            if getattr(event, "tag", None) is not None:
                # Sets, pairs and others would be written back as something else.
                raise yaml.YAMLError(f"it uses the tag {event.tag}")
            return super().compose_node(parent, index)

    hint = "Mend it, or remove the file."
    try:
        found = yaml.load(text, Loader=Loader)  # noqa: S506 (a SafeLoader that takes less)
        # A number may be read that is too long to be written.
        repr(found)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        why = " ".join(str(error).split())[:200]
        raise BadInputError(f"the YAML at the top of README.md cannot be read: {why}", hint) from None
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise BadInputError("the YAML at the top of README.md is not a list of keys and values", hint)
    return found


def split_card(readme: str) -> tuple[dict[str, Any], str]:
    """The header and the body of a card.

    Raises:
        BadInputError: the header cannot be read.
    """
    text = readme.removeprefix("\ufeff").replace("\r\n", "\n")
    found = re.match(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|$)", text, re.DOTALL)
    if not found:
        return {}, text
    return load_yaml(found.group(1) or ""), text[found.end() :]
