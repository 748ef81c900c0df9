"""The parts of a video are the video: every frame once, with all its people, wherever a row group ends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from signverse.export.formats import video_content as content_module
from signverse.export.formats.video_content import outline_of, parts_of
from signverse.lake.storage.keypoints import from_table, list_columns


@pytest.mark.parametrize("rows", [1, 2, 100, 5000])
def test_parts_together_are_the_whole_video(
    make_lake, video, person, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(content_module, "_ROWS", rows)
    random = np.random.default_rng(4)
    # Three row groups, which end in the middle of a frame; nobody in some frames, also in the first and the last.
    people = [(frame, slot) for frame in range(3, 1100) for slot in range(3) if random.uniform() < 0.8]
    lake = make_lake(video("x", 1200, {at: person(i % 7) for i, at in enumerate(people)}, absent_frames=[0, 1150]))
    outline = outline_of(lake.video("x"), [])
    batches = list(lake.people("x"))
    assert len(batches) == 3
    assert any(one.frames[-1] == other.frames[0] for one, other in pairwise(batches))
    parts = list(parts_of(outline, batches))
    np.testing.assert_array_equal(np.concatenate([part.frame_ids for part in parts]), outline.frame_ids)
    whole = lake.snapshot.keypoint_rows("x", list_columns())
    for name, expected in (("frames", whole["frame"]), ("persons", whole["person"])):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), expected.to_numpy())
    np.testing.assert_array_equal(np.concatenate([part.points for part in parts]), from_table(whole))
    for part in parts:
        assert set(part.frames) <= set(part.frame_ids)


def test_parts_of_the_chosen_segments_have_their_frames_only(make_lake, video, person) -> None:
    lake = make_lake(video("x", 100, {(i, 0): person(i) for i in range(100)}))
    chosen = [{"start_frame": start, "end_frame": end} for start, end in ((10, 12), (11, 14), (99, 100))]
    outline = outline_of(lake.video("x"), chosen, only_segments=True)
    parts = list(parts_of(outline, lake.people("x")))
    assert np.concatenate([part.frames for part in parts]).tolist() == [10, 11, 12, 13, 99]
    nothing = outline_of(lake.video("x"), [], only_segments=True)
    assert list(parts_of(nothing, lake.people("x"))) == []
