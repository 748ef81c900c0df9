"""A damaged export is told, with the name of the file that is damaged."""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
from signverse.lake.lake import Lake

ONE, TWO = "Sign_DWPose_NPZ_000001.tar", "Sign_DWPose_NPZ_000002.tar"


@pytest.fixture(scope="session")
def pristine(sample: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of two shards; only to be read."""
    out = tmp_path_factory.mktemp("export") / "out"
    shards = plan_shards(chosen_videos(sample, None)[0], videos_per_shard=4)
    prepare_folder(out, sample, shards, Spec(), overwrite=False)
    export_shards(sample, shards, out, Spec())
    return out


@pytest.fixture
def out(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "out"))


@pytest.fixture
def problems(signverse):
    """Verifies and gives the problems, a line each; none where all is well."""

    def verify(out: Path) -> list[str]:
        code, said, told = signverse("verify", out)
        lines = said.splitlines()
        assert code == (1 if lines else 0)
        if lines:
            assert told == f"signverse: {len(lines)} problem{'s' * (len(lines) > 1)} in the export {out}\n"
        return lines

    return verify


def resum(out: Path, *names: str) -> None:
    """Sets checksums right again, as somebody who changes files would."""
    text = (out / "SHA256SUMS").read_text()
    for name in names:
        digest = hashlib.sha256((out / name).read_bytes()).hexdigest()
        text = re.sub(rf"[0-9a-f]{{64}}  {name}", f"{digest}  {name}", text)
    (out / "SHA256SUMS").write_text(text)


def test_a_whole_export_has_no_problem(out: Path, problems) -> None:
    assert problems(out) == []


@pytest.mark.parametrize("name", [ONE, TWO, "index.csv"])
@pytest.mark.parametrize("place", [0.0, 0.37, 0.999])
def test_one_flipped_bit_is_found_and_its_file_named(out: Path, problems, name: str, place: float) -> None:
    data = bytearray((out / name).read_bytes())
    data[int(place * len(data))] ^= 1
    (out / name).write_bytes(data)
    (line,) = problems(out)
    assert line.startswith(f"{out / name} is damaged")


def test_a_missing_shard_is_named(out: Path, problems) -> None:
    (out / TWO).unlink()
    (line,) = problems(out)
    assert line == f"{out / TWO} cannot be read: No such file or directory"


def test_a_missing_index_is_named(out: Path, problems) -> None:
    (out / "index.csv").unlink()
    (line,) = problems(out)
    assert str(out / "index.csv") in line


def test_an_export_that_was_not_finished_is_told(out: Path, problems) -> None:
    (out / "SHA256SUMS").unlink()
    (line,) = problems(out)
    assert "SHA256SUMS is missing" in line


def test_a_shard_too_many_is_named(out: Path, problems) -> None:
    shutil.copy(out / ONE, out / "Sign_DWPose_NPZ_000003.tar")
    (line,) = problems(out)
    assert line == f"{out / 'Sign_DWPose_NPZ_000003.tar'} is not listed in SHA256SUMS"


def test_a_cut_shard_is_named(out: Path, problems) -> None:
    data = (out / ONE).read_bytes()
    (out / ONE).write_bytes(data[: len(data) // 2])
    (line,) = problems(out)
    assert line.startswith(f"{out / ONE} is damaged")


def test_a_shard_swapped_together_with_its_checksum_is_found_by_the_index(out: Path, problems) -> None:
    one, two = (out / ONE).read_bytes(), (out / TWO).read_bytes()
    (out / ONE).write_bytes(two)
    (out / TWO).write_bytes(one)
    resum(out, ONE, TWO)
    lines = problems(out)
    assert any(line.startswith(f"{out / ONE} lacks ") for line in lines)
    assert any(line.startswith(f"{out / TWO} lacks ") for line in lines)
    assert any("which is not in index.csv" in line for line in lines)


def test_a_changed_index_with_its_checksum_is_found_by_the_shards(out: Path, problems) -> None:
    text = (out / "index.csv").read_text()
    changed = text.splitlines()
    cells = changed[1].split(",")
    cells[-1] = "0" * 64
    changed[1] = ",".join(cells)
    (out / "index.csv").write_text("\n".join(changed) + "\n")
    resum(out, "index.csv")
    (line,) = problems(out)
    assert line == f"{out / ONE}: {cells[0]}/poses.npz differs from index.csv"
    cells = text.splitlines()[1].split(",")
    cells[3] = "77"
    (out / "index.csv").write_text(text.replace(text.splitlines()[1], ",".join(cells)))
    resum(out, "index.csv")
    (line,) = problems(out)
    assert re.search(r"caption\.json has \d+ segments, index\.csv says 77", line)


def test_a_video_that_the_index_has_and_no_shard_is_named(out: Path, problems) -> None:
    with (out / "index.csv").open("a") as file:
        file.write(f"ghost,{TWO},ase,1,1,{'0' * 64}\n")
    resum(out, "index.csv")
    lines = problems(out)
    assert len(lines) == 3
    assert all(f"{out / TWO} lacks ghost/" in line for line in lines)


@pytest.mark.parametrize(
    "text", ["nonsense\n", "video_id\nx\n", "", "video_id,shard,language,segments,frames,sha256\nx\n"]
)
def test_an_index_that_is_none_is_told_even_with_its_checksum(out: Path, problems, text: str) -> None:
    (out / "index.csv").write_text(text)
    resum(out, "index.csv")
    lines = problems(out)
    assert lines
    assert all(str(out) in line for line in lines)


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100])
def test_a_shard_that_is_no_tar_is_named_even_with_its_checksum(out: Path, problems, content: bytes) -> None:
    (out / ONE).write_bytes(content)
    resum(out, ONE)
    lines = problems(out)
    assert lines
    assert all(line.startswith(str(out / ONE)) for line in lines)


def test_a_link_in_a_shard_is_named_and_not_followed(out: Path, problems) -> None:
    with tarfile.open(out / ONE, "a") as tar:
        link = tarfile.TarInfo("synthASE001/etc")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    resum(out, ONE)
    assert problems(out) == [
        f"{out / ONE}: synthASE001/etc is not a plain file",
        f"{out / 'members.parquet'} is of another {ONE}",
    ]


def test_a_line_of_checksums_that_is_none_and_one_that_leads_elsewhere_are_told(out: Path, problems) -> None:
    with (out / "SHA256SUMS").open("a") as file:
        file.write("nonsense\n" + "0" * 64 + "  ../../etc/passwd\n")
    lines = problems(out)
    assert [line.rpartition("SHA256SUMS")[2] for line in lines] == [
        " line 5 is not a checksum",
        " line 6 is not a checksum",
    ]


def test_a_lake_and_a_folder_of_other_things_are_told_apart_from_an_export(
    sample: Lake, tmp_path: Path, signverse
) -> None:
    assert signverse("verify", sample.folder) == (0, "", f"no problems found in the lake {sample.folder}\n")
    code, _, told = signverse("verify", tmp_path)
    assert (code, "is not a lake" in told) == (1, True)
    code, _, told = signverse("verify", tmp_path / "none")
    assert (code, "there is no folder" in told) == (1, True)
