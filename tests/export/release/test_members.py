"""Beside shards members.parquet says where each member is: any of them can be read alone, and a wrong line is told."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from signverse.export.formats.index_rows import MEMBERS
from signverse.lake.lake import Lake
from signverse.lake.lists import tar_members
from signverse.lake.lists.tar_members import as_parquet, from_parquet

ONE, TWO = "Sign_DWPose_NPZ_000001.tar", "Sign_DWPose_NPZ_000002.tar"


def index_of(out: Path) -> pl.DataFrame:
    return from_parquet((out / MEMBERS).read_bytes(), "it")


@pytest.fixture
def out(sample: Lake, tmp_path: Path, signverse) -> Path:
    """An export of two shards."""
    command = ("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--videos-per-shard", 4)
    assert signverse(*command)[0] == 0
    return tmp_path / "out"


def test_the_name_is_the_same_for_who_writes_and_who_looks_for_it() -> None:
    assert MEMBERS == tar_members.FILE_NAME


@pytest.mark.parametrize("layout", ["card", "consolidated"])
def test_each_member_of_each_tar_is_listed_where_it_is(crowd: Lake, tmp_path: Path, signverse, layout: str) -> None:
    folder = tmp_path / "out"
    command = ("export", "shards", "--lake", crowd.folder, "--layout", layout, "--videos-per-shard", 2)
    assert signverse(*command, "--out", folder)[0] == 0
    rows = index_of(folder).to_dicts()
    found = []
    for path in sorted(folder.glob("*.tar")):
        data = path.read_bytes()
        with tarfile.open(path) as tar:
            found += [
                {
                    "shard": path.name,
                    "shard_oid": hashlib.sha256(data).hexdigest(),
                    "shard_size": len(data),
                    "member": member.name,
                    "offset": member.offset_data,
                    "size": member.size,
                    "video_id": member.name.partition("/")[0],
                    "sha256": hashlib.sha256(tar.extractfile(member).read()).hexdigest(),
                }
                for member in tar
            ]
        for row in rows:
            if row["shard"] == path.name:
                piece = data[row["offset"] : row["offset"] + row["size"]]
                assert hashlib.sha256(piece).hexdigest() == row["sha256"]
    assert rows == found
    assert f"  {MEMBERS}\n" in (folder / "SHA256SUMS").read_text()
    assert signverse(*command, "--out", tmp_path / "again", "--workers", 2)[0] == 0
    assert (tmp_path / "again" / MEMBERS).read_bytes() == (folder / MEMBERS).read_bytes()
    assert signverse("verify", folder)[0] == 0


@pytest.mark.parametrize("kept", [1, 2])
def test_an_unfinished_export_that_did_not_note_members_goes_on_and_lists_them(
    sample: Lake, out: Path, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    from signverse.export.release import folder as folder_module

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    older = tmp_path / "older"
    command = ("export", "shards", "--lake", sample.folder, "--out", older, "--videos-per-shard", 4)
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "write_members", fails)
        assert signverse(*command)[0] == 1
    assert not (older / MEMBERS).exists()
    for note in older.glob(".*.done.json"):
        content = json.loads(note.read_text())
        del content["members"]
        note.write_text(json.dumps(content))
    for path in sorted(older.glob("*.tar"))[kept:]:
        path.unlink()
    assert signverse(*command)[0] == 0
    assert (older / MEMBERS).read_bytes() == (out / MEMBERS).read_bytes()
    assert signverse("verify", older)[0] == 0


def test_an_older_export_without_the_index_has_no_problem(out: Path, signverse) -> None:
    (out / MEMBERS).unlink()
    sums = out / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if MEMBERS not in line))
    assert signverse("verify", out)[0] == 0


def change(column: str, at: int, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Changes one cell."""

    def changed(rows: pl.DataFrame) -> pl.DataFrame:
        cells = rows[column].to_list()
        cells[at] = value
        return rows.with_columns(pl.Series(column, cells, rows.schema[column]))

    return changed


CHANGES = {
    "a sum of a member": change("sha256", 0, "ab" * 32),
    "no sum of a member": change("sha256", 0, None),
    "a size": lambda rows: change("size", 1, rows["size"][1] - 1)(rows),
    "a name": change("member", 0, "synthASE001/other"),
    "a video": change("video_id", 0, "synthASE002"),
    "no video": change("video_id", 0, None),
    "a member that is missing": lambda rows: rows[1:],
    "a shard that is missing": lambda rows: rows.filter(pl.col("shard") == TWO),
    "no row at all": lambda rows: rows[:0],
    "the sum of a tar": lambda rows: rows.with_columns(shard_oid=pl.lit("ab" * 32)),
    "the size of a tar": lambda rows: rows.with_columns(pl.col("shard_size") + 512),
    "a tar that is not there": lambda rows: rows.with_columns(pl.col("shard").replace({TWO: "three.tar"})),
    "tars that changed names": lambda rows: rows.with_columns(pl.col("shard").replace({TWO: ONE, ONE: TWO})),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_the_index_says_wrong_is_told_though_its_checksum_is_right(out: Path, signverse, what: str) -> None:
    data = as_parquet(CHANGES[what](index_of(out)))
    (out / MEMBERS).write_bytes(data)
    set_sum(out, data)
    code, said, _ = signverse("verify", out)
    assert code == 1
    assert all(line.startswith(str(out / MEMBERS)) for line in said.splitlines()), said


@pytest.mark.parametrize("data", [b"", b"nonsense", b"PAR1"])
def test_bytes_that_are_no_index_are_told(out: Path, signverse, data: bytes) -> None:
    (out / MEMBERS).write_bytes(data)
    set_sum(out, data)
    code, said, _ = signverse("verify", out)
    assert code == 1
    assert said.startswith(f"{out / MEMBERS} is not an index of members")
    assert len(said.splitlines()) == 1


def set_sum(out: Path, data: bytes) -> None:
    sums = out / "SHA256SUMS"
    digest = hashlib.sha256(data).hexdigest()
    sums.write_text(re.sub(rf"[0-9a-f]{{64}}  {MEMBERS}", f"{digest}  {MEMBERS}", sums.read_text()))


def test_a_file_of_the_same_name_that_no_export_wrote_is_never_replaced(
    sample: Lake, tmp_path: Path, signverse
) -> None:
    theirs = tmp_path / "out" / MEMBERS
    theirs.parent.mkdir()
    theirs.write_bytes(b"the members of our choir")
    for more in ((), ("--overwrite",)):
        code, _, told = signverse("export", "shards", "--lake", sample.folder, "--out", theirs.parent, *more)
        assert code == 1
        assert "that signverse did not write: members.parquet" in told
    assert theirs.read_bytes() == b"the members of our choir"
