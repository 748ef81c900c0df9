"""Clips that are prepared as they are read are those that the functions give, in numpy, in PyTorch and in any order."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signverse
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, EmptySelectionError
from signverse.lake.model.skeleton import LEFT_HAND
from signverse.lake.storage.keypoints import to_table


@pytest.fixture(scope="module")
def street(tmp_path_factory, fill, video):
    """Clips of 1 to 100 frames, some over the edges of row groups."""
    folder = tmp_path_factory.mktemp("street") / "lake"
    fill(folder, video("a", frames=1500, texts=tuple(f"Sentence {i}" for i in range(20)), people=2))
    return fill(folder, video("b", frames=40, texts=tuple(f"Sentence {i}" for i in range(9))))


@pytest.fixture
def lake(street):
    with Lake.open(street) as opened:
        yield opened


@settings(max_examples=40, deadline=None)
@given(
    fps=st.sampled_from([None, 8.0, 12.5, 24.0, 25.0, 24000 / 1001, 30.0]),
    window=st.integers(1, 90),
    stride=st.one_of(st.none(), st.integers(1, 100)),
    last=st.sampled_from(["pad", "shift", "drop"]),
    normalize=st.booleans(),
)
def test_windows_are_those_of_the_resampled_clip(street, fps, window, stride, last, normalize):
    prepare = signverse.Preparation(fps=fps, window=window, stride=stride, last=last, normalize=normalize)
    with Lake.open(street) as lake, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = lake.clips().collect()
        wanted, uncovered = [], 0
        for clip in lake.read_clips(rows, order="given"):
            points = clip.points if fps is None else signverse.resample(clip.points, fps)
            cut = signverse.cut_windows(points, window, stride, last=last)
            uncovered += len(cut.uncovered)
            wanted += [
                (clip, signverse.normalize(points) if normalize else points, mask)
                for points, mask in zip(cut.points, cut.mask, strict=True)
            ]
        if not wanted:
            with pytest.raises(EmptySelectionError, match=r"none of 29 clips fills a window"):
                lake.read_clips(rows, prepare=prepare)
            return
        reader = lake.read_clips(rows, order="given", prepare=prepare)
        assert len(reader) == len(wanted)
        assert reader.uncovered == uncovered
        for found, (clip, points, mask) in zip(reader, wanted, strict=True):
            assert found.segment_id == clip.segment_id
            assert clip.start_frame <= found.start_frame < found.end_frame <= clip.end_frame
            np.testing.assert_array_equal(found.mask, mask)
            np.testing.assert_allclose(found.points, points, rtol=1e-5, atol=1e-3)


def test_hands_alone_are_normalized_by_the_shoulders(lake):
    prepare = signverse.Preparation(normalize=True)
    hands = lake.read_clips(lake.clips(), parts=["left_hand"], prepare=prepare)
    whole = lake.read_clips(lake.clips())
    for hand, clip in zip(hands, whole, strict=True):
        assert hand.mask is None
        np.testing.assert_array_equal(hand.points, signverse.normalize(clip.points)[:, LEFT_HAND.slice])


@pytest.mark.parametrize("people", [1, 2])
def test_hidden_joints_are_left_out_on_request(tmp_path, fill, video, people):
    random = np.random.default_rng(0)
    frames, persons = np.divmod(np.arange(1500 * people), people)
    points = random.uniform(0, 700, (len(frames), 128, 3)).astype(np.float32) % (700, 700, 1)
    points[:, :18, 2] = np.nan
    visible = random.random((len(frames), 18)) < 0.5
    rows = to_table(frames.astype(np.int32), persons.astype(np.int8), points, body_visible=visible)
    texts = tuple(f"Sentence {i}" for i in range(20))
    folder = fill(tmp_path / "lake", replace(video("a", frames=1500, texts=texts), keypoints=rows))
    with Lake.open(folder) as lake:
        masked = signverse.Preparation(mask_hidden=True)
        for person in range(people):
            for clip in lake.read_clips(lake.clips(), person=person, prepare=masked):
                start, end = clip.start_frame, clip.end_frame
                wanted = lake.keypoints("a", start_frame=start, end_frame=end, person=person, mask_hidden=True)
                np.testing.assert_array_equal(clip.points, wanted)
                assert 0.3 < np.isnan(clip.points[:, :18, 0]).mean() < 0.7
        plain = lake.read_clips(lake.clips(), parts=["left_hand"])
        for clip, hand in zip(plain, lake.read_clips(lake.clips(), parts=["left_hand"], prepare=masked), strict=True):
            np.testing.assert_array_equal(clip.points, hand.points)


def test_without_windows_a_clip_at_another_rate_is_as_long_as_before(lake):
    prepared = lake.read_clips(lake.clips(), prepare=signverse.Preparation(fps=12))
    for new, clip in zip(prepared, lake.read_clips(lake.clips()), strict=True):
        np.testing.assert_array_equal(new.points, clip.points[::2])


def test_frames_in_no_window_and_clips_without_shoulders_are_said(lake):
    # Clips of a have 75 frames, those of b 4 or 5.
    with pytest.warns(UserWarning, match=r"^260 of 1,540 frames are in no window, and 9 of 29 clips have none$"):
        reader = lake.read_clips(lake.clips(), prepare=signverse.Preparation(window=64, last="drop"))
    assert (len(reader), reader.uncovered) == (20, 260)
    with pytest.raises(EmptySelectionError, match="fills a window of 200 frames; the longest has 75"):
        lake.read_clips(lake.clips(), prepare=signverse.Preparation(window=200, last="drop"))
    with pytest.raises(BadInputError, match="a stride was given and no window"):
        signverse.Preparation(stride=3)
    with pytest.raises(BadInputError, match="the frame rate is 0"):
        signverse.Preparation(fps=0)
    # A person who is in no frame has nothing to lose; one whose shoulders are in none has.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(lake.read_clips(lake.clips(), person=7, prepare=signverse.Preparation(normalize=True)))


def test_a_clip_that_cannot_be_normalized_is_named(lake, monkeypatch):
    monkeypatch.setattr("signverse.lake.clips.preparation.normalize", lambda points, joints: points * np.nan)
    with pytest.warns(UserWarning, match=r"^b-00000, frames 0 to 4: no frame shows both shoulders"):
        next(lake.read_clips(lake.clips(videos=["b"]), prepare=signverse.Preparation(normalize=True)))


def test_windows_are_shuffled_and_resumed_as_clips_are(lake):
    prepare = signverse.Preparation(fps=12, window=10, stride=5)
    options = {"order": "shuffled", "read_ahead": 7, "prepare": prepare}
    whole = [(clip.segment_id, clip.start_frame) for clip in lake.read_clips(lake.clips(), **options)]
    assert len(set(whole)) == len(whole) > 100
    reader = lake.read_clips(lake.clips(), **options)
    read = [next(reader) for _ in range(50)]
    after = lake.read_clips(lake.clips(), **options)
    after.load_state_dict(reader.state_dict())
    reader.close()
    assert [(clip.segment_id, clip.start_frame) for clip in (*read, *after)] == whole
    with pytest.raises(BadInputError, match="the state is of clips"):
        lake.read_clips(lake.clips(), order="shuffled", read_ahead=7).load_state_dict(reader.state_dict())


@pytest.mark.parametrize("map_style", [False, True])
def test_windows_make_batches_with_a_mask(lake, map_style):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: uv run --with torch pytest")
    prepare = signverse.Preparation(window=50, normalize=True)
    dataset = lake.torch_dataset(lake.clips(), map_style=map_style, prepare=prepare, fill=0.0, parts=["right_hand"])
    loader = torch.utils.data.DataLoader(dataset, batch_size=8, collate_fn=signverse.collate)
    batches = list(loader)
    assert len(batches) == len(loader) == 7
    for batch in batches:
        assert batch["points"].shape[1:] == (50, 21, 3)
        assert batch["mask"].dtype == torch.bool
        assert batch["mask"].shape == batch["points"].shape[:2]
        assert not batch["points"][~batch["mask"]].any()
    assert sum(int(batch["mask"].sum()) for batch in batches) == 1540


@pytest.mark.parametrize(
    "options", [{"fps": "25"}, {"fps": True}, {"fps": float("nan")}, {"window": 2.5}, {"window": "64"}]
)
def test_a_rate_or_a_window_that_is_no_number_is_refused_in_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"^the (frame rate|length of windows) is "):
        signverse.Preparation(**options)
