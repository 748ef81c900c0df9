"""The index of an export says what it was given: no text is taken for a formula, an end of a line or a separator."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from signverse.export.formats.index_rows import VideoRow
from signverse.export.release.index import read_index, write_index

TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.lists(
        st.sampled_from(["=1+1", "+", "-", "@", "\t", "\r", "\n", '"', "'", ",", ";", "\0", "\x85", "\u2028"])
    ).map("".join),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
@example([("a\rb", "de"), ("\r", "\r\n"), ("=cmd|' /C calc'!A0", '"')])
def test_what_is_read_back_is_what_was_given(texts: list[tuple[str, str]]) -> None:
    rows = [VideoRow(video_id, "1.tar", language, 1, 24, "0" * 64) for video_id, language in texts]
    with TemporaryDirectory() as folder:
        write_index(Path(folder), VideoRow, rows, {})
        assert read_index(Path(folder) / "index.csv", VideoRow) == rows
