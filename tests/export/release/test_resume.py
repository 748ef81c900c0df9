"""An export that was interrupted goes on with the same command, and ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.storage.temporary.process_mark import own_mark

ROOT = Path(__file__).parents[3]

# Spawned workers import it too: they stop as well.
DRIVER = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, os.environ["ROOT"])
from signverse.export.release import shards as shards_module

everybody = shards_module.Lake.people

def stopping(lake, video_id):
    if video_id == os.environ["STOP_AT"]:
        Path(os.environ["FLAG"]).write_text(str(os.getpid()))
        time.sleep(120)
    return everybody(lake, video_id)

shards_module.Lake.people = stopping

if __name__ == "__main__":
    from signverse.command_line import main
    main(sys.argv[1:])
"""

SHARDS = [f"Sign_DWPose_NPZ_00000{i}.tar" for i in range(1, 7)]
WHOLE = ["SHA256SUMS", *SHARDS, "index.csv", "members.parquet"]


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def half_written(out: Path) -> list[str]:
    """What is neither finished nor a note of what is."""
    return [name for name in names(out) if name.startswith(".") and not name.endswith(".json")]


def alive(session: int) -> list[int]:
    """Processes of a session that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for(what, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return bool(what())


class Stopped:
    """An export that stands still in the middle of its video `at`, in a session of its own."""

    def __init__(self, folder: Path, command: Sequence[object], at: str) -> None:
        driver, self.flag, self.log = folder / "driver.py", folder / "flag", folder / "log"
        driver.write_text(DRIVER)
        self.flag.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(driver), *map(str, command)],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "ROOT": str(ROOT), "STOP_AT": at, "FLAG": str(self.flag)},
                start_new_session=True,
            )
        assert wait_for(lambda: self.flag.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def end(self) -> int:
        """Waits for the end of it, and of all that it started."""
        code = self.process.wait(60)
        assert wait_for(lambda: not alive(self.process.pid), 30), "processes are left over"
        return code

    def clean_up(self) -> None:
        for pid in alive(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator:
    started: list[Stopped] = []

    def start(command: Sequence[object], at: str) -> Stopped:
        started.append(Stopped(tmp_path, command, at))
        return started[-1]

    yield start
    for one in started:
        one.clean_up()


@pytest.fixture(scope="module")
def videos(sample: Lake) -> list[str]:
    return sample.videos().collect()["video_id"].sort().to_list()


@pytest.fixture
def command(sample: Lake, tmp_path: Path) -> list[object]:
    """An export of six shards."""
    return ["export", "shards", "--lake", sample.folder, "--out", tmp_path / "out", "--videos-per-shard", 1]


@pytest.fixture(scope="module")
def uninterrupted(sample: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    out = tmp_path_factory.mktemp("uninterrupted") / "out"
    assert run(build_app(), ["export", "shards", "--lake", str(sample.folder), "--out", str(out), "--videos-per-shard", "1"]) == 0  # fmt: skip # noqa: E501
    return {path.name: path.read_bytes() for path in out.iterdir()}


def finished(out: Path) -> dict[str, tuple[int, int]]:
    """The shards that have their names: when they were written, and which files they are."""
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in out.glob("Sign*.tar")}


def check(out: Path, before: dict[str, tuple[int, int]], uninterrupted: dict[str, bytes]) -> None:
    assert names(out) == WHOLE
    after = finished(out)
    assert {name: after[name] for name in before} == before
    assert {path.name: path.read_bytes() for path in out.iterdir()} == uninterrupted


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_kill_the_same_command_goes_on_and_the_result_is_the_same(
    stopped, command: list[object], videos: list[str], uninterrupted, tmp_path: Path, signverse, workers: int
) -> None:
    out = tmp_path / "out"
    run = stopped([*command, "--workers", workers], videos[3])
    # Of two workers one stands still, the other goes on with what is left.
    expected = 3 if workers == 1 else 5
    assert wait_for(lambda: len(list(out.glob(".Sign*.done.json"))) == expected)
    os.kill(run.process.pid, signal.SIGKILL)
    assert run.end() == -signal.SIGKILL
    before = finished(out)
    assert sorted(before) == [name for i, name in enumerate(SHARDS) if i < 3 or (workers == 2 and i > 3)]
    assert "SHA256SUMS" not in names(out)
    assert signverse("verify", out)[0] == 1
    code, _, told = signverse(*command, "--workers", workers)
    assert (code, told.splitlines()[0]) == (0, f"{expected} shards already written")
    check(out, before, uninterrupted)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [1, 2])
def test_after_ctrl_c_nothing_half_written_is_left_and_the_same_command_goes_on(
    stopped, command: list[object], videos: list[str], uninterrupted, tmp_path: Path, signverse, workers: int, how
) -> None:
    """Ctrl-C reaches all processes, as does the SIGTERM of a scheduler."""
    out = tmp_path / "out"
    run = stopped([*command, "--workers", workers], videos[1])
    expected = 1 if workers == 1 else 5
    assert wait_for(lambda: len(list(out.glob(".Sign*.done.json"))) == expected)
    os.killpg(run.process.pid, how)
    assert run.end() == 128 + how, run.log.read_text()
    assert "Traceback" not in run.log.read_text()
    assert "the same command goes on from there" in run.log.read_text()
    assert half_written(out) == []
    before = finished(out)
    assert len(before) == expected
    assert signverse(*command)[0] == 0
    check(out, before, uninterrupted)


def test_a_worker_that_was_killed_is_told_in_one_line_and_the_same_command_goes_on(
    stopped, command: list[object], videos: list[str], uninterrupted, tmp_path: Path, signverse
) -> None:
    """As the system does where memory runs out."""
    out = tmp_path / "out"
    run = stopped([*command, "--workers", 2], videos[1])
    assert wait_for(lambda: len(list(out.glob(".Sign*.done.json"))) == 5)
    os.kill(int(run.flag.read_text()), signal.SIGKILL)
    assert run.end() == 1
    told = run.log.read_text()
    assert "Traceback" not in told
    assert told.count("\n") == 1
    assert half_written(out) == []
    before = finished(out)
    assert signverse(*command)[0] == 0
    check(out, before, uninterrupted)


@pytest.fixture
def unfinished(sample: Lake, command: list[object], tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an export that ended after four of its six shards."""
    from signverse.export.release import shards as shards_module

    write_shard = shards_module.write_shard

    def fails(lake: Lake, out: Path, shard: shards_module.Shard, **how: object) -> object:
        if shard.name == SHARDS[4]:
            raise OSError(28, "No space left on device")
        return write_shard(lake, out, shard, **how)

    with monkeypatch.context() as patch:
        patch.setattr(shards_module, "write_shard", fails)
        assert signverse(*command)[0] == 1
    assert len(finished(tmp_path / "out")) == 4
    return tmp_path / "out"


