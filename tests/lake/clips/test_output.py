"""What a trainer asks of points on the way out: a number for absent ones, which are there, half precision."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signverse
from signverse.lake.clips.output import Output, as_requested
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.keypoints import from_table, to_table

try:
    import torch
    from torch.utils.data import DataLoader
except ModuleNotFoundError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: uv run --with torch pytest")


@pytest.fixture(scope="module")
def street(tmp_path_factory, fill, video):
    folder = tmp_path_factory.mktemp("street") / "lake"
    crowd = video("crowd", frames=160, people=2, empty=(0, 5), texts=tuple(f"Sentence {i}" for i in range(5)))
    return fill(folder, crowd, video("nobody", "und", 30, people=0, texts=(None,)))


@pytest.fixture
def lake(street):
    with Lake.open(street) as opened:
        yield opened


def read(lake: Lake, **options: Any) -> list[signverse.Clip]:
    return list(lake.read_clips(lake.clips(), person=1, **options))


def test_a_number_stands_for_every_nan_and_valid_says_where(lake):
    for plain, filled in zip(read(lake), read(lake, fill=-1.0, valid=True), strict=True):
        np.testing.assert_array_equal(filled.points, np.where(np.isnan(plain.points), np.float32(-1), plain.points))
        np.testing.assert_array_equal(filled.valid, ~np.isnan(plain.points[..., 0]))
        assert plain.valid is None
        assert filled.valid.dtype == bool
    assert any(np.isnan(clip.points).any() for clip in read(lake))


def test_padding_of_a_window_is_neither_in_mask_nor_valid(lake):
    prepare = signverse.Preparation(window=48, normalize=True)
    windows = read(lake, prepare=prepare, fill=0.0, valid=True)
    assert any(not window.mask.all() for window in windows)
    for window in windows:
        assert not window.valid[~window.mask].any()
        assert not window.points[~window.valid][..., :2].any()


@pytest.mark.parametrize("dtype", ["float16", np.float16, np.dtype("float16")])
def test_half_precision_is_the_nearest_number(lake, dtype):
    for plain, half in zip(read(lake), read(lake, dtype=dtype), strict=True):
        assert half.points.dtype == np.float16
        np.testing.assert_array_equal(half.points, plain.points.astype(np.float16))


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(st.one_of(st.just(float("nan")), st.floats(-65504, 65504, width=32)), max_size=40),
    fill=st.one_of(st.none(), st.floats(-1000, 1000, width=16)),
)
def test_half_precision_is_what_numpy_makes_of_any_numbers(numbers, fill):
    points = np.array(numbers[: len(numbers) // 6 * 6], np.float32).reshape(-1, 2, 3)
    wanted = points.copy()
    if fill is not None:
        wanted[np.isnan(wanted)] = fill
    found = as_requested(points.copy(), Output(fill=fill, valid=True, dtype="float16"))
    np.testing.assert_array_equal(found.points, wanted.astype(np.float16))
    np.testing.assert_array_equal(found.valid, ~np.isnan(points[..., 0]))


@pytest.mark.parametrize("x", [70_000, -65_536.0])
def test_a_point_too_far_for_half_precision_is_an_error_and_the_other_clips_come(tmp_path, fill, video, x):
    far = video("far", frames=60, texts=("near", "far"))
    points = from_table(far.keypoints)
    row = int(np.flatnonzero(far.keypoints.column("frame").to_numpy() == 40)[0])
    points[row, 100, 0] = x
    frames, persons = (far.keypoints.column(name).to_numpy() for name in ("frame", "person"))
    far.keypoints = to_table(frames, persons, points)
    with Lake.open(fill(tmp_path / "lake", far)) as lake:
        clips = lake.read_clips(lake.clips(), dtype="float16")
        assert next(clips).text == "near"
        with pytest.raises(BadInputError, match=re.escape("far-00001: a coordinate of") + ".* does not fit float16"):
            next(clips)
        assert len(read(lake, dtype="float32")) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "bfloat16"}, "numpy has no bfloat16. Use float16, or torch_dataset."),
        ({"dtype": "float64"}, "are not returned as 'float64'. Types: float32, float16, bfloat16"),
        ({"dtype": "half a number"}, "are not returned as 'half a number'"),
        ({"dtype": np.int16}, "are not returned as"),
        ({"dtype": None}, "are not returned as None"),
        ({"fill": "0"}, "fill is '0'. It takes a number such as 0.0"),
        ({"fill": float("nan")}, "fill is nan. It takes a number such as 0.0; without it nan stays"),
        ({"fill": float("inf")}, "fill is inf"),
        ({"fill": True}, "fill is True"),
        ({"fill": 1e6, "dtype": "float16"}, r"fill is 1e\+06, and float16 ends at 65,504"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(lake, options, words):
    with pytest.raises(BadInputError, match=words):
        lake.read_clips(lake.clips(), **options)


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("map_style", [False, True])
def test_a_batch_has_the_type_that_was_requested_and_says_what_is_padding_and_what_is_absent(lake, dtype, map_style):
    requested = getattr(torch, dtype)
    clips = lake.clips()
    plain = lake.torch_dataset(clips, person=1, map_style=map_style)
    half = lake.torch_dataset(clips, person=1, map_style=map_style, dtype=requested, fill=-1.0, valid=True)

    def batches(dataset):
        return list(DataLoader(dataset, batch_size=4, collate_fn=signverse.collate))

    for one, other in zip(batches(plain), batches(half), strict=True):
        assert other["points"].dtype == requested
        frames = torch.arange(one["points"].shape[1])
        for batch in (one, other):
            assert torch.equal(batch["mask"], frames < batch["lengths"][:, None])
        assert "valid" not in one
        absent = one["points"].isnan()
        assert torch.equal(other["valid"], ~absent[..., 0] & one["mask"][..., None])
        wanted = one["points"].masked_fill(absent, -1.0)
        # The padding is collate's, 0 unless it is told another number.
        assert torch.equal(other["points"], wanted.to(requested))
        assert not other["points"][~other["mask"]].any()


@needs_torch
def test_a_clip_twice_in_a_batch_is_two_in_what_is_valid_too(lake):
    dataset = lake.torch_dataset(lake.clips(), map_style=True, valid=True)
    one, other = dataset.__getitems__([0, 0])
    one["valid"][:] = False
    assert other["valid"].any()
