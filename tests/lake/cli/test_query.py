"""The commands that ask a lake: one line on stderr, results on stdout, exit codes that scripts can trust."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from signverse.lake.lake import Lake


def test_sql_prints_results_on_stdout_and_nothing_else(ask):
    assert ask("sql", "select count(*) as n from videos", "--format", "csv") == (0, b"n\n5\n", [])
    code, out, err = ask("sql", "select video_id from videos order by all", "--format", "json")
    assert (code, err) == (0, [])
    assert json.loads(out)[0] == {"video_id": "-dash_first"}


def test_sql_writes_a_file_and_nothing_on_stdout(ask, tmp_path):
    for name in ("x.csv", "x.json", "x.parquet"):
        said = [f"9 rows -> {tmp_path / name}"]
        assert ask("sql", "from segments order by segment_id", "-o", tmp_path / name) == (0, b"", said)
        assert (tmp_path / name).stat().st_size
    assert pl.read_parquet(tmp_path / "x.parquet").height == 9
    assert ask("sql", "from segments order by segment_id", "--format", "csv", "-o", tmp_path / "plain")[0] == 0
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "x.csv").read_bytes()


@pytest.mark.parametrize("dash", [True, False])
def test_sql_takes_its_query_from_a_pipe(ask, dash):
    arguments = ["sql", "--format", "csv", *(["-"] if dash else [])]
    assert ask(*arguments, stdin="select 'é'\n as a;\n".encode()) == (0, "a\né\n".encode(), [])
    code, out, err = ask(*arguments, stdin=b"")
    assert (code, out, len(err)) == (2, b"", 1)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select x from videos", "x"),
        ("selec 1", "does not parse"),
        ("copy (select 1) to 'x.csv'", "COPY"),
        ("with x as (copy (select 1) to 'x.csv') from x", "outside the lake"),
        ("select 1; select 2", "one is run at a time"),
        ("", "empty"),
        ("select language('Swiss')", "sgg"),
        ("select interval 1 day", "varchar"),
        ("select '\udcff'", "UTF-8"),
    ],
)
def test_a_query_that_cannot_be_run_ends_in_one_line(ask, tmp_path, monkeypatch, query, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = ask("sql", query, "-o", tmp_path / "out.csv")
    # What depends on the rows is not a mistake of typing.
    wrong_rows = query.startswith(("select language", "select interval"))
    assert (code, out, len(err)) == (1 if wrong_rows else 2, b"", 1)
    assert err[0].startswith("signverse: ")
    assert said in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["sql", "from videos"], ["select"], ["stats", "languages"], ["keypoints", "one-frame-0"]],
    ids=lambda arguments: arguments[0],
)
def test_without_a_lake_every_command_says_so_in_one_line(ask, tmp_path, monkeypatch, arguments):
    output = ["-o", str(tmp_path / ("x.npy" if arguments[0] == "keypoints" else "x.csv"))]
    (tmp_path / "file").touch()
    for lake, said in (("nowhere", "there is no lake"), ("file", "is not a lake"), ("hf://b/l", "is a URL")):
        place = lake if "://" in lake else tmp_path / lake
        code, out, err = ask(*arguments, *output, "--lake", place)
        assert (code, out, len(err)) == (1, b"", 1)
        assert said in err[0]
    monkeypatch.delenv("SIGNVERSE_LAKE")
    code, out, err = ask(*arguments, *output)
    assert (code, out) == (2, b"")
    assert "--lake" in "\n".join(err)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["sql", "from videos", "--format", "xml"],
        ["sql", "from videos", "extra"],
        ["sql", "from videos", "--nonsense"],
        ["select", "--min-confidence", "face"],
        ["select", "--min-confidence", "face=high"],
        ["select", "--limit", "0"],
        ["select", "--min-duration", "long"],
        ["keypoints"],
        ["keypoints", "a", "b"],
        ["keypoints", "one-frame-0", "--person", "-1"],
        ["keypoints", "one-frame-0", "-o"],
        ["nonsense"],
        ["sql", "from videos", "--version", "99"],
        ["stats", "languages", "--version", "99"],
        ["stats", "languages", "--as-of", "soon"],
        ["stats", "nonsense"],
        ["stats", "languages", "--plot", "x.gif"],
        ["sql", "from videos", "-o", "x.foo"],
        ["select", "-o", "x.foo"],
        ["select", "--where", "num_frames >"],
        ["select", "--where", "no_such_column = 1"],
        ["split", "--where", "true) or (true"],
        ["export", "webdataset", "--out", "x", "--where", "no_such_column = 1"],
        ["select", "--split", "main=trian"],
        ["select", "--language", "Klingon"],
        ["select", "--min-confidence", "nose=0.5"],
        ["stats", "languages", "-o", "x.foo"],
        ["keypoints", "one-frame-0", "-o", "x.npz"],
        ["keypoints", "one-frame-0", "-o", "x.npy", "--start", "2", "--end", "1"],
        ["picture", "one-frame-0", "-o", "x.gif"],
        ["picture", "one-frame-0", "-o", "x.png", "--start", "2", "--end", "1"],
        ["export", "shards", "--out", "x", "--shard-size", "big"],
        ["split", "--ratios", "80/10/x"],
        ["split", "-o", "x.foo"],
        ["ingest", "shards", "x.tar", "--language", "Klingon"],
        ["ingest", "run", "x.csv", "--media", "x", "--ahead", "big"],
        ["ingest", "plan", "x.csv", "-o", "x.foo"],
        ["inspect", "x.tar", "-o", "x.foo"],
    ],
    ids=" ".join,
)
def test_a_command_asked_wrongly_ends_in_2(ask, arguments):
    code, out, err = ask(*arguments)
    assert (code, out) == (2, b"")
    assert err


def test_stats_without_a_lake_is_refused_as_every_command_is(ask, monkeypatch):
    monkeypatch.delenv("SIGNVERSE_LAKE")
    says = [ask(*command)[2][-1] for command in (("stats", "languages"), ("sql", "from videos"))]
    assert says == ["Error: Missing option '--lake' (env var: 'SIGNVERSE_LAKE')."] * 2


@pytest.mark.parametrize("command", [["select"], ["stats", "languages"]], ids=" ".join)
def test_a_table_is_short_in_a_file_too_unless_it_is_wide(ask, tmp_path, command):
    short, wide = tmp_path / "short.txt", tmp_path / "wide.txt"
    for path, options in ((short, []), (wide, ["--wide"])):
        assert ask(*command, "-o", path, *options)[0] == 0
    assert len(short.read_text("utf-8").splitlines()[0]) < len(wide.read_text("utf-8").splitlines()[0])


def test_select_writes_a_selection_and_says_how_much_it_is(ask, tmp_path):
    code, out, err = ask("select", "--language", "ASL", "-l", "slovenia", "-o", tmp_path / "clips.parquet")
    assert (code, out) == (0, b"")
    rows = pl.read_parquet(tmp_path / "clips.parquet")
    assert rows.columns[:5] == ["segment_id", "video_id", "ingest_id", "start_frame", "end_frame"]
    assert rows["video_id"].unique().sort().to_list() == ["-dash_first", "one-frame-0", "two-people0"]
    assert err == [f"7 clips of 3 videos, 71.9 s, version 1 -> {tmp_path / 'clips.parquet'}"]


def test_select_prints_a_table_on_stdout_and_the_sum_on_stderr(ask):
    code, out, err = ask("select", "--text", "50% OFF_", "--max-people", "2", "--video", "two-people0")
    assert code == 0
    assert "50% off_" in out.decode()
    assert len(err) == 1
    assert err[0].startswith("1 clip of 1 video, ")


def test_select_says_why_nothing_passed(ask, tmp_path):
    code, out, err = ask("select", "--language", "ase", "--text", "xyzzy", "-o", tmp_path / "x.csv")
    assert (code, out, len(err)) == (1, b"", 1)
    assert "none of 9 clips matches" in err[0]
    assert "text with 'xyzzy': 0" in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected", "said"),
    [
        (["--language", "Klingon"], 2, "Nearest"),
        (["--language", "ISL"], 2, "may be any of"),
        (["--min-confidence", "hand=1"], 2, "not a part"),
        (["-o", "x.xlsx"], 2, "--format"),
        (["-o", "missing/x.csv"], 1, "cannot be written"),
    ],
)
def test_select_refuses_in_one_line(ask, tmp_path, monkeypatch, arguments, expected, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = ask("select", *arguments)
    assert (code, out, len(err)) == (expected, b"", 1)
    assert said in err[0]


def test_stats_lists_and_prints_reports(ask):
    code, out, err = ask("stats")
    assert (code, err) == (0, [])
    assert "languages  Videos, clips and hours of each sign language" in out.decode()
    code, out, err = ask("stats", "languages", "--format", "csv")
    assert (code, err) == (0, [])
    assert pl.read_csv(io.BytesIO(out))["videos"].sum() == 5
    code, out, err = ask("stats", "langages")
    assert (code, out, len(err)) == (2, b"", 1)
    assert "Nearest: languages. Reports: balance, " in err[0]


def test_stats_without_a_report_needs_no_lake(ask, monkeypatch):
    listed = ask("stats")
    monkeypatch.setenv("SIGNVERSE_LAKE", "nowhere")
    assert ask("stats") == listed
    monkeypatch.delenv("SIGNVERSE_LAKE")
    assert ask("stats") == listed
    assert max(map(len, listed[1].decode().splitlines())) <= 80
    code, out, err = ask("stats", "languages")
    assert (code, out) == (2, b"")
    assert "--lake" in "\n".join(err)


def test_stats_prints_the_columns_that_answer_and_all_with_wide(ask):
    code, out, err = ask("stats", "languages")
    assert (code, err) == (0, [])
    assert out.decode().splitlines()[0].split("  ")[:2] == ["language", "name"]
    assert "body_p10" not in out.decode()
    code, out, err = ask("stats", "languages", "--wide")
    assert (code, err) == (0, [])
    assert "body_p10" in out.decode()
    assert "body_p10" in ask("stats", "languages", "--format", "csv")[1].decode()


def test_stats_balance_begins_with_its_answer_in_a_table_only(ask, tmp_path):
    assert ask("stats", "balance")[1].decode().startswith("Effective number of languages, by hours: ")
    assert ask("stats", "balance", "--format", "csv")[1].decode().startswith("weighted_by,temperature,")
    said = [f"33 rows -> {tmp_path / 'x.txt'}"]
    assert ask("stats", "balance", "-o", tmp_path / "x.txt") == (0, b"", said)
    assert (tmp_path / "x.txt").read_text(encoding="utf-8").startswith("Effective number of languages")


def test_select_of_an_empty_lake_says_that_it_is_empty(ask, tmp_path):
    Lake.create(tmp_path / "lake")
    code, out, err = ask("select", "--lake", tmp_path / "lake")
    assert (code, out, len(err)) == (1, b"", 1)
    assert err[0].endswith("is empty. Fill it: signverse ingest videos FOLDER --lake LAKE.")


def test_a_selection_on_the_terminal_names_its_segments(ask):
    table = ask("select")[1].decode()
    assert "two-people0-00000" in table
    assert max(map(len, ask("select", "--wide")[1].decode().splitlines())) > 80


def test_stats_draws_a_report_beside_its_table(ask, tmp_path):
    code, out, err = ask("stats", "balance", "--format", "csv", "--plot", tmp_path / "balance.SVG")
    assert (code, err) == (0, [f"drawn -> {tmp_path / 'balance.SVG'}"])
    assert pl.read_csv(io.BytesIO(out)).height == 33
    assert "</svg>" in (tmp_path / "balance.SVG").read_text()
    for name, code, said in (
        ("balance.jpg", 2, "End the name in .png, .svg or .pdf"),
        ("nowhere/b.png", 1, "cannot be written"),
    ):
        ended, out, err = ask("stats", "balance", "--plot", tmp_path / name)
        assert (ended, out, len(err)) == (code, b"", 1)
        assert said in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["balance.SVG"]


@pytest.mark.parametrize(
    "order",
    [
        ["-dash_first", "-o", "OUT"],
        ["-o", "OUT", "-dash_first"],
        ["-dash_first", "-oOUT"],
        ["-oOUT", "-dash_first"],
        ["--output", "OUT", "--", "-dash_first"],
        ["--output=OUT", "-dash_first"],
        ["--start", "0", "-dash_first", "--end", "1", "-o", "OUT"],
        ["--start=0", "-o", "OUT", "--end=1", "-dash_first"],
        ["--lake", "LAKE", "-dash_first", "-o", "OUT"],
        ["--person", "0", "-o", "OUT", "--lake=LAKE", "-dash_first"],
    ],
    ids=" ".join,
)
def test_an_id_may_begin_with_a_dash_anywhere(ask, town, tmp_path, monkeypatch, open_town, order):
    monkeypatch.chdir(tmp_path)
    # Eleven letters with its -o, as many as an id has.
    words = [word.replace("OUT", "clips.npy").replace("LAKE", str(town)) for word in order]
    code, out, err = ask("keypoints", *words)
    assert (code, out, len(err)) == (0, b"", 1), err
    end = 24 if any("--end" in word for word in order) else None
    np.testing.assert_array_equal(np.load("clips.npy"), open_town.keypoints("-dash_first", end_frame=end))
    assert [path.name for path in tmp_path.iterdir()] == ["clips.npy"]


@pytest.mark.parametrize("video_id", ["-dash_secon", "-oABCDEFGHI", "--ABCDEFGHI", "-1", "-p"])
def test_an_unknown_id_with_a_dash_is_an_unknown_video(ask, video_id):
    code, out, err = ask("keypoints", video_id, stdin=b"")
    assert (code, out, len(err)) == (1, b"", 1)
    assert f"no video '{video_id}'" in err[0]


def test_keypoints_go_into_a_pipe(ask, open_town):
    code, out, err = ask("keypoints", "two-people0", "--person", "1", "--start", "1", "--end", "2.01")
    assert code == 0
    np.testing.assert_array_equal(
        np.load(io.BytesIO(out)), open_town.keypoints("two-people0", start_frame=24, end_frame=49, person=1)
    )
    assert err == ["float32 [25, 128, 3]: frames 24 to 49 of 700, person 1 in 25 of them"]


def test_a_range_may_be_of_frames(ask, open_town):
    code, out, err = ask("keypoints", "two-people0", "--start-frame", "24", "--end-frame", "49")
    assert (code, err) == (0, ["float32 [25, 128, 3]: frames 24 to 49 of 700, the primary signer in 25 of them"])
    np.testing.assert_array_equal(
        np.load(io.BytesIO(out)), open_town.keypoints("two-people0", start_s=1, end_s=49 / 24)
    )
    for words, wanted, message in (
        (["--start-frame", "700"], 1, "'two-people0' has no frame from frame 700 on. It has 700 frames."),
        (["--start-frame", "5", "--end-frame", "5"], 1, "has no frame of frames 5 to 5"),
        (["--start-frame", "5", "--end-frame", "4"], 2, "ends at 4, before it starts at 5"),
        (["--start-frame", "5", "--end", "4"], 2, "seconds and frames were given both"),
    ):
        code, out, err = ask("keypoints", "two-people0", *words)
        assert (code, out, len(err)) == (wanted, b"", 1)
        assert message in err[0]


@pytest.mark.parametrize(
    "times",
    [["--start", "nan"], ["--start", "inf"], ["--start", "1e308"], ["--start", "5", "--end", "4"], ["--end", "-1"]],
)
def test_times_that_are_none_are_refused(ask, times):
    code, out, err = ask("keypoints", "two-people0", *times)
    assert (code, out, len(err)) == (2, b"", 1)


def test_times_clip_to_the_video(ask):
    for times, frames in ((["--start", "-5", "--end", "1"], 24), (["--end", "0"], 1), (["--end", "9999"], 700)):
        code, out, _ = ask("keypoints", "two-people0", *times)
        assert (code, np.load(io.BytesIO(out)).shape) == (0, (frames, 128, 3))


@pytest.mark.parametrize("times", [["--start", "99"], ["--start", "-9", "--end", "-5"]], ids=" ".join)
@pytest.mark.parametrize("command", ["keypoints", "picture"])
def test_times_outside_the_video_are_refused_and_nothing_is_written(ask, tmp_path, monkeypatch, command, times):
    monkeypatch.chdir(tmp_path)
    out = {"keypoints": "x.npy", "picture": "x.png"}[command]
    code, printed, err = ask(command, "two-people0", *times, "-o", out)
    assert (code, printed, len(err)) == (1, b"", 1)
    assert "'two-people0' has no frame" in err[0]
    assert "29.1667 s" in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [["sql", "from range(300000)", "--format", "csv"], ["keypoints", "two-people0"]],
    ids=lambda words: words[0],
)
def test_a_closed_pipe_ends_quietly(town, command):
    command = [sys.executable, "-m", "signverse", *command, "--lake", str(town)]
    ended = subprocess.run(
        ["bash", "-c", '"$@" | head -c 6', "-", *command], capture_output=True, timeout=60, check=False
    )
    assert ended.stdout in {b"range\n", b"\x93NUMPY"}
    assert ended.stderr == b""


@pytest.mark.slow
def test_a_query_from_a_pipe_may_be_no_text_at_all(town):
    command = [sys.executable, "-m", "signverse", "sql", "--lake", str(town), "--format", "csv"]
    for query, result in (
        ("select 'é' as a".encode(), (0, "a\né\n".encode(), 0)),
        (b"select '\xff'", (2, b"", 1)),
    ):
        ended = subprocess.run(command, input=query, capture_output=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == result


def test_a_damaged_lake_ends_in_one_line(ask, tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("aaa"))
    for path in Lake.open(folder).snapshot.files("keypoints"):
        os.truncate(path, 100)
    code, out, err = ask("keypoints", "aaa", "--lake", folder)
    assert (code, out, len(err)) == (1, b"", 1)
    assert "signverse verify" in err[0]
    code, out, err = ask("sql", "from keypoints", "--lake", folder)
    assert (code, out, len(err)) == (1, b"", 1)
    for path in Lake.open(folder).snapshot.files("segments"):
        os.truncate(path, 100)
    code, out, err = ask("select", "--lake", folder)
    assert (code, out, len(err)) == (1, b"", 1)
