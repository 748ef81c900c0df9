"""Of a long video the tracker keeps little in memory, and the numbers are those of a video that is kept whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import synthetic_scenes as made
from signverse.ingest.tracking import detections, identities, tracker
from signverse.ingest.tracking.identities import Numbering, number_people
from signverse.lake.storage import spill

SCENES = {scene.name: scene for scene in made.scenes(3)}


def number(scene: made.Scene, at_once: int) -> Numbering:
    frames = np.repeat(np.arange(len(scene.boxes)), [len(frame) for frame in scene.boxes])
    points = np.concatenate(scene.points)
    pieces = (points[start : start + at_once] for start in range(0, len(points), at_once))
    return number_people(frames, np.concatenate(scene.boxes), pieces)


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(sorted(SCENES)), st.integers(5, 50), st.integers(1, 50))
def test_the_numbers_do_not_depend_on_what_lies_on_disk_nor_on_the_pieces_that_are_read(
    name: str, piece: int, scattered: int
) -> None:
    whole = number(SCENES[name], 10**6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "IN_MEMORY", 0)
        patch.setattr(detections, "_SCATTERED", scattered)
        for module in (detections, identities):
            patch.setattr(module, "CHUNK", piece)
        patch.setattr(tracker, "_PAIRS_AT_ONCE", piece)
        patch.setattr(tracker, "_RELEASED_AFTER", 1)
        found = number(SCENES[name], piece)
    np.testing.assert_array_equal(found.person, whole.person)
    assert found.events == whole.events


PEOPLE = 3


def hours(frames: int) -> Iterator[np.ndarray]:
    """The points of people who stand side by side and move a little, one of them found twice now and then at first."""
    random = np.random.default_rng(0)
    some = np.empty((97, PEOPLE, 128, 3), np.float32)
    for person in range(PEOPLE):
        still = random.uniform((400 * person, 0), (400 * person + 300, 600), (128, 2))
        some[:, person, :, :2] = still + random.normal(0, 2, (97, 128, 2))
    some[..., 2] = 0.8
    for start in range(0, frames, 1000):
        rows = some[np.arange(start, min(start + 1000, frames)) % 97]
        if not start:
            rows[::30, 1, :, :2] = rows[::30, 0, :, :2]
        yield rows.reshape(-1, 128, 3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")
def test_three_people_for_four_hours_are_numbered_within_250_mb() -> None:
    program = """if __name__ == "__main__":
        from bench.memory import peak_mb
        from tests.ingest.tracking.test_long_memory import *
        frames = 4 * 3600 * 24
        boxes = [np.concatenate([p[..., :2].min(axis=1), p[..., :2].max(axis=1)], axis=1) for p in hours(frames)]
        boxes = np.concatenate(boxes)
        before = peak_mb()
        found = number_people(np.repeat(np.arange(frames), PEOPLE), boxes, hours(frames))
        print(peak_mb() - before, *sorted(set(found.person.tolist())))
    """
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    grown, *numbers = ran.stdout.split()
    # With the joints in memory it was 340 MB, and 860 MB for ten hours.
    assert float(grown) < 250
    assert numbers == ["0", "1", "2"]
