"""Which videos and clips go out: by a file, by options, in which order, and in how many shards."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse import ingest
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import plan_shards
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.lake.lake import Lake

SAMPLE = Path(ingest.__file__).parent / "sample" / "synthetic.tar"


def tars(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.tar"))}


def everything(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def videos_in(shard: Path) -> list[str]:
    with tarfile.open(shard) as tar:
        return list(dict.fromkeys(name.split("/")[0] for name in tar.getnames()))


OPTIONS = [
    ["--language", "ase"],
    ["--language", "American Sign Language", "--language", "gsg"],
    ["--min-duration", "1.5", "--max-duration", "3"],
    ["--min-confidence", "right_hand=0.2", "--min-coverage", "0.5", "--max-people", "1"],
    ["--text", "THE"],
    ["--captioned"],
    ["--video=-synthGSG02", "--video", "synthASE001"],
    ["--limit", "3"],
]


@pytest.mark.parametrize("frames", ["all", "clips"])
@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_a_selection_by_file_and_the_same_by_options_give_the_same_export(
    sample: Lake, tmp_path: Path, signverse, options: Sequence[str], frames: str
) -> None:
    chosen = tmp_path / "clips.parquet"
    assert signverse("select", "--lake", sample.folder, *options, "-o", chosen)[0] == 0
    common = ["export", "shards", "--lake", sample.folder, "--frames", frames]
    assert signverse(*common, "--out", tmp_path / "file", "--selection", chosen)[0] == 0
    assert signverse(*common, "--out", tmp_path / "options", *options)[0] == 0
    assert everything(tmp_path / "file") == everything(tmp_path / "options")
    wanted = set(pl.read_parquet(chosen)["video_id"])
    assert set(videos_in(tmp_path / "options" / "Sign_DWPose_NPZ_000001.tar")) == wanted


@pytest.mark.parametrize("options", [["--language", "ase"], ["--limit", "2"], ["--uncaptioned"]], ids=" ".join)
def test_a_file_and_options_together_are_refused_and_nothing_is_made(
    sample: Lake, tmp_path: Path, signverse, options: Sequence[str]
) -> None:
    chosen = tmp_path / "clips.parquet"
    signverse("select", "--lake", sample.folder, "-o", chosen)
    code, said, told = signverse(
        "export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--selection", chosen, *options
    )
    assert (code, said, told.count("\n")) == (1, "", 1)
    assert "both --selection and conditions were given" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--text", "no such words"], 1, "none of "),
        (["--language", "ase", "--min-duration", "9999"], 1, "each condition alone: language ase: "),
        (["--uncaptioned", "--text", "the"], 1, "none of "),
        (["--language", "Klingon"], 2, "Klingon"),
        (["--min-confidence", "foot=0.5"], 2, "'foot' is not a part of the body"),
        (["--min-confidence", "body=nan"], 2, "which is not a number"),
        (["--video", "unheard"], 1, "none of "),
    ],
)
def test_nothing_chosen_is_one_line_and_nothing_is_made(
    sample: Lake, tmp_path: Path, signverse, options: Sequence[str], code: int, says: str
) -> None:
    ended, said, told = signverse("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", *options)
    assert (ended, said, told.count("\n")) == (code, "", 1)
    assert says in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--min-confidence", "right_hand"],
        ["--min-confidence", "right_hand=much"],
        ["--limit", "0"],
        ["--workers", "0"],
        ["--videos-per-shard", "0"],
        ["--layout", "openpose"],
        ["--frames", "frame"],
        ["--order", "size"],
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_told_as_such(
    sample: Lake, tmp_path: Path, signverse, options: Sequence[str]
) -> None:
    code, *_ = signverse("export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", *options)
    assert code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", ["much", "0GB", "-1", "2XB", "9" * 400])
def test_a_shard_size_that_is_none_is_refused_in_one_line(sample: Lake, tmp_path: Path, signverse, size: str) -> None:
    code, _, told = signverse(
        "export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", f"--shard-size={size}"
    )
    assert (code, told.count("\n")) == (2, 1)
    assert "--shard-size '" in told and "is not a size" in told
    assert not (tmp_path / "out").exists()


def test_shards_stay_below_the_size_asked_for(sample: Lake, tmp_path: Path, signverse) -> None:
    out = tmp_path / "out"
    code, *_ = signverse("export", "shards", "--lake", sample.folder, "--out", out, "--shard-size", "0.75MB")
    assert code == 0
    sizes = [len(data) for data in tars(out).values()]
    assert len(sizes) > 1
    assert max(sizes) <= 750_000
    # And they are not needlessly small: two neighbours would not have gone into one.
    assert all(one + two > 500_000 for one, two in pairwise(sizes))
    assert signverse("verify", out)[0] == 0


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 4)), min_size=1, max_size=40),
    st.integers(1, 7),
    st.one_of(st.just(0), st.integers(1, 60_000_000)),
)
def test_every_video_is_in_one_shard_in_order_and_none_is_empty(
    videos: list[tuple[int, int]], per_shard: int, size: int
) -> None:
    frame = pl.DataFrame(
        [{"video_id": str(i), "num_frames": n, "people_max": p} for i, (n, p) in enumerate(videos)],
        schema={"video_id": pl.String, "num_frames": pl.Int64, "people_max": pl.Int64},
    )
    shards = plan_shards(frame, videos_per_shard=per_shard, shard_bytes=size)
    assert [video["video_id"] for shard in shards for video in shard.videos] == frame["video_id"].to_list()
    assert [shard.name for shard in shards] == [f"Sign_DWPose_NPZ_{i:06d}.tar" for i in range(1, len(shards) + 1)]
    counts = [len(shard.videos) for shard in shards]
    assert min(counts) >= 1
    if not size:
        assert counts[:-1] == [per_shard] * (len(counts) - 1)
        assert counts[-1] <= per_shard


# Order


def test_the_order_of_the_source_follows_the_shards_that_videos_came_from(tmp_path: Path, signverse) -> None:
    """Two tars, the later ids in the first: by source they come as they lay, by default by id."""
    with tarfile.open(SAMPLE) as tar:
        files = {member.name: (member, tar.extractfile(member).read()) for member in tar.getmembers()}
    ids = list(dict.fromkeys(name.split("/")[0] for name in files))
    laid = {"b.tar": [ids[0], ids[3]], "a.tar": [ids[5], ids[2], ids[4], ids[1]]}
    for name, some in laid.items():
        with tarfile.open(tmp_path / name, "w") as tar:
            for video_id in some:
                for path, (member, data) in files.items():
                    if path.startswith(f"{video_id}/"):
                        tar.addfile(member, io.BytesIO(data))
    lake = Lake.create(tmp_path / "lake")
    import_shards(lake, [tmp_path / "b.tar", tmp_path / "a.tar"], Options())
    lake.refresh()
    for order, expected in (("source", laid["a.tar"] + laid["b.tar"]), ("video_id", sorted(ids))):
        out = tmp_path / order
        command = ["export", "shards", "--lake", lake.folder, "--out", out, "--order", order, "--videos-per-shard", 4]
        assert signverse(*command)[0] == 0
        assert [video_id for name in tars(out) for video_id in videos_in(out / name)] == expected
        assert signverse("verify", out)[0] == 0
    videos = pl.read_csv(tmp_path / "source" / "index.csv")["video_id"].to_list()
    assert videos == laid["a.tar"] + laid["b.tar"]


def test_videos_that_came_from_no_shard_are_last_in_the_order_of_the_source(make_lake, video, person) -> None:
    lake = make_lake(video("b", points={(0, 0): person()}), video("a", points={(0, 0): person()}))
    videos, remarks = chosen_videos(lake, None, order="source")
    assert (videos["video_id"].to_list(), remarks) == (["a", "b"], [])


# Workers


@pytest.mark.parametrize("dialect", ["card", "consolidated"])
def test_two_workers_write_the_same_bytes_as_one(sample: Lake, tmp_path: Path, signverse, dialect: str) -> None:
    command = ["export", "shards", "--lake", sample.folder, "--videos-per-shard", 2, "--layout", dialect]
    assert signverse(*command, "--out", tmp_path / "one") == (
        0, "", f"6 videos, 804 frames in 3 shards -> {tmp_path / 'one'}\n",
    )  # fmt: skip
    assert signverse(*command, "--out", tmp_path / "two", "--workers", 2) == (
        0, "", f"6 videos, 804 frames in 3 shards -> {tmp_path / 'two'}\n",
    )  # fmt: skip
    assert everything(tmp_path / "one") == everything(tmp_path / "two")


@pytest.mark.parametrize("table", ["videos", "segments"])
def test_a_damaged_lake_is_named_in_one_line(sample: Lake, tmp_path: Path, signverse, table: str) -> None:
    lake = shutil.copytree(sample.folder, tmp_path / "lake")
    for file in (lake / table).rglob("*.parquet"):
        file.write_bytes(b"PAR1" + bytes(20))
    chosen = ["--language", "ase"] if table == "segments" else []
    code, said, told = signverse("export", "shards", "--lake", lake, "--out", tmp_path / "out", *chosen)
    assert (code, said, told.count("\n")) == (1, "", 1), told
    assert f"signverse verify {lake}" in told or "signverse verify LAKE" in told or f"signverse repair {lake}" in told
    code, said, _ = signverse("verify", lake)
    assert code == 1
    assert f"{table}/" in said
