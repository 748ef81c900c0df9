"""Conditions on clips, each expressed in Polars and in SQL: the two engines have to give the same clips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from itertools import groupby
from operator import or_
from typing import Final, Literal
from unicodedata import category, normalize

import duckdb
import polars as pl

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import printable

_LARGEST_FLOAT32: Final = 3e38

_SAME_LETTER: Final = {"\u00df": "ss", "\u03c2": "\u03c3", "i\u0307": "i", "\u0131": "i"}
"""Small letters that case does not keep: German sharp s, Greek final sigma, Turkish i with a dot and without."""

_SAME_WIDTH: Final = {
    letter: plain
    for letter in map(chr, (0xA0, *range(0x2000, 0x200B), 0x202F, 0x3000, *range(0xFF01, 0xFFEF)))
    if len(plain := normalize("NFKC", letter)) == 1 and plain != letter and category(plain)[0] in "LMNZ"
}
"""Japanese and Korean letters and digits in full or half width (\uff21 is A, \uff76 is \u30ab), blanks of any width."""

_LIGATURES: Final = {letter: normalize("NFKC", letter) for letter in "\ufb00\ufb01\ufb02\ufb03\ufb04"}
"""f and i, f and l, and the like, as PDFs have them."""

_FOLDED_ALONE: Final = {
    **_SAME_WIDTH,
    **_LIGATURES,
    **{"\u00df": "ss", "\u1e9e": "ss", "\u0130": "i", "\u0131": "i", "\u212a": "k", "\u037e": ";", "\u1fef": "`"},
}
"""All letters that are not of ASCII, and are folded to ASCII: a test looks at every letter of Unicode."""

_PAIRS: Final = frozenset(("ss", "ff", "fi", "fl"))
"""Letters of ASCII that one letter may stand for together, at the beginning of it or inside."""

_FOLDED_TO: Final[dict[str, str]] = {
    plain: "".join(letter for letter, folded in _FOLDED_ALONE.items() if plain in folded.lower())
    for plain in map(chr, range(128))
}
"""By letter of ASCII, in small: the letters of other scripts and widths that are folded to it, or to more than it."""

_LONGEST_PATTERN: Final = 100
"""Letters; the libraries refuse regular expressions that take megabytes."""

_NOWHERE: Final = r"[^\x00-\x{10ffff}]"
"""A regular expression that is found in no text."""

_FORMS: Final = ("NFC", "NFD")

_MAY_BE_WIDE: Final = r"[\x{a0}\x{2000}-\x{200a}\x{202f}\x{3000}\x{fb00}-\x{fb04}\x{ff01}-\x{ffee}]"

# Below U+0300, where accents begin that combine, a text has one form.
_MAY_COMBINE: Final = r"[\x{300}-\x{10ffff}]"
_MAY_DIFFER: Final = r"[\x{a0}\x{300}-\x{10ffff}]"


@dataclass(frozen=True)
class Condition:
    """One condition on a clip, over the columns of the view `clips`.

    Attributes:
        words: for messages, such as "seconds at least 3".
        polars: as an expression; None for a condition that only SQL can express.
        sql: as SQL; None for a condition that only Polars can express, a regular expression: each engine has its own
            dialect, and a selection means one thing.
    """

    words: str
    polars: pl.Expr | None
    sql: str | None


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def any_of(words: str, columns: Sequence[str], values: Sequence[str], until: str | None = None) -> Condition:
    """One of the columns holds one of the texts, in Unicode's NFC or NFD.

    Args:
        until: compare a column's text only up to this separator.
    """
    forms = [text if text.isascii() else normalize(form, text) for text in values for form in _FORMS]
    values = list(dict.fromkeys((*values, *forms)))
    expressions, names = [pl.col(column) for column in columns], list(columns)
    if until is not None:
        expressions = [expression.str.split(until).list.first() for expression in expressions]
        names = [f"split_part({name}, {quoted(until)}, 1)" for name in names]
    literals = ", ".join(map(quoted, values))
    sql = " or ".join(f"{name} in ({literals})" for name in names)
    return Condition(words, reduce(or_, (expression.is_in(list(values)) for expression in expressions)), f"({sql})")


def bounded(words: str, column: str, side: Literal["least", "most"], value: float, *, float32: bool) -> Condition:
    """A column is at least, or at most, a number.

    Args:
        float32: the column is stored in single precision: 0.7 has to pass "at least 0.7".
    """
    # Beyond float32 nothing lies; SQL knows infinity as a text.
    value = float(value) if abs(value) < _LARGEST_FLOAT32 else math.copysign(math.inf, value)
    literal = pl.lit(value, pl.Float32() if float32 else pl.Float64())
    sql = f"{column} {'>=' if side == 'least' else '<='} '{value!r}'::{'float' if float32 else 'double'}"
    return Condition(words, pl.col(column) >= literal if side == "least" else pl.col(column) <= literal, sql)


def contains(words: str, column: str, text: str) -> Condition:
    """A column contains a text, in any case of any script, in any of Unicode's forms and widths of its letters."""
    asked = str(pl.select(_folded(pl.lit(text))).item())
    pattern = _may_contain(asked)

    def search(texts: pl.Series) -> pl.Series:
        found = texts.str.contains(pattern)
        at = found.arg_true()
        if not len(at):
            return found
        exact = texts.gather(at).to_frame("").select(_folded(pl.col("")).str.contains(asked, literal=True))
        return found.scatter(at, exact.to_series())

    expression = pl.col(column).map_batches(search, return_dtype=pl.Boolean(), is_elementwise=True)
    return Condition(words, expression, f"has_text({column}, {quoted(text)})")


