"""Lakes and questions of strangers behind the page: each answer is short, can be read, and is an answer."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.export.explorer.clips.details import repair_in_words
from signverse.export.explorer.questions import as_json, refused
from signverse.lake.query.selection import FILTERS, option_names
from tests.export.conftest import Video, fill
from tests.export.explorer.conftest import moving

LONG = 3_000_000
"""Characters of a text that no page can show."""

ONE_CLIP = ("clip", "captions", "points", "media")
PAGES = (
    *("about", "state", "rows", "facets", "languages", "languages.csv", "status", "thumbs?rows=0"),
    *("quality?measure=face_confidence", "quality?measure=hands_seen", "quality.csv?measure=captions"),
    *("rows?min-confidence=face=0.5", "rows?text=a", "rows?min-duration=0.5", "rows?hours=1&temperature=2"),
)

NUMBERS = (math.nan, math.inf, -math.inf, -1.0, None)
STRANGE = {
    "scores": ("segments", ("face_confidence", "hands_seen", "coverage"), NUMBERS),
    "times of clips": ("segments", ("start_s", "end_s"), NUMBERS),
    "times of captions": ("captions", ("start_s", "end_s"), NUMBERS),
    "lengths": ("videos", ("duration_s", "fps", "source_fps"), NUMBERS),
    "sizes": ("videos", ("width", "height", "num_frames", "damaged_frames"), (-1, 2**31 - 1, 0)),
    "frames": ("segments", ("num_frames", "ordinal"), (None, -1, 2**31 - 1)),
    "captions": ("segments", ("text", "text_language", "caption_kind"), ("x" * LONG, "\x00\x1b[31m\n\u202e", "", None)),
    "cues": ("captions", ("text", "track"), ("x" * LONG, "\x00\x1b[31m\n\u202e", "", None)),
    "titles": ("videos", ("title", "channel", "language_label"), ("x" * LONG, "\x00\x1b[31m\n\u202e", "", None)),
    "repairs": ("videos", ("repairs", "events"), (["impossible_scores:" + "9" * 5000] * 2000, [None, "x" * LONG])),
    "failures": ("outcomes", ("message", "reason"), ("x" * LONG, "\x00\x1b[31m\n\u202e", None)),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one video whose rows are replaced; only to be copied."""
    cues = [(0.0, 0.5, "one"), (0.5, 1.0, "two")]
    return fill(tmp_path_factory.mktemp("plain") / "lake", [Video("video", 24, moving(24), cues)]).folder


def rewritten(lake: Path, table: str, columns: tuple[str, ...], value: Any) -> None:
    """Another program writes one value into columns of a table."""
    from deltalake import DeltaTable, write_deltalake

    opened = DeltaTable(str(lake / table))
    rows = pl.DataFrame(opened.to_pyarrow_table())
    values = [pl.Series(name, [value] * rows.height, dtype=rows.schema[name], strict=False) for name in columns]
    write_deltalake(
        str(lake / table),
        rows.with_columns(values).to_arrow(compat_level=pl.CompatLevel.oldest()),
        mode="overwrite",
        partition_by=opened.metadata().partition_columns or None,
    )


@pytest.mark.parametrize("kind", STRANGE)
def test_whatever_a_lake_holds_each_answer_is_an_answer_of_bounded_size(kind, plain, serve, tmp_path):
    """Property: no value of a column makes an answer that is no JSON, no line, or larger than a page can take."""
    table, columns, values = STRANGE[kind]
    for number, value in enumerate(values):
        lake = tmp_path / str(number) / "lake"
        shutil.copytree(plain, lake)
        rewritten(lake, table, columns, value)
        server = serve(lake)
        for path in (*PAGES, *(f"{name}?id=video-00000" for name in ONE_CLIP)):
            answer = server.ask(f"/api/{path}")
            where = kind, str(value)[:30], path
            assert len(answer.body) < 500_000, where
            if answer.headers["content-type"] == "application/json":
                json.loads(answer.body, parse_constant=lambda word, where=where: pytest.fail(f"{word} in {where}"))
            if answer.status != 200:
                assert set(answer.json) == {"error", "hint", "changed"}, where
                assert "unexpected" not in answer.json["error"], (where, answer.json)


def is_one_line(text: str) -> bool:
    return len(text) < 600 and not any(ord(letter) < 32 or letter in "\x7f\u202e\u2028" for letter in text)


WRONG = (
    "",
    "\n",
    "\x1b[2J",
    "\u202e",
    "(",
    "[[",
    "nan",
    "1e999",
    "9" * 5000,
    "x=1",
    "2024-13-45",
    "a\r\nb",
    "\U0001f91f" * 900,
)


def test_what_is_wrong_with_an_option_is_said_in_one_short_line(served):
    """Property: however long or odd a value is, the refusal is a line that a page can show."""
    for name in (name for attribute in FILTERS for name in option_names(attribute)):
        if name == "where":
            continue
        for value in (*WRONG, "x" * 20_000):
            answer = served.api("command", **{name: value})
            assert answer.status in {200, 400}, (name, value[:20])
            if answer.status == 400:
                assert is_one_line(answer.json["error"]) and is_one_line(answer.json["hint"]), (name, answer.json)


@pytest.mark.parametrize("regex", ["(", "[[", "(?=a)", "a{99999999}", "\\", "*", "(?<n", "[z-a]", "a\n("])
def test_a_pattern_that_is_none_is_refused_with_the_reason_alone(served, regex):
    said = served.api("rows", text_regex=regex).json["error"]
    assert "is not a regular expression: " in said
    assert is_one_line(said) and "str.contains" not in said and len(said) < 200


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(values, st.text(st.characters(), max_size=900))
def test_every_answer_is_json_and_every_refusal_a_line(value, message):
    """Property: of numbers that are none, of half characters and controls, too."""
    json.loads(bytes(as_json(value).body), parse_constant=pytest.fail)
    said = json.loads(bytes(refused(message, 400).body))["error"]
    assert is_one_line(said)


@given(st.text() | st.text("0123456789\u0663\xb2:", min_size=0, max_size=30).map(lambda text: f"sentinels:{text}"))
def test_no_entry_of_the_repairs_hides_the_clip(entry):
    assert isinstance(repair_in_words(entry), str)


def test_a_list_as_long_as_a_body_may_be_is_answered(served):
    """Property: what is added and removed takes no time that grows with its square."""
    ids = [f"hebrew-{number:05d}" for number in range(60_000)]
    for change in ({"add": ids, "remove": ids}, {"add": ids}, {"remove": ids}, {"add": ["hebrew-00000"] * 60_000}):
        asked = {**change, "remove": [*change.get("remove", []), "absent-00000"]}
        assert served.post("picks", asked).status == 400
    assert not served.picks.exists()
