"""What is written can be loaded as the dataset card says, and says what the lake says."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signverse.export.formats.card import caption_json, released_points, write_poses
from signverse.export.formats.video_content import Content, outline_of, parts_of
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, PARTS


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[Lake], Path]:
    def export(lake: Lake) -> Path:
        out = tmp_path / "out"
        out.mkdir()
        export_shards(lake, plan_shards(chosen_videos(lake, None)[0]), out, Spec())
        with tarfile.open(out / "Sign_DWPose_NPZ_000001.tar") as tar:
            tar.extractall(tmp_path / "extracted")
        return tmp_path / "extracted"

    return export


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # It never closes caption.json.
def test_the_dataset_cards_snippet_loads_what_we_write(
    tmp_path: Path, sample: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_shards(sample, plan_shards(chosen_videos(sample, None)[0]), tmp_path, Spec())
    monkeypatch.chdir(tmp_path)
    video_id = "synthASE001"

    # Word for word what users were told.
    with tarfile.open("Sign_DWPose_NPZ_000001.tar") as tar: tar.extractall("./extracted/")  # noqa: E701  # fmt: skip
    npz = np.load(f"extracted/{video_id}/poses.npz", allow_pickle=True)
    frames = npz["frames"].tolist()
    body = frames[0]["person_0"]["body"]  # (18, 3): x, y, score  # fmt: skip
    caption = json.load(open(f"extracted/{video_id}/caption.json")); caption["segments"][0]["text"]  # noqa: E702, SIM115, PTH123  # fmt: skip

    assert body.shape == (18, 3)
    assert body.dtype == np.float32
    assert len(frames) == 144
    assert isinstance(caption["segments"][0]["text"], str)
    np.testing.assert_array_equal(body, np.nan_to_num(sample.keypoints(video_id)[0, BODY.slice]))


def test_every_key_has_the_type_that_the_card_documents(sample: Lake, exported: Callable) -> None:
    folder = exported(sample)
    for video in sample.videos().collect().iter_rows(named=True):
        video_id, count = video["video_id"], video["num_frames"]
        assert (folder / video_id / f"{video_id}.complete").exists()
        with np.load(folder / video_id / "poses.npz", allow_pickle=True) as npz:
            assert set(npz.files) == {"video_id", "fps", "num_frames", "frame_ids", "width", "height", "frames"}
            assert str(npz["video_id"]) == video_id
            assert (float(npz["fps"]), int(npz["num_frames"])) == (24.0, count)
            assert (int(npz["width"]), int(npz["height"])) == (video["width"], video["height"])
            assert npz["frame_ids"].dtype.kind == "i"
            assert npz["frame_ids"].tolist() == list(range(count))
            assert npz["frames"].shape == (count,)
            assert npz["frames"].dtype == object
            for i, frame in enumerate(npz["frames"].tolist()):
                assert frame.keys() == {"num_people", "frame_id", "width", "height"} | {
                    f"person_{person}" for person in range(frame["num_people"])
                }
                assert (frame["frame_id"], frame["width"]) == (i, video["width"])
                for person in range(frame["num_people"]):
                    parts = frame[f"person_{person}"]
                    assert {name: (part.shape, part.dtype) for name, part in parts.items()} == {
                        part.name: ((part.size, 3), np.float32) for part in PARTS
                    }
                    for part in parts.values():
                        assert np.isfinite(part).all()
                        assert 0 <= part[:, 2].min() <= part[:, 2].max() <= 1
        caption = json.loads((folder / video_id / "caption.json").read_text("utf-8"))
        assert caption["video_id"] == video_id
        assert caption["sign_language"] == video["sign_language"]
        assert caption["english_source"] == video["english_source"]
        assert caption["duration_s"] == count / 24
        assert caption["document_text"] == video["document_text"]
        assert all(segment.keys() == {"start", "end", "text"} for segment in caption["segments"])


def poses_of(lake: Lake, video_id: str) -> io.BytesIO:
    outline, file = outline_of(lake.video(video_id), []), io.BytesIO()
    write_poses(file, outline, parts_of(outline, lake.people(outline.video_id)))
    file.seek(0)
    return file


def frames_of(lake: Lake, video_id: str) -> list[dict]:
    with np.load(poses_of(lake, video_id), allow_pickle=True) as npz:
        return npz["frames"].tolist()


def test_an_absent_point_is_three_zeros_and_a_score_above_one_is_one(make_lake, video, person) -> None:
    points = person()
    points[[0, 5, 100]] = (np.nan, np.nan, 0)
    points[7, 2] = 1.125
    lake = make_lake(video("x", points={(0, 0): points}))
    first, second = frames_of(lake, "x")
    written = np.concatenate([first["person_0"][part.name] for part in PARTS])
    assert (written[[0, 5, 100]] == 0).all()
    assert written[7].tolist() == [*points[7, :2].tolist(), 1.0]
    present = np.setdiff1d(np.arange(128), [0, 5, 7, 100])
    np.testing.assert_array_equal(written[present], points[present])
    assert second == {"num_people": 0, "frame_id": 1, "width": 320, "height": 240}


def test_where_only_the_second_person_is_there_the_first_is_all_zeros(make_lake, video, person) -> None:
    lake = make_lake(video("x", 3, {(0, 0): person(1), (0, 1): person(2), (1, 1): person(3), (2, 2): person(4)}))
    both, second, third = frames_of(lake, "x")
    assert [frame["num_people"] for frame in (both, second, third)] == [2, 2, 3]
    assert all((part == 0).all() for part in second["person_0"].values())
    np.testing.assert_array_equal(second["person_1"]["face"], person(3)[18:86])
    assert all((part == 0).all() for name in ("person_0", "person_1") for part in third[name].values())


def test_a_frame_that_the_source_never_had_is_not_written(make_lake, video, person) -> None:
    lake = make_lake(video("x", 5, {(0, 0): person(), (4, 0): person(1)}, absent_frames=[1, 2]))
    assert [frame["frame_id"] for frame in frames_of(lake, "x")] == [0, 3, 4]


def test_a_video_with_nobody_in_it_has_empty_frames(make_lake, video) -> None:
    lake = make_lake(video("x", 3))
    assert [frame["num_people"] for frame in frames_of(lake, "x")] == [0, 0, 0]


def test_an_unknown_body_score_counts_by_visibility() -> None:
    points = np.zeros((1, 128, 3), np.float32)
    points[..., :2] = 5
    points[..., 2] = np.nan
    visible = np.zeros((1, 18), bool)
    visible[0, 3] = True
    nothing = np.zeros(1, np.int64)
    content = Content({}, nothing, [], [], nothing.astype(np.int32), nothing.astype(np.int8), points, visible)
    assert released_points(content)[0, :18, 2].tolist() == [0, 0, 0, 1] + [0] * 14
    assert (released_points(replace(content, visible=None))[..., 2] == 1).all()


def test_captions_keep_their_letters_and_a_video_without_has_an_empty_list(make_lake, video) -> None:
    cues = [(0.0, 0.05, "grüße 世界"), (0.05, 0.08, 'say "hi"')]
    lake = make_lake(video("x", cues=cues, title="T\u00fctel"), video("y"))
    rows = lake.table("segments").sort("video_id", "ordinal").collect().to_dicts()
    caption = json.loads(caption_json(outline_of(lake.video("x"), [row for row in rows if row["video_id"] == "x"])))
    assert caption["segments"] == [{"start": start, "end": end, "text": text} for start, end, text in cues]
    assert (caption["title"], caption["document_text"]) == ("Tütel", 'grüße 世界 say "hi"')
    nothing = json.loads(caption_json(outline_of(lake.video("y"), [row for row in rows if row["video_id"] == "y"])))
    assert (nothing["segments"], nothing["document_text"], nothing["title"], nothing["english_source"]) == (
        [],
        "",
        "",
        "none",
    )


def test_every_numpy_can_read_the_names_in_our_pickles(sample: Lake) -> None:
    import pickletools

    with zipfile.ZipFile(poses_of(sample, "synthASE002")) as archive:
        data = archive.read("frames.npy")
    file = io.BytesIO(data)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    pickled = data[file.tell() :]
    names = {str(argument) for op, argument, _ in pickletools.genops(pickled) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    assert pickled[:2] == b"\x80\x03"
    assert len(pickle.loads(pickled)) == 120