def add_text_search(con: duckdb.DuckDBPyConnection) -> None:
    """Adds to a session what the macro `has_text` is made of: `text_pattern` and `files.folded`."""
    con.create_function("text_pattern", _text_pattern, ["VARCHAR", "BOOLEAN"], "VARCHAR")
    con.execute(f"create macro files.folded(of_text) as {_folded_sql('of_text')}")


@lru_cache(maxsize=256)
def _text_pattern(text: str, in_ascii: bool) -> str:
    """As `_may_contain`, of a text as it was typed. DuckDB asks once a query, as it plans, for a text that is given.

    Args:
        in_ascii: only texts of ASCII are looked at: a pattern without letters of other scripts takes half of the time.
    """
    asked = str(pl.select(_folded(pl.lit(text))).item())
    if not in_ascii:
        return _may_contain(asked)
    if not asked.isascii():
        return _NOWHERE
    return "".join(
        f"[{letter}{letter.upper()}]" if letter.isalpha() else _escaped(letter) for letter in asked[:_LONGEST_PATTERN]
    )


def _may_contain(asked: str) -> str:
    """A regular expression that is found in every text which contains another, once both are folded, and in few others.

    Regular expressions are found in a tenth of the time that folding takes, so that few texts are folded.

    Args:
        asked: what is looked for, folded.
    """
    runs = groupby(asked[:_LONGEST_PATTERN], str.isascii)
    return "".join(_ascii_pattern("".join(run)) if is_ascii else _other_pattern("".join(run)) for is_ascii, run in runs)


def _ascii_pattern(asked: str) -> str:
    pattern, before = "", ""
    for letter in asked:
        pattern += f"[{_escaped(letter)}{letter.upper() if letter.isalpha() else ''}{_FOLDED_TO.get(letter, '')}]"
        # The letter before may be one that stands for both, such as German sharp s.
        pattern += "?" if before + letter in _PAIRS else ""
        # A large I with this dot is the Turkish letter, which is folded to i.
        pattern += "\u0307*" if letter == "i" else ""
        before = letter
    return pattern


def _other_pattern(asked: str) -> str:
    if all(map(_stands_alone, asked)):
        return "".join(f"[{letter}{_folded_to().get(letter, '')}]" for letter in asked)
    # Accents may be letters of their own or not, and stand on a letter of ASCII before them.
    return r"(?:[\x00-\x7f]?[^\x00-\x7f]+)+"


def _stands_alone(letter: str) -> bool:
    """Whether a letter has no accents, and is neither an accent nor a piece of a Korean syllable."""
    is_piece = category(letter)[0] not in "LNPSZ" or "\u1100" <= letter <= "\u11ff"
    return not is_piece and normalize("NFD", letter) == letter


