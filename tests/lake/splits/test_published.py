"""Splits that others have published: what the lake has of them is stored, and the rest is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.splits.published import PARTS, read_split_list
from signverse.lake.storage.stored_splits import stored_split


@pytest.fixture
def village(tmp_path: Path, fill, video) -> Path:
    """Six videos of three channels."""
    channels = [{"channel": f"Channel {i % 3}", "channel_id": None} for i in range(6)]
    return fill(tmp_path / "village", *(video(f"v{i}", "ase", 48, people=0, video=channels[i]) for i in range(6)))


def parts(lake: Path, name: str = "official") -> dict[str, str]:
    rows = stored_split(Lake.open(lake).snapshot, name)
    return dict(rows.select("video_id", "part").iter_rows())


def written(folder: Path, text: str, name: str = "official.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


OFFICIAL = "video_id,split\nv0,train\nv1,train\nv2,train\nv3,train\nv4,val\nv5,test\n"


def test_a_published_split_is_stored_and_selected_from_as_our_own_are(village: Path, ask, tmp_path: Path) -> None:
    code, out, err = ask("split", "--lake", village, "--from", written(tmp_path, OFFICIAL), "--name", "official")
    assert code == 0
    assert "split official: 6 videos of the 6 in" in "\n".join(err)
    assert [line.split()[:2] for line in out.splitlines()[2:]] == [["train", "4"], ["val", "1"], ["test", "1"]]
    assert parts(village) == {"v0": "train", "v1": "train", "v2": "train", "v3": "train", "v4": "val", "v5": "test"}
    _, out, _ = ask("select", "--lake", village, "--split", "official=val", "--format", "csv")
    assert {line.split("-")[0] for line in out.splitlines()[1:]} == {"v4"}
    assert ask("split", "--lake", village, "--name", "official", "--check")[0] == 0


def test_a_relative_path_will_do(village: Path, ask, tmp_path: Path, monkeypatch) -> None:
    written(tmp_path, OFFICIAL)
    monkeypatch.chdir(tmp_path)
    assert ask("split", "--lake", "village", "--from", "official.csv", "--name", "official")[0] == 0
    assert len(parts(village)) == 6


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in PARTS.items() for name in names])
def test_parts_have_many_names(tmp_path: Path, part: str, name: str) -> None:
    text = f"Video ID;Language;Subset\nabc;ase; {name.title()} \n"
    assert read_split_list(written(tmp_path, text)).parts == {"abc": part}


def test_what_the_list_and_the_lake_do_not_share_is_named(village: Path, ask, tmp_path: Path) -> None:
    text = (
        "# the official split\nvideo_id,split,note\nv0,train,\nv0,Training,\nv1,test,\nv1,train,\nv2,dev,\n"
        "v3,holdout,\nelsewhere,test,\na/b,test,\n\n"
    )
    code, _, err = ask("split", "--lake", village, "--from", written(tmp_path, text), "--name", "official")
    assert code == 0
    assert parts(village) == {"v0": "train", "v2": "val"}
    for said in (
        "3 videos of 8 rows, 1 comment, 1 blank line; columns not used: note",
        "'dev' is stored as val",
        "'training' is stored as train",
        "1 row that repeat",
        "1 video in more than one part, taken into none: v1",
        "1 row with an unknown part, not taken: 'holdout' (1)",
        "1 row without a valid video id: line 10",
        "1 video not in the lake: elsewhere",
        "4 videos of the lake not in",
        "v1, v3, v4 and 1 more",
        "the lake has no video of test",
    ):
        assert said in "\n".join(err), said


def test_a_channel_in_two_parts_is_named(village: Path, ask, tmp_path: Path) -> None:
    _, _, err = ask("split", "--lake", village, "--from", written(tmp_path, OFFICIAL), "--name", "official")
    assert "2 channels in more than one part: Channel 1, Channel 2" in "\n".join(err)


def test_a_dry_run_stores_nothing_and_a_second_list_replaces_the_first(village: Path, ask, tmp_path: Path) -> None:
    path = written(tmp_path, OFFICIAL)
    ask("split", "--lake", village, "--from", path, "--name", "official", "--dry-run")
    assert parts(village) == {}
    ask("split", "--lake", village, "--from", path, "--name", "official")
    written(tmp_path, OFFICIAL.replace("v5,test", "v5,train").replace("v0,train", "v0,test"))
    _, _, err = ask("split", "--lake", village, "--from", path, "--name", "official")
    assert "2 of 6 videos change part" in "\n".join(err)
    assert parts(village)["v5"] == "train"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("video_id,language\nv0,ase\n", "has no column of parts"),
        ("v0\nv1\n", "has no column of parts"),
        ("v0,ase\nv1,bfi\n", "no video with a part that is known"),
        ("split,name\ntrain,x\n", "names no video id"),
        ("video_id,split\nv0,train\nv0,test\n", "1 video in more than one part"),
        ("video_id,split\nnowhere,train\n", "the lake has none of the 1 video"),
    ],
)
def test_a_list_of_which_nothing_can_be_taken_is_refused(
    village: Path, ask, tmp_path: Path, text: str, says: str
) -> None:
    code, out, err = ask("split", "--lake", village, "--from", written(tmp_path, text), "--name", "official")
    assert (code, out, len(err)) == (1, "", 1)
    assert says in "\n".join(err)
    assert parts(village) == {}


@pytest.mark.parametrize("option", [("--ratios", "1/1"), ("--by", "video"), ("--seed", "3"), ("--check",)])
def test_options_that_a_published_split_has_no_use_for_are_refused(village: Path, ask, tmp_path: Path, option) -> None:
    code, _, err = ask("split", "--lake", village, "--from", written(tmp_path, OFFICIAL), *option)
    assert code == 2
    assert f"leave out {option[0]}" in "\n".join(err)


names = st.sampled_from(["v0", "v1", "elsewhere", "a/b", ""])
words = st.sampled_from(["train", "Dev", "TEST", "holdout", ""])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, words), min_size=1, max_size=12), st.sampled_from(",;\t|"))
def test_every_row_is_taken_or_counted(tmp_path: Path, rows: list[tuple[str, str]], separator: str) -> None:
    """Rows = taken + repeated + contradictory + of unknown parts + without a valid id; blank ones are said."""
    text = "".join(f"{separator.join(row)}\n" for row in [("video_id", "split"), *rows])
    filled = sum(any(row) for row in rows)
    try:
        found = read_split_list(written(tmp_path, text))
    except BadInputError:
        return
    used = len(found.parts) + found.repeated + len(found.contradictory)
    assert used + found.unknown.total() + len(found.invalid) == filled
