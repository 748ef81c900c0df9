"""What a folder holds besides ordinary files is said and never waited for: pipes, sockets, devices, links to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signverse.ingest.captions.files_beside import read_file
from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.manifest import read_manifest
from signverse.ingest.models.pins import model_sha256
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.ingest.shards.upload_state import listed_videos
from signverse.ingest.videos.video_names import load_info
from signverse.lake.lists.table import read_table
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.selection_file import read_selection_file

KINDS = {
    "pipe": os.mkfifo,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "random": lambda path: path.symlink_to("/dev/urandom"),
    "folder": lambda path: path.mkdir(),
    "loop": lambda path: path.symlink_to(path.name),
    "proc": lambda path: path.symlink_to("/proc/self/maps"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_readers_refuse_what_is_no_ordinary_file_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.info.json"
    KINDS[kind](path)
    for read in (Tar, model_sha256):
        with pytest.raises(BadInputError, match=r"x\.info\.json"):
            read(path)
    with pytest.raises(BadCaptionsError, match=r"x\.info\.json"):
        read_file(path)
    assert load_info(path) == {}
    state = tmp_path / "archive_upload_progress.json"
    KINDS[kind](state)
    try:
        assert listed_videos([tmp_path]) == {}
    except BadInputError as error:
        assert "archive_upload_progress.json" in str(error)


@pytest.mark.parametrize("endless", ["/dev/zero", "/dev/urandom"])
def test_lists_that_never_end_are_read_to_their_bound(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signverse.lake.lists.table._MAX_BYTES", 1 << 20)
    monkeypatch.setattr("signverse.lake.query.selection_file._MAX_PIPE", 1 << 20)
    for read in (read_manifest, read_selection_file):
        with pytest.raises(BadInputError, match=f"{endless} is larger than 1,048,576 bytes"):
            read(Path(endless))
    with pytest.raises(BadInputError, match=f"list {endless} is larger"):
        read_table(Path(endless), "list", {"video_id": ("id",)}, ["video_id"])


def test_folders_with_pipes_devices_and_sockets_are_inspected_and_imported_to_their_end(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    os.mkfifo(given / "a.tar")
    (given / "b.tar").symlink_to("/dev/zero")
    os.mkfifo(given / "c.mp4")
    (given / "d.mp4").symlink_to("/dev/zero")
    os.mkfifo(given / "d.en.vtt")
    (given / "e.en.srt").symlink_to("/dev/zero")
    os.mkfifo(given / "d.info.json")
    for words in (
        ["inspect", "given"],
        ["ingest", "shards", "given", "--lake", "lake"],
        ["inspect", "given/a.tar", "given/b.tar", "given/c.mp4", "given/d.en.vtt"],
        ["ingest", "shards", "given/a.tar", "--lake", "lake"],
    ):
        command = [sys.executable, "-m", "signverse", *words]
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=120, cwd=tmp_path, stdin=subprocess.DEVNULL
        )
        assert "Traceback" not in ran.stderr, words
        assert "fault of signverse" not in ran.stderr, words
        assert ran.returncode == 1, words
        assert "given/a.tar " in ran.stderr, words
