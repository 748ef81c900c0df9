"""What an index says of tars is used where it is true of them, and what it says is compared with their headers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from signverse.lake.lists import tar_members
from signverse.lake.lists.tar_members import as_parquet, from_parquet
from tests.fakehub.hub import Hub
from tests.ingest.remote.fetch.remote_shards import content, ids_in, listed, members, release
from tests.ingest.shards import made_shards

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(tmp_path: Path, signverse: Command) -> Path:
    """An export of release shards of a lake, with the index of their members."""
    release(tmp_path / "made", 1, 4, ("card",))
    assert signverse("ingest", "shards", tmp_path / "made", "--lake", tmp_path / "origin")[0] == 0
    out = tmp_path / "export"
    assert signverse("export", "shards", "--lake", tmp_path / "origin", "--out", out)[0] == 0
    assert (out / tar_members.FILE_NAME).is_file()
    return out


def publish(hub: Hub, folder: Path, **changed: bytes) -> None:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hub.put("owner/name", files | changed)


def test_an_index_beside_the_tars_spares_the_walk(
    hub: Hub, tmp_path: Path, signverse: Command, export: Path, cache: Path
) -> None:
    publish(hub, export)
    ids = listed(tmp_path / "ids.txt", ["v00x01", "v00x02"])
    assert signverse("fetch", "owner/name", "--ids", ids, "--lake", tmp_path / "lake")[0] == 0
    assert ids_in(tmp_path / "lake") == {"v00x01", "v00x02"}
    assert not list((cache / "members").rglob("*.parquet"))
    size = sum(len(data) for video_id in ("v00x01", "v00x02") for data in members(video_id, "card").values())
    assert sum(request.sent for request in hub.requests_for("/cdn/.*")) < size + 20_000
    assert len(hub.requests_for(r"/resolve/.*\.tar")) == 1


@pytest.mark.parametrize("kind", ["of another tar", "shifted", "not an index"])
def test_an_index_that_is_not_true_changes_nothing_of_what_comes_in(
    hub: Hub, tmp_path: Path, signverse: Command, export: Path, kind: str
) -> None:
    index = from_parquet((export / tar_members.FILE_NAME).read_bytes(), "")
    if kind == "of another tar":
        index = index.with_columns(shard_oid=pl.lit("0" * 64))
    # Videos and names as they are, each at the place of another.
    moved = index.with_columns(pl.col("member", "video_id").reverse()) if kind == "shifted" else index
    data = b"PAR1 not" if kind == "not an index" else as_parquet(moved)
    publish(hub, export, **{tar_members.FILE_NAME: data})
    ids = listed(tmp_path / "ids.txt", ["v00x01", "v00x02"])
    code, _, err = signverse("fetch", "owner/name", "--ids", ids, "--lake", tmp_path / "lake")
    assert code == 0, err
    whole = ("ingest", "shards", export, "--lake", tmp_path / "whole")
    assert signverse(*whole)[0] == 0
    found, expected = content(tmp_path / "lake"), content(tmp_path / "whole")
    for table, rows in found.items():
        assert rows == [row for row in expected[table] if row["video_id"] in ("v00x01", "v00x02")]
    if kind != "shifted":
        assert "headers are read instead" in err


def test_a_tar_that_changes_is_walked_again(tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards", 1, 2)
    ids = listed(tmp_path / "ids.txt", ["v00x00", "new"])
    _, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--lake", tmp_path / "lake")
    assert "1 fetched, 1 absent" in err
    made_shards.pack(next((tmp_path / "shards").iterdir()), members("new") | members("v00x00"))
    _, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--lake", tmp_path / "lake")
    assert "1 fetched, 1 there already" in err


def test_bytes_that_are_not_those_of_the_index_do_not_come_in(tmp_path: Path, signverse: Command, export: Path) -> None:
    (tar,) = export.glob("*.tar")
    (poses,) = (
        from_parquet((export / tar_members.FILE_NAME).read_bytes(), "")
        .filter(pl.col("member") == "v00x01/poses.npz")
        .to_dicts()
    )
    data = bytearray(tar.read_bytes())
    data[poses["offset"] + poses["size"] // 2] ^= 1
    tar.write_bytes(data)
    ids = listed(tmp_path / "ids.txt", ["v00x01"])
    code, _, err = signverse("fetch", export, "--ids", ids, "--out", tmp_path / "out")
    assert code == 1
    assert "failed, not_fetched: 1: v00x01" in err
    assert "v00x01/poses.npz" in err and "its sha256 is another" in err
    assert not list((tmp_path / "out").glob("*.tar"))
