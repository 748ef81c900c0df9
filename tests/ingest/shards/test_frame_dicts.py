"""Videos with a file a frame and a pickled dict a person come in as numpy loads them; nothing of the pickles is run."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards import dialects
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import BODY, LEFT_HAND, NUM_JOINTS, PARTS, RIGHT_HAND
from tests.ingest.shards.dialect_files import (
    assert_same_rows,
    consolidated,
    flat,
    objects,
    pack,
    per_frame,
    person,
    poses_of,
    rows_of,
    saved,
    video,
)
from tests.ingest.shards.untrusted.test_hostile_npz import HOSTILE, MARK, header, mark

Frame = dict[str, Any]
__all__ = ["mark"]


def of_people(people: Sequence[np.ndarray], size: tuple[int, int] | None = None) -> Frame:
    """A frame as the tools for single frames write it: normalised float64, a dict a person, no size."""
    frame: Frame = {"num_persons": len(people)}
    if size is not None:
        frame |= {"frame_width": size[0], "frame_height": size[1]}
    for i, points in enumerate(people):
        frame[f"person_{i}"] = {
            f"{part.name}_{what}": points[part.slice, where].astype(np.float64)
            for part in PARTS
            for what, where in (("keypoints", slice(2)), ("scores", 2))
        }
    return frame


def files(frames: dict[int, Frame], save: Callable[..., None] = np.savez) -> dict[str, bytes]:
    return {f"{number:08d}.npz": saved(save, **frame) for number, frame in frames.items()}


def as_numpy_loads(data: dict[str, bytes], size: tuple[int, int]) -> dict[tuple[int, int], np.ndarray]:
    found = {}
    for name, content in data.items():
        with np.load(io.BytesIO(content), allow_pickle=True) as npz:
            for i in range(int(npz["num_persons"])):
                about = npz[f"person_{i}"].item()
                points = np.full((NUM_JOINTS, 3), np.nan, np.float32)
                for part in PARTS:
                    points[part.slice, :2] = about[f"{part.name}_keypoints"]
                    points[part.slice, 2] = about[f"{part.name}_scores"]
                points[:, :2] *= np.array(size, np.float32)
                found[int(name[:8]) - 1, i] = points
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(1, 30), st.integers(0, 3), min_size=1, max_size=8).filter(lambda n: any(n.values())),
    st.sampled_from([None, (640, 480)]),
    st.sampled_from([np.savez, np.savez_compressed]),
)
def test_people_in_dicts_are_those_that_numpy_loads(
    counts: dict[int, int], size: tuple[int, int] | None, save: Callable[..., None]
) -> None:
    data = files({n: of_people([person(9 * n + i) for i in range(count)], size) for n, count in counts.items()}, save)
    poses = poses_of(data)
    assert poses.dialect == "per-frame-dicts"
    # Who reads pixels is told that no file says how many there are.
    assert poses.repairs == ([] if size else ["frame_size_unknown"])
    assert (poses.width, poses.height) == (size or (1280, 720))
    assert_same_rows(rows_of(poses), as_numpy_loads(data, size or (1280, 720)))
    assert poses.numbers.tolist() == sorted(number - 1 for number in counts)


def signers(frame: int, count: int) -> list[np.ndarray]:
    """People beside each other whose hands are at their wrists."""
    found = []
    for who in range(count):
        points = person(100 + who)
        points[:, :2] = (points[:, :2] - 0.5) * 0.2 + (0.2 + 0.3 * who + 0.001 * frame, 0.5)
        for hand, wrist in ((LEFT_HAND, 7), (RIGHT_HAND, 4)):
            points[hand.slice, :2] = points[wrist, :2] + 0.01 * (points[hand.slice, :2] - points[hand.start, :2])
        found.append(points)
    return found


def as_published(people: Sequence[np.ndarray]) -> list[np.ndarray]:
    """With the defects of the published tools: codes for the scores of bodies, and hands in another order."""
    hands = [points[LEFT_HAND.slice] for points in people] + [points[RIGHT_HAND.slice] for points in people]
    found = []
    for i, points in enumerate(people):
        changed = points.copy()
        changed[BODY.slice, 2] = 18 * i + np.arange(18)
        changed[LEFT_HAND.slice], changed[RIGHT_HAND.slice] = hands[2 * i], hands[2 * i + 1]
        found.append(changed)
    return found


@pytest.mark.parametrize("count", [1, 2, 3])
def test_its_lake_is_that_of_the_same_people_in_a_released_tar(
    tmp_path: Path, signverse: Callable[..., Any], count: int
) -> None:
    frames = [as_published(signers(frame, count)) for frame in range(6)]
    (tmp_path / "one").mkdir(), (tmp_path / "two").mkdir()
    dicts = files({number: of_people(people, (640, 480)) for number, people in enumerate(frames, 1)})
    tars = {
        "one": pack(tmp_path / "one" / "a.tar", video("x", dicts)),
        "two": pack(tmp_path / "two" / "a.tar", video("x", consolidated([flat(people) for people in frames]))),
    }
    lakes = []
    for name, tar in tars.items():
        assert signverse("ingest", "shards", tar, "--lake", tmp_path / name / "lake")[0] == 0
        lakes.append(Lake.open(tmp_path / name / "lake"))
    one, two = (lake.table("keypoints").drop("ingest_id").collect().sort("frame", "person") for lake in lakes)
    assert one.equals(two)
    repairs = lakes[0].video("x")["repairs"]
    assert repairs == lakes[1].video("x")["repairs"]
    assert "body_scores_unknown" in repairs
    assert ("hands_unpermuted:6" in repairs) == (count > 1)
    # Within the form's precision, which is that of a lake: an eighth of a pixel.
    body = np.array([row.to_list() for row in one.filter(person=0)["body_xy"]]).reshape(-1, 18, 2)
    places = np.array([[people[who][:18, :2] for who in range(count)] for people in frames]) * (640, 480)
    nearest = np.abs(places - body[:, None]).max(axis=(2, 3)).min(axis=1)
    assert nearest.max() <= 1 / 16 + 1e-3


def test_inspect_names_the_dialect_and_what_was_assumed(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    data = files({1: of_people([]), 2: of_people([person(1)])})
    path = pack(tmp_path / "a.tar", video("x", data))
    code, said, _ = signverse("inspect", path, "--format", "csv")
    assert code == 0
    assert ",per-frame-dicts," in said
    assert "frame_size_unknown" in said
    # What is kept as published says it as well.
    assert signverse("ingest", "shards", path, "--lake", tmp_path / "lake", "--no-repair")[0] == 0
    assert Lake.open(tmp_path / "lake").video("x")["repairs"] == ["frame_size_unknown"]


FILES = files({number: of_people([person(number)]) for number in range(1, 4)})
AS_THEY_ARE = rows_of(poses_of(FILES))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(FILES["00000002.npz"]) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_refused_with_the_files_name_or_changes_nothing(at: int, bit: int) -> None:
    broken = bytearray(FILES["00000002.npz"])
    broken[at] ^= 1 << bit
    try:
        poses = poses_of({**FILES, "00000002.npz": bytes(broken)})
    except BadInputError as error:
        assert "x/npz/00000002.npz" in str(error)
        assert "\n" not in str(error)
        return
    assert_same_rows(rows_of(poses), AS_THEY_ARE)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize("how", HOSTILE)
def test_a_person_that_brings_more_than_arrays_is_refused_and_runs_nothing(how: str, mark: Path) -> None:
    one = io.BytesIO()
    np.save(one, np.array(1))
    hostile = zipped(num_persons=one.getvalue(), person_0=header(()) + HOSTILE[how])
    with pytest.raises(BadInputError, match=r"x/npz/00000002\.npz") as refused:
        poses_of({**FILES, "00000002.npz": hostile})
    assert "\n" not in str(refused.value)
    assert not Path(MARK).exists()


GOOD = of_people([person(1)])

STRANGE: dict[str, Frame] = {
    "a person in a list of one": {"num_persons": 1, "person_0": objects([GOOD["person_0"]])},
    "nobody in a list": {"num_persons": 1, "person_0": objects([])},
    "people who are not counted": GOOD | {"num_persons": 0},
    "fewer people than are counted": GOOD | {"num_persons": 2},
    "people with a gap": {"num_persons": 2, "person_0": GOOD["person_0"], "person_2": GOOD["person_0"]},
    "a person in two forms": GOOD | flat([person(1)]),
    "a person with another's number": {"num_persons": 1, "person_00": GOOD["person_0"]},
    "a dict of something else": GOOD | {"notes": {"a": np.zeros(3)}},
    "a person without anything": {"num_persons": 1, "person_0": {}},
    "keypoints without scores": {"num_persons": 1, "person_0": {"body_keypoints": np.zeros((18, 2))}},
    "a body of 17 joints": {"num_persons": 1, "person_0": GOOD["person_0"] | {"body_scores": np.zeros(17)}},
    "a body in three dimensions": {
        "num_persons": 1,
        "person_0": GOOD["person_0"] | {"body_keypoints": np.zeros((18, 3))},
    },
    "a list": {"num_persons": 1, "person_0": GOOD["person_0"] | {"body_scores": [0.5] * 18}},
    "a dict in a dict in a dict": {"num_persons": 1, "person_0": {"a": {"b": {"c": np.zeros(3)}}}},
    "texts": {"num_persons": 1, "person_0": GOOD["person_0"] | {"body_scores": np.array(["a"] * 18)}},
    "a size in one frame only": GOOD | {"frame_width": 640, "frame_height": 480},
    "a width only": GOOD | {"frame_width": 640},
    "an array of zeros of 40 MB": GOOD | {"more": np.zeros(5_000_000)},
    "a person of zeros of 40 MB": {"num_persons": 1, "person_0": GOOD["person_0"] | {"more": np.zeros(5_000_000)}},
    "200 people": of_people([person(1)] * 200),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_no_such_tool_writes_is_refused_in_one_line(what: str) -> None:
    broken = saved(np.savez_compressed, **STRANGE[what])
    with pytest.raises(BadInputError) as refused:
        poses_of({**FILES, "00000002.npz": broken})
    assert "\n" not in str(refused.value)


def test_one_damaged_frame_costs_its_video_alone_and_the_account_says_why(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    broken = {**FILES, "00000002.npz": FILES["00000002.npz"][:-40]}
    path = pack(tmp_path / "a.tar", video("bad", broken) | video("good", FILES) | video("flat", per_frame([flat([])])))
    code, _, told = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 1
    assert "bad/npz/00000002.npz" in told
    lake = Lake.open(tmp_path / "lake")
    assert sorted(lake.videos().collect()["video_id"]) == ["flat", "good"]
    failed = lake.raw_table("outcomes").collect().filter(video_id="bad").to_dicts()
    assert [row["outcome"] for row in failed] == ["failed"]


def test_a_pickle_of_a_single_dict_is_no_video_of_the_other_dialects() -> None:
    frame = flat([person(1)])
    single = np.empty((), object)
    single[()] = frame
    with pytest.raises(BadInputError, match="not an array of dicts"):
        poses_of(consolidated([frame], frame_payloads=single))
    # And a header without dimensions before an array with one, or the reverse, is neither.
    for shape, array in (((), objects([GOOD["person_0"]])), ((1,), np.array(GOOD["person_0"], object))):
        one = io.BytesIO()
        np.save(one, np.array(1))
        hostile = zipped(num_persons=one.getvalue(), person_0=header(shape) + pickle.dumps(array, 4))
        with pytest.raises(BadInputError):
            poses_of({**FILES, "00000002.npz": hostile})


def test_files_that_unpack_to_more_than_a_frame_needs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects.per_frame, "_MAX_UNPACKED", 20_000)
    with pytest.raises(BadInputError, match="unpacks to"):
        poses_of(files({1: of_people([person(i) for i in range(30)])}))
