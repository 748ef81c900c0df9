"""Exports from Python are those of the command line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import signverse as public
from signverse.lake.lake import Lake


def everything(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("form", ["webdataset", "parquet", "pose"])
def test_python_writes_the_bytes_that_the_command_writes(
    sample: Lake, tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["export", form, "--lake", sample.folder, "--out", "command", "--all-people"]
    assert signverse(*words, *([] if form == "pose" else ["--clips-per-shard", 4]))[0] == 0
    index = public.export_clips(sample, None, "python", format=form, all_people=True, clips_per_file=4)
    assert everything(Path("python")) == everything(Path("command"))
    assert index.rows() == pl.read_csv("python/index.csv").select(index.columns).rows()
    with pytest.raises(public.BadInputError, match="holds an export already"):
        public.export_clips(sample, None, "python", format=form)
    public.export_clips(sample, None, "python", format=form, all_people=True, clips_per_file=4, overwrite=True)
    assert everything(Path("python")) == everything(Path("command"))


def test_clips_are_chosen_as_for_reading(sample: Lake, tmp_path: Path) -> None:
    ids = sample.clips().collect()["segment_id"].to_list()[:3]
    index = public.export_clips(sample, ids, tmp_path / "out", format="parquet")
    assert index["segment_id"].to_list() == sorted(ids)
    for options, words in (
        ({"format": "odd"}, "unknown format 'odd'. Formats: webdataset, parquet, pose"),
        ({"format": "pose"}, "holds an export already"),
    ):
        with pytest.raises(public.BadInputError, match=words):
            public.export_clips(sample, ids, tmp_path / "out", **options)
