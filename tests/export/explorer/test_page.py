"""What a person does with the page, in a real Chromium; an error in its console fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.export.conftest import Video, fill
from tests.export.explorer.conftest import HEBREW, HOSTILE, moving


def count(page) -> str:
    return page.get_by_role("status").text_content()


def wait_for_count(page, text: str) -> None:
    page.get_by_role("status").filter(has_text=text).wait_for()


def drawn(page, selector: str) -> int:
    """How many pixels of a canvas are not transparent."""
    return page.locator(selector).first.evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.filter((value, i) => i % 4 === 3 && value > 0).length"
    )


def test_search_filter_play_pick_reload_and_export(visit, serve, shown, signverse, tmp_path):
    server = serve(shown.folder)
    page = visit(server.address)
    assert count(page).startswith("206 clips of 203 videos")
    # Search, and filter; the address says both.
    page.keyboard.press("/")
    page.keyboard.type("WATER")
    wait_for_count(page, "3 clips of 2 videos")
    page.get_by_role("checkbox", name="American Sign Language").check()
    wait_for_count(page, "2 clips of 1 video,")
    assert "text=WATER" in page.url and "language=ase" in page.url
    # Play, with the keyboard.
    page.get_by_role("listbox").focus()
    page.keyboard.press("j")
    page.locator("#player h2", has_text="<b>bold</b>").wait_for()
    page.locator("#player .clock", has_text="frame 0 of 24").wait_for()
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.locator("#player .clock", has_text="frame 2 of 24").wait_for()
    assert drawn(page, ".stage canvas") > 500
    page.get_by_role("button", name="Person 1").wait_for()
    # Pick, and the next one.
    page.keyboard.press("p")
    page.wait_for_selector("html[data-saved='1']", state="attached")
    page.keyboard.press("j")
    page.keyboard.press("p")
    page.wait_for_selector("html[data-saved='2']", state="attached")
    assert pl.read_parquet(server.picks)["segment_id"].to_list() == ["-dash.b-00000", "-dash.b-00002"]
    # The link shows the same to whom it is sent.
    again = visit(page.url)
    assert count(again) == count(page)
    again.locator("#player button", has_text="Picked").wait_for()
    assert again.locator(".card[aria-selected=true]").count() == 2
    again.get_by_role("button", name="Command").click()
    command = again.locator("#dialog pre").first.text_content()
    assert "--text WATER" in command and "--language ase" in command
    # The picks go on into an export.
    code, _, err = signverse(
        "export", "pose", "--lake", shown.folder, "--selection", server.picks, "--out", tmp_path / "poses"
    )
    assert code == 0, err


def test_the_video_under_the_skeleton_is_at_its_frame(visit, serve, tmp_path, data):
    lake = fill(tmp_path / "lake", [Video("signer_720p24", 72, moving(72), [(1.0, 3.0, "over the video")])])
    server = serve(lake.folder, media=data / "videos")
    page = visit(f"{server.address}?clip=signer_720p24-00000")
    page.wait_for_selector(".stage video")
    for frame in range(1, 4):
        page.keyboard.press(".")
        page.locator("#player .clock", has_text=f"frame {frame} of 48").wait_for()
        # In the middle of the frame: a browser may round the time.
        assert int(page.locator(".stage video").evaluate("video => video.currentTime * 24")) == 24 + frame


def test_captions_are_text_whatever_they_hold(visit, served):
    page = visit(f"{served.address}?clip=-dash.b-00001")
    page.locator("#player .caption", has_text="onerror").wait_for()
    assert page.locator("#player .caption").text_content() == HOSTILE
    assert page.locator("img, iframe, object, embed").count() == 0
    assert page.locator("script").count() == 1
    assert "owned" not in page.title()


def test_captions_from_right_to_left_say_so(visit, served):
    page = visit(f"{served.address}?clip=hebrew-00000")
    caption = page.locator("#player .caption", has_text=HEBREW)
    caption.wait_for()
    assert caption.get_attribute("lang") == "he"
    assert caption.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_the_grid_reaches_the_last_clip(visit, served):
    page = visit(served.address)
    page.get_by_role("listbox").focus()
    page.keyboard.press("End")
    page.locator("#player h2", has_text="silent").wait_for()
    assert "clip=silent-00000" in page.url
    page.keyboard.press("Escape")
    page.locator("#player").wait_for(state="hidden")
    assert "clip=" not in page.url


def test_back_closes_the_clip(visit, served):
    page = visit(f"{served.address}?text=water")
    page.locator(".card").first.click()
    page.locator("#player h2").wait_for()
    page.go_back()
    page.locator("#player").wait_for(state="hidden")
    assert page.url.endswith("?text=water")


def test_a_filter_that_leaves_nothing_says_so(visit, served):
    page = visit(f"{served.address}?text=absent")
    page.get_by_text("No clip matches").wait_for()
    page.get_by_role("button", name="Take away the filter text absent").click()
    wait_for_count(page, "206 clips")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_one_thing_at_a_time(visit, served, scheme):
    page = visit(served.address, color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 780})
    assert not page.get_by_label("Search captions").is_visible()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Search captions").fill("water")
    wait_for_count(page, "3 clips")
    page.get_by_role("button", name="Filters").click()
    page.locator(".card").first.click()
    box = page.locator("#player").bounding_box()
    assert (box["width"], box["x"]) == (390, 0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everything_that_can_be_used_has_a_name(visit, served):
    page = visit(f"{served.address}?clip=-dash.b-00000")
    page.locator("#player .clock").wait_for()
    unnamed = page.locator("button, input, select, [role=option], [role=listbox]").evaluate_all(
        "elements => elements.filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || "
        "e.closest('label')?.textContent.trim())).map(e => e.outerHTML)"
    )
    assert unnamed == []


def test_a_lake_that_changes_offers_to_reload(visit, serve, tmp_path):
    lake = fill(tmp_path / "lake", [Video("first", 5, {})])
    server = serve(lake.folder)
    page = visit(server.address)
    fill(tmp_path / "lake", [Video("second", 5, {})])
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.get_by_role("alert").get_by_text("The lake has changed").wait_for()
    page.get_by_role("button", name="Reload").click()
    wait_for_count(page, "2 clips")


def test_the_command_serves_until_it_is_ended(shown, tmp_path):
    command = [sys.executable, "-m", "signverse", "explore", "--lake", shown.folder, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            port = address.rstrip("/").rpartition(":")[2]
            second = subprocess.run([*command, "--port", port], capture_output=True, text=True, timeout=60)
            assert (second.returncode, second.stderr.strip()) == (
                1,
                f"signverse: port {port} is in use. Name another: --port N, or 0 for a free one.",
            )
        finally:
            process.terminate()
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err
    assert not list(Path(tmp_path).iterdir())


def test_a_file_of_picks_that_cannot_be_is_refused_at_the_start(shown, signverse, tmp_path):
    (tmp_path / "folder.parquet").mkdir()
    for place, said in (
        (shown.folder / "picks.parquet", "lies in the lake"),
        (tmp_path / "nowhere" / "picks.parquet", "there is no folder"),
        (tmp_path / "folder.parquet", "is not a file"),
    ):
        code, _, err = signverse("explore", "--lake", shown.folder, "--no-browser", "--picks", place)
        assert (code, err.count("\n")) == (1, 1) and said in err


def test_pictures_keep_their_proportions_when_the_player_takes_room(visit, served):
    page = visit(served.address)
    page.locator(".card").first.click()
    page.get_by_role("button", name="Close").wait_for()
    stretched = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(
        [...document.querySelectorAll(".card canvas")].filter(one => one.width !== 300)
        .map(one => one.clientWidth / one.clientHeight / (one.width / one.height))))))"""
    ratios = page.evaluate(stretched)
    assert ratios
    assert ratios == pytest.approx([1] * len(ratios), abs=0.02)
    page.get_by_role("button", name="Close").click()
    page.locator("#scroller").press("End")
    page.get_by_role("button", name="Close").wait_for()
    page.evaluate(stretched)
    assert page.locator(".card.active").count() == 1, "the last clip is in sight beside the player"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lake", "nowhere"], "no lake"),
        (["--media", "nowhere"], "there is no folder nowhere"),
        (["--picks", "picks.csv"], "does not end in .parquet"),
        (["--host", "no such host"], "is not known"),
    ],
)
def test_what_cannot_be_served_is_one_line(signverse, shown, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = signverse("explore", *(() if "--lake" in words else ("--lake", shown.folder)), *words)
    assert code in {1, 2} and out == ""
    assert message in err and err.count("\n") == 1
