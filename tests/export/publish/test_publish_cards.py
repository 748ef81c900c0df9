"""An export with a card is published with it, and agrees with its own checksums there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from signverse.lake.lake import Lake
from tests.export.publish.test_publish import Command
from tests.fakehub.hub import Hub


@pytest.fixture
def carded(sample: Lake, tmp_path: Path, signverse: Command) -> Callable[..., Path]:
    """carded("parquet", "name", ...): an export with a card."""

    def export(kind: str, name: str, *more: str) -> Path:
        words = ("--lake", sample.folder, "--out", tmp_path / name, "--card", "--licence", "cc-by-nc-4.0", *more)
        code, _, err = signverse("export", kind, *words)
        assert code == 0, err
        return tmp_path / name

    return export


@pytest.mark.parametrize("kind", ["parquet", "webdataset"])
def test_an_export_with_a_card_is_whole_where_it_is_downloaded(
    kind: str, hub: Hub, carded: Callable[..., Path], tmp_path: Path, signverse: Command
) -> None:
    folder = carded(kind, "export")
    code, _, err = signverse("publish", folder, "owner/poses")
    assert code == 0, err
    copy = Path(snapshot_download("owner/poses", repo_type="dataset", local_dir=tmp_path / "copy"))
    assert signverse("verify", copy)[:2] == (0, "")
    assert "owner/poses" in (copy / "croissant.json").read_text() and "cc-by-nc-4.0" in (copy / "README.md").read_text()
    for place in (folder, copy):
        hub.clear_log()
        code, _, err = signverse("publish", place, "owner/poses")
        assert code == 0 and f"nothing was sent: {len(hub.files('owner/poses'))} files there already" in err, err
        assert len(hub.requests) <= 3


def test_a_takedown_leaves_what_the_card_still_needs(
    hub: Hub, carded: Callable[..., Path], tmp_path: Path, signverse: Command
) -> None:
    assert signverse("publish", carded("parquet", "export"), "owner/poses")[0] == 0
    before = hub.repositories["datasets/owner/poses"].large_files().keys()
    less = carded("parquet", "less", "--where", "video_id <> 'synthASE001'")
    assert signverse("publish", less, "owner/poses")[0] == 0
    copy = Path(snapshot_download("owner/poses", repo_type="dataset", local_dir=tmp_path / "copy"))
    assert signverse("verify", copy)[:2] == (0, "")
    kept = {hashlib.sha256(data).hexdigest() for data in hub.files("owner/poses").values()}
    assert before - kept and not (before - kept) & hub.blobs.keys()


def test_a_damaged_file_of_the_card_is_refused(hub: Hub, carded: Callable[..., Path], signverse: Command) -> None:
    folder = carded("parquet", "export")
    (folder / "statistics.json").write_text((folder / "statistics.json").read_text() + " ")
    code, _, err = signverse("publish", folder, "owner/poses")
    assert code == 1 and "statistics.json is damaged" in err
    assert not hub.repositories
