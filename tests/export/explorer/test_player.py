"""The player of the page, in a real Chromium: who is absent, the video's own picture, confidence over hours."""

from __future__ import annotations

import re
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.export.conftest import Video, fill
from tests.export.explorer.conftest import moving
from tests.ingest.extract import numbered_video

LONG = 960 * 12 + 100


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    """Somebody who leaves and comes back; nobody at all; an hour's uncaptioned video in small."""
    people = moving(72)
    for frame in range(24, 48):
        del people[frame, 0]
    hours = {key: points for key, points in moving(LONG).items() if key[0] % 40 == 0}
    folder = tmp_path_factory.mktemp("player") / "lake"
    return fill(folder, [Video("leaves", 72, people), Video("nobody", 30, {}), Video("long", LONG, hours)])


def wait_until(page, condition: str) -> None:
    """As `wait_for_function`, which the page's policy forbids: it evaluates text."""
    page.evaluate(
        f"() => new Promise(done => {{ const look = () => {condition} ? done() : setTimeout(look, 20); look(); }})"
    )


def test_the_player_says_in_words_where_nobody_is(visit, serve, lake) -> None:
    server = serve(lake.folder)
    page = visit(f"{server.address}?clip=leaves-00000")
    page.locator("#player .clock", has_text="frame 0 of 72").wait_for()
    page.locator("#player .nobody").wait_for(state="hidden")
    page.get_by_label("Frame", exact=True).fill("30")
    page.locator("#player .nobody", has_text="Nobody here, 1.00 s to 2.00 s").wait_for()
    page.get_by_label("Frame", exact=True).fill("48")
    page.locator("#player .nobody").wait_for(state="hidden")
    page = visit(f"{server.address}?clip=nobody-00000")
    page.locator("#player .nobody", has_text="Nobody is in this clip").wait_for()


def test_confidence_covers_all_of_a_long_clip_and_what_is_not_read_is_hatched(visit, serve, lake) -> None:
    page = visit(serve(lake.folder).address)
    held: list = []
    released: list[bool] = []
    page.route(
        re.compile(r"/api/points\?.*start=[1-9]"), lambda route: route.continue_() if released else held.append(route)
    )
    page.get_by_label("Search captions").press("Escape")
    page.goto(page.url.partition("?")[0] + "?clip=long-00000")
    strip = page.locator("#player .strip")
    page.wait_for_selector("#player .strip[data-read='1']")
    assert "1 of 13 parts are read, the rest is hatched" in strip.get_attribute("aria-label")
    # Far from what is read there is something on the strip, in no part's colour; and not a line at its foot.
    right = "canvas => [...canvas.getContext('2d').getImageData(canvas.width - 40, 0, 40, canvas.height).data]"
    hatched = np.array(strip.evaluate(right)).reshape(-1, 4)
    assert 0.02 < (hatched[:, 3] > 0).mean() < 0.8
    released.append(True)
    for route in held:
        route.continue_()
    page.wait_for_selector("#player .strip[data-read='13']")
    assert strip.get_attribute("aria-label") == "Confidence over time"


def test_while_it_plays_the_skeleton_is_that_of_the_picture_on_the_screen(visit, serve, tmp_path) -> None:
    """The video shows its own clock: at each picture that the browser shows the player is at that frame or the last."""
    count, size = 96, (320, 240)
    (tmp_path / "media").mkdir()
    with av.open(str(tmp_path / "media" / "clock.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(numbered_video.picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    lake = fill(tmp_path / "lake", [Video("clock", count, moving(count), [(1.0, 4.0, "said")])])
    page = visit(f"{serve(lake.folder, media=tmp_path / 'media').address}?clip=clock-00000")
    page.wait_for_selector(".stage video")
    page.evaluate("""() => {
        const video = document.querySelector(".stage video");
        const picture = document.createElement("canvas");
        window.seen = [];
        const look = (_, { mediaTime }) => {
            requestAnimationFrame(() => {
                const said = document.querySelector("#player .clock").textContent.match(/frame (\\d+)/)[1];
                if (!video.paused) window.seen.push([Math.floor(mediaTime * 24 + 1e-3) - 24, Number(said)]);
            });
            video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
    }""")
    page.get_by_role("button", name="Play").click()
    wait_until(page, "window.seen.length > 12")
    page.get_by_role("button", name="Pause").click()
    seen = page.evaluate("window.seen")
    ahead = [said - picture for picture, said in seen[1:]]
    assert max(ahead) <= 0, "the skeleton is never ahead of the picture"
    assert sorted(ahead)[len(ahead) // 2] >= -1
    assert seen[-1][0] > seen[0][0]


def test_a_browser_that_does_not_tell_its_pictures_plays_by_the_clock_of_its_video(
    visit, serve, tmp_path, data
) -> None:
    lake = fill(tmp_path / "lake", [Video("signer_720p24", 72, moving(72), [(0.0, 3.0, "over the video")])])
    page = visit(f"{serve(lake.folder, media=data / 'videos').address}?clip=signer_720p24-00000")
    page.evaluate("delete HTMLVideoElement.prototype.requestVideoFrameCallback")
    page.wait_for_selector(".stage video")
    page.get_by_role("button", name="Play").click()
    wait_until(page, "Number(document.querySelector('.scrub').value) > 5")
