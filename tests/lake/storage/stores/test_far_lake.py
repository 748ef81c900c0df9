"""A lake in a bucket answers as the same lake in a folder does, in few rounds of requests; what fails is said."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import signverse
from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError, NotALakeError, SignverseError, UnreachableError
from signverse.lake.storage.committer import Committer
from signverse.lake.storage.reader import KeypointsReader, Placement, placement_of
from tests.lake.storage.stores.delaying_proxy import in_front_of

pytestmark = pytest.mark.slow

QUESTIONS = [
    "select count(*) from videos",
    "select sign_language, count(*), sum(num_frames) from segments group by all order by all",
    "select video_id, count(*), avg(face_confidence) from keypoints group by all order by all",
    "select sum(right_hand_xy[3]), max(body_score[2]) from keypoints where sign_language = 'ase'",
    "select frame, person, body_visible from keypoints where video_id = 'two-people0' order by all limit 9",
]


def test_every_question_has_the_answer_of_the_folder(town: Path, far_town: str) -> None:
    with Lake.open(town) as near, signverse.open(far_town) as far:
        for question in QUESTIONS:
            assert far.duckdb().sql(question).fetchall() == near.duckdb().sql(question).fetchall()
        for table in ("videos", "segments", "captions", "keypoints", "outcomes", "sources", "splits"):
            # A join leaves the order of rows open.
            ours, theirs = (lake.table(table).collect() for lake in (far, near))
            order = ["video_id", "frame", "person"] if table == "keypoints" else ours.columns[:3]
            assert ours.sort(order, maintain_order=True).equals(theirs.sort(order, maintain_order=True))
        wanted = pl.col("video_id") == "exactly1024"
        of_far, of_near = (
            lake.table("keypoints").filter(wanted).select("frame", "face_xy").collect() for lake in (far, near)
        )
        assert of_far.equals(of_near)
        assert far.clips().collect().equals(near.clips().collect())
        for mine, its in zip(far.read_clips(far.clips()), near.read_clips(near.clips()), strict=True):
            assert mine.segment_id == its.segment_id
            assert np.array_equal(mine.points, its.points, equal_nan=True)
        assert far_town in repr(far)


def test_the_rounds_of_requests_are_few(
    s3: str, at_s3: str, tmp_path: Path, video: Any, send: Callable[[Path, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening 4, selecting 3 more, a clip 2, the next clip of the file 1, many clips 6."""
    folder = tmp_path / "lake"
    Lake.create(folder).close()
    for part in range(3):
        with Committer(folder) as committer:
            for i in range(4):
                committer.add(video(f"video-{part}-{i}", ("ase", "pso")[i % 2], 1500, texts=("a", "b", "c")))
    address = send(folder, "s3://corpora/rounds")
    with in_front_of(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        with signverse.open(address) as lake:
            assert proxy.take()[0] <= 4
            clips = lake.clips(languages=["ase"]).collect()
            assert proxy.take()[0] <= 3
            lake.clips(languages=["pso"], min_duration=1).collect()
            assert proxy.take() == (0, 0)
            lake.keypoints(clips["video_id"][0], start_frame=0, end_frame=100)
            assert proxy.take()[0] <= 2
            lake.keypoints(clips["video_id"][0], start_frame=1100, end_frame=1200)
            assert proxy.take()[0] <= 1
            lake.keypoints(clips["video_id"][0], start_frame=1100, end_frame=1200)
            assert proxy.take() == (0, 0)
            list(lake.read_clips(lake.clips()))
            assert proxy.take()[0] <= 6
        with signverse.open(address) as lake:
            assert proxy.take()[0] <= 4
            lake.clips().collect()
            assert proxy.take() == (0, 0), "the files of small tables are here from the first time"


def test_what_is_committed_later_is_seen_after_a_refresh(
    at_s3: str, tmp_path: Path, video: Any, fill: Callable[..., Path], send: Callable[[Path, str], str]
) -> None:
    folder = fill(tmp_path / "lake", video("first-video", "ase", 40))
    with signverse.open(send(folder, "s3://corpora/growing")) as lake:
        fill(folder, video("second-video", "pso", 60))
        send(folder, "s3://corpora/growing")
        assert lake.videos().collect()["video_id"].to_list() == ["first-video"]
        lake.refresh()
        assert lake.videos().collect()["video_id"].to_list() == ["first-video", "second-video"]
        assert lake.keypoints("second-video").shape == (60, 128, 3)
        before = signverse.open("s3://corpora/growing", version=1)
        assert before.videos().collect()["video_id"].to_list() == ["first-video"]


@pytest.mark.parametrize(
    "words",
    [
        *("maintain --lake X", "verify X", "repair X", "split --by video --lake X"),
        *("forget some --missing-ok --lake X", "forget some --allow --lake X", "forget some --dry-run --lake X"),
        "verify --forgotten some --lake X",
    ],
)
def test_nothing_is_written_there_and_that_is_said(words: str, far_town: str, signverse_in: Callable[..., Any]) -> None:
    code, said = signverse_in(*[far_town if word == "X" else word for word in words.split()])

    assert code
    assert far_town in said
    assert "object store" in said
    assert said.count("\n") == 1


@pytest.fixture
def signverse_in(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """signverse_in("stats", ...): runs a command; its exit code, and what it writes to stderr."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    def signverse_in(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        code = run(build_app(), list(words))
        return code, capfd.readouterr().err

    return signverse_in


def test_a_lake_is_not_made_there(at_s3: str) -> None:
    with pytest.raises(NotALakeError, match="object store"):
        Lake.create("s3://corpora/new")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, b"<Error><Code>InvalidAccessKeyId</Code></Error>"), "credentials"),
        ((403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"), "credentials"),
        ((403, b"<Error><Code>AccessDenied</Code></Error>"), "credentials"),
        ((401, b""), "credentials"),
        ((403, b"<Error><Code>RequestTimeTooSkewed</Code></Error>"), "clock"),
        ((404, b"<Error><Code>NoSuchBucket</Code></Error>"), "no bucket"),
        ((400, b"\x1b[2J<html>" * 99), "answers 400"),
    ],
)
def test_what_the_store_refuses_is_one_line_without_secrets(
    answer: tuple[int, bytes], said: str, s3: str, at_s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_front_of(s3) as proxy:
        proxy.refuse = answer
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        with pytest.raises(UnreachableError, match=said) as refused:
            signverse.open("s3://corpora/lake")
    text = str(refused.value)
    assert text.startswith("s3://corpora/lake cannot be read: ")
    assert len(text) < 300
    assert not {"\n", "\x1b"} & set(text)
    assert "not-to-be-shown" not in text


def test_a_store_that_does_not_answer_is_said(at_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="does not answer"):
        signverse.open("s3://corpora/lake")


def test_an_endpoint_without_encryption_needs_a_word(at_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(UnreachableError, match="AWS_ALLOW_HTTP=true"):
        signverse.open("s3://corpora/lake")


@pytest.mark.parametrize("place", ["nowhere", "nobucket/lake"])
def test_where_no_lake_is_that_is_said_and_nothing_kept(place: str, at_s3: str, tmp_path: Path) -> None:
    with pytest.raises(SignverseError, match="there is no"):
        signverse.open(f"s3://{'corpora/' if place == 'nowhere' else ''}{place}")


def test_objects_that_are_damaged_or_gone_are_named(
    at_s3: str, tmp_path: Path, town: Path, send: Callable[[Path, str], str]
) -> None:
    """Of whatever file: what is read was compared with its checksum, and says which file and of which lake."""
    for table in ("segments", "keypoints"):
        folder = tmp_path / table
        shutil.copytree(town, folder)
        for path in (folder / table).rglob("*.parquet"):
            data = bytearray(path.read_bytes())
            data[200 : len(data) // 2] = bytes(len(data) // 2 - 200)
            path.write_bytes(data)
        address = f"s3://corpora/damaged-{table}"
        with signverse.open(send(folder, address)) as lake, pytest.raises(DamagedLakeError) as damaged:
            for clip in lake.read_clips(lake.clips()):
                assert clip.points.size
        assert f"{table}/" in str(damaged.value)
        assert str(tmp_path) not in str(damaged.value)


def _shape(folder: Path, place: Placement, queue: Any) -> None:
    try:
        queue.put(str(KeypointsReader(folder).clip(place, 0, 100, 0).shape))
    except BaseException as error:
        queue.put(str(error))


@pytest.mark.parametrize(("start", "ends"), [("spawn", "(100, 128, 3)"), ("fork", "was forked")])
def test_started_workers_read_and_forked_ones_are_refused(start: str, ends: str, far_town: str) -> None:
    with signverse.open(far_town) as lake:
        place = placement_of(lake.video("exactly1024"))
        context = multiprocessing.get_context(start)
        queue = context.Queue()
        worker = context.Process(target=_shape, args=(lake.folder / "keypoints", place, queue))
        worker.start()
        try:
            got = queue.get(timeout=120)
        finally:
            worker.kill()
            worker.join()
    assert ends in got
