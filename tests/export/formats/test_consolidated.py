"""The `consolidated` dialect goes out as the published training code reads it, and comes in again as it was."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from signverse.export.formats import consolidated
from signverse.export.formats.consolidated import captions, write_vtt
from signverse.export.formats.video_content import Content, Outline, outline_of, parts_of
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.captions.webvtt import read_vtt
from signverse.ingest.manifest import Entry, read_manifest
from signverse.ingest.shards.reader import Options, ShardTask, read_shard
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, LEFT_HAND, NUM_JOINTS, PARTS, RIGHT_HAND, joint_index
from signverse.lake.storage.committer import Committer

HALF_PIXEL_STEP, HALF_SCORE_STEP = 1 / 16, 1 / 512


def load(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(data), allow_pickle=True) as npz:
        return {key: npz[key] for key in npz.files}


def written(outline: Outline, parts: Iterable[Content]) -> dict[str, Any]:
    file = io.BytesIO()
    consolidated.write_poses(file, outline, parts)
    return load(file.getvalue())


def poses_of(lake: Lake, video_id: str) -> dict[str, Any]:
    outline = outline_of(lake.video(video_id), [])
    return written(outline, parts_of(outline, lake.people(outline.video_id)))


def files_of(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


def export(lake: Lake, out: Path, spec: Spec = Spec("consolidated")) -> dict[str, bytes]:  # noqa: B008
    """Writes all videos into one tar; gives its files."""
    out.mkdir()
    (shard,) = plan_shards(chosen_videos(lake, None)[0])
    export_shards(lake, [shard], out, spec)
    return files_of(out / shard.name)


def bring_in(tar: Path, folder: Path, entries: dict[str, Entry] | None = None) -> Lake:
    """A lake of a tar, in this process."""
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for item in read_shard(ShardTask(tar), Options(entries=entries or {})):
            assert not hasattr(item, "why"), item
            if hasattr(item, "keypoints"):
                committer.add(item)
    lake.refresh()
    return lake


# Keys, types and shapes


def test_every_key_is_there_with_its_type_and_shape_and_no_other(make_lake, video, person) -> None:
    people = {(0, 0): person(1), (0, 1): person(2), (1, 0): person(3), (4, 0): person(4)}
    poses = poses_of(make_lake(video("x", 5, people, absent_frames=[2])), "x")
    assert set(poses) == {
        "video_id", "fps", "total_frames", "frame_widths", "frame_heights", "frame_indices", "frame_payloads",
    }  # fmt: skip
    assert (str(poses["video_id"]), poses["video_id"].shape) == ("x", ())
    for key, value in (("fps", 24), ("total_frames", 4)):
        assert (poses[key].dtype, poses[key].shape, int(poses[key])) == (np.int32, (), value)
    for key, value in (("frame_widths", 320), ("frame_heights", 240)):
        assert (poses[key].dtype, poses[key].tolist()) == (np.int32, [value] * 4)
    assert (poses["frame_indices"].dtype, poses["frame_indices"].tolist()) == (np.int32, [1, 2, 4, 5])
    payloads = poses["frame_payloads"]
    assert (payloads.dtype, payloads.shape) == (object, (4,))
    assert [int(payload["num_persons"]) for payload in payloads] == [2, 1, 0, 1]
    for payload in payloads:
        count = int(payload["num_persons"])
        shapes = {"num_persons": (), "frame_width": (), "frame_height": ()}
        for i in range(count):
            for name, size in (("body", 18), ("face", 68), ("left_hand", 21), ("right_hand", 21)):
                shapes[f"person_{i:03d}_{name}_keypoints"] = (size, 2)
                shapes[f"person_{i:03d}_{name}_scores"] = (size,)
        assert {key: value.shape for key, value in payload.items()} == shapes
        for key, value in payload.items():
            assert isinstance(value, np.ndarray)
            assert value.dtype == (np.float32 if key.startswith("person") else np.int32)
            assert np.isfinite(value).all()
        assert (int(payload["frame_width"]), int(payload["frame_height"])) == (320, 240)


def test_a_tar_holds_the_paths_that_the_published_ones_hold(make_lake, video, person, tmp_path: Path) -> None:
    lake = make_lake(video("x", 2, {(0, 0): person()}, cues=[(0, 0.05, "hello")]), video("-y", 1))
    files = export(lake, tmp_path / "out")
    assert list(files) == [
        "-y/npz/poses.npz", "-y/npz/.complete", "x/npz/poses.npz", "x/npz/.complete", "x/captions/x.en.vtt",
    ]  # fmt: skip
    assert files["x/npz/.complete"] == b"video_id=x\nfps=24\nframes=2\n"


def test_the_sample_exported_and_verified_through_the_command_line(sample: Lake, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    command = ["export", "shards", "--lake", sample.folder, "--out", out, "--layout", "consolidated"]
    assert signverse(*command)[0] == 0
    assert signverse("verify", out) == (0, "", f"the export {out} is whole\n")
    code, said, _ = signverse("inspect", out / "Sign_DWPose_NPZ_000001.tar")
    assert code == 0
    assert "consolidated" in said
    shard = out / "Sign_DWPose_NPZ_000001.tar"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 4
    shard.write_bytes(data)
    code, said, _ = signverse("verify", out)
    assert (code, said.count("\n"), said.startswith(f"{shard} is damaged")) == (1, 1, True)


def test_an_index_that_differs_from_a_consolidated_shard_is_named(sample: Lake, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    assert signverse("export", "shards", "--lake", sample.folder, "--out", out, "--layout", "consolidated")[0] == 0
    index, sums = out / "index.csv", out / "SHA256SUMS"
    before = index.read_text()
    row = before.splitlines()[1]
    video_id = row.split(",")[0]
    index.write_text(before.replace(row, row[:-64] + "0" * 64))
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (before, index.read_text())]
    sums.write_text(sums.read_text().replace(*digests))
    expected = f"{out / 'Sign_DWPose_NPZ_000001.tar'}: {video_id}/npz/poses.npz differs from index.csv\n"
    assert signverse("verify", out)[:2] == (1, expected)


@pytest.mark.parametrize("lost", ["npz/poses.npz", "npz/.complete"])
def test_a_file_that_a_consolidated_shard_lacks_is_named(sample: Lake, tmp_path: Path, signverse, lost: str) -> None:
    import hashlib

    out = tmp_path / "out"
    signverse("export", "shards", "--lake", sample.folder, "--out", out, "--layout", "consolidated")
    shard = out / "Sign_DWPose_NPZ_000001.tar"
    files = files_of(shard)
    with tarfile.open(shard, "w") as tar:
        for name, data in files.items():
            if name != f"synthASE001/{lost}":
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    sums = (out / "SHA256SUMS").read_text().splitlines()
    sums[0] = f"{hashlib.sha256(shard.read_bytes()).hexdigest()}  {shard.name}"
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    code, said, _ = signverse("verify", out)
    assert code == 1
    assert f"{shard} lacks synthASE001/" in said


# Numbers


def test_places_are_shares_of_the_frame_and_absent_is_minus_one(make_lake, video, person) -> None:
    points = person()
    points[[0, 20, 90, 127]] = (np.nan, np.nan, 0)
    points[2] = (320, 240, 1.125)
    points[3] = (-16, 250, 0.25)
    payload = poses_of(make_lake(video("x", 1, {(0, 0): points})), "x")["frame_payloads"][0]
    xy = np.concatenate([payload[f"person_000_{part.name}_keypoints"] for part in PARTS])
    scores = np.concatenate([payload[f"person_000_{part.name}_scores"] for part in PARTS])
    absent = [0, 20, 90, 127]
    assert (xy[absent] == -1).all()
    assert (scores[absent] == 0).all()
    # Not clamped: the model's own can exceed 1.
    assert (xy[2].tolist(), scores[2]) == ([1, 1], 1.125)
    there = np.setdiff1d(np.arange(NUM_JOINTS), absent)
    np.testing.assert_allclose(xy[there] * (320, 240), points[there, :2], atol=1e-4)
    np.testing.assert_array_equal(scores[there], points[there, 2])


def test_who_is_absent_beside_somebody_is_minus_one_throughout(make_lake, video, person) -> None:
    lake = make_lake(video("x", 2, {(0, 1): person(1), (1, 0): person(2), (1, 2): person(3)}))
    first, second = poses_of(lake, "x")["frame_payloads"]
    assert (int(first["num_persons"]), int(second["num_persons"])) == (2, 3)
    for payload, gone in ((first, "person_000"), (second, "person_001")):
        for part in PARTS:
            assert (payload[f"{gone}_{part.name}_keypoints"] == -1).all()
            assert (payload[f"{gone}_{part.name}_scores"] == 0).all()
    np.testing.assert_array_equal(second["person_002_face_scores"], person(3)[18:86, 2])


def test_an_unknown_body_score_is_its_visibility_and_never_an_index_code() -> None:
    points = np.full((2, NUM_JOINTS, 3), 5, np.float32)
    points[:, BODY.slice, 2] = np.nan
    points[:, 18:, 2] = 0.5
    points[:, 4, :2] = np.nan
    visible = np.tile(np.arange(18) % 2 == 0, (2, 1))
    video = {"width": 320, "height": 240, "num_frames": 1, "video_id": "x"}
    zeros = np.zeros(2, np.int32)
    content = Content(video, np.zeros(1, np.int64), [], [], zeros, np.array([0, 1], np.int8), points, visible)
    (payload,) = written(content, [content])["frame_payloads"]
    for person in ("person_000", "person_001"):
        scores = payload[f"{person}_body_scores"]
        assert scores.tolist() == [float(i % 2 == 0 and i != 4) for i in range(18)]
        assert payload[f"{person}_body_keypoints"][4].tolist() == [-1, -1]
        assert (payload[f"{person}_face_scores"] == 0.5).all()
    (blind,) = written(content, [replace(content, visible=None)])["frame_payloads"]
    assert blind["person_000_body_scores"].tolist() == [float(i != 4) for i in range(18)]


# Captions

LETTERS = st.text(
    st.one_of(
        st.sampled_from("<>&;-\"' =:/aeb9#"),
        st.characters(exclude_categories=["Cs", "Cc", "Cf"], exclude_characters="\ufffc"),
    ),
    max_size=30,
)  # fmt: skip

FIXED = ["<b>bold</b>", "a --> b", "&amp;", "&lt;i&gt;", "<00:00:01.000>word", "WEBVTT", "NOTE this", "1",
         "مرحبا بالعالم", "שלום <עולם> & עוד", "手語", "00:00:01.000 --> 00:00:02.000", "STYLE"]  # fmt: skip


def read_back(data: bytes) -> list[tuple[float, float, str]]:
    return [(cue.start_s, cue.end_s, cue.text) for cue in read_vtt(data, "x.vtt")[0]]


def as_rows(cues: Sequence[tuple[float, float, str]], **about: Any) -> list[dict[str, Any]]:
    return [
        {"start_s": start, "end_s": end, "text": text, "track": "t", "kind": "manual", "language": "en", **about}
        for start, end, text in cues
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FIXED), LETTERS), max_size=5), st.integers(0, 400_000_000))
def test_captions_are_read_back_letter_by_letter(texts: list[str], offset: int) -> None:
    # A lake keeps captions on one line, without invisible marks.
    texts = [" ".join(text.split()) for text in texts]
    texts = [text for text in texts if text]
    cues = [((offset + i * 1500) / 1000, (offset + i * 1500 + 1333) / 1000, text) for i, text in enumerate(texts)]
    assert read_back(write_vtt(as_rows(cues), "manual", "en", "")) == cues


def test_several_tracks_of_a_language_and_of_all_kinds_come_back_as_they_were(tmp_path: Path, person) -> None:
    cues = (Cue(0.0, 0.05, "one"), Cue(0.05, 0.1, "one two"))
    others = (Cue(0.0, 0.07, "else"),)
    tracks = [
        Track("en.manual", "manual", "en", cues),
        Track("en.manual.2", "manual", "en", others),
        Track("en.manual.3", "manual", "en", (*others, Cue(0.07, 0.09, "x"))),
        Track("en.automatic", "automatic", "en", cues),
        Track("en.translated", "translated", "en", cues, "pt-BR"),
        Track("pt-BR.manual", "manual", "pt-BR", others),
        Track("zh-Hant.automatic", "automatic", "zh-Hant", others),
        Track("ar.manual", "manual", "ar", (Cue(0.0, 0.1, "مرحبا <بالعالم>"),)),
    ]
    lake = Lake.create(tmp_path / "lake")
    with Committer(lake.folder) as committer:
        committer.add(built("x", 3, {(0, 0): person()}, tracks))
    lake.refresh()
    export(lake, tmp_path / "out")
    again = bring_in(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar", tmp_path / "again")

    def told(lake: Lake) -> list[tuple]:
        rows = lake.table("captions").collect()
        return sorted(rows.select("kind", "language", "ordinal", "start_s", "end_s", "text").iter_rows())

    assert told(again) == told(lake)
    chosen = ["text", "text_language", "caption_kind", "english_source", "start_s", "end_s", "start_frame", "end_frame"]
    assert again.table("segments").select(chosen).collect().equals(lake.table("segments").select(chosen).collect())


def test_a_translation_remembers_what_it_was_translated_from(make_lake, video, person, tmp_path: Path) -> None:
    lake = make_lake(video("x", 2, {(0, 0): person()}, [(0, 0.05, "hi")], ("translated", "en", "de")))
    export(lake, tmp_path / "out")
    again = bring_in(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar", tmp_path / "again")
    assert again.video("x")["english_source"] == lake.video("x")["english_source"] == "translated_from:de"


def test_a_persons_track_is_a_plain_file_that_any_player_shows() -> None:
    assert write_vtt(as_rows([(3661.5, 3662.25, "a < b")]), "manual", "en", "") == (
        b"WEBVTT\nKind: captions\nLanguage: en\n\n01:01:01.500 --> 01:01:02.250\na &lt; b\n"
    )


def test_track_files_have_names_of_their_own() -> None:
    rows = [
        row
        for track, kind, language in (
            ("a", "manual", "en"), ("b", "manual", "en"), ("c", "automatic", "en"), ("d", "manual", "de"),
        )
        for row in as_rows([(0, 1, track)], track=track, kind=kind, language=language)
    ]  # fmt: skip
    nothing = np.zeros(0, np.int64)
    video = {"video_id": "x", "english_source": "native"}
    found = captions(Outline(video, nothing, [], rows))
    assert list(found) == ["x.en.vtt", "x.en.x-02.vtt", "x.en-automatic.vtt", "x.de.vtt"]
    assert [read_back(data)[0][2] for data in found.values()] == ["a", "b", "c", "d"]


# Round trips


def signer(frames: int, seed: int, *, left: float = 0.0, size: float = 100.0, score: float = 0.9) -> np.ndarray:
    """Somebody who moves a little, hands at the wrists: [frames, 128, 3], not on the grid of a lake."""
    random = np.random.default_rng(seed)
    shape = random.uniform(0, size, (NUM_JOINTS, 2))
    for wrist, hand in (("left_wrist", LEFT_HAND), ("right_wrist", RIGHT_HAND)):
        shape[hand.slice] = shape[joint_index(wrist)] + random.uniform(0, size / 20, (hand.size, 2))
        shape[hand.start] = shape[joint_index(wrist)]
    points = np.empty((frames, NUM_JOINTS, 3), np.float32)
    points[..., :2] = shape + random.normal(0, 0.4, (frames, 1, 2)) + (left, 60)
    points[..., 2] = random.uniform(score - 0.3, score + 0.2, (frames, NUM_JOINTS))
    return points


def built(
    video_id: str, num_frames: int, people: dict[tuple[int, int], np.ndarray], tracks: Sequence[Track], **more: Any
):
    where = np.array(sorted(people), np.int32).reshape(-1, 2)
    about = {"source": "shard", "absent_frames": more.pop("absent", [])}
    return build_rows(
        more.pop("entry", Entry(video_id, "ase", "ase")),
        stage="import",
        width=640,
        height=480,
        num_frames=num_frames,
        frames=where[:, 0].copy(),
        persons=where[:, 1].astype(np.int8),
        points=np.stack([people[tuple(at)] for at in where.tolist()]),
        tracks=tracks,
        about=about,
        **more,
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
