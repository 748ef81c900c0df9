"""Keypoints as numpy arrays and as rows, both ways."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signverse.lake.model.schema import KEYPOINTS
from signverse.lake.model.skeleton import BODY, FACE, LEFT_HAND, NECK, PARTS, RIGHT_HAND
from signverse.lake.storage.keypoints import confidence, from_table, list_columns, snap, to_table


def rows(points: np.ndarray, **options) -> pa.Table:
    return to_table(np.arange(len(points), dtype=np.int32), np.zeros(len(points), np.int8), points, **options)


FEW = st.integers(0, 5)


@st.composite
def clouds(draw, counts=FEW):
    """Points with absent ones, unknown scores and parts never present, at random."""
    count = draw(counts)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = random.uniform((-300, -300, 0), (4000, 2200, 1.2), (count, 128, 3)).astype(np.float32)
    points[random.random((count, 128)) < draw(st.sampled_from([0, 0.2, 1]))] = (np.nan, np.nan, 0)
    points[random.random((count, 128)) < draw(st.sampled_from([0, 0.2, 1])), 2] = np.nan
    for part in draw(st.lists(st.sampled_from(PARTS), max_size=3)):
        never = random.random(count) < 0.6
        points[never, part.slice] = np.nan
    return points


@settings(max_examples=60, deadline=None)
@given(clouds())
def test_points_on_the_grid_come_back_as_they_were(points):
    grid = snap(points)
    np.testing.assert_array_equal(from_table(rows(points)), grid)
    np.testing.assert_array_equal(from_table(rows(grid)), grid)


def plainly(points: np.ndarray, visible: np.ndarray | None, exact: bool) -> pa.Table:
    """What `to_table` is to make, element by element."""
    with np.errstate(all="ignore"):
        points = points if exact else snap(points)
        points = np.where(np.isinf(points), np.float32(np.nan), points)
        means = {part: confidence(points, part) for part in PARTS}
    made = []
    for i, joints in enumerate(points):
        row = {"frame": i, "person": 0, "body_visible": None if visible is None else visible[i].tolist()}
        for part in PARTS:
            of_part = joints[part.slice].tolist()
            placed = [(x, y) if x == x and y == y else (None, None) for x, y, _ in of_part]
            scores = [score if score == score else None for _, _, score in of_part]
            never = all(x is None for x, _ in placed) and all(score is None for score in scores)
            row[part.xy] = None if never else [number for place in placed for number in place]
            row[part.score] = None if never else scores
            mean = float(means[part][i])
            unknown = not np.isfinite(mean) or (part is BODY and visible is not None)
            row[part.confidence] = None if unknown else mean
        made.append(row)
    return pa.Table.from_pylist(made, pa.schema([f for f in KEYPOINTS.file_schema if not f.name.endswith("_id")]))


@settings(max_examples=40, deadline=None)
@given(
    clouds(st.sampled_from([0, 1, 2, 3, 5, 7, 9, 255, 256, 257])),
    st.booleans(),
    st.booleans(),
    st.sampled_from([[], [np.inf], [-np.inf, 3e38], [2e36, -4e37, 1e-45]]),
    st.sampled_from(["as it is", "every other", "transposed", "float64"]),
)
def test_a_table_holds_what_is_made_element_by_element(points, exact, with_visibility, strange, memory):
    """Whatever the points are, how many, and however they lie in memory: two blocks of rows and their edges, too."""
    random = np.random.default_rng(len(points))
    for number in strange:
        points[random.random(points.shape) < 0.003] = number
    visible = random.random((len(points), 18)) < 0.5 if with_visibility else None
    given_as = {
        "as it is": points,
        "every other": np.repeat(points, 2, axis=0)[::2],
        "transposed": np.ascontiguousarray(points.T).T,
        "float64": points.astype(np.float64),
    }[memory]
    with np.errstate(all="ignore"):
        table = rows(given_as, body_visible=visible, exact=exact)
    table.validate(full=True)
    assert table.equals(plainly(points, visible, exact))


@settings(max_examples=60, deadline=None)
@given(clouds())
def test_exact_points_come_back_bit_for_bit(points):
    np.testing.assert_array_equal(from_table(rows(points, exact=True)), points)


@settings(max_examples=30, deadline=None)
@given(clouds(), st.integers(0, 5), st.integers(0, 5))
def test_a_slice_or_chunks_of_a_table_read_like_the_whole(points, start, length):
    table = rows(points)
    np.testing.assert_array_equal(from_table(table.slice(start, length)), snap(points)[start : start + length])
    chunked = pa.concat_tables([table.slice(start), table.slice(0, start)])
    np.testing.assert_array_equal(from_table(chunked), np.concatenate([snap(points)[start:], snap(points)[:start]]))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        (1, 128, 3),
        elements=st.sampled_from([0.0, 1.5, -3.0, np.nan, np.inf, -np.inf, 3e38, -3e38]).map(float),
        fill=st.nothing(),
    ),
    st.booleans(),
)
def test_nothing_but_finite_numbers_and_nulls_is_stored(points, exact):
    with np.errstate(all="ignore"):
        table = rows(points, exact=exact)
    for part in PARTS:
        for column in (part.xy, part.score):
            assert pc.all(pc.is_finite(table[column].combine_chunks().flatten()), min_count=0).as_py()
        assert pc.all(pc.is_finite(table[part.confidence]), min_count=0).as_py()


def test_the_grid_is_an_eighth_of_a_pixel_and_a_256th_of_a_score():
    snapped = snap(np.array([100.06, 99.95, 0.501], np.float32))
    assert snapped.tolist() == [100.0, 100.0, 128 / 256]
    assert snap(np.array([0.0625 + 0.01, 7.9, 1.13], np.float32)).tolist() == [0.125, 7.875, 289 / 256]


def test_nulls_stand_where_the_design_says():
    points = np.full((1, 128, 3), 0.5, np.float32)
    points[0, 0] = (np.nan, np.nan, 0)  # absent
    points[0, 2] = (8, np.nan, 0.5)  # half a point is no point
    points[0, 3, 2] = np.nan  # unknown score
    points[0, RIGHT_HAND.slice] = np.nan  # never present
    row = rows(points).to_pylist()[0]
    assert row["body_xy"][:8] == [None, None, 0.5, 0.5, None, None, 0.5, 0.5]
    assert row["body_score"][:4] == [0.0, 0.5, 0.5, None]
    assert row["body_confidence"] is None
    assert row["right_hand_xy"] is row["right_hand_score"] is row["right_hand_confidence"] is None
    assert row["left_hand_xy"] == [0.5] * 42
    assert row["body_visible"] is None


def test_a_hand_that_is_absent_in_a_frame_is_not_a_hand_never_present():
    points = np.full((1, 128, 3), np.nan, np.float32)
    points[..., 2] = 0
    row = rows(points).to_pylist()[0]
    assert row["left_hand_xy"] == [None] * 42
    assert row["left_hand_score"] == [0.0] * 21
    assert row["left_hand_confidence"] == 0.0


def test_confidence_leaves_the_neck_out_and_counts_absent_joints_as_zero():
    points = np.zeros((1, 128, 3), np.float32)
    points[0, BODY.slice, 2] = 0.5
    points[0, NECK, 2] = 1.0
    points[0, FACE.slice, 2][:34] = 1.0
    assert confidence(points, BODY).tolist() == [0.5]
    assert confidence(points, FACE).tolist() == [0.5]
    points[0, NECK, 2] = np.nan
    assert confidence(points, BODY).tolist() == [0.5]
    points[0, 0, 2] = np.nan
    assert np.isnan(confidence(points, BODY)).all()
    assert rows(points)["body_confidence"].to_pylist() == [None]


def test_only_the_parts_asked_for_are_filled(points):
    cloud = points(10, 1)
    table = rows(cloud).select(list_columns([LEFT_HAND]))
    read = from_table(table, [LEFT_HAND])
    np.testing.assert_array_equal(read[:, LEFT_HAND.slice], cloud[:, LEFT_HAND.slice])
    read[:, LEFT_HAND.slice] = np.nan
    assert np.isnan(read).all()


def test_visibility_is_kept_where_the_source_told_it(points):
    visible = np.random.default_rng(0).random((3, 18)) < 0.5
    assert rows(points(3, 1), body_visible=visible)["body_visible"].to_pylist() == visible.tolist()


def test_rows_have_the_columns_of_the_table_in_their_order():
    table = rows(np.zeros((2, 128, 3), np.float32))
    wanted = [field for field in KEYPOINTS.file_schema if field.name not in {"video_id", "ingest_id"}]
    assert [(field.name, field.type) for field in table.schema] == [(field.name, field.type) for field in wanted]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_x_of_joint_j_is_element_2j(part):
    points = np.zeros((1, 128, 3), np.float32)
    points[0, :, 0] = np.arange(128)
    points[0, :, 1] = np.arange(128) + 1000
    xy = rows(points)[part.xy].to_pylist()[0]
    assert xy[0::2] == [part.start + j for j in range(part.size)]
    assert xy[1::2] == [part.start + j + 1000 for j in range(part.size)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("far", [1e30, 4e37, 1e38, -3.4e38])
def test_coordinates_far_beyond_a_picture_stay_and_bring_no_warning(far: float) -> None:
    points = np.zeros((1, 128, 3), np.float32)
    points[..., 2] = 1
    points[0, 5, 0] = far
    assert snap(points)[0, 5, 0] == np.float32(far)
    table = to_table(np.zeros(1, np.int32), np.zeros(1, np.int8), points)
    assert table["body_xy"][0].as_py()[10] == float(np.float32(far))
    points[0, :, 2] = far
    to_table(np.zeros(1, np.int32), np.zeros(1, np.int8), points)
