"""`datasets` reads from the hub what was published with a card: by language, streamed and whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from tests.fakehub.hub import Hub


@pytest.mark.parametrize("kind", ["parquet", "webdataset"])
def test_load_dataset_reads_a_language_of_what_was_published(
    kind: str,
    hub: Hub,
    sample: Lake,
    tmp_path: Path,
    signverse: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.address)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    assert signverse("export", kind, "--lake", sample.folder, "--out", out, "--card")[0] == 0
    code, _, err = signverse("publish", out, "owner/poses", "--licence", "cc-by-nc-4.0")
    assert code == 0, err
    expected = sample.unfiltered_clips().collect()
    rows = list(datasets.load_dataset("owner/poses", "ase", streaming=True)["train"])
    assert len(rows) == expected.filter(sign_language="ase").height
    whole = datasets.load_dataset("owner/poses")["train"]
    assert whole.num_rows == expected.height
    assert ("body_xy" in whole.column_names, "text" in whole.column_names) == (False, kind == "parquet")
