"""The `consolidated` layout is written as the published training code reads it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.export.formats.consolidated import captions, write_vtt
from signverse.export.formats.video_content import Content, Outline
from signverse.ingest.captions.formats.reader import read_captions
from signverse.ingest.captions.tracks import Cue, Track
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, NUM_JOINTS, PARTS
from signverse.lake.storage.committer import Committer
from tests.export.formats.consolidated_files import FIXED, LETTERS, bring_in, built, export, files_of, poses_of, written

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
    assert signverse("verify", out) == (0, "", f"no problems found in the export {out}\n")
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


def read_back(data: bytes) -> list[tuple[float, float, str]]:
    return [(cue.start_s, cue.end_s, cue.text) for cue in read_captions(data, "x.vtt").shown]


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
