"""An import from Python, as the command does it: prepare, then import."""

from __future__ import annotations

from pathlib import Path

import pytest

from signverse.ingest.manifest import read_manifest
from signverse.ingest.quickstart import SAMPLE
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.prepare import prepare_import
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.storage.integrity.foreign_errors import collect


def languages(lake: Lake) -> dict[str, str]:
    lake.refresh()
    return dict(collect(lake.table("videos").select("video_id", "sign_language").sort("video_id")).iter_rows())


def test_a_program_imports_shards(tmp_path: Path) -> None:
    prepared = prepare_import([SAMPLE / "synthetic.tar"], tmp_path / "lake")
    assert languages(prepared.lake) == {}
    summary = import_shards(prepared.lake, prepared.tars.shards, prepared.options, listed=prepared.listed)
    before = languages(prepared.lake)
    assert summary.done == len(before) > 1

    same, other = list(before)[:2]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"{same},{before[same]}\n{other},psr\n")
    again = prepare_import([SAMPLE / "synthetic.tar"], tmp_path / "lake", manifest=read_manifest(manifest))
    assert [line.split()[0].rstrip(":") for line in again.relabelled] == [other]
    assert languages(again.lake) == before | {other: "psr"}


def test_what_is_no_shard_is_refused_before_there_is_a_lake(tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        prepare_import([tmp_path / "none.tar"], tmp_path / "lake")
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"video_id,sign_language\n", b"\0" * 10_240])
def test_a_file_that_is_no_tar_makes_no_lake(tmp_path: Path, monkeypatch, signverse, content: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clips.parquet").write_bytes(content)
    Path("more.tar").write_bytes(content)
    for words in (["clips.parquet"], ["clips.parquet", "more.tar"], [tmp_path], ["."]):
        code, _, err = signverse("ingest", "shards", *words, "--lake", "L2")
        assert (code, len(err.splitlines()), Path("L2").exists()) == (1, 1, False), err
