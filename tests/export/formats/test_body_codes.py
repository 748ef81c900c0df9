"""`--body-scores codes` writes what the released tars have for body scores, and reads back as they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from signverse.export.release.shards import Spec
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, PARTS
from signverse.lake.storage.committer import Committer
from tests.export.formats.consolidated_files import bring_in, built, export, files_of, load, signer
from tests.export.formats.test_consolidated_round_trip import same_words, somewhere

CODES = Spec("consolidated", codes=True)
NAME = "Sign_DWPose_NPZ_000001.tar"


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(frames=st.integers(2, 8), people=st.integers(1, 3), seed=st.integers(0, 99), gone=st.booleans())
def test_a_code_stands_where_a_score_is_above_the_threshold_and_all_else_is_as_without_codes(
    frames: int, people: int, seed: int, gone: bool
) -> None:
    bodies = [signer(frames, seed + who, left=150 * who, size=100 - 20 * who, score=0.4) for who in range(people)]
    points = {(frame, who): bodies[who][frame] for frame in range(frames) for who in range(people)}
    for at in points:
        points[at][9] = (np.nan, np.nan, 0)
    if gone and people > 1:
        del points[1, 0]
    with somewhere() as here:
        lake = Lake.create(here / "lake")
        with Committer(lake.folder) as committer:
            committer.add(built("v", frames, points, []))
        lake.refresh()
        usual = export(lake, here / "usual")
        coded = export(lake, here / "coded", CODES)
        assert usual.keys() == coded.keys()
        ours, theirs = (load(files["v/npz/poses.npz"]) for files in (usual, coded))
        for mine, its in zip(ours["frame_payloads"], theirs["frame_payloads"], strict=True):
            assert mine.keys() == its.keys()
            for key, value in mine.items():
                if not key.endswith("body_scores"):
                    np.testing.assert_array_equal(its[key], value)
                    continue
                first = BODY.size * int(key[len("person_") :][:3])
                codes = np.where(value > 0.3, np.arange(first, first + BODY.size), -1)
                assert its[key].dtype == np.float32
                assert its[key].tolist() == codes.tolist()


def test_the_published_tar_goes_out_with_its_own_codes_and_its_lake_is_that_of_the_usual_form(
    data: Path, tmp_path: Path
) -> None:
    published = data / "release" / NAME
    lake = bring_in(published, tmp_path / "lake")
    usual = export(lake, tmp_path / "usual")
    coded = export(lake, tmp_path / "coded", CODES)
    (name,) = (name for name in coded if name.endswith("poses.npz"))
    for its, ours in zip(
        load(files_of(published)[name])["frame_payloads"], load(coded[name])["frame_payloads"], strict=True
    ):
        assert its["person_000_body_scores"].dtype == ours["person_000_body_scores"].dtype
        np.testing.assert_array_equal(its["person_000_body_scores"], ours["person_000_body_scores"])
    one, two = (
        bring_in(tmp_path / "usual" / NAME, tmp_path / "one"),
        bring_in(tmp_path / "coded" / NAME, tmp_path / "two"),
    )
    assert usual.keys() == coded.keys()
    same_words(one, two)
    ours, theirs = (lake.table("keypoints").drop("ingest_id").collect().sort("frame") for lake in (one, two))
    assert ours.equals(theirs)
    assert two.videos().collect()["repairs"].to_list() == [["body_scores_unknown"]]


def test_true_scores_become_unknown_and_nothing_else_changes_when_codes_are_read(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    points = {(frame, 0): row for frame, row in enumerate(signer(6, 1, score=0.8))}
    with Committer(lake.folder) as committer:
        committer.add(built("v", 6, points, []))
    lake.refresh()
    export(lake, tmp_path / "usual")
    export(lake, tmp_path / "coded", CODES)
    usual = bring_in(tmp_path / "usual" / NAME, tmp_path / "one").table("keypoints").collect()
    coded = bring_in(tmp_path / "coded" / NAME, tmp_path / "two").table("keypoints").collect()
    for part in PARTS:
        assert usual[f"{part.name}_xy"].to_list() == coded[f"{part.name}_xy"].to_list()
        if part is not BODY:
            assert usual[f"{part.name}_score"].to_list() == coded[f"{part.name}_score"].to_list()
    assert set(coded["body_score"].explode()) == {None}
    assert set(coded["body_visible"].explode()) == {True}


def test_the_command_writes_codes_for_the_layout_that_has_them_and_says_so_of_the_other(
    sample: Lake, tmp_path: Path, signverse
) -> None:
    command = ("export", "shards", "--lake", sample.folder, "--video", "synthASE001", "--body-scores", "codes")
    code, said, told = signverse(*command, "--out", tmp_path / "card")
    assert (code, said) == (2, "")
    assert "--layout consolidated" in told
    assert not (tmp_path / "card").exists()
    # The name of the option in the released tars' own words.
    assert signverse(*command, "--out", tmp_path / "out", "--dialect", "consolidated")[0] == 0
    payload = load(files_of(tmp_path / "out" / NAME)["synthASE001/npz/poses.npz"])["frame_payloads"][0]
    assert set(payload["person_000_body_scores"].tolist()) <= {-1.0, *map(float, range(18))}
    assert signverse("verify", tmp_path / "out")[0] == 0


@pytest.mark.parametrize("first", ["scores", "codes"])
def test_an_unfinished_export_of_one_form_does_not_go_on_as_the_other(
    sample: Lake, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    from signverse.export.release import folder as folder_module

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    command = ("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--layout", "consolidated")
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "write_members", fails)
        assert signverse(*command, "--body-scores", first)[0] == 1
    other = {"scores": "codes", "codes": "scores"}[first]
    code, _, told = signverse(*command, "--body-scores", other)
    assert code == 1
    assert "an unfinished export of something else" in told
    assert signverse(*command, "--body-scores", first)[0] == 0
