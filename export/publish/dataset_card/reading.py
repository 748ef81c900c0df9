"""How each kind of export is read, and what its columns and arrays are: sections of a card."""

from __future__ import annotations

from signverse.export.publish.dataset_card.facts import Facts
from signverse.export.publish.dataset_card.markdown import code, table
from signverse.lake.model.skeleton import BODY_JOINTS, PARTS

PLACE = "OWNER/NAME"
"""Of a data set that is not published yet."""


def loading(facts: Facts, repository: str | None) -> str:
    """The section on how to load it."""
    place = repository or PLACE
    first = facts.named[0] if facts.named else "ase"
    folder = f"data/{first}" if facts.by_language else "data"
    parts = ["## How to load it", ""]
    if repository is None:
        parts += [f"`{PLACE}` stands for where it is published; `DIR` for a folder of it.", ""]
    if facts.kind == "parquet":
        parts += _parquet(facts, place, first, folder)
    elif facts.kind == "webdataset":
        parts += _webdataset(facts, place, first, folder)
    elif facts.kind == "pose":
        parts += _pose()
    elif facts.kind == "lake":
        parts += _lake(place, first)
    else:
        parts += _shards(facts)
    parts += ["", _fetch(place)]
    return "\n".join(parts)


def _fetch(place: str) -> str:
    return "The files, of which `SHA256SUMS` has the sums where there is one:\n\n" + code(
        f"hf download {place} --repo-type dataset --local-dir DIR\nsignverse verify DIR", "bash"
    )


def _parquet(facts: Facts, place: str, first: str, folder: str) -> list[str]:
    named = first if facts.by_language else "all"
    return [
        code(
            f'''from datasets import load_dataset

# Texts, times and confidences, a row a clip, without arrays
clips = load_dataset("{place}")["train"]
# With the keypoints
poses = load_dataset("{place}", "{named}", streaming=True)["train"]
row = next(iter(poses.with_format("numpy")))
# Frames, people, joints, x and y in pixels
body = row["body_xy"].reshape(-1, row["num_people"], 18, 2)''',
            "python",
        ),
        "",
        "Polars and PyArrow read the files as they are, from the hub as well, and of the columns only those that are "
        "asked for:",
        "",
        code(
            f"""import polars
import pyarrow.dataset

clips = polars.scan_parquet("hf://datasets/{place}/{folder}/*.parquet")
seen = clips.filter(polars.col("hands_seen") > 0.9)
seen.select("text", "right_hand_xy").head(100).collect()
columns = ["segment_id", "body_xy", "num_people"]
table = pyarrow.dataset.dataset("DIR/{folder}").to_table(columns=columns)""",
            "python",
        ),
    ]


def _webdataset(facts: Facts, place: str, first: str, folder: str) -> list[str]:
    named = first if facts.by_language else "all"
    pattern = f"DIR/{folder}/*.tar" if facts.by_language else "DIR/*.tar"
    return [
        code(
            f'''import glob

import webdataset

clips = webdataset.WebDataset(sorted(glob.glob("{pattern}")), shardshuffle=False)
for points, about in clips.decode().to_tuple("keypoints.npy", "json"):
    # (frames, 128, 3): x and y in pixels, score
    print(points.shape, about["text"])''',
            "python",
        ),
        "",
        code(
            f'''from datasets import load_dataset

clips = load_dataset("{place}", "{named}", streaming=True)["train"]
sample = next(iter(clips))
sample["json"]["text"], len(sample["keypoints.npy"])''',
            "python",
        ),
    ]


def _pose() -> list[str]:
    return [
        "A clip is a file, `VIDEO_ID/SEGMENT_ID.pose`; `index.csv` lists them.",
        "",
        code(
            """import csv
from pathlib import Path

from pose_format import Pose

for row in csv.DictReader(Path("DIR/index.csv").open(newline="")):
    pose = Pose.read((Path("DIR") / row["file"]).read_bytes())
    pose.body.data  # masked float32 [frames, people, 128, 2]""",
            "python",
        ),
    ]


def _shards(facts: Facts) -> list[str]:
    file = "npz/poses.npz" if facts.kind == "consolidated" else "poses.npz"
    return [
        "These are release shards: tars of whole videos. `datasets` cannot read them (the viewer shows `index.csv`, a "
        "row "
        "a video), and it is not meant to. Take them into a lake, which runs nothing that a file names:",
        "",
        code(
            "signverse ingest shards DIR --lake LAKE\nsignverse select --lake LAKE --captioned -o clips.parquet", "bash"
        ),
        "",
        "Or read a video by hand. `allow_pickle=True` runs what a file names: only for tars whose sums you have "
        "checked.",
        "",
        code(
            f'''import io
import tarfile

import numpy as np

with tarfile.open("DIR/Sign_DWPose_NPZ_000001.tar") as tar:
    name = next(name for name in tar.getnames() if name.endswith("{file}"))
    poses = np.load(io.BytesIO(tar.extractfile(name).read()), allow_pickle=True)''',
            "python",
        ),
    ]


