"""Which video ids a lake takes, and ids that sort by time."""

from __future__ import annotations

import threading
import time
import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.ids import (
    MAX_VIDEO_ID,
    MAX_VIDEO_ID_BYTES,
    bracketed_id,
    check_video_id,
    id_in_name,
    is_youtube_id,
    new_ingest_id,
)


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
        # Persian: a joiner between Arabic letters. Hindi: after a virama. Both are how the words are spelled.
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u0915\u094d\u200c\u0937",
        # A deaf woman of a medium skin tone, a couple, a pride flag, Scotland's flag.
        "\U0001f9cf\U0001f3fd\u200d\u2640\ufe0f",
        "\U0001f469\u200d\u2764\ufe0f\u200d\U0001f468 2",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "BSL \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
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
        "a\u200cb",
        "a\u200db",
        "a\u00adb",
        "a\u2066b",
        "a\u3164b",
        "\u200c\u0645",
        "\u0645\u200c",
        "\u0645\u200c\u200c\u062e",
        "\U0001f469\u200d",
        "\U0001f469\u200da",
        "\U0001f469\u200c\U0001f468",
        "a\U000e0067\U000e007f",
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


@pytest.mark.parametrize(
    ("video_id", "why"),
    [("\u624b" * 72, "has 216 bytes in UTF-8, at most 200"), ("x" * 129, "has 129 characters, at most 128")],
)
def test_a_long_id_is_refused_by_the_measure_that_it_passes(video_id, why):
    with pytest.raises(BadInputError, match=why):
        check_video_id(video_id)


@given(st.text(max_size=MAX_VIDEO_ID))
def test_an_id_is_one_whatever_form_its_letters_are_in_and_stays_as_it_is(text):
    try:
        kept = check_video_id(text)
    except BadInputError:
        return
    assert kept == unicodedata.normalize("NFC", text)
    assert check_video_id(kept) == kept
    assert check_video_id(unicodedata.normalize("NFD", kept)) == kept
    assert len(kept.encode()) <= MAX_VIDEO_ID_BYTES


YOUTUBE = st.text("ABCXYZabcxyz0189_-", min_size=11, max_size=11)


@given(st.text(st.characters(exclude_categories=["C"]), max_size=40), YOUTUBE)
def test_the_id_is_what_the_brackets_hold_in_a_name_as_yt_dlp_gives_it(title, video_id):
    for ending in ("", ".mp4", ".en.vtt", ".en-de.vtt", ".info.json", ".f137.mp4"):
        assert bracketed_id(f"{title} [{video_id}]{ending}") == video_id
    assert id_in_name(f"{title} [{video_id}]") == video_id


@pytest.mark.parametrize("stem", ["T [dQw4w9WgXcQ] [1080p]", "T [dQw4w9WgXcQ][en][HD]", "T [1080p] [dQw4w9WgXcQ]"])
def test_of_several_brackets_at_the_end_the_id_is_in_the_last_that_may_hold_one(stem):
    assert id_in_name(stem) == bracketed_id(f"{stem}.en.vtt") == "dQw4w9WgXcQ"


@pytest.mark.parametrize("stem", ["a [1080p]", "Movie [2019]", "[HD] a", "a [b c]", "a []", "a [x] [y z]", "a]", "abc"])
def test_brackets_that_hold_no_known_id_belong_to_the_name(stem):
    assert id_in_name(stem) == stem


def test_a_known_id_settles_what_a_name_means():
    assert id_in_name("Talk [76979871]", {"76979871"}) == "76979871"
    assert id_in_name("Talk [dQw4w9WgXcQ]", {"Talk [dQw4w9WgXcQ]"}) == "Talk [dQw4w9WgXcQ]"
    assert id_in_name("cafe\u0301 [x]", {"x"}) == "x"
    assert id_in_name("cafe\u0301") == "caf\u00e9"


def test_youtube_ids_are_told_by_their_letters():
    assert is_youtube_id("-dQw4w9_gXc")
    assert not any(map(is_youtube_id, ("", "1.23E+10", "'dQw4w9WgXc", "#NAME?", "dQw4w9WgXcQQ", "dQw4w9WgXc\u00e9")))


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
