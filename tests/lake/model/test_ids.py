"""Which video ids a lake takes, and ids that sort by time."""

from __future__ import annotations

import threading
import time
import uuid

import pytest

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import MAX_VIDEO_ID, check_video_id, new_ingest_id


@pytest.mark.parametrize(
    "video_id",
    [
        "Bdj5MUf_3Hc",
        "-dash_first",
        "--two-dashes",
        "_",
        "a",
        "na\u00efve \u624b\u8a71",
        "blank inside",
        "dots.inside.mp4",
        "a" * MAX_VIDEO_ID,
        "100%",
        "it's",
        "#1",
    ],
)
def test_a_plain_name_is_an_id(video_id):
    assert check_video_id(video_id) is video_id


@pytest.mark.parametrize(
    "video_id",
    [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        ".",
        "..",
        "../x",
        ".hidden",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "C:x",
        "a\nb",
        "a\tb",
        "a\rb",
        "a\0b",
        "a\x1b[31mb",
        "a\x7fb",
        "a\u202eb",
        "a\u200bb",
        "a\u2028b",
        "a\ufeffb",
        "a\udcffb",
        "x" * 129,
        "x" * 300,
        "\u624b" * 100,
        "a*",
        "a?",
        'a"b',
        "a<b>",
        "a|b",
    ],
)
def test_a_hostile_id_is_refused_in_one_printable_line(video_id):
    with pytest.raises(BadInputError) as refusal:
        check_video_id(video_id)
    said = str(refusal.value)
    assert said.isprintable()
    assert said.isascii()
    assert len(said) < 300


def test_ingest_ids_are_uuids_of_version_7_that_tell_the_time():
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_ingest_id())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    # Earlier tests may have run the counter a little ahead of the clock.
    assert before <= made.int >> 80 <= after + 5


def test_ingest_ids_sort_in_the_order_they_were_made():
    made = [new_ingest_id() for _ in range(5_000)]
    assert made == sorted(set(made))


def test_ingest_ids_sort_even_when_the_clock_is_set_back(monkeypatch):
    first = new_ingest_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert new_ingest_id() > first


def test_threads_never_get_the_same_ingest_id():
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(new_ingest_id() for _ in range(500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4_000
