"""A folder of everything that people have: the last lines and `outcomes` account for each file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from signverse.ingest.videos.account import Account
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import VideoRows

SAMPLE = Path(__file__).parents[3] / "ingest" / "sample"
FIELD = Path(__file__).parents[1]


def test_each_reason_has_a_line_with_the_first_names() -> None:
    account = Account()
    for number in range(5):
        captions = [{"track": "en.manual"}, {"track": "en.manual"}, {"track": "de.manual"}] if number else []
        rows = VideoRows({"video_id": f"v{number}"}, None, [], captions, "extract", "damaged,captions_in_part")  # type: ignore[arg-type]
        account.took(rows)
    account.failed("x", "bad_video")
    account.failed("y", "deleted", "unavailable")
    assert account.lines(without=["damaged"]) == [
        "captions: 8 tracks with 12 cues of 4 videos; 1 without",
        "cues left out: 5 videos: v0, v1, v2 and 2 more",
        "failed, bad_video: 1 video: x",
        "unavailable, deleted: 1 video: y",
    ]
    assert Account().lines() == []


def everything(folder: Path) -> None:
    """Videos of every fault, each caption file beside a video of its name, and what else lies in such folders."""
    videos = FIELD / "extract" / "field"
    for path in videos.iterdir():
        shutil.copyfile(path, folder / path.name)
    for path in (FIELD / "captions" / "field").iterdir():
        shutil.copyfile(path, folder / path.name)
        shutil.copyfile(videos / "long_sound.flv", folder / f"{path.name.partition('.')[0]}.flv")
    (folder / "sub").mkdir()
    for name in ("a.mp4", "sub/a.mp4", "what?.mp4", "A title [abcdefghijk].mp4"):
        shutil.copyfile(videos / "sar.mp4", folder / name)
    (folder / "A title [abcdefghijk].en.srt").write_text("1\n00:00:00,500 --> 00:00:00,900\nfrom SubRip\n")
    (folder / "a.de.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.900\ngut\n\n00:00.9x --> 00:01.000\nschlecht\n")
    (folder / "alone.en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nof no video\n")
    (folder / "bad.en.vtt").write_text("no captions")
    shutil.copyfile(videos / "sar.mp4", folder / "bad.mp4")
    (folder / "text.mp4").write_text("no video")
    (folder / "cut.mp4").write_bytes((SAMPLE / "astronaut.mp4").read_bytes()[:9000])
    (folder / "notes.pdf").write_text("mine")


@pytest.mark.slow
@pytest.mark.parametrize("relative", [False, True])
def test_the_last_lines_and_outcomes_account_for_each_file_of_a_folder(
    ingest, data: Path, folder: Path, tmp_path: Path, relative: bool
) -> None:
    everything(folder)
    manifest = tmp_path / "m.csv"
    manifest.write_text("video_id,sign_language,mood\na,ase,good\nsar,Klingon,\n../x,ase,\nmissing,gsg,\na,bfi,\n")
    if relative:
        words = [folder.name, "--manifest", manifest.name, "--models", data / "models"]
        ran = ingest(*words, lake=Path("lake"), place=tmp_path)
    else:
        ran = ingest(folder, "--manifest", manifest)
    assert ran.returncode == 1
    lake = Lake.open(tmp_path / "lake")
    rows = lake.table("outcomes").collect()
    lines = ran.stderr.splitlines()
    last = lines[next(number for number, line in enumerate(lines) if re.match(r"\d+ videos ingested", line)) :]
    done = rows.filter(outcome="done")
    # Each video that came in, each that did not, each id that is none: once.
    assert last[0].startswith(f"{done.height} videos ingested, ")
    assert last[-1].startswith(f"{rows.height - done.height} failed; to see why: signverse sql ")
    for outcome, reason, message, video_id in rows.select("outcome", "reason", "message", "video_id").iter_rows():
        if outcome == "failed":
            assert any(line.strip().startswith(f"failed, {reason}: ") for line in last)
        elif message:
            assert f"{video_id}: {message}" in lines
    said = "\n".join(last)
    for part in (
        "  captions: ",
        "pictures changed to be read: ",
        "nobody was found: ",
        "cues joined or changed: ",
        "cues left out: 1 video: a",
        "captions past the end: ",
        "failed, bad_captions: 1 video: bad",
        "failed, bad_id: 2 videos: what?, ../x",
        "failed, bad_video: 2 videos: cut, text",
        "a.mp4 has the same id",
        "alone.en.vtt",
        "1 other file (.pdf)",
        "1 video with the id in brackets",
        "1 of the manifest's 3 ids has no video",
    ):
        assert part in said, part
    assert any("columns not used: mood" in line and "1 refused" in line for line in lines)
    # What was changed stays with the video.
    repaired = {video["video_id"] for video in lake.videos().collect().iter_rows(named=True) if video["repairs"]}
    assert {"sar", "a", "two_streams", "ts_jump40", "abcdefghijk"} <= repaired
    assert lake.video("abcdefghijk")["document_text"] == "from SubRip"
    # Again: nothing new; what failed is named once more.
    again = (
        ingest(folder, "--manifest", manifest) if not relative else ingest(*words, lake=Path("lake"), place=tmp_path)
    )
    assert f"0 videos ingested, {done.height} already in the lake" in again.stderr
    assert "known video" not in again.stderr
