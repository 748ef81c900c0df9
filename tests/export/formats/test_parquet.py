"""Clips as Parquet: every engine reads from them what the lake holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from signverse.export.formats import parquet as parquet_module
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS


@pytest.fixture
def out(crowd: Lake, tmp_path: Path, signverse) -> Path:
    out = tmp_path / "out"
    code, _, told = signverse("export", "parquet", "--lake", crowd.folder, "--out", out, "--clips-per-shard", 3)
    assert (code, told) == (0, f"8 clips, 47 frames in 3 files -> {out}\n")
    return out


def expected(lake: Lake, clip: dict, person: int = 0) -> np.ndarray:
    return lake.keypoints(clip["video_id"], start_frame=clip["start_frame"], end_frame=clip["end_frame"], person=person)


def test_polars_makes_an_array_of_a_clip_in_one_line(crowd: Lake, out: Path) -> None:
    clips = pl.read_parquet(out / "data")
    assert clips["segment_id"].to_list() == crowd.clips().collect()["segment_id"].to_list()
    for i, clip in enumerate(clips.iter_rows(named=True)):
        points = expected(crowd, clip)
        for part in PARTS:
            xy = clips[part.xy][i].to_numpy().reshape(-1, clips["num_people"][i], part.size, 2)
            np.testing.assert_array_equal(xy[:, 0], points[:, part.slice, :2])
            score = clips[part.score][i].to_numpy().reshape(-1, clips["num_people"][i], part.size)
            np.testing.assert_array_equal(score[:, 0], points[:, part.slice, 2])


def test_arrow_and_numpy_alone_make_the_same_array(crowd: Lake, out: Path) -> None:
    table = pq.read_table(out / "data")
    for row in table.to_pylist():
        xy = np.array(row["body_xy"], np.float32).reshape(-1, 18, 2)
        np.testing.assert_array_equal(xy, expected(crowd, row)[:, :18, :2])


def test_duckdb_reads_texts_and_averages_and_meets_no_nan(crowd: Lake, out: Path) -> None:
    texts = duckdb.sql(
        f"select text from '{out}/data/*.parquet' where video_id = 'a.b.npy' order by start_s"
    ).fetchall()
    assert [text for (text,) in texts] == ["one", "two, with \u624b\u8a9e", "three", "four"]
    lists = [name for part in PARTS for name in (part.xy, part.score)]
    nan = " + ".join(f"len(list_filter({name}, lambda x: isnan(x)))" for name in lists)
    assert duckdb.sql(f"select sum({nan}) from '{out}/data/*.parquet'").fetchall() == [(0,)]
    query = f"select list_avg(face_xy) from '{out}/data/*.parquet' where segment_id = 'a.b.npy-00000'"
    ((mean,),) = duckdb.sql(query).fetchall()
    assert mean == pytest.approx(np.nanmean(crowd.keypoints("a.b.npy", end_frame=6)[:, 18:86, :2]), rel=1e-6)


def test_everybody_goes_out_where_it_is_asked_for(crowd: Lake, tmp_path: Path, signverse) -> None:
    signverse("export", "parquet", "--lake", crowd.folder, "--out", tmp_path / "all", "--all-people")
    clips = pl.read_parquet(tmp_path / "all" / "data" / "part-00000.parquet")
    row = clips.filter(pl.col("segment_id") == "a.b.npy-00003").row(0, named=True)
    assert row["num_people"] == 2
    xy = np.array(row["left_hand_xy"], np.float32).reshape(-1, 2, 21, 2)
    for person in range(2):
        np.testing.assert_array_equal(xy[:, person], expected(crowd, row, person)[:, 86:107, :2])


def test_visibility_stands_in_where_body_scores_are_unknown(crowd: Lake, out: Path) -> None:
    clips = pl.read_parquet(out / "data", columns=["video_id", "body_visible", "body_score"])
    told = clips.filter(pl.col("video_id") == "codes")
    together = np.concatenate([np.array(row).reshape(-1, 18) for row in told["body_visible"].to_list()])
    np.testing.assert_array_equal(together, np.arange(12 * 18).reshape(12, 18) % 3 > 0)
    assert told["body_score"].list.drop_nulls().list.len().to_list() == [0, 0]
    assert clips.filter(pl.col("video_id") != "codes")["body_visible"].null_count() == 6


def test_floats_are_split_into_byte_streams_and_row_groups_stay_small(
    crowd: Lake, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_module, "_FRAMES_PER_GROUP", 10)
    signverse("export", "parquet", "--lake", crowd.folder, "--out", tmp_path / "small")
    metadata = pq.read_metadata(tmp_path / "small" / "data" / "part-00000.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [3, 2, 2, 1]
    columns = {metadata.row_group(0).column(i).path_in_schema: metadata.row_group(0).column(i) for i in range(metadata.num_columns)}  # fmt: skip # noqa: E501
    assert "BYTE_STREAM_SPLIT" in columns["face_xy.list.element"].encodings
    assert columns["face_xy.list.element"].compression == "ZSTD"
    assert signverse("verify", tmp_path / "small")[0] == 0


def test_the_folder_of_the_files_holds_nothing_else(out: Path) -> None:
    """Readers that take a folder take all of it: Polars, pandas, Spark, `datasets`."""
    assert sorted(path.name for path in (out / "data").iterdir()) == [f"part-0000{i}.parquet" for i in range(3)]
    assert sorted(path.name for path in out.iterdir()) == ["SHA256SUMS", "data", "index.csv"]


def test_an_export_that_has_its_files_beside_the_index_still_verifies(out: Path, signverse) -> None:
    for path in sorted((out / "data").iterdir()):
        path.rename(out / path.name)
    (out / "data").rmdir()
    index = (out / "index.csv").read_bytes().replace(b"data/", b"")
    (out / "index.csv").write_bytes(index)
    sums = (out / "SHA256SUMS").read_text().replace("data/", "").splitlines()
    sums = [line for line in sums if not line.endswith("index.csv")]
    sums.append(f"{hashlib.sha256(index).hexdigest()}  index.csv")
    (out / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sums))
    assert signverse("verify", out) == (0, "", f"no problems found in the export {out}\n")


def test_a_link_in_place_of_the_folder_is_not_followed(crowd: Lake, tmp_path: Path, signverse) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "data").symlink_to(elsewhere)
    code, _, told = signverse("export", "parquet", "--lake", crowd.folder, "--out", out)
    assert (code, told.count("\n"), list(elsewhere.iterdir())) == (1, 1, [])
    assert "is a symbolic link" in told
