"""Where a corpus stands, on one screen and as JSON."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from signverse.ingest.cli.acquisition.screen import print_status, status_console, status_screen
from signverse.lake.lake import Lake
from signverse.lake.outcomes.status import Status, read_status
from tests.lake.outcomes.lakes import at, attempt, awkward_corpus, list_videos, record


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


@pytest.fixture
def corpus(lake: Lake, tmp_path: Path) -> tuple[Lake, Path]:
    return awkward_corpus(lake, tmp_path)


def shown(status: Status, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(status_screen(status))
    return out.getvalue()


@pytest.mark.parametrize("option", [("--format", "json"), ("--json",)])
def test_the_command_writes_json_once(
    lake: Lake, tmp_path: Path, signverse: Callable[..., tuple[int, str, str]], option: tuple[str, ...]
) -> None:
    list_videos(lake, "ase", "a")
    code, out, _ = signverse("status", "--lake", tmp_path / "lake", *option)
    assert (code, json.loads(out)["listed"]) == (0, 1)
    code, out, err = signverse("status", "--lake", tmp_path / "lake", *option, "--watch")
    assert (code, out) == (2, "")
    assert "--watch" in err


def test_the_screen_shows_the_numbers(corpus: tuple[Lake, Path]) -> None:
    lines = shown(read_status(corpus[0].snapshot, corpus[1], at(0))).splitlines()
    table = [line.split() for line in lines[:5]]
    assert table[1] == ["ase", "9", "3", "1", "1", "2", "1", "1"]
    assert table[4] == ["all", "14", "4", "1", "4", "2", "2", "1"]
    text = "\n".join(lines)
    assert "last hour: 4 videos/h downloaded, 4 extracted, 2.2 hours left" in text
    assert "in the lake: 3.8 hours of video; captions: 1 automatic, 2 manual, 1 without" in text
    assert "media: 2 videos, 1 kB; " in text
    assert "1 invalid id" in text
    assert "came back: 1 video that had been unavailable" in text
    (row,) = (line for line in lines if "rate_limit" in line)
    assert row.split() == ["blocked", "2", "rate_limit", "(download)", "a5:", "Too", "many", "requests"]
    assert "2 blocked: Wait, and go slower: --parallel 1 --sleep 5-20 --retry blocked." in lines
    assert "newest attempt: 60 s ago" in text


def test_the_runs_that_share_the_folder_are_told(lake: Lake, tmp_path: Path) -> None:
    runs = tmp_path / "media" / ".signverse" / "runs"
    runs.mkdir(parents=True)
    for name, seconds in (("one", 5), ("two", 400), ("three", 4000)):
        (runs / name).write_text(json.dumps({"host": f"machine-{name} id", "pid": 7, "began": "1"}))
        os.utime(runs / name, (time.time() - seconds,) * 2)
    text = shown(read_status(lake.snapshot, tmp_path / "media", at(0)))
    assert "runs: 1 at work (machine-one); 1 silent (machine-two for 6.67 min); 1 ended (machine-three for " in text


def test_the_table_fits_80_columns(lake: Lake) -> None:
    list_videos(lake, "ase", *(f"a{i}" for i in range(12_345)))
    record(lake, *(attempt(f"a{i}", "download", "unavailable", 0, "deleted") for i in range(12_345)))
    status = read_status(lake.snapshot, None, at(0))
    lines = shown(status, 80).splitlines()
    assert lines[0].split() == [
        *("language", "listed", "in", "lake", "downloaded", "not", "tried", "blocked", "failed", "unavailable")
    ]
    assert lines[1].split() == ["ase", "12,345", "-", "-", "-", "-", "-", "12,345"]
    assert max(map(len, lines)) <= 80


def test_in_a_pipe_lines_are_neither_cut_nor_filled(
    lake: Lake, tmp_path: Path, signverse: Callable[..., tuple[int, str, str]]
) -> None:
    list_videos(lake, "ase", "a", "b")
    record(lake, attempt("a", "download", "failed", 0, "network", "long " * 50 + "end"))
    record(lake, attempt("b", "download", "blocked", 0, "bot_check", "short"))
    code, out, _ = signverse("status", "--lake", tmp_path / "lake")
    assert code == 0
    assert all(line == line.rstrip() for line in out.splitlines())
    assert [line for line in out.splitlines() if line.endswith("long end")]


@pytest.mark.parametrize("wide", [False, True])
def test_on_a_terminal_messages_are_cut_unless_wide(
    lake: Lake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wide: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    list_videos(lake, "ase", "a")
    record(lake, attempt("a", "download", "failed", 0, "network", "long " * 50 + "end"))
    print_status(read_status(lake.snapshot, None, at(0)), status_console(wide=wide))
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert any(line.endswith("long end") for line in lines) is wide
    assert (max(map(len, lines)) > 80) is wide


def test_an_empty_lake_has_a_screen_too(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    status = read_status(lake.snapshot, tmp_path / "media", at(0))
    assert (status.listed, status.hours, status.hours_left) == (0, 0, 0)
    assert set(status.states.values()) == {0}
    assert (status.languages, status.causes, status.captions) == ([], [], {})
    assert "in the lake: 0 s of video" in shown(status)
    json.dumps(status.as_json())


def test_many_languages_and_many_causes_stay_one_screen_and_the_rest_is_counted(lake: Lake) -> None:
    languages = [f"x{i:02}" for i in range(15)]
    for number, language in enumerate(languages):
        list_videos(lake, language, *(f"{language}-{i}" for i in range(20 - number)))
    record(lake, *(attempt(f"x00-{i}", "download", "failed", -i, f"cause-{i}", "No") for i in range(11)))
    status = read_status(lake.snapshot, None, at(0))
    text = shown(status)
    assert len(text.splitlines()) < 35
    (others,) = (line.split() for line in text.splitlines() if "others" in line)
    assert others[:3] == ["3", "others", str(8 + 7 + 6)]
    assert "3 more causes: --format json" in text
    assert len(status.languages) == 15
    assert len(status.causes) == 11


@pytest.mark.parametrize("width", [80, 200])
def test_a_long_message_is_cut_and_what_happened_is_not(lake: Lake, width: int) -> None:
    list_videos(lake, "ase", "a", "b")
    record(
        lake,
        attempt("a", "download", "unavailable", 0, "not_found", "gone " * 60),
        attempt("b", "download", "failed", 0, "network", "no"),
    )
    text = shown(read_status(lake.snapshot, None, at(0)), width)
    (row,) = (line for line in text.splitlines() if "a: gone" in line)
    assert row.split()[:3] == ["unavailable", "1", "not_found"]
    assert "(download)" in row and len(row) <= width


def test_what_others_wrote_moves_no_cursor_and_is_no_markup(lake: Lake) -> None:
    list_videos(lake, "[bold]\x1b[2J", "a")
    record(lake, attempt("a", "extract", "failed", 0, "[red]\x07", "[link=x]\x1b[2J\rgone\nand [/] more"))
    text = shown(read_status(lake.snapshot, None, at(0)))
    assert not {"\x1b", "\x07", "\r"} & set(text)
    assert "[bold]" in text
    assert "[red]" in text
    assert "[link=x]" in text
    assert len([line for line in text.splitlines() if "more" in line]) == 1