def _lake(place: str, first: str) -> list[str]:
    return [
        "This is a whole lake: Delta tables, which Delta readers, DuckDB, Polars and signverse read.",
        "",
        code(
            f'''import signverse

lake = signverse.open("DIR")
for clip in lake.read_clips(signverse.Selection(languages=("{first}",), captioned=True)):
    clip.points.shape, clip.text  # (frames, 128, 3)''',
            "python",
        ),
        "",
        "`datasets` reads the files of a table, rows of replaced ingestions too where there are any:",
        "",
        code(
            f'''from datasets import load_dataset

segments = load_dataset("{place}")["train"]
frames = load_dataset("{place}", "{first}", streaming=True)["train"]''',
            "python",
        ),
    ]


def columns(facts: Facts) -> str:
    """The section on columns, arrays, units and the order of the joints."""
    joints = []
    start = 0
    for part in PARTS:
        joints.append((part.name.replace("_", " "), str(part.size), f"{start} to {start + part.size - 1}"))
        start += part.size
    parts = [
        "## Columns and arrays",
        "",
        "24 frames a second; x and y in pixels of the video's `width` and `height`, the origin at the top left; times "
        "in "
        "seconds; frames counted from 0, and `end_frame` is the one after the last. Scores are the model's confidence: "
        "0.3 and more counts as seen, and good ones may exceed 1 a little.",
        "",
        *_arrays(facts),
        "",
        "The 128 points, in this order:",
        "",
        table(("part", "joints", "points"), joints, numbers=2),
        "",
        f"Body (OpenPose's order): {', '.join(BODY_JOINTS).replace('_', ' ')}. Face: the 68 landmarks of iBUG. "
        "Hands: "
        "the root, then four joints of thumb, index, middle, ring and little finger. Right and left are the signer's.",
    ]
    return "\n".join(parts)


def _arrays(facts: Facts) -> list[str]:
    # Long because: it is text, a table for each kind of export.
    people = "people" if facts.all_people else "1"
    about = (
        "| `segment_id`, `video_id`, `ingest_id` | string | the clip, its video, and the ingestion of that |\n"
        "| `text`, `text_language`, `caption_kind`, `english_source` | string | the caption, and where it comes from "
        "|\n"
        "| `start_s`, `end_s`, `start_frame`, `end_frame`, `num_frames` | number | where in the video |\n"
        "| `coverage`, `hands_seen` | float | shares of the frames with the signer, and with both hands |\n"
        "| `body_confidence`, ... `right_hand_confidence` | float | mean scores of the parts |\n"
        "| `people_max`, `num_people` | int | most people in a frame, and people in the arrays |\n"
        "| `fps`, `width`, `height`, `title`, `channel`, `url` | | of the video |\n"
        "| `absent_frames` | list of int | frames of the clip that the source never had |"
    )
    head = "| column | type | content |\n| --- | --- | --- |"
    if facts.kind == "parquet":
        return [
            f"`clips.parquet` has all but the arrays. T is `num_frames`, P is `num_people` ({people}).\n",
            head,
            "| `body_xy`, `face_xy`, `left_hand_xy`, `right_hand_xy` | list of float32 | T * P * joints * 2 numbers, "
            "frame "
            "by frame: x, y, x, y; null where absent |",
            "| `body_score`, `face_score`, ... | list of float32 | T * P * joints; null where unknown |",
            "| `body_visible` | list of bool | T * P * 18, where the source lost the scores of the body; else null |",
            about,
        ]
    if facts.kind == "webdataset":
        shape = "[T, P, 128, 3]" if facts.all_people else "[T, 128, 3]"
        visible = "[T, P, 18]" if facts.all_people else "[T, 18]"
        return [
            "A clip is the members of one key, the segment's id (`%25` and `%2E` stand for `%` and `.`):\n",
            "| member | type | content |\n| --- | --- | --- |",
            f"| `KEY.keypoints.npy` | float32 {shape} | x, y, score; (nan, nan, 0) where absent |",
            f"| `KEY.body_visible.npy` | int8 {visible} | 1, 0, or -1 where not known; only where the source lost the "
            "scores of the body |",
            "| `KEY.json` | | what follows |",
            about,
        ]
    if facts.kind == "pose":
        return [
            "The components are OpenPose's (`pose_keypoints_2d`, `face_keypoints_2d`, `hand_left_keypoints_2d`, "
            "`hand_right_keypoints_2d`), in pixels; what is absent or hidden is masked."
        ]
    if facts.kind == "lake":
        return [
            "A row of `keypoints` is one person in one frame: `body_xy`, `body_score`, `face_xy` and so on are lists, "
            "x of "
            "joint j at 2j and y at 2j + 1. A row of `segments` is a clip, a row of `videos` a video."
        ]
    if facts.kind == "consolidated":
        return [
            "Per video `ID/npz/poses.npz` and `ID/captions/ID.LANGUAGE.vtt`. `frame_payloads` holds a dict a frame, "
            "with "
            "`person_000_body_keypoints` [18, 2] and `person_000_body_scores` [18], and so for `face`, `left_hand` and "
            "`right_hand`. Here alone coordinates are shares of the width and height, (-1, -1) where absent, and "
            "`frame_indices` counts from 1."
        ]
    return [
        "Per video `ID/poses.npz` and `ID/caption.json`. `frames` holds a dict a frame, with `person_0`, `person_1`, "
        "...: "
        "each `body` [18, 3], `face` [68, 3], `left_hand` and `right_hand` [21, 3] of x, y and score; (0, 0, 0) where "
        "absent."
    ]