@lru_cache(maxsize=1)
def _folded_to() -> dict[str, str]:
    """By letter, those that are folded to it, or to more than it."""
    letters = pl.Series([chr(code) for code in range(0x80, 0x30000) if not 0xD800 <= code < 0xE000])
    folded = letters.to_frame("letter").with_columns(folded=_folded(pl.col("letter")))
    found: dict[str, str] = {}
    for letter, others in folded.filter(pl.col("letter") != pl.col("folded")).rows():
        for other in others:
            found[other] = found.get(other, "") + letter
    return found


def _escaped(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if not letter.isalnum() else letter


def _folded(text: pl.Expr) -> pl.Expr:
    same_form = text.map_batches(_in_one_form, return_dtype=pl.String(), is_elementwise=True)
    return same_form.str.to_lowercase().str.replace_many(_SAME_LETTER)


def _in_nfc(texts: pl.Series) -> pl.Series:
    found = texts.str.contains(_MAY_COMBINE).arg_true()
    return texts.clone().scatter(found, texts.gather(found).str.normalize("NFC")) if len(found) else texts


def _in_one_form(texts: pl.Series) -> pl.Series:
    """Texts in Unicode's NFC and in one width. Most are so already, and to normalise costs more than to search."""
    found = texts.str.contains(_MAY_DIFFER).arg_true()
    if not len(found):
        return texts
    return texts.clone().scatter(
        found, texts.gather(found).str.replace_many(_SAME_WIDTH | _LIGATURES).str.normalize("NFC")
    )


def _folded_sql(text: str) -> str:
    # The two engines agree on every letter but 55 that came with Unicode 16.
    widths = f"{quoted(''.join(_SAME_WIDTH))}, {quoted(''.join(_SAME_WIDTH.values()))}"
    wide = _replaced(f"translate({text}, {widths})", _LIGATURES)
    wide = f"case when regexp_matches({text}, '{_MAY_BE_WIDE}') then {wide} else {text} end"
    sql = f"case when regexp_matches({text}, '{_MAY_DIFFER}') then nfc_normalize({wide}) else {text} end"
    return _replaced(f"lower({sql})", _SAME_LETTER)


def _replaced(sql: str, letters: Mapping[str, str]) -> str:
    for letter, plain in letters.items():
        sql = f"replace({sql}, {quoted(letter)}, {quoted(plain)})"
    return sql


def matches(words: str, column: str, regex: str) -> Condition:
    """A regular expression of Rust's kind is found in a column. Both are taken in Unicode's NFC."""
    texts = pl.col(column).map_batches(_in_nfc, return_dtype=pl.String(), is_elementwise=True)
    return Condition(words, texts.str.contains(normalize("NFC", regex)), None)


def check_regex(regex: str) -> None:
    """Refuses a text that is not a regular expression.

    Raises:
        BadInputError: with the reason in one line.
    """
    try:
        pl.select(pl.lit("").str.contains(regex))
    except pl.exceptions.PolarsError as error:
        # The text itself follows, with a mark below it, and then the expression that Polars made.
        says = str(error).partition("\n\nThis error occurred")[0].strip().splitlines()
        reason = says[-1].removeprefix("error: ").removeprefix("regex error: ").rstrip(".")
        raise BadInputError(f"'{printable(regex)}' is not a regular expression: {reason}") from None


def known(words: str, column: str, *, is_known: bool) -> Condition:
    """A column is not null, or null."""
    expression = pl.col(column).is_not_null() if is_known else pl.col(column).is_null()
    return Condition(words, expression, f"{column} is {'not ' if is_known else ''}null")


def since(words: str, column: str, moment: datetime) -> Condition:
    """A column of times is a moment or later."""
    return Condition(words, pl.col(column) >= moment, f"{column} >= timestamptz {quoted(moment.isoformat())}")


def before(words: str, column: str, moment: datetime) -> Condition:
    """A column of times is before a moment."""
    return Condition(words, pl.col(column) < moment, f"{column} < timestamptz {quoted(moment.isoformat())}")


def in_split(words: str, name: str, part: str, videos: Sequence[str]) -> Condition:
    """The video belongs to a part of a stored split, whose videos are given."""
    of_part = f"select video_id from splits where name = {quoted(name)} and part = {quoted(part)}"  # noqa: S608
    return Condition(words, pl.col("video_id").is_in(list(videos)), f"video_id in ({of_part})")
