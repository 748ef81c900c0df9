"""`signverse inspect` reads tars and videos in a process of its own: what ends it costs that file only."""

from __future__ import annotations

from pathlib import Path

from tests.ingest.extract.hostile_videos import endless_index
from tests.ingest.extract.numbered_video import write


def test_a_file_that_takes_all_memory_is_named_and_the_others_are_shown(signverse, tmp_path: Path) -> None:
    small = write(tmp_path / "c.mp4", [0, 41, 83])
    endless_index(tmp_path / "b.mp4", small, 20_000_000)
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nwords\n")
    code, out, err = signverse("inspect", tmp_path, "--worker-memory", 400)
    assert code == 1
    assert [line.split(": ")[-1] for line in out.splitlines() if line.startswith(str(tmp_path))] == [
        "captions",
        "video",
    ]
    assert f"{tmp_path / 'b.mp4'}: needs more than 400 MB of memory" in err
    assert "3 files, 1 problem" in err
