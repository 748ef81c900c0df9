"""Tars for WebDataset: its own package reads from them what the lake holds."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset

from signverse.export.formats.webdataset import key_of
from signverse.lake.lake import Lake

# The package leaves it to the collector to close its files.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def samples(out: Path, last: int) -> list[dict]:
    """What a user gets, by brace expansion."""
    urls = f"{out}/signverse-{{000000..{last:06d}}}.tar"
    return list(webdataset.WebDataset(urls, shardshuffle=False).decode())


def test_the_package_webdataset_reads_every_clip_as_the_lake_has_it(crowd: Lake, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    code, _, told = signverse("export", "webdataset", "--lake", crowd.folder, "--out", out, "--clips-per-shard", 3)
    assert (code, told) == (0, f"8 clips, 47 frames in 3 files -> {out}\n")
    found = samples(out, 2)
    clips = crowd.clips().collect()
    assert [sample["json"]["segment_id"] for sample in found] == clips["segment_id"].to_list()
    for sample, clip in zip(found, clips.iter_rows(named=True), strict=True):
        expected = crowd.keypoints(clip["video_id"], start_frame=clip["start_frame"], end_frame=clip["end_frame"])
        assert sample["keypoints.npy"].dtype == np.float32
        np.testing.assert_array_equal(sample["keypoints.npy"], expected)
        told = sample["json"]
        for name in ("video_id", "ingest_id", "sign_language", "start_s", "end_s", "text", "text_language", "title",
                     "caption_kind", "english_source", "coverage", "right_hand_confidence", "width", "height"):  # fmt: skip # noqa: E501
            assert told[name] == clip[name], name
        assert (told["fps"], told["num_people"]) == (24.0, 1)


def test_a_key_has_no_dot_and_no_other_clip_has_it(crowd: Lake, tmp_path: Path, signverse) -> None:
    signverse("export", "webdataset", "--lake", crowd.folder, "--out", tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "signverse-000000.tar") as tar:
        names = tar.getnames()
        about = {name: json.load(tar.extractfile(name)) for name in names if name.endswith(".json")}
    keys = {name.partition(".")[0]: one["segment_id"] for name, one in about.items()}
    assert {name.partition(".")[2] for name in names} == {"keypoints.npy", "body_visible.npy", "json"}
    assert keys["a%2Eb%2Enpy-00000"] == "a.b.npy-00000"
    assert keys["a%252Eb%2Enpy-00000"] == "a%2Eb.npy-00000"
    assert len(keys) == 8
    assert key_of("abc_-00001") == "abc_-00001"


def test_everybody_goes_out_where_it_is_asked_for(crowd: Lake, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    assert signverse("export", "webdataset", "--lake", crowd.folder, "--out", out, "--all-people")[0] == 0
    found = {sample["json"]["segment_id"]: sample for sample in samples(out, 0)}
    both = found["a.b.npy-00003"]["keypoints.npy"]
    assert both.shape == (6, 2, 128, 3)
    for person in range(2):
        expected = crowd.keypoints("a.b.npy", start_frame=18, end_frame=24, person=person)
        np.testing.assert_array_equal(both[:, person], expected)
    assert found["-nobody-00000"]["keypoints.npy"].shape == (5, 1, 128, 3)
    assert np.isnan(found["-nobody-00000"]["keypoints.npy"]).all()
    assert found["a.b.npy-00003"]["json"]["num_people"] == 2
    assert found["a.b.npy-00001"]["json"]["absent_frames"] == [7, 8]


def test_where_body_scores_are_unknown_visibility_lies_beside(crowd: Lake, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    signverse("export", "webdataset", "--lake", crowd.folder, "--out", out, "--video", "codes")
    first, second = samples(out, 0)
    assert np.isnan(first["keypoints.npy"][:, :18, 2]).all()
    together = np.concatenate([first["body_visible.npy"], second["body_visible.npy"]])
    np.testing.assert_array_equal(together, np.arange(12 * 18).reshape(12, 18) % 3 > 0)


@pytest.mark.parametrize("options", [["--language", "ase"], ["--limit", "3"], ["--text", "the"], ["--captioned"]], ids=" ".join)  # fmt: skip # noqa: E501
def test_a_selection_by_file_and_by_options_give_the_same(
    sample: Lake, tmp_path: Path, signverse, options: list[str]
) -> None:
    chosen = tmp_path / "clips.csv"
    assert signverse("select", "--lake", sample.folder, *options, "-o", chosen)[0] == 0
    common = ["export", "webdataset", "--lake", sample.folder]
    assert signverse(*common, "--out", tmp_path / "file", "--selection", chosen)[0] == 0
    assert signverse(*common, "--out", tmp_path / "options", *options)[0] == 0
    for name in ("signverse-000000.tar", "index.csv", "SHA256SUMS"):
        assert (tmp_path / "file" / name).read_bytes() == (tmp_path / "options" / name).read_bytes()
