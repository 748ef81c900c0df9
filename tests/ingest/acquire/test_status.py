"""Where a corpus stands: numbers that add up, as JSON and on one screen."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from signverse.ingest.acquire.corpus_state import STATES
from signverse.ingest.acquire.media_folder import MediaFolder
from signverse.ingest.acquire.status import Status, read_status
from signverse.ingest.cli.acquisition.screen import print_status, status_console, status_screen
from signverse.lake.lake import Lake
from tests.ingest.acquire.lakes import add_videos, at, attempt, list_videos, record


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


@pytest.fixture
def corpus(lake: Lake, tmp_path: Path) -> tuple[Lake, MediaFolder]:
    """Twelve ids in each state at least once, and a video that came without a manifest."""
    list_videos(lake, "ase", *(f"a{i}" for i in range(9)))
    list_videos(lake, "pso", "p0", "p1", "p2")
    # A label that was mended: the newest counts.
    list_videos(lake, "und", "u0", minutes=-9)
    list_videos(lake, "pso", "u0", minutes=-1)
    add_videos(lake, "ase", "a0", "a1", hours=1.5)
    add_videos(lake, "ase", "a2", hours=0.5, captions="automatic")
    add_videos(lake, "bfi", "stranger", hours=0.25, captions="none")
    record(
        lake,
        *(attempt(one, "download", "done", -120) for one in ("a0", "a1", "a2")),
        *(attempt(one, "extract", "done", minute) for one, minute in (("a0", -100), ("a1", -30), ("a2", -10))),
        attempt("a3", "download", "done", -30),
        attempt("a4", "download", "blocked", -3, "rate_limit", "Too many"),
        attempt("a5", "download", "blocked", -2, "rate_limit", "Too many requests"),
        attempt("a6", "download", "unavailable", -9, "deleted", "It is gone"),
        attempt("a7", "download", "failed", -8, "timeout", "It took long"),
        attempt("p0", "download", "unavailable", -50, "private", "Private"),
        attempt("p0", "download", "done", -15),
        attempt("p0", "extract", "failed", -5, "bad_video", "p0.mp4 cannot be read"),
        attempt("../x", "list", "failed", -1, "bad_id", "no id"),
        attempt("../x", "list", "failed", -1, "bad_id", "no id"),
    )
    media = MediaFolder.create(tmp_path / "media")
    (media.folder / "a3.mp4").write_bytes(b"x" * 700)
    (media.folder / "p0.mp4").write_bytes(b"x" * 300)
    return lake, media


def shown(status: Status, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(status_screen(status))
    return out.getvalue()


def test_every_id_is_counted_once_by_state_and_by_language(corpus: tuple[Lake, MediaFolder]) -> None:
    status = read_status(*corpus, now=at(0))
    assert status.listed == 14
    assert status.states == {
        "in the lake": 4,
        "downloaded": 1,
        "not tried yet": 4,
        "blocked": 2,
        "failed": 2,
        "unavailable": 1,
    }
    assert [(row["sign_language"], row["videos"]) for row in status.languages] == [("ase", 9), ("pso", 4), ("bfi", 1)]
    for row in status.languages:
        assert sum(row[state] for state in STATES) == row["videos"]
    for state in STATES:
        assert sum(row[state] for row in status.languages) == status.states[state]
    assert (status.invalid, status.came_back) == (1, 1)


def test_the_lake_s_hours_and_captions_are_those_of_visible_videos(corpus: tuple[Lake, MediaFolder]) -> None:
    lake, media = corpus
    # Extracted again: the new one takes the place of the old one.
    add_videos(lake, "ase", "a0", hours=1.5)
    status = read_status(lake, media, at(0))
    assert status.hours == pytest.approx(3.75)
    assert status.captions == {"automatic": 1, "manual": 2, "none": 1}


def test_the_rate_is_that_of_the_last_hour_and_what_is_left_follows_from_it(corpus: tuple[Lake, MediaFolder]) -> None:
    status = read_status(*corpus, now=at(0))
    # a3 and p0 in the half hour since the first of them; a1 and a2 since -30.
    assert status.downloaded_an_hour == pytest.approx(4)
    assert status.extracted_an_hour == pytest.approx(4)
    assert status.hours_left == pytest.approx(9 / 4)
    later = read_status(*corpus, now=at(120))
    assert (later.downloaded_an_hour, later.extracted_an_hour, later.hours_left) == (0, 0, None)


def test_causes_are_grouped_with_the_newest_message_of_each(corpus: tuple[Lake, MediaFolder]) -> None:
    causes = read_status(*corpus, now=at(0)).causes
    assert [(c["state"], c["stage"], c["reason"], c["videos"], c["video_id"], c["message"]) for c in causes] == [
        ("blocked", "download", "rate_limit", 2, "a5", "Too many requests"),
        ("failed", "extract", "bad_video", 1, "p0", "p0.mp4 cannot be read"),
        ("failed", "download", "timeout", 1, "a7", "It took long"),
        ("unavailable", "download", "deleted", 1, "a6", "It is gone"),
    ]
    assert sum(cause["videos"] for cause in causes) == 5


def test_the_media_folder_is_looked_at_where_it_is_named(corpus: tuple[Lake, MediaFolder]) -> None:
    lake, media = corpus
    status = read_status(lake, media, at(0))
    assert (status.media_videos, status.media_bytes) == (2, 1000)
    assert status.free_bytes is not None and status.free_bytes > 0
    status = read_status(lake, None, at(0))
    assert (status.media_videos, status.media_bytes, status.free_bytes) == (None, None, None)
    assert sum(status.states.values()) == status.listed == 14


def test_all_of_it_comes_as_json(corpus: tuple[Lake, MediaFolder]) -> None:
    for media in (corpus[1], None):
        status = read_status(corpus[0], media, at(0))
        plain = json.loads(json.dumps(status.as_json()))
        assert plain["at"] == "2026-11-22T12:00:00+00:00"
        assert plain["states"] == status.states
        assert plain["causes"][0]["last"] == "2026-11-22T11:58:00+00:00"
        assert set(plain) == set(vars(status))


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


def test_the_screen_shows_the_numbers(corpus: tuple[Lake, MediaFolder]) -> None:
    lines = shown(read_status(*corpus, now=at(0))).splitlines()
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


def test_the_table_fits_80_columns(lake: Lake) -> None:
    list_videos(lake, "ase", *(f"a{i}" for i in range(12_345)))
    record(lake, *(attempt(f"a{i}", "download", "unavailable", 0, "deleted") for i in range(12_345)))
    status = read_status(lake, None, at(0))
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
    print_status(read_status(lake, None, at(0)), status_console(wide=wide))
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert any(line.endswith("long end") for line in lines) is wide
    assert (max(map(len, lines)) > 80) is wide


def test_an_empty_lake_has_a_screen_too(lake: Lake, tmp_path: Path) -> None:
    status = read_status(lake, MediaFolder.create(tmp_path / "media"), at(0))
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
    status = read_status(lake, None, at(0))
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
    text = shown(read_status(lake, None, at(0)), width)
    (row,) = (line for line in text.splitlines() if "a: gone" in line)
    assert row.split()[:3] == ["unavailable", "1", "not_found"]
    assert "(download)" in row and len(row) <= width


def test_what_others_wrote_moves_no_cursor_and_is_no_markup(lake: Lake) -> None:
    list_videos(lake, "[bold]\x1b[2J", "a")
    record(lake, attempt("a", "extract", "failed", 0, "[red]\x07", "[link=x]\x1b[2J\rgone\nand [/] more"))
    text = shown(read_status(lake, None, at(0)))
    assert not {"\x1b", "\x07", "\r"} & set(text)
    assert "[bold]" in text
    assert "[red]" in text
    assert "[link=x]" in text
    assert len([line for line in text.splitlines() if "more" in line]) == 1


def test_videos_of_a_folder_that_failed_are_counted_without_a_manifest(lake: Lake) -> None:
    add_videos(lake, "ase", "a")
    record(lake, attempt("a", "extract", "failed", -9, "bad_video"), attempt("a", "extract", "done", -8))
    record(lake, attempt("broken", "extract", "failed", -7, "bad_video", "broken.mp4: not a video"))
    record(lake, attempt("../x", "list", "failed", -7, "bad_id"), attempt("a", "list", "done", -6, "relabelled"))
    status = read_status(lake, now=at(0))
    assert (status.listed, status.states["failed"], status.invalid) == (2, 1, 1)
    assert [cause["message"] for cause in status.causes] == ["broken.mp4: not a video"]
