"""A lake that goes out as `consolidated` comes in again as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from signverse.export.formats.video_content import outline_of, parts_of
from signverse.export.release.shards import Spec
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry, read_manifest
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, NUM_JOINTS, PARTS
from signverse.lake.storage.committer import Committer
from tests.export.formats.consolidated_files import (
    FIXED,
    HALF_PIXEL_STEP,
    HALF_SCORE_STEP,
    bring_in,
    built,
    export,
    files_of,
    load,
    signer,
)


@st.composite
def video(draw: st.DrawFn, name: str) -> Any:
    """A video with a signer, at times somebody smaller beside, absent frames and captions; full float32 or the grid."""
    frames = draw(st.integers(2, 12))
    absent = draw(st.lists(st.integers(0, frames - 2), unique=True, max_size=3).map(sorted))
    people: dict[tuple[int, int], np.ndarray] = {}
    first = signer(frames, draw(st.integers(0, 9)))
    second = signer(frames, draw(st.integers(10, 19)), left=400, size=40, score=0.4)
    beside = draw(st.booleans())
    for frame in range(frames):
        if frame not in absent:
            people[frame, 0] = first[frame]
            if beside:
                people[frame, 1] = second[frame]
    # At times the signer has gone, and the other is alone; most of the time the signer is there.
    if len({frame for frame, _ in people}) > 4:
        for frame in draw(st.lists(st.integers(1, frames - 1), max_size=2)):
            people.pop((frame, 0), None)
    for joint in draw(st.lists(st.integers(18, NUM_JOINTS - 1), max_size=8)):
        for at in people:
            people[at][joint] = (np.nan, np.nan, 0)
    texts = draw(st.lists(st.one_of(st.sampled_from(FIXED), st.just("hello")), max_size=3))
    cues = tuple(Cue(i * 0.03, i * 0.03 + 0.03, text) for i, text in enumerate(texts))
    kind, language, source = draw(
        st.sampled_from([("manual", "en", ""), ("translated", "en", "fr"), ("manual", "und", "")])
    )
    tracks = [Track(f"{language}.{kind}", kind, language, cues, source)] if cues else []
    label = draw(st.sampled_from(["ase", "gsg", "bfi"]))
    exact = draw(st.booleans())
    return built(name, frames, people, tracks, absent=absent, entry=Entry(name, label, label, title=None), exact=exact)


@contextmanager
def somewhere() -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def points_of(lake: Lake, video_id: str) -> dict[tuple[int, int], np.ndarray]:
    found: dict[tuple[int, int], np.ndarray] = {}
    outline = outline_of(lake.video(video_id), [])
    for part in parts_of(outline, lake.people(outline.video_id)):
        at = zip(part.frames.tolist(), part.persons.tolist(), strict=True)
        found |= zip(at, part.points, strict=True)
    return found


def same_numbers(ours: dict[tuple[int, int], np.ndarray], theirs: dict[tuple[int, int], np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for at, points in ours.items():
        np.testing.assert_allclose(theirs[at][:, :2], points[:, :2], atol=HALF_PIXEL_STEP + 1e-4, rtol=0)
        np.testing.assert_allclose(theirs[at][:, 2], points[:, 2], atol=HALF_SCORE_STEP + 1e-6, rtol=0)


KEPT = {
    "videos": ["video_id", "sign_language", "language_label", "num_frames", "absent_frames", "width", "height",
               "people_max", "text_language", "english_source", "document_text", "repairs", "duration_s"],
    "segments": ["segment_id", "start_s", "end_s", "start_frame", "end_frame", "text", "text_language", "caption_kind",
                 "english_source"],
    "captions": ["video_id", "track", "kind", "language", "ordinal", "start_s", "end_s", "text"],
}  # fmt: skip


def same_words(ours: Lake, theirs: Lake) -> None:
    for table, columns in KEPT.items():
        keys = [key for key in ("video_id", "segment_id", "track", "ordinal") if key in columns]
        one, two = (lake.table(table).select(columns).collect().sort(keys).to_dicts() for lake in (ours, theirs))
        assert one == two, table


def manifest_of(lake: Lake, path: Path) -> dict[str, Entry]:
    rows = lake.videos().select("video_id", "language_label").collect()
    rows.rename({"language_label": "sign_language"}).write_csv(path)
    return read_manifest(path).entries


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.tuples(video("-a"), video("b")))
def test_a_lake_that_goes_out_as_consolidated_comes_in_as_it_was(rows: tuple[Any, ...]) -> None:
    with somewhere() as here:
        first = Lake.create(here / "first")
        with Committer(first.folder) as committer:
            for row in rows:
                committer.add(row)
        first.refresh()
        export(first, here / "one")
        name = "Sign_DWPose_NPZ_000001.tar"
        second = bring_in(here / "one" / name, here / "second", manifest_of(first, here / "manifest.csv"))
        same_words(first, second)
        for video_id in ("-a", "b"):
            same_numbers(points_of(first, video_id), points_of(second, video_id))
        # From then on nothing changes, not a byte.
        export(second, here / "two")
        third = bring_in(here / "two" / name, here / "third", manifest_of(first, here / "manifest.csv"))
        for video_id in ("-a", "b"):
            ours, theirs = points_of(second, video_id), points_of(third, video_id)
            assert all(np.array_equal(ours[at], theirs[at], equal_nan=True) for at in ours)
        assert export(third, here / "three") == files_of(here / "two" / name)


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.tuples(video("-a"), video("b")))
def test_a_card_that_travels_as_consolidated_is_the_same_card(rows: tuple[Any, ...]) -> None:
    with somewhere() as here:
        first = Lake.create(here / "first")
        with Committer(first.folder) as committer:
            for row in rows:
                committer.add(row)
        first.refresh()
        name = "Sign_DWPose_NPZ_000001.tar"
        cards = export(first, here / "card", Spec("card"))
        second = bring_in(here / "card" / name, here / "second")
        export(second, here / "consolidated")
        third = bring_in(here / "consolidated" / name, here / "third", manifest_of(second, here / "manifest.csv"))
        again = export(third, here / "again", Spec("card"))
        assert again.keys() == cards.keys()
        for file, data in cards.items():
            if file.endswith(".npz"):
                same_cards(load(data), load(again[file]))
            else:
                assert again[file] == data, file


def same_cards(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one["frame_ids"].tolist() == two["frame_ids"].tolist()
    for ours, theirs in zip(one["frames"], two["frames"], strict=True):
        assert ours.keys() == theirs.keys()
        assert ours["frame_id"] == theirs["frame_id"]
        for person in (key for key in ours if key.startswith("person_")):
            for part in ours[person]:
                a, b = ours[person][part], theirs[person][part]
                np.testing.assert_allclose(a[:, :2], b[:, :2], atol=HALF_PIXEL_STEP + 1e-4, rtol=0)
                np.testing.assert_allclose(a[:, 2], b[:, 2], atol=HALF_SCORE_STEP + 1e-6, rtol=0)


def test_the_published_tars_go_in_and_out_with_their_numbers(data: Path, tmp_path: Path) -> None:
    """Of what is published, only the body scores change: they never were any."""
    for number, tar in enumerate(sorted((data / "release").glob("*.tar"))):
        lake = bring_in(tar, tmp_path / f"lake{number}")
        files = export(lake, tmp_path / f"out{number}")
        published = files_of(tar)
        for video_id in lake.videos().collect()["video_id"]:
            name = f"{video_id}/npz/poses.npz"
            captions = {file for file in files if file.startswith(f"{video_id}/captions/")}
            assert captions == {file for file in published if file.startswith(f"{video_id}/captions/")}
            if name not in published:
                continue
            ours, theirs = load(files[name]), load(published[name])
            indices = theirs.get("frame_indices", np.arange(1, len(theirs["frame_payloads"]) + 1))
            assert ours["frame_indices"].tolist() == indices.tolist()
            for mine, its in zip(ours["frame_payloads"], theirs["frame_payloads"], strict=True):
                if int(its["num_persons"]) != 1 or int(mine["num_persons"]) != 1:
                    continue
                for part in PARTS:
                    seen = mine[f"person_000_{part.name}_scores"] > 0
                    distance = mine[f"person_000_{part.name}_keypoints"] - its[f"person_000_{part.name}_keypoints"]
                    size = (int(its["frame_width"]), int(its["frame_height"]))
                    assert np.abs(distance[seen] * size).max(initial=0) <= HALF_PIXEL_STEP + 1e-3
                    if part is BODY:
                        assert set(mine["person_000_body_scores"].tolist()) <= {0.0, 1.0}
                    else:
                        scores = its[f"person_000_{part.name}_scores"]
                        difference = mine[f"person_000_{part.name}_scores"] - scores
                        assert np.abs(difference[seen]).max(initial=0) <= HALF_SCORE_STEP + 1e-6
