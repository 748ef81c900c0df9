"""The forms in which people have their lists: separators, quotes, encodings, comments, spreadsheets.

What holds for each: rows of the file = entries + repeated + refused, and comments and blank lines are counted.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.ingest.manifest import Manifest, read_manifest
from signverse.lake.model.errors import BadInputError
from tests.ingest.manifest_files import ENCODINGS, LINE_ENDS, SEPARATORS, separated


def written(folder: Path, content: str | bytes) -> Manifest:
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_manifest(path)


def languages(manifest: Manifest) -> dict[str, str]:
    return {video_id: entry.sign_language for video_id, entry in manifest.entries.items()}


HEADER = ("video_id", "sign_language", "title")
TWO = {"abcdefghijk": "ase", "-bcdefghijk": "bfi"}

ids = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True),
    st.sampled_from(["clip_001", "café", "a/b", "", "#NAME?", "1.23E+10", "-", "=x", "abcdefghijk", "日本手話"]),
)
labels = st.sampled_from(["ase", "Polish", "", "Klingon", "BSL", "???"])
titles = st.text(st.sampled_from("abc é日,;|\t\"'#\n "), max_size=12)
rows = st.lists(st.tuples(ids, labels, titles), min_size=1, max_size=8)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    rows,
    st.sampled_from(SEPARATORS),
    st.sampled_from(list(ENCODINGS)),
    st.sampled_from(LINE_ENDS),
    st.booleans(),
    st.sampled_from(["", '# a comment, of "somebody\'s"\n', "\n", "sep\n"]),
)
def test_rows_taken_and_refused_and_repeated_are_the_rows_of_the_file(
    tmp_path: Path,
    rows: list[tuple[str, str, str]],
    separator: str,
    encoding: str,
    line_end: str,
    quoted: bool,
    first: str,
) -> None:
    """Whatever the separator, the encoding, the quoting and the line ends."""
    first = first.replace("sep", f"sep={separator}").replace("\n", line_end)
    text = first + separated([HEADER, *rows], separator, line_end, quoted=quoted)
    path = tmp_path / "list.csv"
    path.write_bytes(ENCODINGS[encoding](text))
    # A row of nothing is blank, and one that begins with # is a comment where no quote stands before it.
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    manifest = read_manifest(path)
    assert manifest.table is not None
    assert len(manifest.entries) + manifest.repeated + len(manifest.refused) == len(filled)
    assert manifest.table.separator == separator
    assert manifest.table.comments == first.startswith("#")
    assert f"{len(filled):,} row" in manifest.summary
    for video_id, label, title in filled:
        if video_id in manifest.entries and manifest.repeated == 0:
            entry = manifest.entries[video_id]
            assert entry.language_label == (label or None)
            assert (entry.title or "").split() == title.split()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", SEPARATORS)
def test_each_encoding_with_each_separator_is_read(tmp_path: Path, encoding: str, separator: str) -> None:
    text = separated([HEADER, ("abcdefghijk", "ase", "Grüße, 手話"), ("-bcdefghijk", "bfi", "x")], separator)
    manifest = written(tmp_path, ENCODINGS[encoding](text))
    assert languages(manifest) == TWO
    assert manifest.entries["abcdefghijk"].title == "Grüße, 手話"
    assert manifest.table is not None
    assert manifest.table.encoding == encoding.split()[0]


@pytest.mark.parametrize("codec", ["cp1252", "latin-1", "shift-jis", "gbk", "mac-roman", "cp1251"])
def test_another_encoding_is_not_guessed_but_refused_with_the_line(tmp_path: Path, codec: str) -> None:
    word = {"shift-jis": "手話", "gbk": "手语", "cp1251": "жест"}.get(codec, "Grüße")
    with pytest.raises(BadInputError, match=r"not a CSV in UTF-8: line 2 holds the byte 0x.*Save it as UTF-8"):
        written(tmp_path, f"video_id;title\nabcdefghijk;{word}\n".encode(codec))


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"PK\x03\x04", "workbook"),
        (b"\xd0\xcf\x11\xe0", "workbook"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path, start: bytes, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        written(tmp_path, start + bytes(40))


@pytest.mark.parametrize(
    "text",
    [
        "video_id;sign_language;title;duration, s\nabcdefghijk;ase;Hello;3,5\n-bcdefghijk;bfi;Hi;4,5\n",
        "video_id\tsign_language\ttitle (as given, by site)\nabcdefghijk\tase\tHello, world\n-bcdefghijk\tbfi\tHi\n",
        "sep=;\r\nvideo_id;sign_language;title\r\nabcdefghijk;ase;Hello\r\n-bcdefghijk;bfi;Hi\r\n",
        '"sep=|"\nvideo_id|sign_language\nabcdefghijk|ase\n-bcdefghijk|bfi\n',
        "sep=\t\nvideo_id\tsign_language\nabcdefghijk\tase\n-bcdefghijk\tbfi\n",
        "abcdefghijk;ase;3,5\n-bcdefghijk;bfi;4,5\n",
        "abcdefghijk|ase|a, b; c\n-bcdefghijk|bfi|d\n",
        "abcdefghijk;ase\n-bcdefghijk;bfi\n",
        "abcdefghijk, ase\n-bcdefghijk , bfi\n",
        'video_id, title, sign_language\nabcdefghijk, "a, b", ase\n-bcdefghijk, "c", bfi\n',
        "#video_id\tsign_language\nabcdefghijk\tase\n-bcdefghijk\tbfi\n",
        "# ids, languages\n# of 2025\nvideo_id,sign_language\nabcdefghijk,ase\n# the second\n-bcdefghijk,bfi\n",
        "\n\n  \nvideo_id,sign_language\n\nabcdefghijk,ase\n,\n-bcdefghijk,bfi\n\n",
        "video_id,sign_language\nabcdefghijk,ase\n\ufeffvideo_id,sign_language\n-bcdefghijk,bfi\n",
        'video_id,sign_language\n="abcdefghijk",ase\n"=""-bcdefghijk""",bfi\n',
        'video_id,title,sign_language\nabcdefghijk,"he said \\"hi, you\\"",ase\n-bcdefghijk,x,bfi\n',
        'video_id,title,sign_language\nabcdefghijk,5" high,ase\n-bcdefghijk,x"y"z,bfi\n',
        'video_id,title,sign_language\nabcdefghijk,"two\nlines",ase\n-bcdefghijk,"# no\ncomment",bfi\n',
    ],
)
def test_two_videos_are_two_videos(tmp_path: Path, text: str) -> None:
    """The separator is the one that gives a header that is known, or the same count of cells in each row."""
    manifest = written(tmp_path, text)
    assert languages(manifest) == TWO
    assert manifest.refused == []


