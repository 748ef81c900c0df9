"""The view joints and the macros over keypoints: right numbers, and nothing read that was not asked for."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.frame_ranges import seconds_to_frames
from signverse.lake.model.skeleton import JOINTS, PARTS
from signverse.lake.model.thresholds import SEEN

LISTS = [column for part in PARTS for column in (part.xy, part.score)]


@pytest.fixture(scope="module")
def con(town):
    opened = Lake.open(town)
    with opened.duckdb() as con:
        yield con
    opened.close()


def scans(con, query):
    """The keypoint scans of a query's plan: what each reads and filters, as text."""
    nodes, found = json.loads(con.execute(f"explain (format json) {query}").fetchall()[-1][-1]), []
    while nodes:
        node = nodes.pop()
        nodes += node["children"]
        if "PARQUET" in node["name"]:
            found.append(json.dumps(node["extra_info"]))
    # The other scan of files, if any, is that of `videos`.
    return [scan for scan in found if "visible" not in scan]


def test_every_joint_of_the_long_form_is_what_python_reads(con, open_town):
    for person in (0, 1):
        points = open_town.keypoints("two-people0", person=person)
        rows = con.execute(
            "select joint, frame, x, y, score from joints where video_id = 'two-people0' and person = ? order by all",
            [person],
        ).fetchnumpy()
        for name in JOINTS:
            at = rows["joint"] == name
            found = np.stack(
                [np.ma.filled(rows[column][at].astype(np.float32), np.nan) for column in ("x", "y", "score")], 1
            )
            np.testing.assert_array_equal(
                found, points[rows["frame"][at].astype(int), JOINTS.index(name)], err_msg=name
            )


def test_each_person_in_each_frame_has_128_joints_each_in_its_part(con):
    people = con.execute("select count(*) from keypoints").fetchall()[0][0]
    rows = con.execute("select part, count(distinct joint), count(*) from joints group by part").fetchall()
    assert sorted(rows) == sorted((part.name, part.size, part.size * people) for part in PARTS)


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("joint = 'right_wrist'", {"body_xy"}),
        ("joint = 'face_3'", {"face_xy"}),
        ("joint in ('left_index_4', 'right_index_4')", {"left_hand_xy", "right_hand_xy"}),
        ("joint like 'left_pinky%'", {"left_hand_xy"}),
        ("part = 'right_hand'", {"right_hand_xy"}),
        ("joint = 'no_such_joint'", set()),
    ],
)
def test_a_joint_that_is_asked_for_keeps_the_other_parts_unread(con, condition, read):
    found = scans(con, f"select avg(y) from joints where {condition} and video_id = 'two-people0'")
    assert {column for scan in found for column in LISTS if f'"{column}"' in scan or f" {column}" in scan} == read
    assert sum("keypoints" in scan or "_xy" in scan for scan in found) == len(read)


def test_filters_on_video_frame_and_person_reach_the_files(con):
    query = "select x from joints where joint = 'nose' and video_id = 'two-people0' and frame < 10 and person = 0"
    (scan,) = (scan for scan in scans(con, query) if "body_xy" in scan)
    for condition in ("video_id = 'two-people0'", "frame < 10", "person = 0"):
        assert condition.replace(" ", "") in scan.replace("\\", "").replace('"', "").replace(" ", ""), condition


def test_a_language_keeps_the_files_of_the_others_closed(con):
    query = "select x from joints where joint = 'nose' and sign_language = 'pso'"
    (scan,) = (scan for scan in scans(con, query) if "body_xy" in scan)
    assert "sign_language=ase" not in scan
    assert con.sql(f"select count(*) from ({query})").fetchall() == [(1024,)]


def test_a_joint_as_one_value_reads_only_what_is_used_of_it(con):
    x, y, score = con.execute(
        "select joint('nose').x = joint_x('nose'), joint('nose').y = joint_y('nose'), "
        "joint('nose').score = joint_score('nose') from keypoints where video_id = 'exactly1024' and frame = 3"
    ).fetchall()[0]
    assert x is not False and y is not False and score
    (scan,) = (scan for scan in scans(con, "select avg(joint('nose').y) from keypoints") if "body_xy" in scan)
    assert "body_score" not in scan


def test_a_joint_moves_by_pixels_a_second_from_the_frame_before(con, open_town):
    wrist = open_town.keypoints("two-people0")[:, JOINTS.index("right_wrist"), :2].astype(float)
    moved = np.hypot(*(wrist[1:] - wrist[:-1]).T) * 24
    rows = con.execute("select frame, right_pixels from wrist_speed('two-people0') where person = 0").fetchall()
    expected = dict(enumerate([math.nan, *moved]))
    for frame, speed in rows:
        # Frame 5 follows on a gap, and so does 1.
        if math.isnan(expected[frame]):
            assert speed is None
        else:
            assert speed == pytest.approx(expected[frame], rel=1e-5)
    assert {1, 5} <= {frame for frame, speed in rows if speed is None}


def test_speed_in_shoulder_widths_is_by_the_persons_median(con, open_town):
    points = open_town.keypoints("two-people0", person=1).astype(float)
    left, right = (points[:, JOINTS.index(f"{side}_shoulder"), :2] for side in ("left", "right"))
    width = np.nanmedian(np.hypot(*(left - right).T))
    rows = con.execute("select right_pixels, right_widths from wrist_speed('two-people0') where person = 1").fetchall()
    assert rows
    for pixels, widths in rows:
        assert (pixels is None) == (widths is None)
        assert widths is None or widths == pytest.approx(pixels / width, rel=1e-5)


def test_a_video_that_is_not_there_has_no_speed(con):
    assert con.execute("from wrist_speed('nobody')").fetchall() == []


def test_hands_are_in_view_where_both_are_confident(con):
    for bound in (SEEN, 0.5):
        call = "hands_in_view()" if bound == SEEN else f"hands_in_view({bound})"
        for seen, left, right in con.execute(
            f"select {call}, left_hand_confidence, right_hand_confidence from keypoints"
        ).fetchall():
            assert seen is (left is not None and right is not None and left > bound and right > bound)


def test_a_length_in_shoulder_widths_has_no_division_by_nothing(con):
    query = "select shoulder_widths(100) from (select [5.0, 5.0] || repeat([1.0], 34) as body_xy, null as face_xy, "
    query += "null as left_hand_xy, null as right_hand_xy)"
    assert con.execute(query).fetchall() == [(None,)]


@given(*[st.integers(-50, 50)] * 4)
def test_ranges_overlap_by_the_frames_that_both_have(con, a, b, c, d):
    both = len(set(range(a, b)) & set(range(c, d)))
    assert con.execute("select frames_overlap(?, ?, ?, ?)", [a, b, c, d]).fetchall() == [(both,)]


@given(st.floats(0, 1000), st.floats(0.05, 100))
def test_seconds_become_the_frames_that_options_make_of_them(con, start, length):
    row = con.execute("select seconds_to_frame(?), seconds_to_end_frame(?)", [start, start + length]).fetchall()[0]
    assert row == seconds_to_frames(start, start + length, 10**9)


@pytest.mark.parametrize(
    ("text", "words"), [("", 0), ("  ", 0), ("one", 1), (" a  b\nc\td ", 4), (None, None), ("\u4f60\u597d", 1)]
)
def test_words_stand_between_blanks(con, text, words):
    assert con.execute("select words(?::varchar)", [text]).fetchall() == [(words,)]
