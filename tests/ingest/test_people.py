"""People keep their numbers, and person 0 is the one who signs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.people import assign_people, iou
from lake.skeleton import LEFT_HAND, RIGHT_HAND, joint_index

WRISTS = [joint_index("right_wrist"), joint_index("left_wrist")]


class Scene:
    """A video drawn by hand: who is where in which frame, and the number each gets."""

    def __init__(self, count: int) -> None:
        self.frames: list[list[tuple[str, list[float], np.ndarray]]] = [[] for _ in range(count)]

    def add(
        self,
        who: str,
        frames: range,
        *,
        x: float = 100,
        moves: float = 0,
        height: float = 400,
        hands: float = 0.8,
        wave: float = 0,
        first: bool = False,
    ) -> Scene:
        for frame in frames:
            left = x + moves * (frame - frames.start)
            points = np.zeros((128, 3), np.float32)
            points[:, :2] = (left + height / 4, 300)
            points[:, 2] = 0.7
            points[LEFT_HAND.slice, 2] = points[RIGHT_HAND.slice, 2] = hands
            points[WRISTS, 1] += wave * height * (frame % 2)
            entry = (who, [left, 100, left + height / 2, 100 + height], points)
            self.frames[frame].insert(0 if first else len(self.frames[frame]), entry)
        return self

    def numbers(self) -> dict[str, list[int | None]]:
        boxes = [np.array([box for _, box, _ in f], np.float32).reshape(-1, 4) for f in self.frames]
        points = [np.array([p for _, _, p in f], np.float32).reshape(-1, 128, 3) for f in self.frames]
        people = assign_people(boxes, points)
        assert [len(numbers) for numbers in people] == [len(f) for f in self.frames]
        assert all(numbers.dtype == np.int8 for numbers in people)
        out: dict[str, list[int | None]] = {who: [None] * len(people) for f in self.frames for who, _, _ in f}
        for n, (f, numbers) in enumerate(zip(self.frames, people, strict=True)):
            for (who, _, _), number in zip(f, numbers.tolist(), strict=True):
                out[who][n] = number
        return out


def test_a_signer_alone_is_person_0_throughout() -> None:
    assert Scene(50).add("signer", range(50), moves=3).numbers() == {"signer": [0] * 50}


def test_a_video_without_people_has_no_numbers() -> None:
    assert Scene(3).numbers() == {}
    assert assign_people([], []) == []


def test_the_order_of_the_boxes_in_a_frame_does_not_matter() -> None:
    scene = Scene(40).add("signer", range(40), wave=0.05)
    scene.add("guest", range(0, 40, 2), x=700, hands=0.4, first=True).add("guest", range(1, 40, 2), x=700, hands=0.4)
    found = scene.numbers()
    assert found["signer"] == [0] * 40
    assert found["guest"] == [1] * 40


def test_the_one_who_signs_outweighs_the_one_who_stands_by() -> None:
    found = Scene(60).add("listener", range(60)).add("signer", range(60), x=700, wave=0.05).numbers()
    assert (set(found["signer"]), set(found["listener"])) == ({0}, {1})


def test_hands_that_are_seen_outweigh_hands_that_are_not() -> None:
    found = Scene(60).add("hidden", range(60), hands=0.2).add("signer", range(60), x=700, hands=0.9).numbers()
    assert (set(found["signer"]), set(found["hidden"])) == ({0}, {1})


def test_the_near_person_outweighs_the_small_one_far_away() -> None:
    found = Scene(60).add("far", range(60), height=80).add("near", range(60), x=700, height=500).numbers()
    assert (set(found["near"]), set(found["far"])) == ({0}, {1})


def test_the_whole_video_decides_and_not_its_first_frame() -> None:
    found = Scene(200).add("host", range(60), wave=0.05).add("signer", range(20, 200), x=700, wave=0.05).numbers()
    assert set(found["signer"]) == {None, 0}
    assert set(found["host"]) == {None, 1}


@pytest.mark.parametrize("lost", [1, 5, 23])
def test_a_person_lost_for_less_than_a_second_goes_on_as_the_same(lost: int) -> None:
    scene = Scene(100).add("signer", range(40)).add("signer", range(40 + lost, 100))
    # Somebody in the same place for the gap would be taken for the signer: this one is elsewhere.
    scene.add("guest", range(100), x=700, hands=0.3)
    found = scene.numbers()
    assert set(found["signer"]) == {None, 0}
    assert set(found["guest"]) == {1}


def test_after_a_cut_the_signer_is_still_person_0() -> None:
    found = Scene(100).add("signer", range(50), wave=0.05).add("signer", range(50, 100), x=900, wave=0.05).numbers()
    assert found["signer"] == [0] * 100


def test_people_who_pass_each_other_keep_their_numbers() -> None:
    scene = Scene(60).add("signer", range(60), x=300, height=400, wave=0.05)
    found = scene.add("passer", range(60), x=0, moves=12, height=300, hands=0.2).numbers()
    assert found["signer"] == [0] * 60
    assert found["passer"] == [1] * 60


def test_a_joint_that_is_absent_does_not_spoil_the_weight() -> None:
    scene = Scene(30).add("signer", range(30), wave=0.05).add("guest", range(30), x=700, hands=0.2)
    for frame in scene.frames[::3]:
        frame[0][2][WRISTS] = (np.nan, np.nan, 0)
    assert set(scene.numbers()["signer"]) == {0}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_no_number_occurs_twice_in_a_frame(seed: int, crowd: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, points = [], []
    for _ in range(40):
        count = int(rng.integers(0, crowd + 1))
        corner = rng.uniform(0, 300, (count, 2))
        boxes.append(np.concatenate([corner, corner + rng.uniform(1, 200, (count, 2))], 1).astype(np.float32))
        points.append(rng.uniform(0, 1, (count, 128, 3)).astype(np.float32))
    people = assign_people(boxes, points)
    for found, frame in zip(people, boxes, strict=True):
        assert len(set(found.tolist())) == len(frame)
        assert ((found >= 0) & (found < 127)).all()
    assert [p.tolist() for p in assign_people(boxes, points)] == [p.tolist() for p in people]


def test_a_crowd_that_comes_and_goes_gets_127_numbers_at_most() -> None:
    def row(y: float) -> np.ndarray:
        left = np.arange(127, dtype=np.float32) * 100
        return np.stack([left, np.full(127, y), left + 50, np.full(127, y + 50)], axis=1).astype(np.float32)

    # One crowd is away for less than a second and keeps its 127 lanes; meanwhile another stands elsewhere.
    boxes = [np.empty((0, 4), np.float32)] * 21
    boxes[0], boxes[10], boxes[20] = row(0), row(900), row(0)
    points = [np.full((len(frame), 128, 3), 0.5, np.float32) for frame in boxes]
    people = assign_people(boxes, points)
    for frame in (0, 10, 20):
        assert sorted(people[frame].tolist()) == list(range(127))
    assert people[0].tolist() == people[20].tolist()


def test_more_than_127_people_in_a_frame_are_refused() -> None:
    with pytest.raises(ValueError, match="127"):
        assign_people([np.zeros((128, 4), np.float32)], [np.zeros((128, 128, 3), np.float32)])
    with pytest.raises(ValueError, match="differ"):
        assign_people([np.zeros((1, 4), np.float32)], [np.zeros((2, 128, 3), np.float32)])


@given(st.lists(st.tuples(*[st.integers(0, 12)] * 4), min_size=1, max_size=6))
def test_overlap_agrees_with_counting_cells(rows: list[tuple[int, int, int, int]]) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32)
    cells = [{(i, j) for i in range(x, x + w) for j in range(y, y + h)} for x, y, w, h in rows]
    expected = [[len(a & b) / len(a | b) if a | b else 0 for b in cells] for a in cells]
    np.testing.assert_allclose(iou(boxes, boxes), expected, atol=1e-6)
