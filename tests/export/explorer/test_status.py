"""The page of a corpus that is being built: what `signverse status` tells, while it happens."""

from __future__ import annotations

import json
import os
import time

import pytest

from signverse.lake.lake import Lake
from tests.lake.outcomes.lakes import add_videos, attempt, awkward_corpus, list_videos, record


@pytest.fixture
def lake(tmp_path):
    return Lake.create(tmp_path / "lake")


def test_it_says_what_the_command_says(serve, signverse, lake, tmp_path):
    awkward_corpus(lake, tmp_path)
    media = tmp_path / "media"
    server = serve(lake.folder, media=media)
    got = server.api("status").json
    code, out, _ = signverse("status", "--lake", lake.folder, "--media", media, "--format", "json")
    assert code == 0
    said = json.loads(out)
    assert {one["name"]: one["videos"] for one in got["states"]} == said["states"]
    changing = {"at", "states", "languages", "free_bytes", "runs"}
    assert {name: got[name] for name in said.keys() - changing} == {name: said[name] for name in said.keys() - changing}
    assert [{**row, "name": None} for row in got["languages"]] == [{**row, "name": None} for row in said["languages"]]
    assert got["languages"][0]["name"] == "American Sign Language"


def test_many_pages_that_ask_at_once_cost_one_reading(serve, lake):
    server = serve(lake.folder)
    assert server.api("status").json["at"] == server.api("status").json["at"]


def test_a_media_folder_that_is_gone_is_one_line(serve, lake, tmp_path):
    (tmp_path / "media").mkdir()
    server = serve(lake.folder, media=tmp_path / "media")
    (tmp_path / "media").rmdir()
    answer = server.api("status")
    assert (answer.status, answer.json["error"]) == (400, f"there is no folder {tmp_path / 'media'}")


def test_a_lake_without_a_job_says_so_with_the_command_that_starts_one(visit, serve, lake):
    page = visit(f"{serve(lake.folder).address}?page=status")
    page.get_by_text("No job has written into this lake").wait_for()
    assert page.locator("#page pre").text_content() == (
        f"signverse ingest run manifest.csv --media DIR --lake {lake.folder}"
    )


def test_a_job_that_writes_is_seen_without_a_reload(visit, serve, lake, tmp_path):
    list_videos(lake, "ase", "first", "second", "third")
    runs = tmp_path / "media" / ".signverse" / "runs"
    runs.mkdir(parents=True)
    (runs / "one").write_text(json.dumps({"host": "machine-7 id", "pid": 7, "began": "1"}))
    page = visit(f"{serve(lake.folder, media=tmp_path / 'media').address}?page=status")
    page.get_by_text("0 of 3 videos in the lake").first.wait_for()
    page.evaluate("window.kept = true")
    page.get_by_role("row", name="machine-7").get_by_text("at work").wait_for()
    os.utime(runs / "one", (time.time() - 300,) * 2)
    add_videos(lake, "ase", "first", hours=1.5)
    record(lake, {**attempt("second", "download", "blocked", 0, "rate_limit", "<b>Too many</b>")})
    page.get_by_text("1 of 3 videos in the lake").first.wait_for()
    failure = page.get_by_role("region", name="Newest failures").get_by_role("row", name="second")
    assert "<b>Too many</b>" in failure.text_content() and "--retry blocked" in failure.text_content()
    page.get_by_role("row", name="machine-7").get_by_text("silent").wait_for()
    assert page.get_by_role("img", name="1 in the lake, 0 downloaded, 1 not tried yet, 1 blocked").first.is_visible()
    assert page.evaluate("window.kept"), "it was not loaded again"
    # The lake has changed, which on this page is nothing to warn of.
    assert page.locator("#notice").is_hidden()


def test_it_is_read_again_only_while_it_is_seen(visit, serve, lake):
    list_videos(lake, "ase", "first")
    page = visit(f"{serve(lake.folder).address}?page=status")
    page.get_by_text("0 of 1 video in the lake").first.wait_for()
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away === true });
        window.asked = 0;
        const real = window.fetch;
        window.fetch = (...given) => { window.asked += String(given[0]).includes('status'); return real(...given); };
        window.away = true;
        document.dispatchEvent(new Event('visibilitychange'));
        const later = window.setTimeout;
    }""")
    page.get_by_text("Paused while the page is not seen").wait_for()
    add_videos(lake, "ase", "first")
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("1 of 1 video in the lake").first.wait_for()
    page.get_by_role("link", name="Clips").click()
    page.locator("#page").wait_for(state="hidden")


def test_a_server_that_ends_leaves_the_figures_and_says_so(visit, serve, lake, tmp_path):
    (tmp_path / "media").mkdir()
    list_videos(lake, "ase", "first")
    page = visit(f"{serve(lake.folder).address}?page=status")
    page.get_by_text("0 of 1 video in the lake").first.wait_for()
    page.evaluate("""() => {
        window.fetch = async () => { throw new TypeError('gone'); };
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    page.get_by_role("alert").get_by_text("The server has ended").wait_for()
    assert page.get_by_text("0 of 1 video in the lake").first.is_visible()