@pytest.mark.parametrize(
    "other",
    [
        ["--language", "ase"],
        ["--limit", 2],
        ["--layout", "consolidated"],
        ["--frames", "clips"],
        ["--videos-per-shard", 2],
        ["--shard-size", "1MB"],
    ],
    ids=str,
)
def test_another_export_in_the_folder_of_an_unfinished_one_is_refused_and_changes_nothing(
    unfinished: Path, command: list[object], uninterrupted, signverse, other: list[object]
) -> None:
    before = {path.name: path.read_bytes() for path in unfinished.iterdir()}
    times = finished(unfinished)
    code, said, told = signverse(*command, *other)
    assert (code, said) == (1, "")
    assert told == (
        f"signverse: {unfinished} holds an unfinished export of something else. "
        "Name another folder, or give --overwrite.\n"
    )
    assert {path.name: path.read_bytes() for path in unfinished.iterdir()} == before
    assert signverse(*command)[0] == 0
    check(unfinished, times, uninterrupted)


def test_another_lake_in_the_folder_of_an_unfinished_export_is_refused(
    unfinished: Path, make_lake, video, person, signverse
) -> None:
    lake = make_lake(video("x", points={(0, 0): person()}))
    code, _, told = signverse("export", "shards", "--lake", lake.folder, "--out", unfinished)
    assert (code, "an unfinished export of something else" in told) == (1, True)
    assert signverse("export", "shards", "--lake", lake.folder, "--out", unfinished, "--overwrite")[0] == 0
    assert names(unfinished) == ["SHA256SUMS", SHARDS[0], "index.csv", "members.parquet"]
    assert signverse("verify", unfinished)[0] == 0


@pytest.mark.parametrize("damage", ["cut", "grown", "gone", "note gone", "note cut", "note of nonsense"])
def test_a_finished_shard_that_was_damaged_in_between_is_written_again(
    unfinished: Path, command: list[object], uninterrupted, signverse, damage: str
) -> None:
    shard, note = unfinished / SHARDS[1], unfinished / f".{SHARDS[1]}.done.json"
    data, told = shard.read_bytes(), note.read_bytes()
    {
        "cut": lambda: shard.write_bytes(data[:5000]),
        "grown": lambda: shard.write_bytes(data + b"x"),
        "gone": shard.unlink,
        "note gone": note.unlink,
        "note cut": lambda: note.write_bytes(told[:20]),
        "note of nonsense": lambda: note.write_bytes(b"[1, 2]"),
    }[damage]()
    kept = {name: of for name, of in finished(unfinished).items() if name != SHARDS[1]}
    code, _, said = signverse(*command)
    assert (code, said.splitlines()[0]) == (0, "3 shards already written")
    check(unfinished, kept, uninterrupted)


