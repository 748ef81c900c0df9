"""What an index says of tars is used where it is true of them, and what it says is compared with their headers."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from signverse.lake.lists import tar_members
from signverse.lake.lists.tar_members import as_parquet, from_parquet
from tests.fakehub.hub import Hub
from tests.ingest.remote.fetch.remote_shards import content, listed, members, release
from tests.ingest.shards import made_shards

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Shards with an index of their members beside them, as exports have."""
    out = tmp_path / "export"
    release(out, 1, 4, ("card",))
    (path,) = out.glob("*.tar")
    oid = hashlib.sha256(path.read_bytes()).hexdigest()
    with tarfile.open(path) as tar:
        found = [(each.name, each.offset_data, each.size, tar.extractfile(each).read()) for each in tar]  # type: ignore[union-attr]
    rows = [
        (path.name, oid, path.stat().st_size, name, start, size, name.split("/")[0], hashlib.sha256(data).hexdigest())
        for name, start, size, data in found
    ]
    index = pl.DataFrame(rows, schema=dict(tar_members.POLARS_SCHEMA), orient="row")
    (out / tar_members.FILE_NAME).write_bytes(as_parquet(index))
    return out


def tar_in(folder: Path) -> dict[str, bytes]:
    """The files of the only tar of a folder."""
    (path,) = folder.glob("*.tar")
    with tarfile.open(path) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]


def publish(hub: Hub, folder: Path, **changed: bytes) -> None:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hub.put("owner/name", files | changed)


def test_an_index_beside_the_tars_spares_the_walk(
    hub: Hub, tmp_path: Path, signverse: Command, export: Path, cache: Path
) -> None:
    publish(hub, export)
    ids = listed(tmp_path / "ids.txt", ["v00x01", "v00x02"])
    assert signverse("fetch", "owner/name", "--ids", ids, "--out", tmp_path / "out")[0] == 0
    assert tar_in(tmp_path / "out") == {**members("v00x01", "card"), **members("v00x02", "card")}
    assert not list((cache / "members").rglob("*.parquet"))
    size = sum(len(data) for video_id in ("v00x01", "v00x02") for data in members(video_id, "card").values())
    assert sum(request.sent for request in hub.requests_for("/cdn/.*")) < size + 20_000
    assert len(hub.requests_for(r"/resolve/.*\.tar")) == 1


@pytest.mark.slow
def test_the_index_of_an_export_of_ours_spares_the_walk(tmp_path: Path, signverse: Command, cache: Path) -> None:
    release(tmp_path / "made", 1, 4, ("card",))
    assert signverse("ingest", "shards", tmp_path / "made", "--lake", tmp_path / "origin")[0] == 0
    out = tmp_path / "ours"
    assert signverse("export", "shards", "--lake", tmp_path / "origin", "--out", out)[0] == 0
    assert (out / tar_members.FILE_NAME).is_file()
    ids = listed(tmp_path / "ids.txt", ["v00x01"])
    assert signverse("fetch", out, "--ids", ids, "--lake", tmp_path / "lake")[0] == 0
    assert not list((cache / "members").rglob("*.parquet"))
    found, expected = content(tmp_path / "lake"), content(tmp_path / "origin")
    assert found["keypoints"] == [row for row in expected["keypoints"] if row["video_id"] == "v00x01"]


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
    code, _, err = signverse("fetch", "owner/name", "--ids", ids, "--out", tmp_path / "out")
    assert code == 0, err
    assert tar_in(tmp_path / "out") == {**members("v00x01", "card"), **members("v00x02", "card")}
    if kind != "shifted":
        assert "headers are read instead" in err


@pytest.mark.slow
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


@pytest.mark.parametrize("left_out", ["v00x01/caption.json", "v00x01/poses.npz", "v00x0[0-3]/poses.npz"])
def test_what_an_index_leaves_out_comes_in_all_the_same(
    tmp_path: Path, signverse: Command, export: Path, left_out: str
) -> None:
    place = export / tar_members.FILE_NAME
    index = from_parquet(place.read_bytes(), "")
    place.write_bytes(as_parquet(index.filter(~pl.col("member").str.contains(left_out))))
    ids = listed(tmp_path / "ids.txt", ["v00x01"])
    code, _, err = signverse("fetch", export, "--ids", ids, "--out", tmp_path / "out")
    assert code == 0, err
    assert "may not name all files" in err
    assert tar_in(tmp_path / "out") == members("v00x01", "card")


@pytest.mark.parametrize("target", ["--out", "--lake"])
def test_a_video_that_an_index_sees_in_the_wrong_tar_is_taken_from_the_right_one(
    tmp_path: Path, signverse: Command, export: Path, target: str
) -> None:
    made_shards.pack(export / "Z.tar", members("else", "card"))
    place = export / tar_members.FILE_NAME
    index = from_parquet(place.read_bytes(), "")
    # The first tar is said to hold another video in the place of v00x03.
    renamed = index.with_columns(pl.col("member").str.replace("v00x03", "else"), video_id=None)
    place.write_bytes(as_parquet(renamed))
    ids = listed(tmp_path / "ids.txt", ["else", "v00x03"])
    code, _, err = signverse("fetch", export, "--ids", ids, target, tmp_path / "out")
    assert "2 videos wanted: 2 fetched" in err
    assert code == 0
