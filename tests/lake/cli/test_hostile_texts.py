"""Nothing that a stranger wrote commands the terminal: not in a list, a tar, a folder, a lake, an export or a query."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.storage.committer import VideoRows
from tests.ingest.shards import made_shards

HOSTILE = (
    "\x1b]0;PWNED\x07\x1b[2J\x1b[31m\x9b32m\x90q\x9c\u202etxt\u2066\u200e\u061c\u2028\x08\x7f\r[bold red]klingon[/]"
)
"""A window's title, an empty screen, colours, Sixel pictures, other directions, new lines, markup of rich."""

OURS = re.compile(r"\x1b\[(?:\d+;)*\d*m|\x1b\[\?25[lh]|\x1b\[\d*[AK]|\r(?=\n)|(?<=\x1b\[2K)\r|\r(?=\x1b\[)")
"""What rich writes for bars and tables: colours, the cursor off and on, lines drawn again."""

RUN = """
import json, sys
from signverse.command_line import build_app
from signverse.lake.cli.entry import run
for words in json.load(open(sys.argv[1])):
    print("$ ", ascii(words), flush=True)
    print("= ", run(build_app(), words), flush=True)
"""


def on_a_terminal(commands: list[list[str]], folder: Path) -> str:
    """What a terminal gets of several commands."""
    (folder / "commands.json").write_text(json.dumps(commands))
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while block := os.read(ours, 65536):
                seen.extend(block)
        except OSError:
            pass  # The other end is closed.

    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, "commands.json"],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        cwd=folder,
        env=environment,
    )
    os.close(theirs)
    reader = threading.Thread(target=read)
    reader.start()
    child.wait(timeout=300)
    reader.join()
    os.close(ours)
    return seen.decode()


def unclean(text: str) -> set[str]:
    """What a terminal would obey, besides what the program itself writes."""
    left = OURS.sub("", text)
    return {
        c for c in left if (unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} and c not in "\n\t") or c == "\ufffd"
    }


@pytest.fixture
def given(tmp_path: Path, fill: Callable[..., Path], video: Callable[..., VideoRows]) -> Path:
    """A folder of all that strangers give, hostile to the last name."""
    title = {"title": HOSTILE, "channel": HOSTILE, "url": HOSTILE, "language_label": HOSTILE}
    fill(tmp_path / "lake", video("abcdefghij1", texts=(HOSTILE, "b"), video=title), video("abcdefghij2"))
    (tmp_path / "m.csv").write_text(
        f'video_id,sign_language,title,"{HOSTILE}"\nabc,"{HOSTILE}","{HOSTILE}",1\n"{HOSTILE}",ase,t,2\n', "utf-8"
    )
    (tmp_path / "videos").mkdir()
    for name in (f"{HOSTILE}.mp4".replace("/", ""), "abcdefghij3.mp4", f"abcdefghij3.{HOSTILE.replace('/', '')}.vtt"):
        (tmp_path / "videos" / name).write_text(f"WEBVTT {HOSTILE}\n\n{HOSTILE}")
    poses, caption = made_shards.poses(), made_shards.caption()
    made_shards.pack(
        tmp_path / "s.tar",
        {
            "abcdefghij4/poses.npz": poses,
            "abcdefghij4/caption.json": caption,
            f"abcdefghij5/captions/{HOSTILE}.vtt": f"WEBVTT\n\n{HOSTILE}".encode(),
            "abcdefghij5/poses.npz": b"PK" + HOSTILE.encode(),
            f"{HOSTILE}/poses.npz": poses,
            HOSTILE: b"x",
        },
    )
    (tmp_path / "clips.csv").write_text(
        f'segment_id,video_id,ingest_id,start_frame,end_frame\n"{HOSTILE}","{HOSTILE}",x,0,1\n', "utf-8"
    )
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "signverse.json").write_text(json.dumps({"format": HOSTILE, "kind": HOSTILE}))
    (tmp_path / "export" / "index.csv").write_text(f'video_id\n"{HOSTILE}"\n', "utf-8")
    (tmp_path / "export" / "SHA256SUMS").write_text(
        f"{'0' * 64}  {HOSTILE}\n{'0' * 64}  ../{HOSTILE}\n{HOSTILE}\n", "utf-8"
    )
    (tmp_path / "export" / f"{HOSTILE.replace('/', '')}.tar").write_bytes(b"x")
    return tmp_path