def test_what_a_kill_left_half_written_is_cleared_away_and_what_is_anothers_stays(
    unfinished: Path, command: list[object], uninterrupted, signverse
) -> None:
    rests = [f".{SHARDS[4]}.abc_1234", f"..{SHARDS[4]}.done.json.abc_1234", ".index.csv.abc_1234",
             ".SHA256SUMS.abc_1234", "..export.json.abc_1234"]  # fmt: skip
    others = ["notes.txt", f"{SHARDS[0]}.bak", f"{SHARDS[0]}.sha256", ".hidden", "index.csv.old"]
    for name in (*rests, *others):
        (unfinished / name).write_bytes(b"x")
    before = finished(unfinished)
    assert signverse(*command)[0] == 0
    assert names(unfinished) == sorted([*WHOLE, *others])
    for name in others:
        (unfinished / name).unlink()
    check(unfinished, before, uninterrupted)
    # Neither does --overwrite take what is another's.
    for name in others:
        (unfinished / name).write_bytes(b"x")
    assert signverse(*command, "--overwrite")[0] == 0
    assert names(unfinished) == sorted([*WHOLE, *others])


def test_after_a_kill_at_the_first_write_of_an_export_the_same_command_writes_it(
    command: list[object], tmp_path: Path, uninterrupted, signverse
) -> None:
    """No export was begun, whatever half-written files are there."""
    out = tmp_path / "out"
    out.mkdir()
    machine, pid, _ = own_mark().split("-")
    (out / f"..export.json.signverse-{machine}-{pid}-1-abc").write_bytes(b"{")
    assert signverse(*command)[0] == 0
    check(out, {}, uninterrupted)


def test_an_unfinished_export_that_may_replace_goes_on_as_well(
    unfinished: Path, command: list[object], uninterrupted, signverse
) -> None:
    """The same command goes on, also where it holds --overwrite; a finished export is replaced."""
    before = finished(unfinished)
    assert signverse(*command, "--overwrite")[0] == 0
    check(unfinished, before, uninterrupted)
    assert signverse(*command, "--overwrite")[0] == 0
    check(unfinished, {}, uninterrupted)
    assert all(finished(unfinished)[name] != of for name, of in before.items())


def test_the_room_that_is_needed_is_that_of_the_shards_that_are_missing(
    unfinished: Path, command: list[object], uninterrupted, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    before = finished(unfinished)
    listing = names(unfinished)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 100_000))
    code, _, told = signverse(*command)
    assert (code, told.count("\n")) == (1, 1)
    assert "has room for 0.0 GB" in told
    assert "Free some space, or select less." in told
    assert names(unfinished) == listing
    # Enough for the two that are missing, and not for all six.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 900_000))
    assert signverse(*command)[0] == 0
    check(unfinished, before, uninterrupted)


def test_two_workers_on_a_disk_that_fills_say_so_in_one_line(
    sample: Lake, command: list[object], tmp_path: Path
) -> None:
    limited = tmp_path / "limited.py"
    limited.write_text(
        "import os, resource, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "import signverse.export.release.shards, polars, pyarrow.parquet\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"
        "if __name__ == '__main__':\n"
        "    from signverse.command_line import main\n"
        "    main(sys.argv[1:])\n"
    )
    ran = subprocess.run(
        [sys.executable, str(limited), *map(str, command), "--workers", "2"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert "cannot be written" in ran.stderr
    assert half_written(tmp_path / "out") == []
    assert finished(tmp_path / "out") == {}


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize("kind", ["shards", "webdataset", "parquet"])
def test_downloaded_tars_in_the_folder_are_never_removed(
    sample: Lake, tmp_path: Path, signverse, kind: str, overwrite: list[str]
) -> None:
    """They have the very names of ours: `--out TARS` is an easy slip."""
    downloaded = tmp_path / "TARS" / "Sign_DWPose_NPZ_000001.tar"
    downloaded.parent.mkdir()
    downloaded.write_bytes(b"days of download")
    code, _, err = signverse("export", kind, "--lake", sample.folder, "--out", downloaded.parent, *overwrite)
    assert code == 1
    assert "that signverse did not write: Sign_DWPose_NPZ_000001.tar" in err
    assert downloaded.read_bytes() == b"days of download"
    assert list(downloaded.parent.iterdir()) == [downloaded]
