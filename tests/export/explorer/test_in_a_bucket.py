"""A lake in a bucket is looked at as the same lake in a folder is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from tests.export.explorer.conftest import Served
from tests.lake.storage.stores.conftest import at_s3, s3, upload

__all__ = ["at_s3", "s3"]

pytestmark = pytest.mark.slow

CLIP = "-dash.b-00000"
QUESTIONS = {
    "rows": {"count": 300, "language": "pso"},
    "facets": {"text": "water"},
    "clip": {"id": CLIP},
    "captions": {"id": CLIP},
    "points": {"id": CLIP},
    "thumbs": {"rows": "0,1,2"},
    "languages": {},
    "quality": {"measure": "body_confidence"},
    "sql": {"query": "select count(*), avg(face_confidence) from keypoints"},
}


def test_every_answer_is_that_of_the_folder(
    shown: Lake, served: Served, serve: Callable[..., Served], at_s3: str, tmp_path: Path
) -> None:
    address = upload(shown.folder, "s3://corpora/shown at #1")
    # As the command line has it, of which two slashes are one.
    far = serve(Path(address))
    for name, asked in QUESTIONS.items():
        ours, theirs = far.api(name, **asked), served.api(name, **asked)
        assert ours.status == 200, (name, ours.body[:300])
        if name == "clip":
            assert {**ours.json, "media": None} == {**theirs.json, "media": None}
        else:
            assert ours.body == theirs.body, name
    assert far.api("status").json["listed"] == served.api("status").json["listed"]
    command = far.api("command").json["command"]
    assert command == f"signverse select --lake '{address}' -o clips.parquet"
    assert far.post("picks", {"add": [CLIP]}).json["picked"] == [CLIP]
