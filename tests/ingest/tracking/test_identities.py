"""People keep their numbers, and person 0 is the one who signs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import synthetic_scenes as made
from bench.composed_videos import film, stories
from bench.iou_baseline import assign_people_by_iou
from bench.people import judge
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.tracking.assignment import best_assignment
from signverse.ingest.tracking.detections import iou
from signverse.ingest.tracking.identities import assign_people, number_people
from signverse.lake.model.skeleton import LEFT_HAND, RIGHT_HAND, joint_index
from signverse.lake.storage.keypoints import snap

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
    np.testing.assert_allclose(iou(boxes[:, None], boxes), expected, atol=1e-6)


# Known people, moved about


@cache
def scenes(seed: int) -> dict[str, made.Scene]:
    return {scene.name: scene for scene in made.scenes(seed)}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", scenes(0))
def test_known_people_who_cross_leave_return_and_are_cut_between_keep_their_numbers(name: str, seed: int) -> None:
    scene = scenes(seed)[name]
    ours = judge(scene, assign_people(scene.boxes, scene.points))
    shuffled = judge(scene, [np.arange(len(frame)) for frame in scene.boxes])
    assert shuffled.switches > 500
    assert ours.switches == 0
    assert ours.right == 1


@pytest.mark.parametrize("seed", range(4))
def test_person_0_is_the_one_who_signs_most_of_the_time(seed: int) -> None:
    for scene in scenes(seed).values():
        assert judge(scene, assign_people(scene.boxes, scene.points)).primary == 1


def test_the_rule_before_lost_people_where_this_one_keeps_them() -> None:
    some = [scene for seed in range(4) for scene in scenes(seed).values()]
    before = [judge(scene, assign_people_by_iou(scene.boxes, scene.points)) for scene in some]
    assert np.mean([figures.switches for figures in before]) > 1
    assert np.mean([figures.primary for figures in before]) < 0.8


def test_what_happened_to_people_is_told() -> None:
    told = {name: assign_people(scene.boxes, scene.points).events for name, scene in scenes(1).items()}
    assert told["one leaves and returns"] == ["people_returned:1"]
    assert told["cuts between both and one"] == ["cuts:5"]
    assert told["two take turns"] == []
    assert [word.split(":")[0] for word in told["two cross"]] == ["crossings"]


def rows_of(scene: made.Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames = np.repeat(np.arange(len(scene.boxes)), [len(frame) for frame in scene.boxes])
    return frames, np.concatenate(scene.boxes), np.concatenate(scene.points)


def test_rows_get_the_numbers_that_frames_get() -> None:
    for scene in scenes(2).values():
        framewise = assign_people(scene.boxes, scene.points)
        flat = number_people(*rows_of(scene))
        np.testing.assert_array_equal(np.concatenate(framewise), flat.person)
        assert framewise.events == flat.events


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(list(scenes(3))), st.integers(0, 2**32 - 1))
def test_the_numbers_do_not_depend_on_the_order_in_a_frame(name: str, seed: int) -> None:
    scene, random = scenes(3)[name], np.random.default_rng(seed)
    orders = [random.permutation(len(frame)) for frame in scene.boxes]
    given_first = assign_people(scene.boxes, scene.points)
    others = assign_people(
        [frame[order] for frame, order in zip(scene.boxes, orders, strict=True)],
        [frame[order] for frame, order in zip(scene.points, orders, strict=True)],
    )
    for numbers, order, shuffled in zip(given_first, orders, others, strict=True):
        np.testing.assert_array_equal(numbers[order], shuffled)
    assert given_first.events == others.events


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(list(scenes(3))), st.integers(-2000, 2000), st.integers(-2000, 2000))
def test_moving_the_whole_picture_changes_nothing(name: str, x: int, y: int) -> None:
    frames, boxes, points = rows_of(scenes(3)[name])
    # On the stored grid: a sum of two float32 is exact there.
    boxes, points = np.rint(boxes * 8) / 8, snap(points)
    shifted = points + np.array([x, y, 0], np.float32)
    moved = number_people(frames, boxes + np.array([x, y, x, y], np.float32), shifted)
    assert moved.events == number_people(frames, boxes, points).events
    np.testing.assert_array_equal(moved.person, number_people(frames, boxes, points).person)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(
        st.tuples(st.integers(1, 60), st.floats(0.1, 0.9), st.floats(0.3, 1.2), st.integers(0, 200)),
        min_size=1,
        max_size=6,
    ),
)
def test_one_person_alone_is_always_0(seed: int, shots: list[tuple[int, float, float, int]]) -> None:
    random = np.random.default_rng(seed)
    points = make_signer(seed, sum(frames for frames, *_ in shots), 1280, 720, centre=0)
    frames, at, now = [], 0, 0
    for length, centre, zoom, absent in shots:
        rows = slice(at, at + length)
        points[rows, :, :2] = points[rows, :, :2] * np.float32(zoom) + np.float32([centre * 1280, 0])
        frames += list(range(now, now + length))
        at, now = at + length, now + length + absent
    points[..., :2] += random.normal(0, 2, points[..., :2].shape)
    boxes = np.concatenate([np.nanmin(points[..., :2], axis=1), np.nanmax(points[..., :2], axis=1)], axis=1)
    kept = random.uniform(size=len(points)) > 0.05
    found = number_people(np.array(frames)[kept], boxes[kept], points[kept])
    assert not found.person.any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.4, 1.3), st.floats(0.2, 0.5), st.integers(12, 200))
def test_after_a_cut_the_primary_signer_is_still_person_0(seed: int, zoom: float, x: float, length: int) -> None:
    frames = 200 + length
    after = np.arange(frames) >= 200
    signer = made.actor(seed, np.where(after, x, 0.3), frames, np.where(after, zoom, 0.6))
    listener = made.actor(seed + 1, np.where(after, np.nan, 0.75), frames, 0.6, rests=True)
    scene = made.play("cut", [signer, listener], seed=seed)
    assert judge(scene, assign_people(scene.boxes, scene.points)).primary == 1


def test_who_walks_by_does_not_outweigh_who_signs() -> None:
    # The walker's wrists cross the whole picture, but not its own body.
    frames = 200
    walker = made.actor(5, np.linspace(0.1, 0.9, frames), frames, 0.6, rests=True)
    scene = made.play("passes", [made.actor(4, 0.5, frames, 0.55), walker], seed=1)
    assert judge(scene, assign_people(scene.boxes, scene.points)).primary > 0.99


def test_a_child_after_a_cut_is_not_taken_for_the_signer() -> None:
    frames = 240
    first = made.play("adult", [made.actor(1, 0.5, frames)])
    second = made.play("child", [made.actor(2, 0.3, frames // 4)])
    # A head twice as large beside the shoulders.
    for points in second.points:
        head = points[:, [0, *range(14, 86)], :2]
        points[:, [0, *range(14, 86)], :2] = head + 1.2 * (head - points[:, [1], :2])
    numbers = assign_people(first.boxes + second.boxes, first.points + second.points)
    assert set(np.concatenate(numbers[:frames]).tolist()) == {0}
    assert set(np.concatenate(numbers[frames:]).tolist()) == {1}


def test_unknown_scores_speak_for_nothing() -> None:
    # A body whose confidence was lost has places all the same.
    scene = scenes(0)["two cross"]
    unknown = [frame.copy() for frame in scene.points]
    for frame in unknown:
        frame[:, :18, 2] = np.nan
    assert judge(scene, assign_people(scene.boxes, unknown)).right == 1


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 5), st.floats(0, 0.9))
def test_pairs_are_worth_the_most_that_pairs_can_be(seed: int, rows: int, columns: int, barred: float) -> None:
    random = np.random.default_rng(seed)
    values = random.uniform(0, 1, (rows, columns)) * (random.uniform(size=(rows, columns)) >= barred)
    pairs = best_assignment(values)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(values[pair] > 0 for pair in pairs)
    size = max(rows, columns)
    square = np.zeros((size, size))
    square[:rows, :columns] = values
    most = max(square[np.arange(size), order].sum() for order in map(list, permutations(range(size))))
    assert sum(values[pair] for pair in pairs) == pytest.approx(most)


def test_a_crowd_in_one_knot_is_matched_too() -> None:
    values = np.random.default_rng(1).uniform(0.1, 1, (40, 50))
    pairs = best_assignment(values)
    assert [row for row, _ in pairs] == list(range(40))


@pytest.mark.slow
def test_real_signers_who_cross_keep_their_numbers(data: Path) -> None:
    name, roles = next(iter(stories(data)))
    brief = [replace(role, x=role.x[:96], size=role.size[:96]) for role in roles]
    scene, _ = film(name, brief, data / "models")
    assert np.mean([len(frame) for frame in scene.boxes]) > 1.5
    ours = judge(scene, assign_people(scene.boxes, scene.points))
    assert (ours.switches, ours.primary) == (0, 1)
    assert ours.right == 1
