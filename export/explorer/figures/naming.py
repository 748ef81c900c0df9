"""Languages as the figures name them."""

from __future__ import annotations

from typing import Any, Final

from signverse.lake.model.languages import by_code
from signverse.lake.query.reports import short_name

NO_LANGUAGE: Final = ""
"""The code of clips without a language, which a foreign writer may leave."""


def named(code: str | None) -> dict[str, Any]:
    """A language's code, its English name, and that name without "Sign Language"; of an unknown one the code."""
    language = by_code().get(code or NO_LANGUAGE)
    name = language.name if language else code or "no language"
    return {"code": code or NO_LANGUAGE, "name": name, "short": short_name(name), "known": language is not None}
