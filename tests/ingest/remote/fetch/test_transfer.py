"""A tar of which a piece cannot be had is given up with its reason, however many pieces were wanted; nothing waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from signverse.ingest.remote.fetch.known import KnownTars
from signverse.ingest.remote.fetch.plan import Shard
from signverse.ingest.remote.fetch.streams import Streams
from signverse.ingest.remote.fetch.transfer import PIECE, Transfers
from signverse.ingest.remote.sources.local import LocalSource


@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("how", ["replaced", "grown"])
def test_a_tar_that_was_replaced_after_its_headers_were_read_is_told(tmp_path: Path, pieces: int, how: str) -> None:
    tar = tmp_path / "tars" / "a.tar"
    tar.parent.mkdir()
    with tar.open("wb") as file:
        file.truncate(pieces * PIECE)
    size = pieces * PIECE if how == "replaced" else pieces * PIECE - 512
    shard = Shard(LocalSource(tar.parent), "a.tar", size, "of other bytes", dense=True)
    (tmp_path / "copies").mkdir()
    with Streams(2) as streams:
        transfers = Transfers(tmp_path / "copies", streams, KnownTars("x", tmp_path / "cache"))
        # Each None is a moment in which nothing came.
        arrived = [one for _, one in zip(range(20), transfers.bring([shard]), strict=False) if one is not None]
    assert ["was replaced" in one.problem for one in arrived] == [True]
    for one in arrived:
        one.copy.close()