COMMANDS = [
    ["sql", "select title, channel from videos", "--lake", "lake"],
    *(["sql", "select title, text, [text] as l from clips", "--lake", "lake", "--format", f] for f in ("csv", "json")),
    ["sql", f"select title as plan from videos where title = '{HOSTILE}'", "--lake", "lake"],
    ["sql", "explain select title from videos where title = chr(27) || '[31m' || chr(155)", "--lake", "lake"],
    ["sql", f'select 1 as "{HOSTILE}", 2 as "b{HOSTILE}"', "--lake", "lake"],
    ["sql", f'select "{HOSTILE}" from videos', "--lake", "lake"],
    ["sql", f"select error('{HOSTILE}')", "--lake", "lake"],
    ["sql", "select cast(title as integer) from videos", "--lake", "lake"],
    ["sql", f"from read_text('{HOSTILE}')", "--lake", "lake"],
    ["sql", "select 1", "--lake", HOSTILE],
    ["sql", "select 1", f"--{HOSTILE}", "lake"],
    [HOSTILE],
    ["select", "--lake", "lake", "--language", HOSTILE],
    ["select", "--lake", "lake", "--where", f"title = '{HOSTILE}' and"],
    ["select", "--lake", "lake", "--where", f"title = '{HOSTILE}'"],
    ["info", "lake"],
    *(["stats", name, "--lake", "lake"] for name in ("languages", "captions", "quality")),
    ["inspect", "m.csv"],
    ["inspect", "videos"],
    ["inspect", "s.tar"],
    ["ingest", "plan", "m.csv"],
    ["ingest", "plan", "m.csv", "--format", "csv"],
    ["ingest", "shards", "s.tar", "--lake", "lake", "--manifest", "m.csv"],
    ["ingest", "captions", "videos", "--lake", "lake"],
    ["status", "--lake", "lake"],
    ["status", "--lake", "lake", "--format", "json"],
    ["sql", "from outcomes", "--lake", "lake", "--wide"],
    ["split", "--lake", "lake", "--from", "m.csv"],
    ["keypoints", HOSTILE, "--lake", "lake"],
    ["export", "shards", "--lake", "lake", "--selection", "clips.csv", "-o", "out"],
    ["verify", "export"],
    ["verify", HOSTILE],
]


@pytest.mark.slow
def test_no_command_hands_a_strangers_text_to_the_terminal(given: Path) -> None:
    seen = on_a_terminal(COMMANDS, given)
    for part in seen.split("$  ")[1:]:
        command, _, printed = part.partition("\n")
        assert unclean(printed.replace("\r\n", "\n")) == set(), f"{command}{printed!a}"
        assert "Traceback" not in printed, printed
        assert "unexpected" not in printed, printed
    assert len(seen.split("$  ")) == len(COMMANDS) + 1
    # What is escaped can be read, markup of rich is text, and a bar of ours is a bar.
    assert "\\x1b[38;5" not in seen
    assert "\\x1b]0;PWNED\\x07" in seen
    assert "[bold red]klingon" in seen


def test_a_pipe_has_every_byte_of_csv_and_json(
    given: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    monkeypatch.chdir(given)
    query = "select title from videos where title is not null limit 1"
    assert run(build_app(), ["sql", query, "--lake", "lake", "--format", "json"]) == 0
    assert json.loads(capfdbinary.readouterr().out) == [{"title": HOSTILE}]
    assert run(build_app(), ["sql", query, "--lake", "lake", "--format", "csv"]) == 0
    assert capfdbinary.readouterr().out.decode() == f'title\n"{HOSTILE}"\n'
    assert Lake.open("lake").sql(query)["title"].to_list() == [HOSTILE]


def test_json_on_a_terminal_means_the_same_and_csv_says_what_was_changed(given: Path) -> None:
    query = "select title from videos where title is not null limit 1"
    seen = on_a_terminal([["sql", query, "--lake", "lake", "--format", f] for f in ("json", "csv")], given)
    shown = next(line for line in seen.splitlines() if line.startswith("[{"))
    assert json.loads(shown) == [{"title": HOSTILE}]
    assert "control characters are shown as \\x1b and the like; a pipe or -o FILE has them" in seen
