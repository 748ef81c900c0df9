"""A shard can be looked into before anything is made of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ingest.shards.dialect_files import pack

CODES = np.arange(18, dtype=np.float32)


def frame(*people: int, coded: bool = True) -> dict[str, Any]:
    """A frame with flat keys and people at these places."""
    found: dict[str, Any] = {
        "num_persons": np.array(len(people), np.int32),
        "frame_width": np.array(640, np.int32),
        "frame_height": np.array(480, np.int32),
    }
    for i, place in enumerate(people):
        random = np.random.default_rng(place)
        for part, size in (("body", 18), ("face", 68), ("left_hand", 21), ("right_hand", 21)):
            xy = random.uniform(0, 0.2, (size, 2)) + np.array([place / 10, 0.3])
            found[f"person_{i:03d}_{part}_keypoints"] = xy.astype(np.float32)
            found[f"person_{i:03d}_{part}_scores"] = np.full(size, 0.5, np.float32)
        if coded:
            found[f"person_{i:03d}_body_scores"] = CODES + 18 * i
    return found


def saved(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def consolidated(frames: list[dict[str, Any]], indices: list[int]) -> bytes:
    payloads = np.empty(len(frames), object)
    payloads[:] = frames
    return saved(fps=np.int32(24), frame_indices=np.array(indices, np.int32), frame_payloads=payloads)


def card() -> bytes:
    frames = np.empty(2, object)
    frames[:] = [{"num_people": 0, "frame_id": i, "width": 64, "height": 48} for i in range(2)]
    return saved(
        video_id=np.array("card"), fps=np.array(24.0), num_frames=np.array(2), frame_ids=np.arange(2),
        width=np.array(64), height=np.array(48), frames=frames,
    )  # fmt: skip


VTT = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nhello\n"
CAPTION = {
    "video_id": "card", "sign_language": "ase", "title": "T", "duration_s": 0.1, "document_text": "hello",
    "segments": [{"start": 0.0, "end": 0.1, "text": "hello"}], "english_source": "native",
}  # fmt: skip


@pytest.fixture
def inspected(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, dict[str, Any]], str]]:
    """Runs `inspect`; gives its exit code, its rows by video, and what it said."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    def command(*words: object) -> tuple[int, dict[str, dict[str, Any]], str]:
        code = run(build_app(), ["inspect", *map(str, words), "--format", "json"])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        rows = json.loads(out) if out.startswith("[") else [json.loads(line) for line in out.splitlines()]
        return code, {row["video_id"] or row["shard"]: row for row in rows}, err

    return command


def everything_below(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")
    }  # fmt: skip


def test_the_published_tars_are_named_by_dialect_with_their_defect(data: Path, inspected: Callable[..., Any]) -> None:
    before = everything_below(data / "release")
    code, rows, err = inspected(data / "release")
    remark = f"{data}/release: 1 file not looked into: manifest.csv\n"
    assert (code, err) == (0, f"{remark}2 videos in 2 shards, 0 problems\n")
    assert {name: row["dialect"] for name, row in rows.items()} == {
        "sv000000001": "consolidated", "sv000000002": "per-frame"
    }  # fmt: skip
    for row in rows.values():
        assert (row["defects"], row["captions"], row["complete"]) == ("body_scores_unknown", "en.manual", True)
        assert (row["frames"], row["absent_frames"], row["people"]) == (135, 0, 1)
        assert (row["width"], row["height"], row["problem"]) == (1280, 720, "")
    assert everything_below(data / "release") == before


