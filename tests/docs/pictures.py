"""`just pictures`: draws docs/images/ from what the project carries.

- clip.png: a synthetic signer of the sample, some frames of a clip side by side.
- languages.png: `signverse stats languages --plot` of a made-up lake with the largest languages of SignVerse-2M, each
  with its share of the videos.
- signer.webp: the same signer signing, by `signverse video`.
- explore.webp, explore-phone.webp: the page of `signverse explore` on the sample, light on a desk and dark on a phone.
  They need a Chromium; without one they stay as they are.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

import signverse
from signverse.export.draw.skeleton import draw_people
from signverse.export.explorer.listen import serving
from tests.export.explorer.conftest import ARGUMENTS

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = ROOT / "docs" / "images"

VIDEO, FRAMES = "-synthGSG02", (0, 24, 60, 71, 84, 100)
GAP, WIDTH = 9, 1800

VIDEOS: Final = 2_000
LANGUAGES: Final = {
    "ase": 16724, "ins": 3023, "pso": 1698, "hsh": 1687, "ils": 1634, "asf": 1098, "jsl": 1075,
    "bfi": 1026, "gsg": 1024, "ise": 929, "fsl": 900, "bzs": 846, "rsl": 715, "ssp": 701,
}  # fmt: skip
"""The largest languages of SignVerse-2M's manifest, and how many videos it has of each."""


def command(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "signverse", *map(str, words)], check=True, capture_output=True)


def clip(folder: Path) -> None:
    command("ingest", "shards", ROOT / "ingest" / "sample" / "synthetic.tar", "--lake", folder / "sample")
    lake = signverse.open(folder / "sample")
    video = lake.video(VIDEO)
    points = lake.keypoints(VIDEO)[list(FRAMES)]
    left, right = np.nanmin(points[..., 0]) - 30, np.nanmax(points[..., 0]) + 30
    top, bottom = np.nanmin(points[..., 1]) - 60, min(np.nanmax(points[..., 1]) + 10, video["height"])
    scale = (WIDTH - GAP * (len(FRAMES) - 1)) / len(FRAMES) / (right - left)
    tiles = [
        draw_people(frame, video["width"], video["height"], scale=scale).crop(
            tuple(round(edge * scale) for edge in (left, top, right, bottom))  # type: ignore[arg-type]
        )
        for frame in points
    ]
    strip = Image.new("RGB", (sum(tile.width + GAP for tile in tiles) - GAP, tiles[0].height), "white")
    for at, tile in enumerate(tiles):
        strip.paste(tile, (at * (tile.width + GAP), 0))
    save(strip, "clip.png")


def languages(folder: Path) -> None:
    counts = np.array(list(LANGUAGES.values()), float)
    drawn = np.random.default_rng(1).choice(list(LANGUAGES), VIDEOS, p=counts / counts.sum())
    listed = folder / "data" / "manifest" / "signverse_2m_metadata_ori.csv"
    listed.parent.mkdir(parents=True)
    listed.write_text("".join(f"made{at:07d},{language}\n" for at, language in enumerate(drawn)))
    subprocess.run(
        [sys.executable, "-m", "bench.corpus", str(folder / "corpus"), "--videos", str(VIDEOS),
         "--segments", str(VIDEOS * 50), "--budget-gb", "0.02", "--commits", "8"],
        check=True, cwd=ROOT, env={**os.environ, "SIGNVERSE_TEST_DATA": str(folder / "data")},
    )  # fmt: skip
    command("stats", "languages", "--lake", folder / "corpus", "--plot", folder / "languages.png")
    with Image.open(folder / "languages.png") as drawing:
        save(drawing.convert("RGB"), "languages.png")


def signing(folder: Path) -> None:
    if not (folder / "sample").is_dir():
        command("ingest", "shards", ROOT / "ingest" / "sample" / "synthetic.tar", "--lake", folder / "sample")
    words = ("--captions", "--end", 3, "--width", 360)
    command("video", VIDEO, "--lake", folder / "sample", *words, "-o", IMAGES / "signer.webp")


def explorer(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("without a Chromium the pictures of the explorer stay as they are")
        return
    if not (folder / "sample").is_dir():
        command("ingest", "shards", ROOT / "ingest" / "sample" / "synthetic.tar", "--lake", folder / "sample")
    with serving(folder / "sample", picks=folder / "picks.parquet") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, scheme, size in (("explore", "light", (1280, 800)), ("explore-phone", "dark", (390, 800))):
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            page.goto(f"{address}?clip={VIDEO}-00000&t=1.5")
            page.locator("#player .clock", has_text="frame 36").wait_for()
            page.wait_for_selector("#player .strip[data-read='1']")
            page.wait_for_selector("html[data-ready=true]", state="attached")
            if size[0] > 400:
                page.locator(".card[aria-label], .card").nth(3).wait_for()
            with Image.open(io.BytesIO(page.screenshot())) as picture:
                picture.convert("RGB").save(IMAGES / f"{name}.webp", quality=85, method=6)
            context.close()
        browser.close()


def save(picture: Image.Image, name: str) -> None:
    """As a PNG of 64 colours: a quarter of the bytes, and no eye sees it."""
    IMAGES.mkdir(exist_ok=True)
    picture.quantize(64, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        clip(Path(scratch))
        languages(Path(scratch))
        signing(Path(scratch))
        explorer(Path(scratch))
