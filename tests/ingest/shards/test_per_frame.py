"""Videos with a file for each frame come in as numpy loads them; damage is refused with the file's name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.dialects import dialect_of
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import PARTS
from tests.ingest.shards.dialect_files import (
    FRAMES,
    Flat,
    assert_same_rows,
    by_numpy,
    flat,
    objects,
    pack,
    per_frame,
    person,
    poses_of,
    rows_of,
    saved,
    video,
)

# per-frame


@st.composite
def frame_folders(draw: st.DrawFn) -> dict[int, Flat]:
    numbers = draw(st.lists(st.integers(1, 40), min_size=1, max_size=14, unique=True))
    found = {}
    for number in numbers:
        frame = flat([person(number * 5 + k) for k in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3])))])
        extra = draw(st.sampled_from([None, None, None, np.arange(number % 4), np.array("text"), np.array(number)]))
        if extra is not None:
            frame = {"extra": extra, **frame}
        if draw(st.integers(0, 9)) == 0:
            frame = dict(reversed(frame.items()))
        found[number] = frame
    return found


@settings(max_examples=50, deadline=None)
@given(frame_folders(), st.sampled_from(["stored", "compressed", "mixed"]))
def test_frames_in_files_of_their_own_are_those_that_numpy_loads(numbered: dict[int, Flat], how: str) -> None:
    files = {
        f"{number:08d}.npz": saved(
            np.savez if how == "stored" or (how == "mixed" and number % 2) else np.savez_compressed, **frame
        )
        for number, frame in numbered.items()
    }
    loaded = {int(name[:8]): dict(np.load(io.BytesIO(content))) for name, content in files.items()}
    poses = poses_of(files)
    assert poses.dialect == "per-frame"
    assert_same_rows(rows_of(poses), by_numpy(loaded, 640, 480))
    assert poses.numbers.tolist() == sorted(number - 1 for number in numbered)
    assert poses.absent_frames == sorted(set(range(max(numbered))) - {number - 1 for number in numbered})
    assert list(zip(poses.frames, poses.slots, strict=True)) == sorted(zip(poses.frames, poses.slots, strict=True))


def test_a_video_without_its_mark_of_completeness_comes_in_with_a_remark(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    path = pack(tmp_path / "a.tar", video("x", per_frame(FRAMES), complete=False))
    assert signverse("ingest", "shards", path, "--lake", tmp_path / "lake")[0] == 0
    (row,) = Lake.open(tmp_path / "lake").raw_table("outcomes").collect().to_dicts()
    assert row["outcome"] == "done"
    assert "not_marked_complete" in row["reason"].split(",")


def test_numbers_missing_among_the_names_become_absent_frames(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    frames = {number: flat([person(1)]) for number in (2, 3, 6)}
    path = pack(tmp_path / "a.tar", video("x", per_frame(frames)))
    assert signverse("ingest", "shards", path, "--lake", tmp_path / "lake")[0] == 0
    row = Lake.open(tmp_path / "lake").video("x")
    assert (row["num_frames"], row["absent_frames"]) == (6, [0, 3, 4])


FILES = per_frame([flat([person(i)]) for i in range(3)])


AS_THEY_ARE = rows_of(poses_of(FILES))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.integers(0, min(map(len, FILES.values())) - 1), st.integers(0, 7))
def test_a_flipped_bit_in_a_frame_is_refused_with_the_files_name_or_changes_nothing(
    name: str, at: int, bit: int
) -> None:
    broken = bytearray(FILES[name])
    broken[at] ^= 1 << bit
    try:
        poses = poses_of({**FILES, name: bytes(broken)})
    except BadInputError as error:
        assert f"x/npz/{name}" in str(error)
        assert "\n" not in str(error)
        return
    # Times and the like may change; numbers may not.
    assert_same_rows(rows_of(poses), AS_THEY_ARE)


@pytest.mark.parametrize("of", [b"person_000_left_hand_scores.npy", b"num_persons.npy"])
def test_a_flipped_bit_in_any_name_of_an_array_is_refused(of: bytes) -> None:
    content = FILES["00000002.npz"]
    # A zip holds each name twice.
    for start in (content.index(of), content.rindex(of)):
        for at in range(start, start + len(of)):
            broken = content[:at] + bytes([content[at] ^ 2]) + content[at + 1 :]
            with pytest.raises(BadInputError, match=r"x/npz/00000002\.npz"):
                poses_of({**FILES, "00000002.npz": broken})


def test_a_flipped_bit_in_a_points_place_is_always_refused() -> None:
    where = FILES["00000002.npz"].index(person(1)[PARTS[1].slice, :2].tobytes())
    broken = bytearray(FILES["00000002.npz"])
    broken[where + 3] ^= 1
    with pytest.raises(BadInputError, match=r"x/npz/00000002\.npz"):
        poses_of({**FILES, "00000002.npz": bytes(broken)})


def test_a_frame_that_brings_a_pickle_is_refused() -> None:
    hostile = saved(**flat([]), extra=objects([print]))
    with pytest.raises(BadInputError, match=r"x/npz/00000002\.npz"):
        poses_of({**FILES, "00000002.npz": hostile})


def test_names_that_are_no_numbers_of_eight_digits_are_no_frames() -> None:
    assert dialect_of({"npz/1.npz": None, "npz/000000001.npz": None, "00000001.npz": None}) == ""  # type: ignore[dict-item]
    with pytest.raises(BadInputError, match="neither"):
        poses_of({"1.npz": FILES["00000001.npz"]})


def test_frame_number_0_is_refused_since_numbers_are_from_1() -> None:
    with pytest.raises(BadInputError, match="frame numbers from -1"):
        poses_of({"00000000.npz": FILES["00000001.npz"]})
