"""Videos of the field: what was changed to read them stands in `repairs` and `outcomes`, and is said on the screen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from signverse.ingest.recaption.find import find_captions
from signverse.ingest.recaption.run import ingest_captions
from signverse.ingest.videos.stored_captions import videos_with_changed_captions
from signverse.lake.lake import Lake
from tests.ingest.videos.conftest import outcomes

FIELD = Path(__file__).parents[1] / "extract" / "field"


@pytest.mark.slow
def test_a_folder_of_odd_videos_says_what_was_done_with_each(ingest, folder: Path, tmp_path: Path) -> None:
    for name in ("ts_jump40.ts", "sar.mp4", "two_streams.mkv", "long_sound.flv"):
        shutil.copy(FIELD / name, folder / name)
    content = (FIELD / "sar.mp4").read_bytes()
    head = b"avc1" + bytes(7) + b"\1"
    (folder / "secret.mp4").write_bytes(content.replace(head, b"encv" + head[4:]))
    (folder / "ts_jump40.en.vtt").write_text(
        "WEBVTT\n\n00:00.200 --> 00:00.800\nfirst\n\n00:40.200 --> 00:40.800\nsecond\n", encoding="utf-8"
    )
    ran = ingest(folder)
    assert ran.returncode == 1
    assert f"secret: failed: {folder / 'secret.mp4'}: the video is encrypted" in ran.stderr
    lake = Lake.open(tmp_path / "lake")
    videos = {row["video_id"]: row for row in lake.videos().collect().to_dicts()}
    assert {name: (row["num_frames"], row["width"], row["height"]) for name, row in videos.items()} == {
        "ts_jump40": (48, 64, 48),
        "sar": (24, 102, 58),
        "two_streams": (24, 64, 48),
        "long_sound": (25, 64, 48),
    }
    said = {row[0]: row for row in outcomes(tmp_path / "lake")}
    for name in ("ts_jump40", "sar", "two_streams"):
        assert videos[name]["repairs"], name
        for repair in videos[name]["repairs"]:
            assert repair in ran.stderr.replace("\n", " ")
        assert "video_changed" in said[name][3].split(",")
    assert videos["long_sound"]["repairs"] == []
    assert "damaged" not in said["long_sound"][3]
    cues = {row["text"]: (row["start_s"], row["end_s"]) for row in lake.table("segments").collect().to_dicts()}
    assert cues["second"] == pytest.approx((1.2, 1.8))
    # Captions of later are read on the same clock: the same file has nothing to change.
    opened = find_captions([folder], lake.snapshot.visible()["video_id"].to_list())
    assert (changed := ingest_captions(lake, opened)).changed == 0, changed
    path = folder / "ts_jump40.en.vtt"
    path.write_text(path.read_text("utf-8").replace("second", "later"), encoding="utf-8")
    assert videos_with_changed_captions(lake, {"ts_jump40": [path]}) == ["ts_jump40"]
    assert ingest_captions(lake, opened).changed == 1
    assert videos_with_changed_captions(lake, {"ts_jump40": [path]}) == []
    cues = {row["text"]: (row["start_s"], row["end_s"]) for row in lake.table("segments").collect().to_dicts()}
    assert cues["later"] == pytest.approx((1.2, 1.8))
