"""Clips through the table of pages equal what was written, and what pyarrow reads, in every kind of file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage import parquet_layout
from signverse.lake.storage.clip_reader.nulls import present
from signverse.lake.storage.file_writer import KeypointsFile
from signverse.lake.storage.integrity.chunk_checksums import checksums_of
from signverse.lake.storage.integrity.digests import DamagedBytes
from signverse.lake.storage.keypoints import from_table, list_columns, snap, to_table
from signverse.lake.storage.pages import block
from signverse.lake.storage.reader import Joints, KeypointsReader, Placement
from tests.lake.older import format_1_writer

NOBODY = (np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Video:
    """Rows of a video: frames and persons [N], points [N, 128, 3], visibility [N, 18] or None."""

    frames: np.ndarray
    persons: np.ndarray
    points: np.ndarray
    visible: np.ndarray | None

    def clip(self, start: int, end: int, person: int, mask_hidden: bool = False) -> np.ndarray:
        """What a clip of it must be, by the plainest of loops."""
        clip = np.full((end - start, 128, 3), np.nan, np.float32)
        for i, (frame, who) in enumerate(zip(self.frames, self.persons, strict=True)):
            if who == person and start <= frame < end:
                clip[frame - start] = self.points[i]
                if mask_hidden and self.visible is not None:
                    hidden = np.isnan(self.points[i, :18, 2]) & ~self.visible[i]
                    clip[frame - start, :18][hidden] = (np.nan, np.nan, 0)
        return clip


@st.composite
def videos(draw: st.DrawFn) -> Video:
    """Several people, gaps in frames, absent parts and points, and visibility instead of scores."""
    count = draw(st.integers(1, 200))
    random = np.random.default_rng(draw(st.integers(0, 9999)))
    first, people = draw(st.sampled_from([0, 7, 70_000])), draw(st.integers(1, 3))
    steps = random.integers(1, draw(st.sampled_from([2, 3, 400])), count)
    rows = [
        (int(frame), person)
        for frame in first + np.cumsum(steps) - steps[0]
        for person in range(people)
        if people == 1 or random.random() < 0.8
    ] or [(first, 0)]
    points = snap(random.uniform(0, 1, (len(rows), 128, 3)).astype(np.float32) * (1280, 720, 1))
    for _ in range(draw(st.integers(0, 4))):
        # A joint, or joints side by side, for some rows or a stretch of them: what a null list or an element is.
        begin = draw(st.integers(0, 127))
        joints = slice(begin, draw(st.sampled_from([begin + 1, 128])))
        if draw(st.booleans()):
            joints = draw(st.sampled_from(PARTS)).slice
        some = random.random(len(rows)) < draw(st.sampled_from([0.1, 0.9, 1.0]))
        if draw(st.booleans()):
            some = np.arange(len(rows)) < len(rows) * random.random()
        points[some, joints] = draw(st.sampled_from([(np.nan, np.nan, 0), NOBODY, (1, 2, np.nan)]))
    visible = None
    if draw(st.booleans()):
        points[:, :18, 2] = np.nan
        visible = random.random((len(rows), 18)) < 0.5
    frames, persons = np.array(rows).T
    return Video(frames.astype(np.int32), persons.astype(np.int8), points, visible)


def written(folder: Path, made: list[Video]) -> list[Placement]:
    file = KeypointsFile(folder, "ase")
    places = []
    for number, video in enumerate(made):
        table = to_table(video.frames, video.persons, video.points, body_visible=video.visible)
        places.append(file.add(f"v{number}", "i", table))
    name = file.close().name
    return [
        Placement(f"v{number}", name, place["first_row_group"], place["row_group_count"])
        for number, place in enumerate(places)
    ]


def by_another_writer(path: Path, make: Callable[..., pq.ParquetWriter] = pq.ParquetWriter, **options: Any) -> None:
    with pq.ParquetFile(path) as old:
        groups = [old.read_row_group(group) for group in range(old.num_row_groups)]
    with make(path, groups[0].schema, **options) as writer:
        for group in groups:
            writer.write_table(group)


def of_format_1(path: Path) -> None:
    """One page a column chunk, and checksums of chunks."""
    by_another_writer(path, format_1_writer)
    block.add_block(path, None)


KINDS: dict[str, Callable[[Path], None]] = {
    "as we write it": lambda path: None,
    "format 1": of_format_1,
    "format 1 without checksums": lambda path: by_another_writer(path, compression="zstd", compression_level=1),
    "another writer": lambda path: by_another_writer(path, compression="snappy", data_page_version="2.0"),
}
PAGED = {"as we write it", "format 1"}


@settings(max_examples=60, deadline=None)
@given(st.lists(videos(), min_size=1, max_size=3), st.data())
def test_clips_of_every_kind_of_file_are_the_rows_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, made: list[Video], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_layout, "ROWS_PER_GROUP", data.draw(st.sampled_from([64, 100, 1024])))
        patch.setattr(parquet_layout, "ROWS_PER_PAGE", data.draw(st.sampled_from([8, 24, 64])))
        places = written(folder, made)
    path = folder / str(places[0].file)
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    KINDS[kind](path)
    assert (checksums_of(path, whole=False).pages is not None) == (kind == "as we write it")
    reader = KeypointsReader(folder)
    assert (reader._pages_of(path.relative_to(folder).as_posix()) is not None) == (kind in PAGED)
    person, mask_hidden = data.draw(st.integers(0, 2)), data.draw(st.booleans())
    wanted, right = [], []
    for number in data.draw(st.lists(st.integers(0, len(made) - 1), min_size=1, max_size=6)):
        video = made[number]
        first, last = int(video.frames[0]), int(video.frames[-1])
        start = data.draw(st.integers(max(0, first - 5), last + 5))
        end = start + data.draw(st.integers(0, 30) | st.integers(0, 300))
        wanted.append((places[number], start, end))
        right.append(video.clip(start, end, person, mask_hidden))
    parts = data.draw(st.lists(st.sampled_from(PARTS), min_size=1, unique=True))
    joints = Joints.only([part for part in PARTS if part in parts])
    kept = np.concatenate([np.arange(128)[part.slice] for part in joints.parts])
    clips = reader.clips(wanted, person, joints, mask_hidden=mask_hidden)
    for clip, expected in zip(clips, right, strict=True):
        assert clip.dtype == np.float32
        np.testing.assert_array_equal(clip, expected[:, kept])
    for place, video in zip(places, made, strict=True):
        rows = list(reader.people(place, 0, 2**31 - 1))
        np.testing.assert_array_equal(np.concatenate([group.frames for group in rows]), video.frames)
        np.testing.assert_array_equal(np.concatenate([group.persons for group in rows]), video.persons)
        np.testing.assert_array_equal(np.concatenate([group.points for group in rows]), video.points)
        table = reader.rows(place, list_columns(), 0, 2**31 - 1)
        np.testing.assert_array_equal(from_table(table), video.points)
    reader.close()


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Placement, np.ndarray]]:
    """One file of each kind whose checksums are ours, with the same 150 rows of two people."""
    random = np.random.default_rng(5)
    points = snap(random.uniform(0, 1, (150, 128, 3)).astype(np.float32) * (1280, 720, 1))
    points[40:90, 107:] = NOBODY
    frames, persons = np.arange(150, dtype=np.int32) // 2, np.arange(150, dtype=np.int8) % 2
    files = {}
    for kind in sorted(PAGED):
        folder = tmp_path_factory.mktemp("whole")
        (place,) = written(folder, [Video(frames, persons, points, None)])
        KINDS[kind](folder / str(place.file))
        files[kind] = folder, place, points
    return files


def rewrite(path: Path, content: bytes) -> None:
    """Another time of the last change, which the clock of the file system does not give within a few milliseconds."""
    before = path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(before + 10**9, before + 10**9))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(PAGED)), st.data())
def test_a_flipped_bit_anywhere_is_an_error_that_names_the_file_and_never_another_number(
    whole_files: dict[str, tuple[Path, Placement, np.ndarray]], kind: str, data: st.DataObject
) -> None:
    folder, place, points = whole_files[kind]
    path = folder / str(place.file)
    held = path.read_bytes()
    ends, footer = checksums_of(path).ends, len(held) - 8 - int.from_bytes(held[-8:-4], "little")
    begin, end = data.draw(
        st.sampled_from(
            [(0, len(held)), (int(ends[-1]), footer), (footer, len(held))]
            + [(int(start), int(start) + 30) for start in ends[4:-1:7]]
        )
    )
    at = data.draw(st.integers(begin, min(end, len(held)) - 1))
    changed = bytearray(held)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    rewrite(path, changed)
    try:
        reader = KeypointsReader(folder)
        for read in (
            lambda: reader.clips([(place, 3, 60), (place, 70, 75)], 1, Joints.only(PARTS)),
            lambda: [group.points for group in reader.people(place, 0, 2**31 - 1)],
            lambda: [from_table(reader.rows(place, list_columns(), 0, 2**31 - 1))],
        ):
            try:
                answer = np.concatenate(read())
            except DamagedLakeError as error:
                assert path.name in str(error)
            else:
                right = points if len(answer) == 150 else points[1::2][[*range(3, 60), *range(70, 75)]]
                np.testing.assert_array_equal(answer, right)
                # Any of them reads the footer and the block; without what says that it is one, the file counts as one
                # of the first lakes, whose pages have checksums of their own.
                assert at < ends[-1] + 8 or footer - 4 <= at < footer
    finally:
        rewrite(path, held)


HARMED = [
    "SIZE", "HEADER", "UNPACKED", "LEVELS", "a page less", "rows", "much behind the last number",
    "first frame", "first frame below 0", "last frame", "person below the lowest", "person", "step of the first row",
    "steps to a later frame", "steps beyond every frame", "the same frame twice", "another person",
]  # fmt: skip


@pytest.mark.parametrize("kind", HARMED)
def test_numbers_of_a_block_that_contradict_each_other_are_refused(tmp_path: Path, kind: str) -> None:
    """A block whose checksum holds, as one who means harm can make it: no memory is taken for what it claims."""
    frames = np.arange(0, 200, 2, dtype=np.int32)
    made = Video(frames, np.zeros(100, np.int8), np.ones((100, 128, 3), np.float32), None)
    (place,) = written(tmp_path, [made])
    path = tmp_path / str(place.file)

    def harmed(payload: bytes, counts: tuple[int, ...]) -> bytes:
        groups, columns, pieces, *_ = counts
        numbers, begin = bytearray(payload), 17 * groups + columns
        page, steps = pieces - 3, begin + 17 * pieces
        number = {
            "first frame": (4 * groups, 1), "first frame below 0": (4 * groups, -6),
            "last frame": (8 * groups, 2**31 - 1), "person below the lowest": (12 * groups, -2),
            "person": (12 * groups, 1), "step of the first row": (steps, 7),
            "steps to a later frame": (steps + 12, 9), "steps beyond every frame": (steps + 12, 2**31 - 1),
            "the same frame twice": (steps + 16, 0),
        }  # fmt: skip
        if kind in number:
            at, value = number[kind]
            return payload[:at] + value.to_bytes(4, "little", signed=True) + payload[at + 4 :]
        if kind == "another person":
            return payload[: steps + 400] + b"\1" + payload[steps + 401 :]
        if kind == "much behind the last number":
            return payload + b" " * (33 << 20)
        at, size = {
            "SIZE": (begin + 4 * page, 4),
            "UNPACKED": (begin + 4 * (pieces + page), 4),
            "LEVELS": (begin + 4 * (2 * pieces + page), 4),
            "HEADER": (begin + 12 * pieces + page, 1),
            "rows": (0, 4),
            "a page less": (begin, 4),
        }[kind]
        numbers[at : at + size] = b"\xf0" * (size - 1) + b"\x7f"
        return bytes(numbers if kind != "a page less" else numbers[:-40])

    raw = path.read_bytes()
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    start = footer - int.from_bytes(raw[footer - 4 : footer], "little")
    counts = block._PAGE_COUNTS.unpack_from(raw, start + 8)
    packed = raw[start + 8 + block._PAGE_COUNTS.size : footer - 36]
    payload = harmed(pa.decompress(packed, counts[-1], codec="zstd", asbytes=True), counts)
    body = raw[start : start + 8] + block._PAGE_COUNTS.pack(*counts[:-1], len(payload))
    body += pa.compress(payload, codec="zstd", asbytes=True)
    end = block._LENGTH.pack(len(body) + 36) + raw[footer:]
    path.write_bytes(raw[:start] + body + hashlib.sha256(body + end).digest() + end)
    with pytest.raises(DamagedLakeError, match=path.name):
        KeypointsReader(tmp_path).clip(place, 0, 200, 0)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_levels_that_contradict_the_rows_or_the_floats_of_a_page_are_refused(data: st.DataObject) -> None:
    rows, width = data.draw(st.integers(1, 9)), data.draw(st.sampled_from([3, 36, 42]))
    there = data.draw(st.integers(1, rows * width))
    # A run of those that are there, and one of those that are null.
    levels = bytes([*varint(2 * there), 3, *varint(2 * (rows * width - there)), 2])
    mask = present(levels, rows * width, rows, width, there)
    whole = np.broadcast_to(mask, (rows, width))
    assert np.array_equal(whole.reshape(-1), np.arange(rows * width) < there)
    changes = {"rows": (rows + 1, width, there), "floats": (rows, width, there - 1), "more": (rows, width, there + 1)}
    with pytest.raises(DamagedBytes):
        present(levels, rows * width, *changes[data.draw(st.sampled_from(sorted(changes)))])


@pytest.mark.parametrize("levels", [b"\xff" * 4_000_000, b"\x80" * 4_000_000, b"\0\3" * 9, b"\1"])
def test_levels_without_an_end_are_refused_at_once(levels: bytes) -> None:
    with pytest.raises(DamagedBytes):
        present(levels, 100, 50, 2, 7)


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128, value >> 7])