@pytest.mark.parametrize(
    "text",
    [
        'video_id,title,sign_language\nabcdefghijk,"he said ""hi,ase\n-bcdefghijk,x,bfi\n',
        'video_id,title,sign_language\nabcdefghijk,"x,ase\n-bcdefghijk,y",bfi\n',
        'video_id,title,sign_language\nclip_1,"x,ase\nclip_2,y",bfi\n',
        'video_id,sign_language,title\nabcdefghijk,ase,"open\n-bcdefghijk,bfi,x\n',
        'video_id\tsign_language\ttitle\nabcdefghijk\tase\t"Hi" she said\n-bcdefghijk\tbfi\t"open\n',
        'abcdefghijk,"ase\n-bcdefghijk,bfi\n',
    ],
)
def test_a_stray_quote_hides_no_row(tmp_path: Path, text: str) -> None:
    """Where every row has the same count of cells without quotes, quotes are text; and that is said."""
    manifest = written(tmp_path, text)
    assert len(manifest.entries) == 2
    assert any("quotes are text" in line for line in manifest.remarks)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('video_id,title,sign_language\nabcdefghijk,"a, b",ase\n-bcdefghijk,"open,bfi\nccdefghijkl,y,bfi\n', 3),
        (
            'video_id,title,sign_language\nabcdefghijk,"a,\nb",ase\n-bcdefghijk,"two\nlines",bfi\nccdefghijkl,"open,x\n',
            6,
        ),
        ('video_id,title,sign_language\nabcdefghijk,"a, b" c,ase\n', 2),
        ('"abcdefghijk\n-bcdefghijk\n', 1),
        ('video_id,title\nabcdefghijk,"' + "x" * 200_000 + '"\n', 2),
    ],
)
def test_a_quote_that_does_not_close_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(BadInputError, match=rf"list.csv is not a CSV that can be read: line {line}: ") as refused:
        written(tmp_path, text)
    assert "\n" not in str(refused.value)


quotes = st.lists(st.sampled_from(['"', "a", ",", "b c", '""']), max_size=4).map("".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(quotes, min_size=2, max_size=5))
def test_quotes_wherever_they_stand_take_no_video_away_in_silence(tmp_path: Path, cells: list[str]) -> None:
    """Each line is a video: all come in or are refused, or the file is, or a remark names the lines of one row."""
    path = tmp_path / "list.csv"
    names = [f"video{number:06d}" for number in range(len(cells))]
    lines = ["video_id,title,sign_language", *(f"{name},{cell},ase" for name, cell in zip(names, cells, strict=True))]
    path.write_text("\n".join(lines) + "\n")
    try:
        manifest = read_manifest(path)
    except BadInputError as error:
        assert "line " in str(error)
        return
    whole = len(manifest.entries) + len(manifest.refused) == len(names)
    assert whole or any("of several lines, in quotes: lines" in line for line in manifest.remarks)


def test_a_row_with_more_cells_than_the_header_is_refused_not_misread(tmp_path: Path) -> None:
    manifest = written(tmp_path, "video_id,title,sign_language\nabcdefghijk,Hello, world,ase\n-bcdefghijk,x,bfi,,\n")
    assert languages(manifest) == {"-bcdefghijk": "bfi"}
    ((_, why),) = manifest.refused
    assert "line 2: 4 cells, and the header has 3" in why


def test_comments_blank_lines_and_a_repeated_header_are_counted(tmp_path: Path) -> None:
    text = "# one\nvideo_id,sign_language\nabcdefghijk,ase\n\n,\nvideo_id,sign_language\n-bcdefghijk,bfi\n#two\n"
    manifest = written(tmp_path, text)
    assert languages(manifest) == TWO
    assert "2 videos of 2 rows, 3 comments, 2 blank lines" in manifest.summary
    assert any("the header is there again in line 6" in line for line in manifest.remarks)


def test_an_error_of_a_spreadsheet_is_no_comment(tmp_path: Path) -> None:
    manifest = written(
        tmp_path, "video_id,sign_language\n#NAME?,ase\n#BEZUG!,ase\n#N/A,ase\n#####,ase\nabcdefghijk,ase\n"
    )
    assert len(manifest.refused) + len(manifest.entries) == 5
    assert manifest.table is not None
    assert manifest.table.comments == 0


def test_a_row_of_tabs_whose_first_cell_is_empty_is_no_comment_for_its_hashtag(tmp_path: Path) -> None:
    path = tmp_path / "list.tsv"
    path.write_text("channel\ttitle\tvideo_id\n\t#ASL lesson\tabcdefghijk\n# a comment\nX\tY\tbbcdefghijk\n")
    manifest = read_manifest(path)
    assert manifest.table is not None
    assert (list(manifest.entries), manifest.table.comments) == (["abcdefghijk", "bbcdefghijk"], 1)
