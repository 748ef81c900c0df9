"""A lake is published as what its newest version needs, and is a lake again where it is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import snapshot_download

from signverse import ingest
from signverse.export.publish.client.hub import Hub as Client
from signverse.export.publish.content import LAKE, Content
from signverse.export.publish.publisher import Settings, _licence
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from tests.export.publish.conftest import LICENCE
from tests.fakehub.hub import WRITE_TOKEN, Hub

Command = Callable[..., tuple[int, str, str]]


def download(name: str, folder: Path) -> Path:
    return Path(snapshot_download(name, repo_type="dataset", local_dir=folder))


def test_a_published_lake_is_a_lake_again_and_a_second_run_sends_nothing(
    hub: Hub, sample: Lake, tmp_path: Path, signverse: Command
) -> None:
    folder = Path(shutil.copytree(sample.folder, tmp_path / "lake"))
    code, out, err = signverse("publish", folder, "owner/lake", *LICENCE)
    assert (code, out) == (0, f"{hub.address}/datasets/owner/lake\n"), err
    copy = download("owner/lake", tmp_path / "copy")
    assert signverse("verify", copy)[:2] == (0, "")
    with Lake.open(copy) as again:
        ids = again.videos().collect()["video_id"].to_list()
        assert len(ids) == 6
        for video_id in ids:
            assert np.array_equal(again.keypoints(video_id), sample.keypoints(video_id), equal_nan=True)
    hub.clear_log()
    code, out, err = signverse("publish", folder, "owner/lake")
    assert code == 0 and "nothing was sent" in err
    assert len(hub.requests) <= 3
    # Another machine that has downloaded it finds nothing to send either.
    code, out, err = signverse("publish", copy, "owner/lake")
    assert code == 0 and "nothing was sent" in err, err


def test_a_lake_from_shards_says_where_its_videos_came_from_where_the_licence_is_unknown(
    hub: Hub, sample: Lake, signverse: Command
) -> None:
    code, _, err = signverse("publish", sample.folder, "owner/lake")
    assert code == 1 and "synthetic.tar (6 videos)" in err and "--licence" in err
    assert not hub.repositories


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"them/a": "cc-by-nc-4.0"}, "cc-by-nc-4.0"),
        ({"them/a": "cc-by-4.0", "them/b": "cc-by-4.0"}, "cc-by-4.0"),
        ({"them/a": "cc-by-4.0", "them/b": "mit"}, None),
        ({"them/a": "cc-by-4.0", "them/b": None}, None),
        ({"them/a": "other"}, None),
        ({"them/a": None}, None),
        ({"them/a": "cc-by-4.0", "": None}, None),
    ],
)
def test_the_licence_is_that_of_the_data_sets_that_all_videos_came_from(
    cards: dict[str, str | None], expected: str | None, hub: Hub
) -> None:
    for name, licence in cards.items():
        if licence is not None:
            hub.put(name, {"README.md": f"---\nlicense: {licence}\n---\n".encode()})
    content = Content(Path("lake"), LAKE, [], [], [], frozenset(), "them", frozenset(cards))
    client, remarks = Client("owner/lake", token=WRITE_TOKEN), []
    if expected is None:
        with pytest.raises(BadInputError, match="none is assumed") as refused:
            _licence(content, client, Settings(), None, None, remarks)
        assert "--licence" in str(refused.value)
    else:
        assert _licence(content, client, Settings(), None, None, remarks).hub == expected
        assert expected in remarks[0] and "them/a" in remarks[0]


@pytest.mark.parametrize("name", ["notes.txt", "videos/notes.txt", ".env", "keypoints/id_rsa"])
def test_what_is_not_of_the_lake_is_refused_by_its_name(
    name: str, hub: Hub, sample: Lake, tmp_path: Path, signverse: Command
) -> None:
    folder = Path(shutil.copytree(sample.folder, tmp_path / "lake"))
    (folder / name).write_text("mine")
    code, _, err = signverse("publish", folder, "owner/lake", *LICENCE)
    assert code == 1 and name in err and not hub.requests


@pytest.mark.slow
def test_rows_of_replaced_ingestions_are_not_given_away(
    hub: Hub, sample: Lake, tmp_path: Path, signverse: Command
) -> None:
    folder = Path(shutil.copytree(sample.folder, tmp_path / "lake"))
    tar = Path(ingest.__file__).parent / "sample" / "synthetic.tar"
    assert signverse("ingest", "shards", tar, "--lake", folder, "--language", "ase", "--redo")[0] == 0
    code, _, err = signverse("publish", folder, "owner/lake", *LICENCE)
    assert code == 1 and "signverse maintain --lake" in err and not hub.requests
    assert signverse("maintain", "--lake", folder, "--retention", "0")[0] == 0
    assert signverse("publish", folder, "owner/lake", *LICENCE)[0] == 0


def test_a_takedown_reaches_a_published_lake(hub: Hub, sample: Lake, tmp_path: Path, signverse: Command) -> None:
    assert signverse("publish", sample.folder, "owner/lake", *LICENCE)[0] == 0
    before = hub.repositories["datasets/owner/lake"].large_files().keys()
    tar = Path(ingest.__file__).parent / "sample" / "synthetic.tar"
    assert signverse("ingest", "shards", tar, "--lake", tmp_path / "less", "-l", "ase", "-l", "gsg")[0] == 0
    code, _, err = signverse("publish", tmp_path / "less", "owner/lake")
    assert code == 0 and "synthBZS" in err and "removed for good" in err
    copy = download("owner/lake", tmp_path / "copy")
    assert signverse("verify", copy)[:2] == (0, "")
    kept = {entry.sha256 for entry in hub.repositories["datasets/owner/lake"].branches["main"][-1].files.values()}
    assert not (before - kept) & hub.blobs.keys()


def test_a_lake_that_needs_repair_is_refused(hub: Hub, sample: Lake, tmp_path: Path, signverse: Command) -> None:
    folder = Path(shutil.copytree(sample.folder, tmp_path / "lake"))
    next((folder / "keypoints").rglob("part-*.parquet")).unlink()
    code, _, err = signverse("publish", folder, "owner/lake", *LICENCE)
    assert code == 1 and "signverse repair" in err and not hub.requests
