"""`signverse inspect` says what would be read from a subtitles tar, and what would not."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nfirst words\n\n00:02.500 --> later\nsecond\n"


def test_a_subtitles_tar_is_no_shard_with_problems(signverse, tmp_path: Path, monkeypatch) -> None:
    with tarfile.open(tmp_path / "subtitles.tar", "w") as tar:
        for name, text in {
            "captions/a/english.en.native.vtt": VTT,
            "captions/a/original.pl.manual.vtt": VTT.replace("later", "00:03.000"),
            "captions/b/original.fr.automatic.vtt": "no captions",
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    monkeypatch.chdir(tmp_path)
    code, out, err = signverse("inspect", "subtitles.tar")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["subtitles.tar: subtitles tar", "captions  2 tracks with 3 cues of 2 videos"]
    assert lines[2].strip() == "a: en.manual (1 cue), pl.manual (2 cues)"
    assert lines[3].strip() == "b: no captions"
    remarks = " ".join(out.split())
    assert "a: english.en.native.vtt: 1 of 2 cues cannot be read, line 6" in remarks
    assert "b: skipped: captions/b/original.fr.automatic.vtt holds no captions" in remarks
    assert "subtitles tar" in signverse("inspect", "subtitles.tar", "--format", "csv")[1]
