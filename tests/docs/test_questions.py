"""The questions of docs/guides/questions.md, on a lake that was made so that the answers are known."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import joint_index
from signverse.lake.query import read_only
from signverse.lake.storage.keypoints import to_table

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "questions.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^## (\d+)\. .*?\n```sql\n(.*?)```", PAGE, re.M | re.S)


def signing(frames: list[int], wrist_y: float, step: float, people: int = 1):
    """Rows of people whose shoulders are 100 pixels apart, with the wrists at a height and moving aside at a speed."""
    rows = [(frame, person) for frame in frames for person in range(people)]
    points = np.full((len(rows), 128, 3), (100, 100, 0.9), np.float32)
    points[:, joint_index("right_shoulder"), 0] = 50
    points[:, joint_index("left_shoulder"), 0] = 150
    for wrist, lower in (("right_wrist", 0), ("left_wrist", 40)):
        points[:, joint_index(wrist), 0] = [100 + step * frame for frame, _ in rows]
        points[:, joint_index(wrist), 1] = wrist_y + lower
    numbers, persons = zip(*rows, strict=True)
    return to_table(np.array(numbers, np.int32), np.array(persons, np.int8), points)


@pytest.fixture(scope="module")
def con(tmp_path_factory, fill, video):
    def made(video_id, language, frames, texts, keypoints, channel, hours, **segment):
        about = {"channel": channel, "duration_s": hours * 3600, "url": f"https://example.org/watch?v={video_id}"}
        rows = video(video_id, language, frames, texts=texts, video=about, segment={"hands_seen": 0.95, **segment})
        return dataclasses.replace(rows, keypoints=keypoints)

    low, high = {"wrist_y": 150, "step": 2}, {"wrist_y": 50, "step": 5}
    folder = fill(
        tmp_path_factory.mktemp("questions") / "lake",
        made(
            "long",
            "pso",
            240,
            ("Dzi\u015b jest ciep\u0142o", "Jutro te\u017c"),
            signing([*range(240)], **low),
            "News",
            3,
        ),
        made("short", "pso", 48, ("Tak", "Nie"), signing([*range(48)], **low), "News", 0.5),
        made("robot", "pso", 240, ("a b c d e",), signing([*range(240)], **low), "Kids", 0.5, caption_kind="automatic"),
        made(
            "blurred",
            "pso",
            240,
            (None,),
            signing([*range(240)], **low),
            "Kids",
            1,
            caption_kind="none",
            hands_seen=0.5,
        ),
        made("duo", "ase", 96, ("Weathermen", "both of us"), signing([*range(96)], **high, people=2), "Two", 0.25),
        made("pause", "ase", 96, ("The weather", "is fine"), signing([*range(24), *range(60, 96)], **high), "One", 0.5),
    )
    opened = Lake.open(folder)
    with opened.duckdb() as con:
        yield con
    opened.close()


ANSWERS = {
    1: [
        ("long-00000", 5.0, pytest.approx(0.95), "Dzi\u015b jest ciep\u0142o"),
        ("long-00001", 5.0, pytest.approx(0.95), "Jutro te\u017c"),
    ],
    2: [("News", 2, 3.5, 70.0), ("Kids", 2, 1.5, 30.0)],
    3: [("ase", 0.5), ("pso", -0.5)],
    # manual: 3 + 2, 1 + 1, 1 + 3, 2 + 2 words in 10, 2, 4 and 4 s
    4: [("manual", 8, 0.75), ("automatic", 1, 0.5)],
    5: [("duo", 1.0)],
    6: [("ase", "American Sign Language", 2, 45.0)],
    7: [("pause", 1.5, 1.0)],
    8: [("ase", 1.2), ("pso", 0.48)],
    9: [
        ("duo", "ase", "Weathermen", "https://example.org/watch?v=duo&t=0"),
        ("pause", "ase", "The weather", "https://example.org/watch?v=pause&t=0"),
    ],
    10: [("en", 0.0, 5.0, "Dzi\u015b jest ciep\u0142o")],
}  # fmt: skip


def test_the_page_has_ten_questions():
    assert [int(number) for number, _ in QUESTIONS] == list(range(1, 11))


@pytest.mark.parametrize(("number", "query"), QUESTIONS, ids=[number for number, _ in QUESTIONS])
def test_a_question_of_the_page_has_the_known_answer(con, number, query):
    rows = read_only.run(con, query.replace("'VIDEO_ID'", "'long'")).rows()
    assert rows == ANSWERS[int(number)]
