"""Whatever happens to the bytes of a lake, a reader gives the same answer as before or says in one line what is wrong.

For random single bits, cuts and overwritten ranges in every kind of file of a lake: data files of all tables, entries
of the log. Never another number, never a traceback. `SIGNVERSE_DAMAGES=500` makes as many of the long test.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from signverse.command_line import build_app
from signverse.lake.cli.entry import run
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, DamagedLakeError, SignverseError
from signverse.lake.query.selection import Selection
from signverse.lake.query.selection_file import read_selection_file, version_of_selection
from signverse.lake.storage.integrity import chunk_checksums
from signverse.lake.storage.integrity.chunk_checksums import checksums_of
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.sources import add_sources

IDS = [f"v{i}" for i in range(4)]

QUERIES = [
    "select count(*), sum(num_frames), sum(hash(title)) from videos",
    "select sum(hash(segment_id, text, start_frame, right_hand_confidence)) from segments",
    "select count(*), sum(hash(text)) from captions",
    "select count(*), sum(hash(video_id, outcome, stage)) from outcomes",
    "select sum(hash(video_id, title)) from sources",
    "select count(*), sum(frame), sum(person) from keypoints",
    "select sum(list_sum(face_xy)), sum(list_sum(body_score)), sum(list_sum(right_hand_xy)) from keypoints",
    "select avg(joint_y('right_wrist')) from keypoints where video_id = 'v2'",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, fill, video) -> Path:
    folder = tmp_path_factory.mktemp("damage") / "lake"
    videos = [video(name, ("ase", "bfi")[i % 2], 40 + 30 * i, people=1 + (i == 2)) for i, name in enumerate(IDS)]
    fill(folder, *videos[:2])
    fill(folder, *videos[2:])
    about = {"language_label": "ase", "sign_language": "ase", "url": "u", "channel": "c", "channel_id": "d"}
    with Lake.open(folder) as lake:
        add_sources(lake.snapshot, [{"video_id": name, "title": f"title {name}", **about} for name in IDS])
    return folder


def command(*words: str | Path) -> bytes:
    """What a command prints; its one line of error as an exception."""
    printed, said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        code = run(build_app(), [str(word) for word in words])
        printed.flush()
    if code:
        assert said.getvalue().count("\n") == 1, said.getvalue()
        assert "unexpected" not in said.getvalue(), said.getvalue()
        raise SignverseError(said.getvalue())
    return printed.buffer.getvalue()  # type: ignore[attr-defined]


def by_duckdb(folder: Path) -> Any:
    with Lake.open(folder) as lake, lake.duckdb() as con:
        try:
            return [con.sql(query).fetchall() for query in QUERIES]
        except Exception as error:
            # A connection of one's own raises DuckDB's errors: ours is in their text.
            if "DamagedLakeError: " in str(error) or "a file of the lake is lost" in str(error):
                raise DamagedLakeError("said") from None
            raise


def by_tables(folder: Path) -> Any:
    with Lake.open(folder) as lake:
        names = ("videos", "segments", "captions", "outcomes", "sources", "keypoints")
        return [collect(lake.table(name)).hash_rows(1).sort().to_list() for name in names]


def by_points(folder: Path) -> Any:
    with Lake.open(folder) as lake:
        rows = [rows for name in IDS for rows in lake.people(name)]
        return [*(lake.keypoints(name).tobytes() for name in IDS), *(row.points.tobytes() for row in rows)]


def by_clips(folder: Path) -> Any:
    with Lake.open(folder) as lake:
        return [(clip.segment_id, clip.points.tobytes()) for clip in lake.read_clips(Selection())]


def by_engines(folder: Path) -> Any:
    with Lake.open(folder) as lake:
        engines = ("polars", "duckdb")
        return [collect(lake.select(Selection.of(min_duration=0.2), engine=engine)).rows() for engine in engines]


def by_sql(folder: Path) -> Any:
    with Lake.open(folder) as lake:
        return [lake.sql(query).rows() for query in QUERIES]


def by_export(folder: Path) -> Any:
    out = folder.parent / "export"
    shutil.rmtree(out, ignore_errors=True)
    command("export", "shards", "--lake", folder, "--out", out, "-q")
    return sorted((path.name, path.read_bytes()) for path in out.glob("*.tar"))


def by_picture(folder: Path) -> Any:
    command("picture", "v2", "--lake", folder, "-o", folder.parent / "picture.png", "-q")
    return (folder.parent / "picture.png").read_bytes()


READERS: dict[str, Callable[[Path], Any]] = {
    "sql": by_sql,
    "duckdb": by_duckdb,
    "tables": by_tables,
    "keypoints": by_points,
    "clips": by_clips,
    "engines": by_engines,
    "info": lambda folder: command("info", folder, "--format", "json"),
    "stats": lambda folder: command("stats", "languages", "--lake", folder, "--format", "csv"),
    "select": lambda folder: command("select", "--lake", folder, "--format", "csv", "-q"),
}
SLOW_READERS = {**READERS, "export": by_export, "picture": by_picture}


def damage(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one bit changed, cut, or with a range overwritten."""
    at = chance.randrange(len(raw))
    how = chance.choice(("bit", "bit", "bit", "cut", "range"))
    if how == "cut":
        return raw[:at]
    changed = bytearray(raw)
    if how == "bit":
        changed[at] ^= 1 << chance.randrange(8)
    else:
        changed[at : at + 100] = chance.randbytes(len(changed[at : at + 100]))
    return bytes(changed)


