"""Synthetic signers: the same every time, built like people, and with the faults that real keypoints have."""

from __future__ import annotations

import numpy as np
import pytest

from signverse.ingest.sample.signer import make_signer
from signverse.ingest.sample.videos import SampleVideo, make_videos
from signverse.lake.model.skeleton import FACE, LEFT_HAND, NECK, RIGHT_HAND, Part, joint_index
from signverse.lake.model.thresholds import SEEN

WIDTH, HEIGHT = 1280, 720
SEEDS = range(20, 28)
HANDS = ((RIGHT_HAND, "right"), (LEFT_HAND, "left"))


@pytest.fixture(scope="module", params=SEEDS)
def signer(request: pytest.FixtureRequest) -> np.ndarray:
    return make_signer(request.param, 144, WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def videos() -> dict[str, SampleVideo]:
    return {video.video_id: video for video in make_videos()}


def at(clip: np.ndarray, name: str) -> np.ndarray:
    return clip[:, joint_index(name), :2]


def apart(clip: np.ndarray, first: str, second: str) -> np.ndarray:
    return np.linalg.norm(at(clip, first) - at(clip, second), axis=1)


def shoulder_width(clip: np.ndarray) -> float:
    return float(np.nanmean(apart(clip, "left_shoulder", "right_shoulder")))


def hand_scores(clip: np.ndarray, part: Part) -> np.ndarray:
    return clip[:, part.slice, 2].mean(axis=1)


def test_the_same_seed_gives_the_same_person() -> None:
    first, again, other = make_signer(3, 60, 640, 360), make_signer(3, 60, 640, 360), make_signer(4, 60, 640, 360)
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize("num_frames", [1, 2, 24, 35, 240])
def test_any_length_can_be_made(num_frames: int) -> None:
    clip = make_signer(1, num_frames, 640, 360)
    assert clip.shape == (num_frames, 128, 3)
    assert clip.dtype == np.float32
    assert np.isfinite(clip[:, NECK]).all()


def test_an_absent_point_is_nan_with_score_zero(signer: np.ndarray) -> None:
    absent = np.isnan(signer[..., 0])
    assert np.array_equal(absent, np.isnan(signer[..., 1]))
    assert (signer[absent, 2] == 0).all()
    assert absent[:, joint_index("left_ankle")].all()


def test_scores_stay_between_0_and_1(signer: np.ndarray) -> None:
    assert ((signer[..., 2] >= 0) & (signer[..., 2] <= 1)).all()


def test_nearly_all_that_is_seen_lies_in_the_frame(signer: np.ndarray) -> None:
    xy = signer[signer[..., 2] > SEEN][:, :2]
    assert np.mean((xy >= 0) & (xy < (WIDTH, HEIGHT))) > 0.99


def test_the_neck_is_between_the_shoulders_and_its_score_a_flag(signer: np.ndarray) -> None:
    middle = (at(signer, "left_shoulder") + at(signer, "right_shoulder")) / 2
    np.testing.assert_allclose(signer[:, NECK, :2], middle, atol=0.01)
    assert set(np.unique(signer[:, NECK, 2])) <= {0.0, 1.0}


def test_the_right_side_is_on_the_left_of_the_picture(signer: np.ndarray) -> None:
    for joint in ("shoulder", "hip", "eye", "ear"):
        assert (at(signer, f"right_{joint}")[:, 0] < at(signer, f"left_{joint}")[:, 0]).all(), joint


def test_wrists_move_and_pause(signer: np.ndarray) -> None:
    speed = np.linalg.norm(np.diff(at(signer, "right_wrist"), axis=0), axis=1) / shoulder_width(signer)
    assert speed.max() > 0.06
    assert speed.max() < 0.5, "no hand jumps"
    assert np.mean(speed < 0.02) > 0.15, "signs have holds"
    assert np.ptp(at(signer, "right_wrist"), axis=0).max() > 0.4 * shoulder_width(signer)


def test_hands_hang_on_their_wrists(signer: np.ndarray) -> None:
    for _, side in HANDS:
        assert np.nanmax(apart(signer, f"{side}_hand_root", f"{side}_wrist")) < 0.12 * shoulder_width(signer)


def test_arms_are_no_longer_than_arms(signer: np.ndarray) -> None:
    for _, side in HANDS:
        for first, second in (("shoulder", "elbow"), ("elbow", "wrist")):
            length = apart(signer, f"{side}_{first}", f"{side}_{second}") / shoulder_width(signer)
            assert length.max() < 1.05


def test_handshapes_change(signer: np.ndarray) -> None:
    reach = apart(signer, "right_middle_4", "right_hand_root") / shoulder_width(signer)
    assert np.nanmax(reach) < 0.7
    assert np.nanmax(reach) > 1.5 * np.nanmin(reach)


def test_fast_hands_get_lower_scores(signer: np.ndarray) -> None:
    speed = np.linalg.norm(np.gradient(at(signer, "right_wrist"), axis=0), axis=1)
    score = hand_scores(signer, RIGHT_HAND)
    fast = speed > np.quantile(speed, 0.9)
    assert score[fast].mean() < score[speed < np.median(speed)].mean() - 0.05


def test_a_hand_is_lost_for_a_few_frames_at_most() -> None:
    lost = np.concatenate(
        [
            np.isnan(make_signer(seed, 144, WIDTH, HEIGHT)[:, part.slice, 0]).all(1)
            for seed in SEEDS
            for part, _ in HANDS
        ]
    )
    assert 0.002 < lost.mean() < 0.12


def test_the_face_is_laid_out_as_a_face(signer: np.ndarray) -> None:
    face = signer[:, FACE.slice, :2]
    y = face[..., 1].mean(0)
    assert y[17:27].max() < y[36:48].min() < y[30] < y[48:68].min() < y[8]
    assert (np.diff(face[:, 3:14, 0].mean(0)) > 0).all(), "the jaw runs from left to right"
    assert (face[:, 36:42, 0].max(1) < face[:, 42:48, 0].min(1)).all()
    assert (np.abs(face[:, 30] - at(signer, "nose")) < 5).all()


def test_the_signer_blinks_and_mouths(signer: np.ndarray) -> None:
    face = signer[:, FACE.slice, 1]
    eye = face[:, 40:42].mean(1) - face[:, 37:39].mean(1)
    mouth = face[:, 65:68].mean(1) - face[:, 61:64].mean(1)
    assert eye.min() < 0.5 * np.median(eye)
    assert mouth.max() - mouth.min() > 0.03 * shoulder_width(signer)


def test_the_sample_is_small_and_in_three_languages(videos: dict[str, SampleVideo]) -> None:
    people = sum(int(np.isfinite(p[:, NECK, 0]).sum()) for video in videos.values() for p in video.people)
    assert 700 <= people <= 900
    assert {video.sign_language for video in videos.values()} == {"ase", "gsg", "bzs"}
    assert all(4 <= video.duration_s <= 10 for video in videos.values())


def test_ids_look_like_those_of_youtube_and_one_begins_with_a_hyphen(videos: dict[str, SampleVideo]) -> None:
    assert len(videos) == 6
    assert all(len(video_id) == 11 for video_id in videos)
    assert any(video_id.startswith("-") for video_id in videos)


def test_every_title_and_caption_says_what_it_is(videos: dict[str, SampleVideo]) -> None:
    for video in videos.values():
        assert video.title.startswith("Synthetic signer")
        assert all(text.startswith("Synthetic example: ") for _, _, text in video.segments)
        source = {"ase": "native", "gsg": "translated_from:de", "bzs": "translated_from:pt"}[video.sign_language]
        assert video.english_source == source


def test_segments_lie_in_their_video_one_after_the_other(videos: dict[str, SampleVideo]) -> None:
    for video in videos.values():
        times = [time for start, end, _ in video.segments for time in (start, end)]
        assert times == sorted(times)
        assert 0 <= times[0] < times[-1] <= video.duration_s


def test_one_video_has_two_people_who_do_not_overlap(videos: dict[str, SampleVideo]) -> None:
    [video] = [video for video in videos.values() if len(video.people) == 2]
    first, second = video.people
    assert first.shape == second.shape
    assert np.nanmax(at(first, "left_shoulder")[:, 0]) < np.nanmin(at(second, "right_shoulder")[:, 0])
    assert np.isnan(second[0]).any(), "the second person comes later"


def test_one_video_has_an_unclear_right_hand(videos: dict[str, SampleVideo]) -> None:
    clear = {name: np.nanmean(hand_scores(video.people[0], RIGHT_HAND)) for name, video in videos.items()}
    unclear = videos["synthGSG001"].people[0]
    assert (unclear[:, RIGHT_HAND.slice, 2] < SEEN).all()
    assert hand_scores(unclear, LEFT_HAND).mean() > 0.5
    assert sum(score < SEEN for score in clear.values()) == 1


def test_one_video_has_a_stretch_without_anybody(videos: dict[str, SampleVideo]) -> None:
    nobody = np.isnan(videos["synthBZS001"].people[0][..., 0]).all(axis=1)
    assert np.flatnonzero(nobody).tolist() == list(range(60, 96))
    assert (videos["synthBZS001"].people[0][nobody, :, 2] == 0).all()
