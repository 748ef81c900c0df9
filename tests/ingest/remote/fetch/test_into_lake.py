"""Wanted videos come into a lake as if whole tars had been imported, and nothing else comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.remote.fetch.remote_shards import content, ids_in, listed, manifest, outcomes, release

Command = Callable[..., tuple[int, str, str]]

DIALECTS = ("card", "consolidated", "per-frame")


def wanted_of(languages: dict[str, str], *codes: str) -> set[str]:
    return {video_id for video_id, code in languages.items() if code in codes}


def test_videos_of_two_languages_come_as_from_whole_tars(tmp_path: Path, signverse: Command, cache: Path) -> None:
    languages = release(tmp_path / "shards", 2, 6, DIALECTS)
    listing = manifest(tmp_path / "manifest.csv", languages)
    choice = ("--manifest", listing, "--language", "asf", "--language", "bfi")
    code, _, err = signverse("fetch", tmp_path / "shards", *choice, "--lake", tmp_path / "lake")
    wanted = wanted_of(languages, "asf", "bfi")
    assert code == 0
    assert f"{len(wanted)} videos wanted: {len(wanted)} fetched;" in err
    assert signverse("ingest", "shards", tmp_path / "shards", *choice, "--lake", tmp_path / "whole")[0] == 0
    assert content(tmp_path / "lake") == content(tmp_path / "whole")
    assert ids_in(tmp_path / "lake") == wanted
    # What the lake has is not fetched again.
    code, _, err = signverse("fetch", tmp_path / "shards", *choice, "--lake", tmp_path / "lake")
    assert f"0 fetched, {len(wanted)} there already; 0 bytes in 0 requests" in err
    # Nothing but the index is kept.
    assert [path for path in (cache / "copies").rglob("*") if path.is_file()] == []
    assert signverse("verify", tmp_path / "lake")[0] == 0


def test_a_video_that_no_tar_has_is_named_with_the_reason(tmp_path: Path, signverse: Command) -> None:
    release(tmp_path / "shards", 1, 2)
    ids = listed(tmp_path / "ids.txt", ["v00x00", "elsewhere"])
    code, _, err = signverse("fetch", tmp_path / "shards", "--ids", ids, "--lake", tmp_path / "lake")
    assert code == 0
    assert "2 videos wanted: 1 fetched, 1 absent" in err
    assert "unavailable, not_in_source: 1: elsewhere (no tar of the source has it)" in err
    assert outcomes(tmp_path / "lake") == {
        "v00x00": ("done", "repaired"),
        "elsewhere": ("unavailable", "not_in_source"),
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing says which videos are wanted"),
        (["--ids", "ids.txt", "--language", "asf"], "ids.txt names no video of asf"),
        (["--ids", "none.txt"], "none.txt"),
        (["--ids", "ids.txt", "--state", "ids.txt"], "is not a state JSON"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_lake_is_made(
    tmp_path: Path, signverse: Command, monkeypatch: pytest.MonkeyPatch, words: list[Any], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    release(Path("shards"), 1, 1)
    listed(Path("ids.txt"), ["v00x00"])
    code, _, err = signverse("fetch", "shards", *words, "--lake", "lake")
    assert code in (1, 2)
    assert says in err
    assert len(err.splitlines()) == 1
    assert not Path("lake").exists()
