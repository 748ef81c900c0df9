"""Pictures of people: what is seen is drawn where it is, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from signverse.export.draw.colours import BODY_COLOURS, FINGER_COLOURS
from signverse.export.draw.skeleton import FACE_CONTOURS, contact_sheet, draw_people
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import BODY_LIMBS, LEFT_HAND, joint_index
from signverse.lake.model.thresholds import SEEN

WIDTH, HEIGHT = 320, 240


def nobody(people: int = 1) -> np.ndarray:
    return np.full((people, 128, 3), np.nan, dtype=np.float32)


def put(points: np.ndarray, name: str, x: float, y: float, score: float = 0.9, person: int = 0) -> None:
    points[person, joint_index(name)] = x, y, score


def upper_body(x: float = 160.0, y: float = 80.0) -> np.ndarray:
    points = nobody()
    for name, dx, dy in [
        ("nose", 0, -40), ("neck", 0, 0),
        ("right_shoulder", -50, 0), ("right_elbow", -70, 60), ("right_wrist", -40, 110),
        ("left_shoulder", 50, 0), ("left_elbow", 70, 60), ("left_wrist", 40, 110),
    ]:  # fmt: skip
        put(points, name, x + dx, y + dy)
    return points


def pixels(points: np.ndarray, width: int = WIDTH, height: int = HEIGHT, **options: object) -> np.ndarray:
    return np.asarray(draw_people(points, width, height, **options))  # type: ignore[arg-type]


def test_each_joint_has_openpose_colour_at_its_place() -> None:
    picture = pixels(upper_body())
    for name in ("neck", "right_elbow", "left_elbow", "right_wrist", "left_shoulder"):
        joint = joint_index(name)
        x, y = upper_body()[0, joint, :2].astype(int)
        assert tuple(picture[y, x]) == BODY_COLOURS[joint], name


def test_a_limb_is_drawn_between_its_joints_in_its_own_hue() -> None:
    picture = pixels(upper_body())
    limb = BODY_LIMBS.index((joint_index("right_shoulder"), joint_index("right_elbow")))
    assert tuple(picture[110, 100]) == tuple(c * 7 // 10 for c in BODY_COLOURS[limb])


def test_each_finger_has_its_colour() -> None:
    points = nobody()
    put(points, "left_hand_root", 160, 200)
    for finger, name in enumerate(("thumb", "index", "middle", "ring", "pinky")):
        for j in range(1, 5):
            put(points, f"left_{name}_{j}", 80 + 40 * finger, 180 - 30 * j)
    picture = pixels(points)
    for finger, colour in enumerate(FINGER_COLOURS):
        assert tuple(picture[60, 80 + 40 * finger]) == colour


def test_absent_joints_leave_nothing() -> None:
    whole = pixels(upper_body())
    for x, y, score in [(np.nan, np.nan, 0.0), (np.nan, np.nan, 0.9), (160.0, 150.0, SEEN - 0.01)]:
        points = upper_body()
        put(points, "right_wrist", x, y, score)
        picture = pixels(points)
        assert whole[190, 120].any()
        assert not picture[150:, :150].any(), "neither the wrist nor the forearm may be drawn"


def test_an_unknown_score_on_a_known_place_is_drawn() -> None:
    points = upper_body()
    points[..., 2] = np.nan
    assert np.array_equal(pixels(points), pixels(upper_body()))


@pytest.mark.parametrize("background", [None, "white", (12, 34, 56)])
def test_nan_everywhere_gives_the_background(background: object) -> None:
    expected = {None: (0, 0, 0), "white": (255, 255, 255)}.get(background, (12, 34, 56))  # type: ignore[call-overload]
    assert (pixels(nobody(3), background=background) == expected).all()
    assert (pixels(nobody(0), background=background) == expected).all()


def test_two_people_are_both_drawn() -> None:
    both = np.concatenate([upper_body(80), upper_body(240)])
    picture = pixels(both)
    assert np.array_equal(picture[:, :150], pixels(upper_body(80))[:, :150])
    assert np.array_equal(picture[:, 170:], pixels(upper_body(240))[:, 170:])


def test_a_frame_can_lie_behind_and_is_unchanged_where_nobody_is() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    before = frame.copy()
    picture = pixels(upper_body(), background=frame)
    assert np.array_equal(picture[:, :60], frame[:, :60])
    assert not np.array_equal(picture, frame)
    assert np.array_equal(frame, before), "the caller's frame must stay as it was"


def test_scale_changes_the_picture_and_not_the_place() -> None:
    picture = pixels(upper_body(), scale=2.0)
    assert picture.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert tuple(picture[160, 320]) == BODY_COLOURS[joint_index("neck")]
    assert pixels(upper_body(), scale=0.5).shape == (HEIGHT // 2, WIDTH // 2, 3)


def test_a_closer_person_gets_thicker_lines() -> None:
    def ink(times: float) -> int:
        points = upper_body()
        points[..., :2] *= times
        return int((pixels(points, 1280, 960) > 0).any(-1).sum())

    assert ink(4.0) > 12 * ink(1.0)


def test_edges_are_soft() -> None:
    assert len(np.unique(pixels(upper_body()).reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (1, 200)])
def test_tiny_frames_can_be_drawn(size: tuple[int, int]) -> None:
    points = upper_body()
    points[..., :2] *= np.array(size) / (WIDTH, HEIGHT)
    assert draw_people(points, *size).size == size


@pytest.mark.parametrize("place", [-5.0, -1e4, 1e9, np.inf, -np.inf, 3e38])
def test_points_outside_the_frame_do_not_crash(place: float) -> None:
    points = upper_body()
    put(points, "right_wrist", place, place)
    put(points, "left_wrist", 100, place)
    picture = pixels(points)
    assert tuple(picture[80, 160]) == BODY_COLOURS[joint_index("neck")]


def test_a_place_far_outside_draws_no_line_towards_it() -> None:
    points, without = upper_body(), upper_body()
    put(points, "right_wrist", -5000, 5000)
    without[0, joint_index("right_wrist")] = np.nan
    assert np.array_equal(pixels(points), pixels(without))


def test_everybody_outside_gives_the_background() -> None:
    points = upper_body()
    points[..., 0] += 400
    assert not pixels(points).any()


def test_a_single_point_is_drawn() -> None:
    points = nobody()
    points[0, LEFT_HAND.start + 8] = 100, 100, 1.0
    assert pixels(points)[100, 100].any()


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(BadInputError, match="133"):
        draw_people(np.zeros((1, 133, 3), np.float32), 10, 10)
    with pytest.raises(BadInputError, match="0 x 10"):
        draw_people(nobody(), 0, 10)
    with pytest.raises(BadInputError, match="is not a colour"):
        draw_people(nobody(), 10, 10, background="blurple")
    with pytest.raises(BadInputError, match="is not a picture"):
        draw_people(nobody(), 10, 10, background=np.zeros((10, 10), np.uint8))


def test_face_contours_name_every_point_of_the_face() -> None:
    assert {point for contour in FACE_CONTOURS for point in contour} == set(range(68))


def test_a_contact_sheet_shows_the_frames_asked_for() -> None:
    clip = np.concatenate([upper_body(100 + 5 * t) for t in range(24)])
    sheet = contact_sheet(clip, WIDTH, HEIGHT, columns=3, count=6, tile_width=160)
    assert sheet.width == pytest.approx(3 * 160, abs=20)
    assert sheet.height == pytest.approx(2 * 120, abs=20)
    one = contact_sheet(clip, WIDTH, HEIGHT, frames=[7])
    same = contact_sheet(clip[7:8], WIDTH, HEIGHT, first_frame=7)
    assert np.array_equal(np.asarray(one), np.asarray(same)), "a label says the number in the video"


def test_a_contact_sheet_takes_short_clips_and_several_people() -> None:
    clip = np.stack([np.concatenate([upper_body(80), upper_body(240)])] * 2)
    assert contact_sheet(clip, WIDTH, HEIGHT).width < 2 * 320 + 20
    assert contact_sheet(clip, WIDTH, HEIGHT, background="white", tile_width=8).width > 0


def test_a_contact_sheet_refuses_what_it_cannot_show() -> None:
    with pytest.raises(BadInputError):
        contact_sheet(nobody(0), WIDTH, HEIGHT)
    with pytest.raises(BadInputError, match="0 to 0"):
        contact_sheet(nobody(1), WIDTH, HEIGHT, frames=[1])
    with pytest.raises(BadInputError, match="columns"):
        contact_sheet(nobody(1), WIDTH, HEIGHT, columns=0)
