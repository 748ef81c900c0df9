"""Videos that were fetched from elsewhere are brought back from there."""

from __future__ import annotations

from pathlib import Path

from signverse.lake.upkeep.repair.report import Commands


def test_lost_videos_that_were_fetched_are_fetched_again_from_where_they_lay() -> None:
    tar = "hf://datasets/owner/name@0123/dataset/1.tar"
    commands = Commands(Path("lake"), {"a": f"{tar}#sha256:{'0' * 64}", "b": "/shards/2.tar", "c": "3.tar"})
    assert commands.for_segments(["a", "b", "c"]) == [
        "signverse ingest shards /shards/2.tar 3.tar --lake lake --redo",
        f"signverse fetch {tar} --ids IDS --lake lake --redo",
    ]
