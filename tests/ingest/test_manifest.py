"""Reading manifests as people really write them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from signverse.ingest.manifest import Entry, Manifest, read_manifest, write_sources
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError


@pytest.fixture
def written(tmp_path: Path):
    """Writes bytes or text as a manifest and reads it."""

    def read(content: str | bytes, name: str = "manifest.csv") -> Manifest:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_manifest(path)

    return read


def entries(manifest: Manifest) -> dict[str, str]:
    return {video_id: entry.sign_language for video_id, entry in manifest.entries.items()}


def test_two_columns_without_a_header_are_id_and_language(written) -> None:
    manifest = written("abc,ase\ndef,Polish\n")
    assert entries(manifest) == {"abc": "ase", "def": "pso"}
    assert manifest.entries["def"].language_label == "Polish"
    assert (manifest.refused, manifest.remarks) == ([], [])


@pytest.mark.parametrize(
    "header",
    ["video_id,sign_language", "Language,ID", "youtube_id,lang", " Video , LABEL ", "sign_language_code,videoid"],
)
def test_a_header_names_the_columns_in_any_order_and_case(written, header: str) -> None:
    first = header.split(",")[0].strip().casefold()
    row = "ase,abc" if first in {"language", "sign_language_code"} else "abc,ase"
    assert entries(written(f"{header}\n{row}\n")) == {"abc": "ase"}


def test_title_url_and_channel_come_along_and_unknown_columns_do_not_disturb(written) -> None:
    manifest = written(
        'views,id,title,webpage_url,uploader,uploader_id,language\n7,abc,"A, b",https://x/abc,Deaf TV,UC1,ase\n'
    )
    assert manifest.entries["abc"] == Entry("abc", "ase", "ase", "https://x/abc", "A, b", "Deaf TV", "UC1")


def test_tabs_separate_as_well_as_commas_do(written) -> None:
    assert entries(written("id\tlanguage\nabc\tase\n")) == {"abc": "ase"}
    assert entries(written("abc\tase\ndef\tpso\n")) == {"abc": "ase", "def": "pso"}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_a_spreadsheet_saves_is_read(written, ending: str) -> None:
    text = ending.join(["\ufeffid,language", "abc,ase", "", "def,pso", ""])
    assert entries(written(text)) == {"abc": "ase", "def": "pso"}


def test_ids_alone_come_in_without_a_language(written) -> None:
    manifest = written("abc\ndef\n")
    assert entries(manifest) == {"abc": "und", "def": "und"}
    assert manifest.entries["abc"].language_label is None
    assert [line.split(": ")[1] for line in manifest.remarks] == [
        "no column tells the sign language, every video is taken as und"
    ]


def test_a_row_with_fewer_cells_than_the_header_is_taken_for_what_it_has(written) -> None:
    manifest = written("title,id,language\nA,abc,ase\nB,def\nC\n")
    assert entries(manifest) == {"abc": "ase", "def": "und"}
    assert len(manifest.refused) == 1
    assert "line 4" in manifest.refused[0][1]


def test_of_a_repeated_id_the_first_row_counts_and_the_other_label_is_named(written) -> None:
    manifest = written("abc,ase\ndef,pso\nabc,pso\ndef,pso\n")
    assert entries(manifest) == {"abc": "ase", "def": "pso"}
    (remark,) = manifest.remarks
    assert "2 repeated ids" in remark
    assert "abc (as ase, not pso)" in remark
    assert "def (" not in remark


@pytest.mark.parametrize(
    "row",
    ["../x,ase", '"a\nb",ase', f"{'x' * 300},ase", ",ase", "a/b,ase", ".hidden,ase", "a\u202eb,ase", "a\0b,ase"],
)
def test_an_id_that_could_do_harm_is_refused_with_its_line_and_the_others_come_in(written, row: str) -> None:
    manifest = written(f"abc,ase\n{row}\ndef,pso\n")
    assert entries(manifest) == {"abc": "ase", "def": "pso"}
    ((shown, why),) = manifest.refused
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) < 300
    assert "manifest.csv line " in why
    assert "\n" not in why


def test_blanks_around_an_id_are_a_typists(written) -> None:
    assert entries(written(" abc ,ase\n\tdef\t,pso\n")) == {"abc": "ase", "def": "pso"}


def test_an_unknown_language_comes_in_as_und_keeps_its_label_and_is_told_the_nearest(written) -> None:
    manifest = written("abc,Polich\ndef,Polich\n")
    assert entries(manifest) == {"abc": "und", "def": "und"}
    assert manifest.entries["abc"].language_label == "Polich"
    (remark,) = manifest.remarks
    assert "pso (Polish Sign Language)" in remark
    assert "abc, def" in remark


def test_an_ambiguous_language_comes_in_as_und_and_all_that_it_may_be_are_named(written) -> None:
    manifest = written("abc,ISL\n")
    assert manifest.entries["abc"] == Entry("abc", "ISL", "und")
    (remark,) = manifest.remarks
    assert {"ins", "isr"} <= set(remark.replace("(", " ").replace(",", " ").split())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n,\n", "is empty"),
        (bytes(range(256)), "not a CSV in UTF-8"),
        ("abc,Österreich\n".encode("latin-1"), "not a CSV in UTF-8"),
        (b"title,language\nA,ase\n", "names no video id"),
        (b'"' + b"x" * 200_000, "not a CSV"),
    ],
    ids=["empty", "blank", "binary", "latin-1", "no id", "endless cell"],
)
def test_what_is_no_manifest_is_refused_in_one_line(written, content: bytes, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as refused:
        written(content)
    assert "manifest.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_manifest_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadInputError, match="cannot be read"):
            read_manifest(path)


def test_the_real_manifest_comes_in_whole(data: Path) -> None:
    manifest = read_manifest(data / "manifest" / "signverse_2m_metadata_ori.csv")
    assert len(manifest.entries) == 39_197
    assert sum(video_id.startswith("-") for video_id in manifest.entries) == 600
    assert manifest.refused == []
    labels = pl.Series([entry.language_label for entry in manifest.entries.values()])
    codes = pl.Series([entry.sign_language for entry in manifest.entries.values()])
    assert labels.null_count() == 0
    assert codes.n_unique() == 56
    assert (codes == "ase").sum() == 16_724
    # The corpus itself says ??? of 197 videos: that is und, and no reason for a remark.
    assert set(labels.filter(codes == "und")) == {"???"}
    assert (codes == "und").sum() == 197
    assert manifest.remarks == []


def test_the_sources_table_takes_only_what_is_new(tmp_path: Path, written) -> None:
    lake = Lake.create(tmp_path / "lake")
    assert write_sources(lake, written("abc,ase\ndef,\n")) == 2
    lake.refresh()
    assert write_sources(lake, written("abc,ase\ndef,\n")) == 0
    lake.refresh()
    assert write_sources(lake, written("abc,pso\ndef,\nghi,ase\n")) == 2
    lake.refresh()
    rows = lake.table("sources").select("video_id", "sign_language", "language_label").collect().rows()
    assert rows == [("abc", "pso", "pso"), ("def", "und", None), ("ghi", "ase", "ase")]
    assert lake.raw_table("sources").collect().height == 4


def test_the_sources_table_keeps_every_row_of_the_real_manifest(tmp_path: Path, data: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    manifest = read_manifest(data / "manifest" / "signverse_2m_metadata_ori.csv")
    assert write_sources(lake, manifest) == 39_197
    lake.refresh()
    assert lake.table("sources").collect()["video_id"].to_list() == sorted(manifest.entries)
    assert write_sources(lake, manifest) == 0


def test_ids_that_someone_chose_are_told_in_one_line_and_shown_in_their_letters(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("video_id,sign_language\nGröße,ase\nsigne №2,ase\na\u200bb,ase\n", encoding="utf-8")
    manifest = read_manifest(path)
    (line,) = manifest.about_not_youtube()
    assert "none of the 2 ids can be YouTube's, as for files of your own: Größe, signe №2" in line
    assert [video_id for video_id, _ in manifest.refused] == ["a\\u200bb"]
    path.write_text("video_id,sign_language\nGröße,ase\nabcdefghijk,ase\n", encoding="utf-8")
    assert read_manifest(path).about_not_youtube() == [
        f"{path} line 2: Größe cannot be an id of YouTube's: characters that YouTube's ids do not have"
    ]


def test_a_video_of_several_rows_is_named_once_where_its_language_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("video_id,sign_language\na,de\nb,de\na,de\n")
    assert any(line.endswith("Taken as und: a, b") for line in read_manifest(path).remarks)