def check_readers(
    folder: Path, readers: dict[str, Callable[[Path], Any]], times: int, seed: int, set_attribute: Callable[..., None]
) -> int:
    """Damages a file, asks every reader, puts the file back, as often as that; how often a reader said so."""
    chance = random.Random(seed)
    right = {name: reader(folder) for name, reader in readers.items()}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    data = [path for path in files if path.suffix == ".parquet"]
    said = 0
    for turn in range(times):
        # In turn a lake of so few keypoints that all are compared at once, and one that is compared as it is read.
        set_attribute(chunk_checksums, "_LITTLE", 64 << 20 if turn % 2 else 0)
        path = chance.choice(data if turn % 4 else files)
        raw = path.read_bytes()
        path.write_bytes(damage(raw, chance))
        for name, reader in readers.items():
            try:
                answer = reader(folder)
            except SignverseError as error:
                assert "\n" not in str(error).strip()
                said += 1
            else:
                assert answer == right[name], f"{name} gives another answer, and no word: {path}, seed {seed}"
        path.write_bytes(raw)
    return said


def test_a_damaged_byte_is_never_another_number(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(whole, folder)
    assert check_readers(folder, READERS, 5, 5, monkeypatch.setattr) > 5


@pytest.mark.slow
def test_many_damaged_bytes_are_never_another_number(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(whole, folder)
    times, seed = int(os.environ.get("SIGNVERSE_DAMAGES", "60")), int(os.environ.get("SIGNVERSE_SEED", "1"))
    assert check_readers(folder, SLOW_READERS, times, seed, monkeypatch.setattr) > times


def largest(folder: Path, table: str) -> Path:
    return max((folder / table).rglob("*.parquet"), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("place", ["page header", "page", "footer", "checksums", "end"])
def test_every_part_of_a_keypoints_file_is_told(whole: Path, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(whole, folder)
    path = largest(folder, "keypoints")
    raw = bytearray(path.read_bytes())
    length = int.from_bytes(raw[-8:-4], "little")
    ends = checksums_of(path).ends
    at = {
        "page header": int(ends[5]) + 3,
        "page": int(ends[5]) + 60,
        "footer": len(raw) - 8 - length // 2,
        "checksums": len(raw) - 8 - length - 50,
        "end": len(raw) - 6,
    }[place]
    raw[at] ^= 0x04
    path.write_bytes(raw)
    sums = "select " + ", ".join(
        f"sum(list_sum({part}_{what}))" for part in ("body", "face") for what in ("xy", "score")
    )
    for reader in (
        lambda: by_points(folder),
        lambda: by_tables(folder),
        lambda: command("sql", f"{sums} from keypoints", "--lake", folder),
    ):
        with pytest.raises(SignverseError, match=r"damaged|cannot be read|lost") as raised:
            reader()
        assert path.name in str(raised.value)
        assert "signverse " in str(raised.value)


def test_a_query_reads_no_more_than_it_needs_to_compare(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One video's wrist: the chunks of other videos, and of faces, are not looked at."""
    monkeypatch.setattr(chunk_checksums, "_kept", type(chunk_checksums._kept)())
    # A lake of more keypoints than are compared at once.
    monkeypatch.setattr(chunk_checksums, "_LITTLE", 0)
    with Lake.open(whole) as lake:
        lake.sql("select avg(joint_y('right_wrist')) from keypoints where video_id = 'v3' and sign_language = 'bfi'")
        files = {path: checksums_of(Path(path)) for path in lake.snapshot.files("keypoints")}
    assert not any(sums.checked.any() for path, sums in files.items() if "sign_language=ase" in path)
    compared = np.concatenate([sums.checked for path, sums in files.items() if "sign_language=bfi" in path])
    assert 0 < compared.sum() < len(compared)


def test_a_file_that_rots_while_a_lake_is_open_is_told(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(whole, folder)
    with Lake.open(folder) as lake, lake.duckdb() as con:
        before = con.sql("select count(*) from segments").fetchall()
        assert before == con.sql("select count(*) from segments").fetchall()
        path = largest(folder, "segments")
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 3] ^= 1
        path.write_bytes(raw)
        with pytest.raises(Exception, match="is damaged: its bytes are not those that were written"):
            con.sql("select count(*) from segments").fetchall()
        with pytest.raises(DamagedLakeError, match="is damaged"):
            collect(lake.table("segments"))


def test_files_of_older_lakes_are_compared_as_a_whole(whole: Path, tmp_path: Path) -> None:
    """They have no checksums of their parts, but the digest in their name."""
    path = tmp_path / largest(whole, "keypoints").name
    raw = largest(whole, "keypoints").read_bytes()
    length = int.from_bytes(raw[-8:-4], "little")
    block = int.from_bytes(raw[-12 - length : -8 - length], "little")
    path.write_bytes(raw[: -8 - length - block] + raw[-8 - length :])
    assert pl.read_parquet(path).equals(pl.read_parquet(largest(whole, "keypoints")))
    with pytest.raises(ValueError, match="not those that were written"):
        checksums_of(path)
    assert len(checksums_of(path, whole=False).crcs) == 0


def test_a_damaged_page_of_a_selection_is_told(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "clips.parquet"
    command("select", "--lake", whole, "-o", path, "-q")
    clips = read_selection_file(path)
    assert version_of_selection(path) == str(Lake.open(whole).version)
    raw = path.read_bytes()
    group = pq.read_metadata(path).row_group(0)
    for column in (group.column(index) for index in range(group.num_columns)):
        start = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        changed = bytearray(raw)
        changed[start + column.total_compressed_size - 2] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BadInputError, match=r"clips\.parquet cannot be read"):
            read_selection_file(path)
    path.write_bytes(raw)
    assert read_selection_file(path).equals(clips)


def test_a_damaged_lake_ends_a_command_of_the_shell_in_one_line(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(whole, folder)
    path = largest(folder, "videos")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0x10
    path.write_bytes(raw)
    words = [sys.executable, "-m", "signverse", "sql", "from videos", "--lake", str(folder)]
    ran = subprocess.run(words, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert path.name in ran.stderr
