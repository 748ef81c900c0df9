"""Videos that are read in pieces come in as if they were read at once, wherever the pieces end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards import dialects, point_rows, poses, repairs
from signverse.ingest.shards.point_rows import PointRows
from signverse.ingest.shards.repairs import repair
from signverse.ingest.shards.untrusted import npz_reader
from tests.ingest.shards import defects
from tests.ingest.shards.dialect_files import consolidated, flat, per_frame, person, poses_of


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes pieces of so many rows, and puts everything on disk."""

    def set_to(rows: int) -> None:
        for module in (point_rows, poses, repairs):
            monkeypatch.setattr(module, "CHUNK", rows)
        for module in (point_rows, npz_reader):
            monkeypatch.setattr(module, "IN_MEMORY", 0)
        monkeypatch.setattr(dialects, "_FILES_AT_ONCE", rows)

    return set_to


def same(ours: Any, theirs: Any) -> None:
    assert ours.repairs == theirs.repairs
    np.testing.assert_array_equal(ours.rows.all(), theirs.rows.all())
    for name in ("numbers", "frames", "slots", "body_visible"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)


def frames_of(counts: list[int], order: int) -> list[Any]:
    return [
        flat([person(7 * i + k + order) for k in range(count)], 640 + 2 * (i % 2)) for i, count in enumerate(counts)
    ]


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7])
@pytest.mark.parametrize(
    "numbers", [None, [1, 2, 3, 4, 5, 6, 7, 8], [4, 3, 9, 1, 1, 2, 2, 7], [8, 7, 6, 5, 4, 3, 2, 1]]
)
def test_keypoints_are_the_same_in_pieces_of_any_size(
    in_pieces: Callable[[int], None], rows: int, numbers: list[int] | None
) -> None:
    frames = frames_of([1, 2, 0, 3, 1, 1, 2, 1], rows)
    data = consolidated(frames, numbers)
    whole = poses_of(data)
    repair(whole)
    in_pieces(rows)
    pieces = poses_of(data)
    repair(pieces)
    same(pieces, whole)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_files_a_frame_are_the_same_however_many_are_read_together(in_pieces: Callable[[int], None], rows: int) -> None:
    frames = per_frame(dict(zip([3, 1, 9, 4, 12, 5], frames_of([1, 3, 0, 2, 1, 2], rows), strict=True)))
    whole = poses_of(frames)
    repair(whole)
    in_pieces(rows)
    pieces = poses_of(frames)
    repair(pieces)
    same(pieces, whole)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "spoil", [defects.coded, defects.permuted, lambda people: defects.permuted(defects.coded(people))]
)
def test_defects_are_found_and_undone_across_pieces(
    in_pieces: Callable[[int], None], rows: int, spoil: Callable[[list[np.ndarray]], list[np.ndarray]]
) -> None:
    frames = [spoil([defects.person(200 + 200 * k, 10 * i + k) for k in range(1 + i % 3)]) for i in range(9)]
    whole = defects.poses_of(frames)
    repair(whole)
    assert whole.repairs
    in_pieces(rows)
    pieces = defects.poses_of(frames)
    repair(pieces)
    same(pieces, whole)


def test_a_folder_of_files_of_four_megabytes_is_never_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: the bytes that are read together have a bound, whatever the size of the files."""
    sizes: list[int] = []
    read_files = dialects.per_frame.read_files
    monkeypatch.setattr(dialects, "_BYTES_AT_ONCE", 50_000)
    monkeypatch.setattr(
        dialects.per_frame, "read_files", lambda files, *rest: sizes.append(files.nbytes) or read_files(files, *rest)
    )
    frame = {**flat([person(1)]), "extra": np.zeros(20_000, np.uint8)}
    poses_of(per_frame([frame] * 9))
    assert max(sizes) <= 50_000
    assert len(sizes) > 1


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    chunk=st.integers(1, 6),
    on_disk=st.booleans(),
    seed=st.integers(0, 99),
)
def test_rows_in_pieces_are_the_rows_of_an_array(counts: list[int], chunk: int, on_disk: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    expected = random.random((sum(counts), 128, 3), np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_rows, "CHUNK", chunk)
        patch.setattr(point_rows, "IN_MEMORY", 4000 if on_disk else 2**30)
        rows, start = PointRows(), 0
        for count in counts:
            rows.append(expected[start : start + count].copy())
            start += count

        def double(_: slice, points: np.ndarray) -> bool:
            points *= 2
            return True

        rows.update(double)
        expected = expected * 2
        np.testing.assert_array_equal(rows.all(), expected)
        for _ in range(2):
            kept = random.permutation(len(rows))[: random.integers(0, len(rows) + 1)]
            rows.keep(kept)
            expected = expected[kept]
            assert len(rows) == len(expected)
            np.testing.assert_array_equal(rows.all(), expected)
            assert all(len(piece) <= chunk for piece in rows.chunks())
