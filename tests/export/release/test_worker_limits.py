"""What a worker of an export may take: beyond it is ended in one line, and nothing half-written stays."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from signverse.export.formats.format import SHARD_FOLDER, Written
from signverse.export.release.choice import chosen_videos
from signverse.export.release.folder import Folder
from signverse.export.release.shards import Shard, Spec, plan_shards, prepare_folder
from signverse.lake.jobs.executor import WorkerLimits
from signverse.lake.lake import Lake
from signverse.lake.model.errors import SignverseError
from signverse.lake.storage.temporary.whole_file import whole_file


def swell(_: Lake, out: Path, unit: Shard) -> Written[Any]:
    with whole_file(out / unit.name) as file:
        file.write(b"half")
        kept = []
        while True:
            kept.append(bytearray(b"x" * (8 << 20)))
            time.sleep(0.001)


def hang(_: Lake, out: Path, unit: Shard) -> Written[Any]:
    with whole_file(out / unit.name) as file:
        file.write(b"half")
        time.sleep(600)
    raise AssertionError


@pytest.mark.parametrize(
    ("write", "limits", "said"),
    [
        (swell, WorkerLimits(memory_mb=400), "needs more than 400 MB of memory. .* --worker-memory"),
        (hang, WorkerLimits(stalled_s=3), "no progress for 3 seconds, given up. .* --stalled-after"),
    ],
)
def test_a_file_that_takes_too_much_ends_the_export_in_one_line(
    sample: Lake, tmp_path: Path, write: Any, limits: WorkerLimits, said: str
) -> None:
    shards = plan_shards(chosen_videos(sample, None)[0], videos_per_shard=100)
    prepare_folder(tmp_path, sample, shards, Spec(), overwrite=False)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(SignverseError, match=said):
        Folder(tmp_path, SHARD_FOLDER).write(sample, shards, write, limits=limits)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
