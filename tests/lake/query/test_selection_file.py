"""A selection as `select -o` wrote it, and as a spreadsheet saved it again: the same clips, or a reason in words."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from signverse.lake.model.errors import BadInputError
from signverse.lake.query.selection import KEY
from signverse.lake.query.selection_file import read_selection_file

ROWS = [
    ("-ant-00000", "-ant", "0192", 0, 24, 1.5, "Hello, world"),
    ("00123-00001", "00123", "0193", 24, 48, 0.93, 'He said "hi"; twice'),
    ("bee-00000", "bee", "0194", 5, 9, None, "two\nlines"),
]
COLUMNS = (*KEY, "start_s", "text")


def as_saved(separator: str = ",", decimal: str = ".", *, first: str = "", ending: str = "\r\n") -> str:
    """What a spreadsheet writes: numbers with the country's decimal mark."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for row in ROWS:
        writer.writerow([str(cell).replace(".", decimal) if isinstance(cell, float) else cell for cell in row])
    return first + text.getvalue()


def saved(folder: Path, content: bytes, name: str = "clips.csv") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_selection_means_the_same_clips_in_whatever_form_a_spreadsheet_saves_it(
    tmp_path: Path, separator: str, encoding: str, ending: str
) -> None:
    decimal = "." if separator == "," else ","
    clips = read_selection_file(saved(tmp_path, as_saved(separator, decimal, ending=ending).encode(encoding)))
    assert clips.select(KEY).rows() == [row[:5] for row in ROWS]
    assert clips["start_s"].cast(pl.Float64).to_list() == [1.5, 0.93, None]
    assert [text.splitlines() for text in clips["text"]] == [row[6].splitlines() for row in ROWS]


def test_excels_line_that_names_the_separator_is_not_a_clip(tmp_path: Path) -> None:
    clips = read_selection_file(saved(tmp_path, as_saved(";", ",", first="sep=;\r\n").encode("utf-8-sig")))
    assert clips["video_id"].to_list() == ["-ant", "00123", "bee"]


@pytest.mark.parametrize("frames", [("24,0", "48,0"), ("24.0", "48.0"), ("24,00", "48")])
def test_whole_frames_that_became_decimal_numbers_are_whole_frames(tmp_path: Path, frames: tuple[str, str]) -> None:
    text = ";".join(KEY) + f"\na-0;a;i;{frames[0]};{frames[1]}\n"
    assert read_selection_file(saved(tmp_path, text.encode())).row(0)[3:5] == (24, 48)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (";".join(KEY) + "\na-0;a;i;24,5;48\n", "not whole numbers"),
        (";".join(KEY) + "\na-0;a;i;1,2E+03;48\n", "a spreadsheet has shortened"),
        (",".join(KEY) + '\na-0,"a,i,0,24\nb-0,b,i,0,24,x\n', "line 2: a quote opens"),
        (",".join(KEY) + "\na-0,a,i,0,24,x\n", "line 2: 6 cells"),
        ("a-0,a,i,0,24\nb-0,b,i,0,24\n", "lacks the columns"),
        ("video_id;start\na;5\n", "lacks the columns segment_id"),
    ],
    ids=["fraction", "shortened", "open quote", "a cell too many", "no header", "other columns"],
)
def test_what_cannot_be_told_is_refused_in_one_line(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as refused:
        read_selection_file(saved(tmp_path, content.encode()))
    assert "\n" not in str(refused.value)


def test_two_stray_quotes_hide_no_clip(tmp_path: Path) -> None:
    text = ",".join((*KEY, "text")) + '\na-0,abcdefghijk,i,0,5,"x\nb-0,b_cdefghijk,i,0,5,y"\nc-0,c,i,0,5,z\n'
    assert read_selection_file(saved(tmp_path, text.encode()))["segment_id"].to_list() == ["a-0", "b-0", "c-0"]


def test_a_selection_as_json_lines_and_with_tabs(tmp_path: Path) -> None:
    frame = pl.DataFrame([row[:5] for row in ROWS], schema=list(KEY), orient="row")
    frame.write_ndjson(tmp_path / "clips.jsonl")
    frame.write_csv(tmp_path / "clips.tsv", separator="\t")
    for name in ("clips.jsonl", "clips.tsv"):
        assert read_selection_file(tmp_path / name).select(KEY).rows() == [row[:5] for row in ROWS]


@pytest.mark.parametrize(
    ("above", "below", "clips", "counts"),
    [
        ("", "# a-0,abcdefghijk,i,0,5\n", 1, "1 clip, 1 comment"),
        ("# mine\n\n", "", 1, "1 clip, 1 comment, 1 blank line"),
        ("Table 1\n", "\n\n", 1, "1 clip, 1 comment, 2 blank lines"),
        ("", "# c-0,abcdefghijk,i,0,5\nd-0,d,i,0,5\n,,,,\n", 2, "2 clips, 1 comment, 1 blank line"),
    ],
)
def test_lines_of_a_selection_that_are_no_clips_are_counted(
    tmp_path: Path, above: str, below: str, clips: int, counts: str
) -> None:
    remarks: list[str] = []
    path = saved(tmp_path, f"{above}{','.join(KEY)}\nb-0,b,i,0,5\n{below}".encode())
    assert read_selection_file(path, remarks).height == clips
    assert counts in remarks[0]


def test_a_selection_as_select_writes_it_needs_no_words(tmp_path: Path) -> None:
    remarks: list[str] = []
    read_selection_file(saved(tmp_path, as_saved(ending="\n").encode()), remarks)
    assert remarks == []
