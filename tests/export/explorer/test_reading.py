"""While the server reads a large lake: what is answered is right, what is not known yet is not said."""

from __future__ import annotations

import threading

import pytest

from signverse.export.explorer import session
from signverse.export.explorer.clips import columns
from signverse.lake.model.errors import DamagedLakeError
from signverse.lake.query.selection import Selection
from tests.export.conftest import Video, fill


@pytest.fixture
def gate(monkeypatch):
    """Holds the reading of all clips after those of the first two videos, until it is set."""
    opened = threading.Event()
    slices = columns._slices

    def held(*of):
        assert opened.wait(30)
        yield from slices(*of)

    monkeypatch.setattr(columns, "_slices", held)
    monkeypatch.setattr(session, "_FIRST", 2)
    yield opened
    opened.set()


def test_the_first_clips_are_there_before_all_are_read_and_numbers_are_not_guessed(serve, shown, gate):
    server = serve(shown.folder)
    ids = shown.select(Selection()).collect()["segment_id"].to_list()
    got = server.api("rows", count=3).json
    assert [row["id"] for row in got["rows"]] == ids[:3]
    assert (got["clips"], got["videos"], got["frames"]) == (None, None, None)
    assert got["reading"] == server.api("about").json["reading"] == server.api("state").json["reading"]
    assert got["reading"]["of"] == len(ids)
    for row in got["rows"]:
        assert server.api("clip", id=row["id"]).json["row"] == row["row"]
        assert server.api("points", id=row["id"]).status == 200
    assert server.api("thumbs", rows="0,1,2").status == 200
    gate.set()
    got = server.api("rows", count=500).json
    assert (got["clips"], got["reading"]) == (len(ids), None)
    assert [row["id"] for row in got["rows"]] == ids
    assert server.api("state").json["reading"] is None


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("rows", {"text": "water"}),
        ("rows", {"start": 100}),
        ("rows", {"id": "many100-00000"}),
        ("facets", {}),
        ("clip", {"id": "many100-00000"}),
        ("thumbs", {"rows": "0,100"}),
    ],
)
def test_what_needs_all_clips_waits_for_them(serve, shown, gate, name, asked):
    server = serve(shown.folder)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(server.api(name, **asked)))
    waiting.start()
    assert server.api("rows", count=1).json["reading"]
    assert not answers
    gate.set()
    waiting.join(30)
    assert answers[0].status == 200
    assert answers[0].body == server.api(name, **asked).body


def test_a_lake_that_is_opened_again_while_it_is_read_is_read_once_more(serve, tmp_path, gate):
    for number in range(4):
        fill(tmp_path / "lake", [Video(f"video{number}", 5, {})])
    server = serve(tmp_path / "lake")
    version = server.api("about").json["version"]
    fill(tmp_path / "lake", [Video("later", 5, {})])
    assert server.post("reload", {}).json["version"] > version
    assert server.api("rows", v=version, count=1).status == 409
    gate.set()
    assert server.api("rows", count=50).json["clips"] == 5


def test_what_cannot_be_read_after_the_first_clips_is_said_and_tried_again(serve, shown, gate, monkeypatch):
    server = serve(shown.folder)
    assert server.api("rows", count=1).status == 200
    slices = columns._slices

    def broken(*of):
        raise DamagedLakeError("a file of the lake cannot be read", "Run: signverse verify LAKE.")

    monkeypatch.setattr(columns, "_slices", broken)
    server.post("reload", {})
    assert server.api("facets").json["error"] == "a file of the lake cannot be read"
    monkeypatch.setattr(columns, "_slices", slices)
    gate.set()
    assert server.api("facets").status == 200
