"""A text as a terminal may have it: what a terminal obeys, what turns its lines around and what is not seen is escaped.

Titles, captions, labels, names of files, columns and members of archives are other people's, and so is much of what
libraries say in their errors. ESC begins commands to the terminal (its title, its clipboard, its colours, what it
types by itself); U+009B does as well; U+202E shows the rest of a line backwards; a line break begins a line that looks
like the program's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

# Controls of ASCII and of Latin-1, surrogates, line and paragraph separators, controls of writing direction, and what
# has no width (soft hyphen, zero width space, byte order mark, tags, annotations, places that Unicode keeps for more of
# them): Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties without the variation selectors, which emoji,
# Mongolian and Japanese names need.
_UNSEEN: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    "\U000e01f0-\U000e0fff"
)

REGION_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""Flags of England, Scotland and Wales: a black flag, its region in tag characters, an end (UTS 51, ED-14a)."""

JOINERS: Final = "\u200c\u200d"
"""The two joiners without a width, which Persian, the scripts of India and emoji need."""

_FOUND: Final = re.compile(f"{REGION_FLAG.pattern}|[{_UNSEEN}]")

_VIRAMA: Final = 9
"""Unicode's combining class of viramas."""

_NEAR: Final = 16
"""Characters before a joiner that are looked at: a letter and its accents."""


def clean(text: str, *, keep: str = "", escape: Callable[[str], str] | None = None) -> str:
    r"""A text on one line in which everything can be seen: ESC becomes `\x1b`, a line break `\n`, U+202E `\u202e`.

    Letters of every script, emoji and the joiners that belong to their spelling stay as they are.

    Args:
        keep: characters that stay besides, such as "\n\t" in a text of several lines of one's own.
        escape: what is written for a character that does not stay; by default what Python would write.
    """
    if text.isascii() and text.isprintable():
        return text
    escaped = escape or _escaped

    def shown(match: re.Match[str]) -> str:
        found = match.group()
        if len(found) > 1 or found in keep or (found in JOINERS and joins(text, match.start())):
            return found
        return escaped(found)

    return _FOUND.sub(shown, text)


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def joins(text: str, at: int) -> bool:
    """Whether the joiner at a place belongs to the spelling there (after RFC 5892, A.1 and A.2, and UTS 51).

    It does between Arabic letters, as Persian has it, after a virama of an Indic script, and in an emoji of several.
    """
    before, after = text[max(0, at - _NEAR) : at], text[at + 1 : at + 2]
    if not after or not before or before[-1] in JOINERS:
        return False
    if unicodedata.combining(before[-1]) == _VIRAMA:
        return unicodedata.category(after)[0] in "LM"
    base = _last_base(before)
    if unicodedata.bidirectional(base) == unicodedata.bidirectional(after) == "AL":
        return True
    return text[at] == "\u200d" and unicodedata.category(base) == unicodedata.category(after) == "So"


def _last_base(text: str) -> str:
    """The last character that is neither an accent nor a colour of an emoji's skin; the first where all are."""
    stripped = text
    while len(stripped) > 1 and unicodedata.category(stripped[-1]) in {"Mn", "Sk"}:
        stripped = stripped[:-1]
    return stripped[-1]
