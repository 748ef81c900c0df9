"""A label that was wrong is corrected by the next manifest, without extracting anything again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signverse.command_line import main
from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.upkeep.verify import verify_lake

SAMPLE = Path(__file__).parents[3] / "ingest" / "sample" / "synthetic.tar"


@pytest.fixture
def brought_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Imports the sample, with a manifest where there is one; gives what was said."""

    def bring(manifest: str = "") -> str:
        options = []
        if manifest:
            (tmp_path / "manifest.csv").write_text(manifest)
            options = ["--manifest", str(tmp_path / "manifest.csv")]
        with pytest.raises(SystemExit) as stop:
            main(["ingest", "shards", str(SAMPLE), "--lake", str(tmp_path / "lake"), *options])
        assert stop.value.code == 0
        return capsys.readouterr().err

    return bring


def test_a_corrected_label_moves_a_video_with_all_its_rows(brought_in, tmp_path: Path) -> None:
    brought_in()
    before = Lake.open(tmp_path / "lake")
    points, clips = before.keypoints("-synthGSG02"), before.clips(videos=["-synthGSG02"]).collect()
    said = brought_in("-synthGSG02,Polish\nsynthASE001,ase\n")
    assert "1 video relabelled by the manifest: -synthGSG02 from gsg to pso" in said.splitlines()
    lake = Lake.open(tmp_path / "lake")
    assert lake.video("-synthGSG02")["sign_language"] == "pso"
    assert lake.video("-synthGSG02")["language_label"] == "Polish"
    np.testing.assert_array_equal(lake.keypoints("-synthGSG02"), points)
    moved = lake.clips(languages=["pso"]).collect()
    same = [name for name in clips.columns if name not in {"sign_language", "ingest_id", "ingested_at"}]
    assert moved.select(same).equals(clips.select(same))
    assert lake.clips(languages=["gsg"]).collect()["video_id"].unique().to_list() == ["synthGSG001"]
    # The version before is still there to be read.
    assert Lake.open(tmp_path / "lake", version=before.version).video("-synthGSG02")["sign_language"] == "gsg"
    assert list(verify_lake(lake.snapshot)) == []


def test_a_manifest_that_knows_no_language_leaves_the_lakes(brought_in, tmp_path: Path) -> None:
    brought_in()
    assert "relabelled" not in brought_in("-synthGSG02,???\n")
    assert Lake.open(tmp_path / "lake").video("-synthGSG02")["sign_language"] == "gsg"


def test_a_byte_that_rotted_is_not_read_as_a_keypoint(brought_in, tmp_path: Path) -> None:
    brought_in()
    (path,) = (tmp_path / "lake" / "keypoints" / "sign_language=ase").glob("*.parquet")
    data = bytearray(path.read_bytes())
    for at in range(3000, len(data) - 40_000, 5000):
        data[at] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(DamagedLakeError, match="cannot be read"):
        Lake.open(tmp_path / "lake").keypoints("synthASE001")
