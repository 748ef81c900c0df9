"""Wanted videos come into tars of their own: each member byte for byte, and nothing is fetched twice."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ingest.remote.fetch.remote_shards import content, listed, members, release
from tests.ingest.remote.sources.servers import served, served_bucket
from tests.ingest.shards import made_shards

Command = Callable[..., tuple[int, str, str]]


def files_of(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened if member.isfile()}  # type: ignore[union-attr]


def test_members_come_byte_for_byte_and_the_same_wish_gives_the_same_tars(tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards" / "dataset", 2, 4, ("card", "consolidated", "per-frame"))
    wanted = ["v00x00", "v00x03", "v01x01"]
    ids = listed(tmp_path / "ids.txt", [*wanted, "lost"])
    for out in ("out", "again"):
        code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", tmp_path / out)
        assert code == 0
        assert "4 videos wanted: 3 fetched, 1 absent" in err
    tars = sorted(path.name for path in (tmp_path / "out").glob("*.tar"))
    assert tars == ["Sign_DWPose_NPZ_000001.tar", "Sign_DWPose_NPZ_000002.tar"]
    for name in tars:
        whole = files_of(tmp_path / "shards" / "dataset" / name)
        expected = {file: data for file, data in whole.items() if file.split("/")[0] in wanted}
        assert files_of(tmp_path / "out" / name) == expected
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*tars, "outcomes.csv"]
    said = (tmp_path / "out" / "outcomes.csv").read_text()
    assert "lost,unavailable,not_in_source,no tar of the source has it,," in said
    assert "v01x01,done,,,Sign_DWPose_NPZ_000002.tar," in said


@pytest.mark.slow
def test_tars_that_were_fetched_are_imported_as_the_whole_ones(tmp_path: Path, signverse: Command) -> None:
    languages = release(tmp_path / "shards", 1, 3, ("card", "consolidated", "per-frame"))
    ids = listed(tmp_path / "ids.txt", languages)
    assert signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", tmp_path / "out")[0] == 0
    for source in ("shards", "out"):
        assert signverse("ingest", "shards", tmp_path / source, "--lake", tmp_path / f"lake of {source}")[0] == 0
    assert content(tmp_path / "lake of out") == content(tmp_path / "lake of shards")


def test_a_second_wish_adds_to_the_tars_and_fetches_only_what_they_lack(tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards", 1, 5)
    source, out = tmp_path / "shards", tmp_path / "out"
    assert signverse("fetch", source, "--ids", listed(tmp_path / "a.txt", ["v00x01"]), "--out", out)[0] == 0
    both = listed(tmp_path / "b.txt", ["v00x04", "v00x01"])
    _, _, err = signverse("fetch", source, "--ids", both, "--out", out)
    assert "2 videos wanted: 1 fetched, 1 there already" in err
    _, _, err = signverse("fetch", source, "--ids", both, "--out", out)
    assert "2 videos wanted: 0 fetched, 2 there already; 0 bytes" in err
    assert {name.split("/")[0] for name in files_of(out / "Sign_DWPose_NPZ_000001.tar")} == {"v00x01", "v00x04"}
    assert signverse("fetch", source, "--ids", both, "--out", tmp_path / "at once")[0] == 0
    name = "Sign_DWPose_NPZ_000001.tar"
    assert (out / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()


@pytest.mark.parametrize("foreign", [b"", b"not a tar" * 100])
def test_a_file_that_is_not_of_the_source_is_left_as_it_is(tmp_path: Path, signverse: Command, foreign: bytes) -> None:
    release(tmp_path / "shards", 1, 1)
    ids = listed(tmp_path / "ids.txt", ["v00x00"])
    place = tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar"
    place.parent.mkdir()
    place.write_bytes(foreign)
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", place.parent)
    assert code == 1
    assert str(place) in err
    assert place.read_bytes() == foreign


def test_a_tar_with_videos_of_another_source_is_refused(tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards", 1, 2)
    release(tmp_path / "others", 1, 4)
    out = tmp_path / "out"
    every = listed(tmp_path / "b.txt", ["v00x00", "v00x03"])
    assert signverse("fetch", tmp_path / "others", "--ids", every, "--out", out)[0] == 0
    before = (out / "Sign_DWPose_NPZ_000001.tar").read_bytes()
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", every, "--out", out)
    assert code == 1
    assert "which is another tar than" in err
    (out / "outcomes.csv").unlink()
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", every, "--out", out)
    assert code == 1
    assert "of the source does not" in err
    assert (out / "Sign_DWPose_NPZ_000001.tar").read_bytes() == before


def test_both_or_neither_of_lake_and_out_is_a_mistake(
    tmp_path: Path, signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(tmp_path / "shards", 1, 1)
    ids = listed(tmp_path / "ids.txt", ["v00x00"])
    assert signverse("fetch", tmp_path / "shards", "--ids", ids)[0] == 2
    both = ("--lake", tmp_path / "lake", "--out", tmp_path / "out")
    assert signverse("fetch", tmp_path / "shards", "--ids", ids, *both)[0] == 2
    assert not (tmp_path / "out").exists() and not (tmp_path / "lake").exists()
    # The lake of the environment is meant where nothing else is named.
    monkeypatch.setenv("SIGNVERSE_LAKE", str(tmp_path / "lake"))
    assert signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", tmp_path / "out")[0] == 0
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("kind", ["https", "server without sums", "s3"])
def test_tars_come_from_a_web_server_and_from_a_bucket_too(
    tmp_path: Path, signverse: Command, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    release(tmp_path / "folder" / "shards", 2, 3)
    ids = listed(tmp_path / "ids.txt", ["v00x01", "v01x02"])
    whole = files_of(tmp_path / "folder" / "shards" / "Sign_DWPose_NPZ_000001.tar")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    with served_bucket(tmp_path) if kind == "s3" else served(tmp_path / "folder") as web:
        if kind == "s3":
            monkeypatch.setenv("AWS_ENDPOINT_URL", web.address)
        web.tags = kind != "server without sums"
        source = "s3://folder/shards" if kind == "s3" else f"{web.address}shards/"
        code, _, err = signverse("fetch", source, "--ids", ids, "--out", tmp_path / "out")
        assert code == 0, err
        code, _, err = signverse("fetch", source, "--ids", ids, "--out", tmp_path / "out")
        assert "0 fetched, 2 there already" in err
    expected = {name: data for name, data in whole.items() if name.startswith("v00x01/")}
    assert files_of(tmp_path / "out" / "Sign_DWPose_NPZ_000001.tar") == expected


@pytest.mark.parametrize(
    "text", ["my,own,table\n1,2,3\n", "\0", "x" * 200_000, "video_id,tar,origin\nx,a,b\n", "\udcff"]
)
def test_a_list_of_outcomes_that_is_another_file_is_left_as_it_is(
    tmp_path: Path, signverse: Command, text: str
) -> None:
    release(tmp_path / "shards", 1, 1)
    place = tmp_path / "out" / "outcomes.csv"
    place.parent.mkdir()
    place.write_bytes(text.encode("utf-8", "surrogateescape"))
    ids = listed(tmp_path / "ids.txt", ["v00x00"])
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", place.parent)
    assert code == 1
    assert f"{place} is not a list of what was fetched" in err
    assert place.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_member_that_leads_out_of_its_folder_is_left_out_and_named(tmp_path: Path, signverse: Command) -> None:
    (tmp_path / "shards").mkdir()
    made_shards.pack(tmp_path / "shards" / "1.tar", members("v") | {"v/../../evil.npz": b"x"})
    ids = listed(tmp_path / "ids.txt", ["v"])
    for said in ("1 fetched", "0 fetched, 1 there already"):
        code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", tmp_path / "out")
        assert (code, said in err) == (0, True), err
        assert files_of(tmp_path / "out" / "1.tar") == members("v")
        assert "left out: v/../../evil.npz" in (tmp_path / "out" / "outcomes.csv").read_text()


def test_tars_of_like_names_are_kept_apart_and_found_again(tmp_path: Path, signverse: Command) -> None:
    places = {"x/b.tar": "aa", "y/b.tar": "bb", "x-b.tar": "cc", "Y-B.tar": "dd", "z.tar": "ee"}
    for place, video_id in places.items():
        (tmp_path / "shards" / place).parent.mkdir(parents=True, exist_ok=True)
        made_shards.pack(tmp_path / "shards" / place, members(video_id))
    out, ids = tmp_path / "out", listed(tmp_path / "ids.txt", places.values())
    one = listed(tmp_path / "one.txt", ["aa"])
    assert signverse("fetch", tmp_path / "shards", "--ids", one, "--out", out)[0] == 0
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", out)
    assert code == 0
    assert "5 videos wanted: 4 fetched, 1 there already" in err
    tars = list(out.glob("*.tar"))
    assert len({tar.name.lower() for tar in tars}) == 5
    assert {name.split("/")[0] for tar in tars for name in files_of(tar)} == set(places.values())


def test_a_video_whose_first_tar_cannot_be_read_is_taken_from_another(tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards", 2, 2)
    first, second = sorted((tmp_path / "shards").iterdir())
    made_shards.pack(second, members("v00x00") | members("v01x00"))
    ids = listed(tmp_path / "ids.txt", ["v00x00", "v01x00"])
    # Its headers are known, and it is gone by the time that it is to be read.
    from signverse.ingest.remote.fetch import transfer

    begin = transfer._open_and_copy

    def gone(moved: transfer._Transfer, *rest: object) -> object:
        if moved.shard.path == first.name:
            raise transfer.BadInputError("gone")
        return begin(moved, *rest)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "_open_and_copy", gone)
        code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--out", tmp_path / "out")
    assert "2 videos wanted: 2 fetched" in err, err
    assert code == 0
    assert set(files_of(tmp_path / "out" / second.name)) == {*members("v00x00"), *members("v01x00")}
