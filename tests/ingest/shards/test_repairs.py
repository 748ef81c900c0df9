"""What is wrong with the published bytes is undone exactly, and only where it is there."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.repairs import as_published, repair
from signverse.ingest.tracking.identities import assign_people
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, FACE, LEFT_HAND, NUM_JOINTS, PARTS
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.shards.defects import CODES, HEIGHT, WIDTH, coded, found_in, permuted, person, poses_of

# Body scores that are codes


@pytest.mark.parametrize("seen", [1.0, 0.6])
def test_codes_become_unknown_and_visibility_stays(seen: float) -> None:
    poses = poses_of([coded([person(100), person(400, 1)], seen, seed=f) for f in range(5)])
    told = poses.rows.all()[:, BODY.slice, 2] != -1
    repair(poses)
    assert found_in(poses) == ["body_scores_unknown"]
    assert poses.body_visible is not None
    np.testing.assert_array_equal(poses.body_visible, told)
    scores, places = poses.rows.all()[:, BODY.slice, 2], poses.rows.all()[:, BODY.slice, 0]
    assert np.isnan(scores[told]).all()
    np.testing.assert_array_equal(np.isnan(places), ~told)
    assert not (scores > 0).any()


def test_a_frame_without_a_body_does_not_hide_the_codes_of_the_others() -> None:
    bare = person(100)
    bare[BODY.slice] = np.nan
    poses = poses_of([coded([person(100)]), [bare], coded([person(100)])])
    repair(poses)
    assert found_in(poses) == ["body_scores_unknown"]


@given(st.integers(0, 10**6), st.floats(0.31, 1.99))
@settings(max_examples=30, deadline=None)
def test_real_scores_below_two_stay_as_they_are(seed: int, most: float) -> None:
    points = person(100, seed)
    points[BODY.slice, 2] = np.random.default_rng(seed).uniform(0.3, most, BODY.size)
    # The neck's score is a flag, 1 by chance also its code.
    points[1, 2] = 1
    poses = poses_of([[points]])
    repair(poses)
    assert (poses.repairs, poses.body_visible) == ([], None)
    np.testing.assert_array_equal(poses.rows.all()[0], points)


def test_nobody_seen_at_all_is_no_code() -> None:
    points = person(100)
    points[BODY.slice, 2] = -1
    poses = poses_of([[points]])
    repair(poses)
    assert (poses.repairs, poses.body_visible) == ([], None)
    assert np.isnan(poses.rows.all()[0, BODY.slice, 0]).all()
    assert (poses.rows.all()[0, BODY.slice, 2] == 0).all()


@pytest.mark.parametrize("wrong", ["another's codes", "real scores"])
def test_where_one_persons_codes_are_right_and_anothers_are_not_no_code_becomes_a_confidence(wrong: str) -> None:
    one, other = coded([person(100), person(400, 1)])
    other[BODY.slice, 2] = CODES if wrong == "another's codes" else 0.5
    poses = poses_of([[one, other]])
    repair(poses)
    assert "body_scores_unknown" not in found_in(poses)
    assert "impossible_scores" in found_in(poses)
    assert poses.body_visible is None
    scores = poses.rows.all()[:, BODY.slice, 2]
    at_one = poses.rows.all()[:, BODY.slice, 0][:, 5] < 250
    # 0 is that of an absent point, all others were codes.
    assert not (scores[at_one] > 0).any()
    assert (scores[~at_one] == 0.5).all() if wrong == "real scores" else not (scores > 0).any()


def test_a_card_has_no_codes_and_nothing_of_it_is_touched() -> None:
    points = person(100)
    points[5] = 0
    points[6, :2] = -WIDTH, 3 * HEIGHT
    poses = poses_of([[points]], "card")
    repair(poses)
    assert poses.repairs == []
    wanted = points.copy()
    wanted[5, :2] = np.nan
    np.testing.assert_array_equal(poses.rows.all()[0], wanted)


# Absent points


def test_places_beyond_all_reason_are_absent_and_those_just_outside_are_not() -> None:
    points = person(300)
    face = FACE.start
    near = [(-0.25, 0.5), (1.25, 0.5), (0.5, -0.25), (0.5, 1.25)]
    far = [(-0.26, 0.5), (1.26, 0.5), (0.5, -0.26), (0.5, 1.26), (np.inf, 0.5), (50.0, 50.0)]
    for i, (x, y) in enumerate(near + far):
        points[face + i] = x * WIDTH, y * HEIGHT, 0.8
    points[face + 10, 2], points[face + 11, 2] = 0.0, -1.0
    poses = poses_of([[points]])
    repair(poses)
    assert poses.repairs == ["sentinels:6"]
    gone = poses.rows.all()[0, face + 4 : face + 12]
    assert np.isnan(gone[:, :2]).all()
    assert (gone[:, 2] == 0).all()
    kept = np.r_[0 : face + 4, face + 12 : NUM_JOINTS]
    np.testing.assert_array_equal(poses.rows.all()[0, kept], points[kept])


def test_somebody_without_a_single_point_is_not_there() -> None:
    nobody = person(100)
    nobody[:, 2] = 0
    poses = poses_of([[nobody, person(400)], [nobody]])
    repair(poses)
    assert (poses.frames.tolist(), poses.slots.tolist()) == ([0], [0])
    assert poses.num_frames == 2


# Who is who


@given(st.integers(4, 40), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_people_keep_the_numbers_that_extraction_would_give_them(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    frames = []
    for f in range(count):
        # Two people, in the detector's order: whoever it is surer of, frame by frame. They walk past each other.
        both = [person(150 + 4 * f, 1), person(450 - 4 * f, 2)]
        if random.uniform() < 0.1:
            both.pop()
        frames.append(both[:: random.choice([-1, 1])])
    poses = poses_of(frames)
    repair(poses)
    boxes = [np.array([[*p[:, :2].min(0), *p[:, :2].max(0)] for p in f], np.float32).reshape(-1, 4) for f in frames]
    wanted = assign_people(boxes, [np.array(f, np.float32).reshape(-1, NUM_JOINTS, 3) for f in frames])
    expected = {
        (f, int(number)): points
        for f, (people, numbers) in enumerate(zip(frames, wanted, strict=True))
        for points, number in zip(people, numbers, strict=True)
    }
    ours = {(int(f), int(s)): p for f, s, p in zip(poses.frames, poses.slots, poses.rows.all(), strict=True)}
    assert ours.keys() == expected.keys()
    for key, points in expected.items():
        np.testing.assert_array_equal(ours[key], points)
    changed = any(numbers.tolist() != list(range(len(numbers))) for numbers in wanted)
    assert ("people_renumbered" in poses.repairs) == changed
    assert list(zip(poses.frames, poses.slots, strict=True)) == sorted(expected)


def test_visibility_follows_its_person_through_the_renumbering() -> None:
    frames = []
    for f in range(30):
        left, right = person(120, 1), person(480, 2, size=100)
        order = [left, right] if f % 2 else [right, left]
        both = coded(order)
        # Only the right one's nose is hidden.
        both[f % 2][0] = (-WIDTH, -HEIGHT, -1)
        frames.append(both)
    poses = poses_of(frames)
    repair(poses)
    assert poses.body_visible is not None
    at_left = np.nanmean(poses.rows.all()[..., 0], axis=1) < 300
    np.testing.assert_array_equal(poses.body_visible[:, 0], at_left)
    assert len(set(poses.slots[at_left].tolist())) == len(set(poses.slots[~at_left].tolist())) == 1


# What the files claim


def tar_of(path: Path, frames: list[list[np.ndarray]]) -> Path:
    payloads = np.empty(len(frames), object)
    for f, people in enumerate(frames):
        payloads[f] = {
            "num_persons": np.array(len(people), np.int32),
            "frame_width": np.array(WIDTH, np.int32),
            "frame_height": np.array(HEIGHT, np.int32),
        }
        for i, points in enumerate(people):
            for part in PARTS:
                share = points[part.slice, :2] / np.float32([WIDTH, HEIGHT])
                payloads[f][f"person_{i:03d}_{part.name}_keypoints"] = share
                payloads[f][f"person_{i:03d}_{part.name}_scores"] = points[part.slice, 2].copy()
    buffer = io.BytesIO()
    np.savez(buffer, fps=np.int32(24), frame_indices=np.arange(1, len(frames) + 1), frame_payloads=payloads)
    with tarfile.open(path, "w") as tar:
        for name, content in (("x/npz/poses.npz", buffer.getvalue()), ("x/npz/.complete", b"{}")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_a_tar_of_two_people_with_every_defect_comes_out_right(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    straight = [[person(100, 1), person(400, 2)] for _ in range(30)]
    path = tar_of(tmp_path / "a.tar", [coded(permuted(f)) for f in straight])
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 0
    assert "repaired: hands_unpermuted in 1 video" in err
    assert "repaired: body_scores_unknown in 1 video" in err
    lake = Lake.open(tmp_path / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    assert {"hands_unpermuted:30", "body_scores_unknown"} <= set(lake.video("x")["repairs"])
    rows = lake.table("keypoints").collect()
    assert rows["body_confidence"].null_count() == len(rows) == 60
    assert rows["body_visible"].explode().all()
    for number in (0, 1):
        ours = lake.keypoints("x", person=number)
        theirs = person(100, 1) if ours[0, 0, 0] < 250 else person(400, 2)
        np.testing.assert_allclose(ours[:, :, :2], np.stack([theirs[:, :2]] * 30), atol=1 / 16 + 1e-3)


def test_without_repair_the_claims_stay_and_verify_says_that_they_are_no_scores(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    mixed = coded(permuted([person(100, 1), person(400, 2)]), 0.8)
    path = tar_of(tmp_path / "a.tar", [mixed] * 5)
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake", "--no-repair")
    assert code == 0
    assert "repaired" not in err
    lake = Lake.open(tmp_path / "lake")
    assert lake.video("x")["repairs"] == []
    for number, claim in enumerate(mixed):
        ours = lake.keypoints("x", person=number)
        seen = claim[:, 2] > 0
        np.testing.assert_allclose(ours[:, seen], np.stack([claim[seen]] * 5), atol=1 / 16 + 1e-3)
    code, out, err = signverse("verify", tmp_path / "lake")
    assert code == 1
    assert "body_score runs from 0 to 35" in out + err
    # It goes out again all the same.
    assert signverse("export", "shards", "--lake", tmp_path / "lake", "--out", tmp_path / "out")[0] == 0


def test_claims_are_ordered_and_nothing_else() -> None:
    mixed = coded(permuted([person(400, 1), person(100, 2)]))
    poses = poses_of([mixed, mixed])
    poses.numbers = poses.numbers[::-1].copy()
    poses.frames = 1 - poses.frames
    as_published(poses)
    assert (poses.repairs, poses.body_visible) == ([], None)
    assert poses.frames.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(poses.rows.all()[0, LEFT_HAND.slice], mixed[0][LEFT_HAND.slice])


def test_a_body_of_codes_has_no_confidence_even_where_only_absent_joints_are_left(tmp_path: Path) -> None:
    from signverse.ingest.manifest import Entry
    from signverse.ingest.videos.rows import build_rows

    points = np.full((2, 128, 3), 50, np.float32)
    points[:, :18] = (np.nan, np.nan, 0)
    points[..., 18:, 2] = 0.5
    rows = build_rows(
        Entry("x"),
        stage="import",
        width=100,
        height=100,
        num_frames=2,
        frames=np.arange(2, dtype=np.int32),
        persons=np.zeros(2, np.int8),
        points=points,
        body_visible=np.zeros((2, 18), bool),
        tracks=[],
        about={},
    )
    assert rows.keypoints.column("body_confidence").null_count == 2
    assert rows.segments[0]["body_confidence"] is None
    assert rows.segments[0]["right_hand_confidence"] == 0.5