def test_each_video_is_described_and_nothing_is_written(
    tmp_path: Path, inspected: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    two = [frame(1, 6), frame(6), frame()]
    path = pack(
        tmp_path / "a.tar",
        {
            "card/poses.npz": card(),
            "card/caption.json": json.dumps(CAPTION).encode(),
            "card/card.complete": b"",
            "con/npz/poses.npz": consolidated(two, [1, 2, 5]),
            "con/captions/con.en.vtt": VTT,
            "con/captions/con.de-orig.vtt": VTT,
            "per/npz/00000001.npz": saved(**frame(1, coded=False)),
            "per/npz/.complete": b"{}",
        },
    )
    before = everything_below(tmp_path)
    code, rows, err = inspected(path)
    assert (code, err) == (0, "3 videos in 1 shard, 0 problems\n")
    assert everything_below(tmp_path) == before
    assert [row["dialect"] for row in rows.values()] == ["card", "consolidated", "per-frame"]
    con = rows["con"]
    assert (con["frames"], con["absent_frames"], con["people"], con["complete"]) == (3, 2, 2, False)
    assert "body_scores_unknown" in con["defects"]
    assert con["captions"] == "de.automatic, en.manual"
    assert (rows["card"]["captions"], rows["card"]["people"], rows["card"]["defects"]) == ("caption.json", 0, "")
    assert (rows["per"]["defects"], rows["per"]["captions"]) == ("", "")


BAD = {
    "poses": {"poses/npz/poses.npz": b"no"},
    "track": {"track/npz/00000001.npz": saved(**frame(1)), "track/captions/track.en.vtt": b"no"},
    "caption": {"caption/poses.npz": card(), "caption/caption.json": b"{"},
    "nothing": {"nothing/readme.txt": b"no"},
}


def test_what_an_import_would_refuse_is_a_problem_and_the_others_are_described(
    tmp_path: Path, inspected: Callable[..., Any]
) -> None:
    members = {"a/npz/00000001.npz": saved(**frame(1))}
    for files in BAD.values():
        members |= files
    path = pack(tmp_path / "a.tar", members | {"z/npz/00000001.npz": saved(**frame(1))})
    code, rows, err = inspected(path)
    assert (code, err) == (1, "6 videos in 1 shard, 4 problems\n")
    assert [name for name, row in rows.items() if row["problem"]] == list(BAD)
    for name in BAD:
        assert name in rows[name]["problem"]
        assert "\n" not in rows[name]["problem"]
    assert rows["z"]["frames"] == 1


def test_a_tar_cut_short_is_described_up_to_the_cut(tmp_path: Path, inspected: Callable[..., Any]) -> None:
    path = pack(tmp_path / "a.tar", {f"{v}/npz/00000001.npz": saved(**frame(1)) for v in ("a", "b")})
    path.write_bytes(path.read_bytes()[:-12_000])
    code, rows, _ = inspected(path)
    assert code == 1
    assert rows["a"]["frames"] == 1
    assert any("ends early" in row["problem"] for row in rows.values())


def test_one_file_that_is_no_tar_does_not_hide_what_is_in_the_others(
    tmp_path: Path, inspected: Callable[..., Any]
) -> None:
    pack(tmp_path / "a.tar", {"a/npz/00000001.npz": saved(**frame(1))})
    (tmp_path / "b.tar").write_bytes(b"no tar" * 500)
    pack(tmp_path / "c.tar", {"c/npz/00000001.npz": saved(**frame(1))})
    code, rows, _ = inspected(tmp_path)
    assert code == 1
    assert [(row["shard"], bool(row["problem"])) for row in rows.values()] == [
        ("a.tar", False), ("b.tar", True), ("c.tar", False)
    ]  # fmt: skip


def test_a_table_has_the_columns_that_matter_and_wide_all_of_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    path = pack(tmp_path / "a.tar", {"x/poses.npz": b"damaged"})
    headings = []
    for options in ((), ("--wide",)):
        assert run(build_app(), ["inspect", str(path), *options]) == 1
        headings.append(capfd.readouterr().out.splitlines()[0].split())
    assert headings[0] == ["video_id", "dialect", "frames", "people", "defects", "captions", "problem"]
    assert set(headings[0]) < set(headings[1])
    assert len(headings[1]) == 12
    sound = pack(tmp_path / "b.tar", {"x/npz/00000001.npz": saved(**frame(1))})
    assert run(build_app(), ["inspect", str(sound)]) == 0
    assert "problem" not in capfd.readouterr().out
