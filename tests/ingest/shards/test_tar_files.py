"""Which tars are found, where their videos lie, and what is said of tars that are not read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.ingest.shards.tar_files import find_tars, left_out
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from tests.ingest.shards.made_shards import outcomes, pack, video


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.tar", data)
    return made.getvalue()


COMPRESSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "tar.gz": (gzip.compress, "gunzip -k"),
    "tgz": (gzip.compress, "gunzip -k"),
    "tar": (gzip.compress, "gunzip -c <"),
    "tar.bz2": (bz2.compress, "bunzip2 -k"),
    "tar.xz": (lzma.compress, "unxz -k"),
    "zip": (zipped, "unzip"),
    "tar.zst": (lambda data: b"\x28\xb5\x2f\xfd" + data, "unzstd"),
    "tar.lz4": (lambda data: b"\x04\x22\x4d\x18" + data, "unlz4 -k"),
}


@pytest.mark.parametrize("ending", COMPRESSED)
def test_a_compressed_tar_is_called_so_with_what_unpacks_it(tmp_path: Path, signverse, ending: str) -> None:
    compress, unpack = COMPRESSED[ending]
    for content in (pack(tmp_path / "plain.tar", video("x")).read_bytes(), b""):
        path = tmp_path / f"a.{ending}"
        path.write_bytes(compress(content))
        with Tar(path) as tar, pytest.raises(BadInputError, match=rf"is compressed \(\w+\). Unpack it: {unpack} .*a\."):
            list(tar.members())
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 1
    assert f"Unpack it: {unpack}" in err
    assert "damaged" not in err


def test_a_tar_whose_first_file_is_called_as_compressed_files_begin_is_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as made:
        made.addfile(tarfile.TarInfo("BZh/x"))
    with Tar(tmp_path / "a.tar") as tar:
        assert [member.name for member in tar.members()] == ["BZh/x"]


@pytest.mark.parametrize("relative", [False, True])
def test_of_a_folder_the_tars_are_read_and_the_others_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, relative: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("tars") if relative else tmp_path / "tars"
    (folder / "more").mkdir(parents=True)
    for name in ("a.tar", "B.TAR", "c.tar.gz", "d.tgz", "more/e.tar", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert [path.name for path in find_tars([folder])] == ["B.TAR", "a.tar"]
    assert left_out([folder]) == [
        f"{folder}: 2 compressed files not read, to be unpacked first: c.tar.gz, d.tgz.",
        f"{folder}: 1 tar in subfolders not read, which can be named: more/e.tar.",
    ]
    for name in ("a.tar", "B.TAR"):
        (folder / name).unlink()
    with pytest.raises(BadInputError, match=r"no \.tar in .*to be unpacked first: c\.tar\.gz, d\.tgz"):
        find_tars([folder])


@pytest.mark.parametrize("around", ["release/", "a/b/", "./release/x/y/"])
def test_videos_that_lie_deeper_in_a_tar_are_read_and_it_is_recorded(brought_in, tmp_path: Path, around: str) -> None:
    members = {f"{around}{name}": data for name, data in (video("x") | video("y")).items()}
    code, ids, failures = brought_in(members | {f"{around}README.txt": b"", "LICENSE": b""})
    assert (code, ids, failures) == (0, ["x", "y"], [])
    assert {reason for _, reason, _ in outcomes(tmp_path / "lake").values()} == {"in_subfolder"}


def test_a_video_in_two_folders_of_a_tar_is_refused_naming_both(brought_in) -> None:
    members = {f"{part}/{name}": data for part in ("train", "test") for name, data in video("x").items()}
    code, ids, (line,) = brought_in(members)
    assert (code, ids) == (1, [])
    assert "it is in the folders train/x and test/x" in line


def test_names_of_videos_in_a_tar_are_kept_in_nfc(brought_in, tmp_path: Path) -> None:
    code, ids, _ = brought_in(video("cafe\u0301"))
    assert (code, ids) == (0, ["caf\u00e9"])
    assert Lake.open(tmp_path / "lake").video("caf\u00e9")["source"] == "shard"


def test_a_tar_of_tars_holds_no_video_and_that_is_said(tmp_path: Path, signverse) -> None:
    pack(tmp_path / "inner.tar", video("x"))
    with tarfile.open(tmp_path / "outer.tar", "w") as made:
        made.add(tmp_path / "inner.tar", "inner.tar")
    code, _, err = signverse("ingest", "shards", tmp_path / "outer.tar", "--lake", tmp_path / "lake")
    assert code == 1
    assert "outer.tar holds no video: no folder, only inner.tar" in err


def test_files_beside_the_folders_of_a_tar_are_counted(tmp_path: Path, signverse) -> None:
    path = pack(tmp_path / "a.tar", video("x"))
    (tmp_path / "README.md").write_text("about")
    with tarfile.open(path, "a") as made:
        made.add(tmp_path / "README.md", "./README.md")
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 0
    assert "not read: 1 file in no video's folder: README.md" in err
