"""Captions that come later are read in a process with limits: what takes more costs its own video only."""

from __future__ import annotations

import os
from pathlib import Path

from signverse.lake.lake import Lake
from tests.ingest.recaption.conftest import extracted, vtt

FRAMES = {"a": 48, "b": 48, "c": 48}


def test_captions_that_take_the_process_down_or_are_no_file_cost_their_own_video_only(
    tmp_path: Path, signverse
) -> None:
    (tmp_path / "nothing").mkdir()
    lake = extracted(tmp_path / "lake", tmp_path / "nothing", FRAMES)
    folder = tmp_path / "captions"
    folder.mkdir()
    # Read, these 30 MB of lines are 600 MB.
    (folder / "a.en.vtt").write_text(vtt((0, 1, "a\n" * (15 << 20))))
    os.mkfifo(folder / "b.en.vtt")
    (folder / "c.en.vtt").write_text(vtt((0, 1, "fine")))
    code, _, err = signverse("ingest", "captions", folder, "--lake", lake, "--worker-memory", 300)
    assert code == 1
    assert "a: failed: needs more than 300 MB of memory" in err
    assert "not used" in err
    assert "1 video got captions (tracks: 1 new)" in err
    opened = Lake.open(lake)
    assert opened.clips().collect().drop_nulls("text")["text"].to_list() == ["fine"]
    outcomes = opened.table("outcomes").collect().filter(stage="captions")
    assert {("a", "failed", "out_of_memory"), ("c", "done", "recaptioned")} == set(
        outcomes.select("video_id", "outcome", "reason").rows()
    )
