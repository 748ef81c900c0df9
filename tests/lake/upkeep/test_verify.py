"""Whether a lake is whole, and what is named where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.schema import OUTCOMES, SEGMENTS, VIDEOS
from signverse.lake.storage import delta
from signverse.lake.upkeep.verify import verify_folder, verify_lake


@pytest.fixture
def small(tmp_path, fill, video):
    """Two small videos, one of them ingested twice."""
    folder = fill(tmp_path / "lake", video("aaa", frames=12), video("bbb", "pso", 5, people=2))
    return fill(folder, video("aaa", frames=9))


def problems(folder: Path) -> list[str]:
    return list(verify_lake(Lake.open(folder).snapshot))


def data_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts)


def test_a_whole_lake_has_no_problems(town, small, tmp_path):
    assert problems(town) == []
    assert problems(small) == []
    assert list(verify_lake(Lake.create(tmp_path / "empty").snapshot)) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_byte_anywhere_is_named(small, data):
    files = data_files(small)
    path = data.draw(st.sampled_from(files))
    held = path.read_bytes()
    position = data.draw(st.integers(0, len(held) - 1) | st.integers(max(0, len(held) - 3000), len(held) - 1))
    flipped = bytearray(held)
    flipped[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(flipped)
    try:
        said = problems(small)
        assert any(str(path) in line and "damaged" in line for line in said), (position, len(held), said)
        assert all("\n" not in line for line in said)
    finally:
        path.write_bytes(held)


@pytest.mark.parametrize("table", ["videos", "segments", "captions", "keypoints", "outcomes"])
def test_a_removed_file_is_named(small, table):
    lost = next(path for path in data_files(small) if path.relative_to(small).parts[0] == table)
    lost.unlink()
    assert f"{lost} is missing" in problems(small)


def test_every_broken_file_is_named_not_the_first_alone(small):
    files = [path for path in data_files(small) if path.relative_to(small).parts[0] in {"keypoints", "captions"}]
    for path in files:
        path.write_bytes(path.read_bytes()[:-1])
    said = "\n".join(problems(small))
    assert len(files) > 3
    assert all(str(path) in said for path in files)


def test_a_cut_file_or_an_empty_one_is_named(small):
    for path, size in zip(data_files(small), (0, 4, 100), strict=False):
        path.write_bytes(path.read_bytes()[:size])
        assert any(str(path) in line for line in problems(small))


def test_a_file_whose_name_promises_nothing_is_read_page_by_page(tmp_path, fill, video):
    folder = fill(tmp_path / "lake")
    plain = folder / "outcomes" / "part-plain.parquet"
    rows = pa.table({field.name: pa.nulls(9, field.type) for field in OUTCOMES.schema})
    rows = rows.set_column(0, "video_id", pa.array(["a" * 50] * 9))
    pq.write_table(
        rows, plain, write_page_checksum=True, use_dictionary=False, compression="none", write_statistics=False
    )
    delta.commit(folder / "outcomes", OUTCOMES, [delta.DataFile(plain.name, None, 9, "a", "a")])
    assert problems(folder) == []
    held = bytearray(plain.read_bytes())
    held[held.index(b"a" * 50) + 20] ^= 1
    plain.write_bytes(held)
    assert any("part-plain.parquet is damaged" in line for line in problems(folder))


def test_a_lost_table_is_said(small):
    shutil.rmtree(small / "captions")
    assert any("captions" in line for line in verify_folder(small))


@pytest.mark.parametrize(
    ("start", "end"),
    [(-1, 3), (5, 5), (6, 2), (0, 10), (100, 120)],
    ids=["before", "empty", "reversed", "past", "outside"],
)
def test_a_segment_outside_its_video_is_named(tmp_path, fill, video, start, end):
    made = video("aaa", frames=9)
    made.segments[1].update(start_frame=start, end_frame=end)
    said = problems(fill(tmp_path / "lake", made))
    assert len(said) == 1
    assert "outside" in said[0]
    assert "aaa-00001" in said[0]


def test_segment_ids_that_repeat_are_named(tmp_path, fill, video):
    made = video("aaa", frames=9)
    made.segments[1]["segment_id"] = made.segments[0]["segment_id"]
    assert any("not unique" in line and "aaa-00000" in line for line in problems(fill(tmp_path / "lake", made)))


def test_a_video_without_a_segment_is_named(tmp_path, fill, video):
    made = video("aaa", frames=9)
    made.segments.clear()
    assert any("no segment" in line and "aaa" in line for line in problems(fill(tmp_path / "lake", made)))


def test_keypoints_past_the_end_of_their_video_are_named(tmp_path, fill, video):
    said = problems(fill(tmp_path / "lake", video("aaa", frames=9, video={"num_frames": 8}, texts=())))
    assert any("'aaa' has keypoints past its 8 frames" in line for line in said)


def test_a_placement_at_another_video_is_named(small):
    opened = Lake.open(small)
    row = opened.video("aaa")
    other = opened.video("bbb")["keypoints_file"]
    delta.append(small / "videos", VIDEOS, [{**row, "ingest_id": row["ingest_id"] + "x", "keypoints_file": other}])
    assert any("does not hold 'aaa'" in line and other in line for line in problems(small))


@pytest.mark.parametrize(("score", "wrong"), [(1.13, False), (2.0, False), (2.5, True), (-0.5, True)])
def test_a_score_out_of_range_is_named(tmp_path, fill, video, score, wrong):
    from signverse.lake.storage.keypoints import to_table

    made = video("aaa", frames=2)
    points = np.full((2, 128, 3), 0.5, np.float32)
    points[1, 100, 2] = score
    made.keypoints = to_table(np.arange(2, dtype=np.int32), np.zeros(2, np.int8), points)
    said = problems(fill(tmp_path / "lake", made))
    assert said == [] if not wrong else "left_hand_score runs from" in said[0]


def test_a_stored_nan_is_named(tmp_path, fill, video):
    made = video("aaa", frames=2)
    spoilt = pa.array([[float("nan")] * 36] * 2, pa.list_(pa.float32()))
    made.keypoints = made.keypoints.set_column(made.keypoints.column_names.index("body_xy"), "body_xy", spoilt)
    said = problems(fill(tmp_path / "lake", made))
    assert len(said) == 1
    assert "body_xy holds values that are not numbers" in said[0]


def test_rows_of_dead_ingestions_do_no_harm(small, video):
    # Segments that no visible video owns are not looked at.
    dead = {**video("zzz").segments[0], "video_id": "zzz", "ingest_id": "dead", "sign_language": "ase", "end_frame": -5}
    delta.append(small / "segments", SEGMENTS, [dead])
    assert problems(small) == []
