"""Splitting a lake: no channel or video in two parts, shares that hold, and a proof of it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.schema import SPLITS
from signverse.lake.query.selection import Selection
from signverse.lake.splits.splits import Plan, make_split, store
from signverse.lake.storage import delta
from signverse.lake.storage.sources import NAMES, add_sources
from signverse.lake.storage.stored_splits import stored_split

LANGUAGES = ("ase", "pso")


def channel(name: str | None, channel_id: str | None = None) -> dict[str, str | None]:
    return {"channel": name, "channel_id": channel_id}


@pytest.fixture(scope="module")
def city_made(tmp_path_factory, fill, video):
    """60 videos of two languages on 30 channels, two videos each."""
    videos = [
        video(f"city{i:03d}", LANGUAGES[i % 2], 48, people=0, video=channel(f"Channel {i % 30}", f"UC{i % 30:02d}"))
        for i in range(60)
    ]
    return fill(tmp_path_factory.mktemp("city") / "lake", *videos)


@pytest.fixture
def city(city_made, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(city_made, tmp_path / "city")
    return tmp_path / "city"


@pytest.fixture
def village(tmp_path, fill, video):
    """Six videos, as a manifest and tars bring them: none has a channel."""
    videos = [video(f"v{i}", LANGUAGES[i % 2], 48, people=0, video=channel(None)) for i in range(6)]
    return fill(tmp_path / "village", *videos)


def parts(lake, name: str = "main") -> dict[str, str]:
    return {
        row[0]: row[1] for row in stored_split(Lake.open(lake).snapshot, name).select("video_id", "part").iter_rows()
    }


def put(lake, rows: list[dict]) -> None:
    """Rows of a split that nothing checked."""
    same = {"ingest_id": "x", "name": "main", "seed": 0, "made_at": datetime.now(UTC)}
    delta.append(lake / SPLITS.name, SPLITS, [{**same, **row} for row in rows])


def test_a_split_is_stored_and_keeps_channels_apart(city, ask):
    code, out, err = ask("split", "--lake", city, "--ratios", "60/20/20", "--seed", 3, "--format", "json")
    assert code == 0
    rows = json.loads(out)
    assert [row["part"] for row in rows] == ["train", "val", "test"]
    assert list(rows[0]) == ["part", "groups", "videos", "clips", "hours", "share"]
    assert sum(row["groups"] for row in rows) == 30
    assert sum(row["videos"] for row in rows) == 60
    assert sum(row["clips"] for row in rows) == 120
    assert sum(row["share"] for row in rows) == pytest.approx(1, abs=1e-3)
    assert [round(row["share"], 1) for row in rows] == [0.6, 0.2, 0.2]
    assert any("60 videos of 30 channels, seed 3" in line for line in err)
    assert any("every language within 2 points of 60/20/20 by clips" in line for line in err)
    table = stored_split(Lake.open(city).snapshot, "main")
    assert table.group_by("group").agg(pl.col("part").n_unique())["part"].to_list() == [1] * 30
    assert table["ingest_id"].n_unique() == 1
    assert set(table["seed"]) == {3}


def test_select_and_sql_know_the_split(city, ask):
    ask("split", "--lake", city, "--ratios", "60/20/20")
    code, out, _ = ask("select", "--lake", city, "--split", "main=val", "--format", "csv")
    assert code == 0
    chosen = {line.split(",")[1] for line in out.splitlines()[1:]}
    assert chosen == {video for video, part in parts(city).items() if part == "val"}
    assert (
        ask("sql", "select count(*) as n from splits where part = 'val'", "--lake", city, "--format", "csv")[1]
        == f"n\n{len(chosen)}\n"
    )


def test_the_same_seed_gives_the_same_split_and_takes_the_place_of_the_first(city, ask):
    ask("split", "--lake", city, "--seed", 5)
    first = parts(city)
    code, _, err = ask("split", "--lake", city, "--seed", 5)
    assert code == 0
    assert any("replaces the split of" in line and "0 of 60 videos change part" in line for line in err)
    assert parts(city) == first
    ask("split", "--lake", city, "--seed", 6, "--by", "video")
    assert parts(city) != first
    assert len(parts(city)) == 60


def test_the_newest_counts_also_after_a_clock_was_set_back(city):
    opened = Lake.open(city)
    put(city, [{"video_id": "city000", "part": "val", "group": "g", "made_at": datetime.now(UTC) + timedelta(days=9)}])
    store(opened.snapshot, make_split(opened.snapshot, Plan(by="video"), Selection()))
    assert len(parts(city)) == 60


def test_two_ratios_are_train_and_test(city, ask):
    _, out, _ = ask("split", "--lake", city, "--ratios", "0.8/0.2", "--format", "csv")
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ["train", "test"]


def test_a_dry_run_stores_nothing(city, ask):
    code, out, err = ask("split", "--lake", city, "--dry-run")
    assert (code, err[-1]) == (0, "nothing was stored (--dry-run)")
    assert "train" in out
    assert parts(city) == {}


def test_a_file_that_cannot_be_written_leaves_the_lake_as_it_was(city, ask, tmp_path):
    code, _, err = ask("split", "--lake", city, "-o", tmp_path / "nowhere" / "x.csv")
    assert (code, len(err)) == (1, 1)
    assert parts(city) == {}


def test_only_videos_with_a_chosen_clip_are_split(city, ask):
    ask("split", "--lake", city, "--language", "Polish", "--name", "pl", "--seed", 1)
    assert len(parts(city, "pl")) == 30
    code, _, err = ask("split", "--lake", city, "--text", "nobody says this")
    assert (code, len(err)) == (1, 1)
    assert "none of 120 clips matches" in err[0]
    assert parts(city) == {}


def test_a_language_of_one_channel_is_named_where_the_ratios_cannot_hold(tmp_path, fill, video, ask):
    videos = [video(f"a{i}", "ase", 48, people=0, video=channel(f"C{i}")) for i in range(40)]
    alone = [video(f"b{i}", "pso", 48, people=0, video=channel("Only")) for i in range(3)]
    lake = fill(tmp_path / "lake", *videos, *alone)
    code, _, err = ask("split", "--lake", lake)
    assert code == 0
    (at,) = [i for i, line in enumerate(err) if "not within 2 points of 90/5/5" in line]
    assert "  pso 100/0/0 (1 channel)" in err[at + 1 :]
    assert not any(line.startswith("  ase") for line in err)
    assert {part for video, part in parts(lake).items() if video.startswith("b")} == {"train"}
    _, _, err = ask("split", "--lake", lake, "--stratify", "none", "--dry-run")
    assert any("all together within 2 points" in line for line in err)


def test_a_table_has_shares_in_percent_and_its_groups_by_name(city, ask):
    headings = {
        ("--ratios", "1/1"): "part channels videos clips hours share %",
        ("--ratios", "1/1", "--by", "video"): "part videos clips hours share %",
        ("--check",): "language part videos clips hours share %",
    }
    for options, heading in headings.items():
        code, out, _ = ask("split", "--lake", city, *options)
        lines = (out if isinstance(out, str) else out.decode()).splitlines()
        assert (code, lines[0].split()) == (0, heading.split())
        assert 40 < float(lines[2].split()[-1]) <= 60


def test_too_few_videos_for_the_ratios_is_said(village, ask):
    code, _, err = ask("split", "--lake", village, "--by", "video")
    assert code == 0
    assert any("which would be empty: there are too few videos for 90/5/5" in line for line in err)
    assert set(parts(village).values()) == {"train", "val", "test"}


def test_a_split_with_an_empty_part_is_refused(village, ask):
    asked = ("split", "--lake", village, "--by", "video", "--video", "v0", "--ratios", "80/10")
    code, out, err = ask(*asked)
    assert (code, out, len(err)) == (1, "", 1)
    assert "1 video cannot be split into 2 parts: train, test" in err[0]
    assert parts(village) == {}


def test_videos_without_a_clip_are_split_too(tmp_path, fill, video, ask):
    lake = fill(tmp_path / "lake", *(video(f"v{i}", "ase", 0, people=0, texts=()) for i in range(4)))
    code, _, _ = ask("split", "--lake", lake, "--by", "video", "--ratios", "1/1")
    assert code == 0
    assert sorted(parts(lake).values()) == ["test", "test", "train", "train"]


def test_hours_and_videos_can_weigh_instead_of_clips(tmp_path, fill, video, ask):
    # One video is as long as the nine others together, and has as many clips as each of them.
    lengths = [432, *([48] * 9)]
    lake = fill(tmp_path / "lake", *(video(f"v{i}", "ase", n, people=0) for i, n in enumerate(lengths)))
    for weight, wanted in (("hours", [0.5, 0.5]), ("videos", [0.5, 0.5]), ("clips", [0.5, 0.5])):
        _, out, _ = ask(
            "split", "--lake", lake, "--by", "video", "--ratios", "1/1", "--weight", weight, "--format=json"
        )
        rows = json.loads(out)
        assert [row["share"] for row in rows] == wanted
        assert sorted(row["videos"] for row in rows) == ([1, 9] if weight == "hours" else [5, 5])


def test_a_lake_that_has_grown_keeps_nearly_every_video_in_its_part(city, fill, video, ask):
    ask("split", "--lake", city, "--by", "video", "--ratios", "60/20/20")
    before = parts(city)
    fill(city, *(video(f"late{i}", "ase", 48, people=0) for i in range(4)))
    ask("split", "--lake", city, "--by", "video", "--ratios", "60/20/20")
    after = parts(city)
    assert len(after) == 64
    assert sum(before[video] != after[video] for video in before) <= 6


def test_without_channels_it_refuses_with_the_share_and_two_ways_on(village, fill, video, ask):
    fill(village, *(video(f"with{i}", "ase", 48, people=0, video=channel(f"C{i}")) for i in range(2)))
    code, out, err = ask("split", "--lake", village)
    assert (code, out, len(err)) == (1, "", 1)
    assert "6 of 8 videos (75.0%) have no channel: v0, v1, v2 and 3 more" in err[0]
    assert "--by video" in err[0]
    assert "--channels" in err[0]
    assert ask("split", "--lake", village, "--by", "video")[0] == 0


@pytest.mark.parametrize("head", ["", "video_id,channel\n", "Channel ; ID\n"])
def test_a_list_of_channels_fills_what_is_missing_and_the_lake_keeps_it(village, ask, tmp_path, head):
    listed = [(f"v{i}", f"C{i // 2}") for i in range(6)]
    rows = [f"{name};{video}" if ";" in head else f"{video},{name}" for video, name in listed]
    (tmp_path / "channels.csv").write_text(head + "\n".join(rows))
    add_sources(
        Lake.open(village),
        [dict.fromkeys(NAMES) | {"video_id": "v0", "language_label": "ASL", "sign_language": "ase", "title": "T"}],
    )
    asked = ("split", "--lake", village, "--ratios", "1/1", "--channels", tmp_path / "channels.csv")
    assert ask(*asked, "--dry-run")[0] == 0
    assert Lake.open(village).table("sources").collect().height == 1
    code, _, err = ask(*asked)
    assert code == 0
    assert "channels of 6 videos stored in the lake" in err
    sources = {row["video_id"]: row for row in Lake.open(village).table("sources").collect().to_dicts()}
    assert {video: row["channel"] for video, row in sources.items()} == dict(listed)
    assert (sources["v0"]["language_label"], sources["v0"]["title"]) == ("ASL", "T")
    assert (sources["v1"]["sign_language"], sources["v1"]["title"]) == ("pso", "Video v1")
    first = parts(village)
    assert ask("split", "--lake", village, "--ratios", "1/1")[0] == 0
    assert parts(village) == first
    assert ask("split", "--lake", village, "--check")[0] == 0


def test_a_later_manifest_without_channels_leaves_them(village, ask, tmp_path):
    (tmp_path / "channels.csv").write_text("".join(f"v{i},C{i}\n" for i in range(6)))
    ask("split", "--lake", village, "--channels", tmp_path / "channels.csv")
    opened = Lake.open(village)
    row = dict.fromkeys(NAMES) | {"video_id": "v0", "language_label": "bfi", "sign_language": "bfi"}
    assert add_sources(opened.snapshot, [row]) == 1
    opened.refresh()
    now = opened.table("sources").filter(pl.col("video_id") == "v0").collect().row(0, named=True)
    assert (now["sign_language"], now["channel"]) == ("bfi", "C0")


def test_a_name_and_an_id_of_one_channel_are_one_group(tmp_path, fill, video, ask):
    videos = [
        video("a", "ase", 48, people=0, video=channel("Café TV", "UC1")),
        video("b", "ase", 48, people=0, video=channel("Cafe\u0301 TV")),
        video("c", "ase", 48, people=0, video=channel(None)),
        video("d", "ase", 48, people=0, video=channel("Other", "UC2")),
    ]
    lake = fill(tmp_path / "lake", *videos)
    (tmp_path / "channels.csv").write_text("c,UC1\na,Else\n")
    code, _, err = ask("split", "--lake", lake, "--channels", tmp_path / "channels.csv", "--ratios", "1/1")
    assert code == 0
    assert any("1 video with another channel in the lake, which is used: a" in line for line in err)
    groups = dict(stored_split(Lake.open(lake).snapshot, "main").select("video_id", "group").iter_rows())
    assert groups == {"a": "UC1", "b": "UC1", "c": "UC1", "d": "UC2"}


def test_a_list_says_what_of_it_was_passed_over(village, ask, tmp_path):
    (tmp_path / "channels.csv").write_text(
        "".join(f"v{i},C{i}\n" for i in range(6)) + "v0,Another\nunknown,C1\nv1,\na/b,C1\n"
    )
    code, _, err = ask("split", "--lake", village, "--channels", tmp_path / "channels.csv", "--dry-run")
    assert code == 0
    for said in ("1 id not in the lake: unknown", "without a channel", "the first is used: v0", "line 10"):
        assert any(said in line for line in err), said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("v0,a,b\n", "no header and 3 columns: v0, a, b. Its columns are: video_id, channel"),
        ("video_id,sign_language\nv0,ase\n", "names no channel: video_id, sign_language"),
        ("v0,ase\nv1,Polish\n", "holds sign languages, not channels"),
        ("channel,title\nC,T\n", "names no video id: channel, title"),
        ("v0,\xff\n", "is not a CSV in UTF-8"),
    ],
)
def test_a_list_of_another_shape_is_refused_with_its_columns(village, ask, tmp_path, text, said):
    (tmp_path / "channels.csv").write_bytes(text.encode("latin-1"))
    code, out, err = ask("split", "--lake", village, "--channels", tmp_path / "channels.csv")
    assert (code, out, len(err)) == (1, "", 1)
    assert said in err[0]
    assert parts(village) == {}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--ratios", "a/b", "not numbers"),
        ("--ratios", "90", "are 1 number"),
        ("--ratios", "1/1/1/1", "are 4 numbers"),
        ("--ratios", "90/10/0", "not all above 0"),
        ("--ratios", "90/nan", "not all above 0"),
        ("--ratios", "1e308/1e308/1", "or too large"),
        ("--seed", 2**64, "64 bits"),
        ("--name", " ", "not a name"),
        ("--name", "a\nb", "not a name"),
        ("--channels", "nowhere.csv", "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(city, ask, option, value, said):
    code, out, err = ask("split", "--lake", city, option, value)
    # A file that cannot be read is not an option that is typed wrongly.
    assert (code, out, len(err)) == (1 if option == "--channels" else 2, "", 1)
    assert said in err[0]
    assert parts(city) == {}


@pytest.mark.parametrize(
    ("option", "known"), [("--by", "channel, video"), ("--stratify", "language"), ("--weight", "hours")]
)
def test_an_unknown_choice_names_the_known_ones(city, ask, option, known):
    code, _, err = ask("split", "--lake", city, option, "person")
    assert code == 2
    assert known in err[-1]


def test_check_proves_a_whole_split_and_counts_it(city, ask):
    ask("split", "--lake", city, "--ratios", "60/20/20")
    code, out, err = ask("split", "--lake", city, "--check", "--format", "json")
    assert (code, err) == (0, ["split main: no channel is in two parts, and every video is in the lake"])
    rows = json.loads(out)
    assert [row["sign_language"] for row in rows] == ["(all)"] * 3 + ["ase"] * 3 + ["pso"] * 3
    assert [row["part"] for row in rows[:3]] == ["train", "val", "test"]
    for language, videos in (("(all)", 60), ("ase", 30), ("pso", 30)):
        mine = [row for row in rows if row["sign_language"] == language]
        assert sum(row["videos"] for row in mine) == videos
        assert sum(row["share"] for row in mine) == pytest.approx(1, abs=1e-3)
    before = parts(city)
    assert parts(city) == before


def test_check_tells_of_videos_that_came_since(city, ask, fill, video):
    ask("split", "--lake", city)
    fill(city, video("late", "ase", 48, people=0))
    code, _, err = ask("split", "--lake", city, "--check")
    assert code == 0
    assert err[0] == "1 video without a part, 1 of them ingested since the split was made: late"


def test_check_finds_a_channel_in_two_parts(city, ask):
    put(city, [{"video_id": f"city{i:03d}", "part": ("train", "val")[i % 2], "group": "UC"} for i in range(4)])
    code, out, err = ask("split", "--lake", city, "--check")
    assert code == 1
    assert "(all)" in out
    assert any("1 channel in more than one part: UC (train, val)" in line for line in err)
    assert err[-1].startswith("signverse: split main has 1 fault")


def test_check_finds_a_channel_that_became_known_to_be_in_two_parts(city, ask, fill, video):
    ask("split", "--lake", city, "--ratios", "1/1")
    now = parts(city)
    train, test = (next(video for video in now if now[video] == part) for part in ("train", "test"))
    fill(city, *(video(one, "ase", 48, people=0, video=channel("Both", "UCboth")) for one in (train, test)))
    code, _, err = ask("split", "--lake", city, "--check")
    assert code == 1
    assert any("1 channel in more than one part: UCboth (test, train)" in line for line in err)


def test_check_finds_a_video_in_two_parts_and_one_that_is_gone(city, ask):
    rows = [("city000", "train"), ("city000", "val"), ("city001", "train"), ("gone", "train")]
    put(city, [{"video_id": video, "part": part, "group": video} for video, part in rows])
    code, _, err = ask("split", "--lake", city, "--check")
    assert code == 1
    assert any("1 video in more than one part: city000 (train, val)" in line for line in err)
    assert any("1 video no longer in the lake: gone" in line for line in err)
    assert err[-1].startswith("signverse: split main has 2 faults")


def test_check_of_a_split_that_is_not_there_names_those_that_are(city, ask):
    code, out, err = ask("split", "--lake", city, "--check", "--name", "nope")
    assert (code, out, len(err)) == (2, "", 1)
    assert "Make one: signverse split" in err[0]
    ask("split", "--lake", city)
    assert "It has: main." in ask("split", "--lake", city, "--check", "--name", "nope")[2][0]
