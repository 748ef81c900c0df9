"""What a takedown takes out of an export is gone from the hub: from older versions too, and only that."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from tests.export.publish.conftest import LICENCE
from tests.export.publish.test_publish import Command, content
from tests.fakehub.hub import Answer, Hub

GONE = "synthASE001"


@pytest.fixture
def without(sample: Lake, tmp_path: Path, signverse: Command) -> Callable[[str], Path]:
    """The export of a kind as the sample's lake gives it without one video."""

    def export(kind: str) -> Path:
        folder = tmp_path / "without"
        words = ("--where", f"video_id <> '{GONE}'", "--lake", sample.folder, "--out", folder)
        few = "--videos-per-shard" if kind == "shards" else "--clips-per-shard"
        code, _, err = signverse("export", kind, *words, few, "1" if kind == "shards" else "4")
        assert code == 0, err
        return folder

    return export


def data_sums(folder: Path) -> set[str]:
    return {
        hashlib.sha256(data).hexdigest()
        for name, data in content(folder).items()
        if name.endswith((".tar", ".parquet"))
    }


@pytest.mark.parametrize("kind", ["shards", "parquet", "webdataset"])
def test_files_of_a_video_that_is_gone_are_removed_for_good(
    kind: str, hub: Hub, written: Callable[[str], Path], without: Callable[[str], Path], signverse: Command
) -> None:
    assert signverse("publish", written(kind), "owner/poses", *LICENCE)[0] == 0
    hub.repositories["datasets/owner/poses"].commit(
        "main", {"mine.bin": hub.store("mine.bin", b"mine" * 4_000_000)}, ""
    )
    folder = without(kind)
    code, out, err = signverse("publish", folder, "owner/poses", "--dry-run")
    assert code == 0 and "remove for good" in out and GONE in err and "would be removed for good" in err
    assert all(len(line) <= 80 for line in out.splitlines())
    code, _, err = signverse("publish", folder, "owner/poses")
    assert code == 0 and GONE in err and "to be removed for good" in err and "; removed " in err and "mine.bin" in err
    published = hub.files("owner/poses")
    assert published.keys() >= content(folder).keys() | {"mine.bin"}
    assert {name: published[name] for name in content(folder)} == content(folder)
    old = data_sums(written(kind)) - data_sums(folder)
    assert (
        old and not old & hub.repositories["datasets/owner/poses"].large_files().keys() and not old & hub.blobs.keys()
    )
    hub.clear_log()
    code, _, err = signverse("publish", folder, "owner/poses")
    assert code == 0 and "nothing was sent" in err and len(hub.requests) <= 3


@pytest.mark.parametrize(
    "after", [1, 3, *(pytest.param(number, marks=pytest.mark.slow) for number in (0, 2, 4, 5, 6, 7))]
)
def test_a_takedown_that_is_broken_off_is_completed_by_the_next_run(
    after: int, hub: Hub, written: Callable[[str], Path], without: Callable[[str], Path], signverse: Command
) -> None:
    """At whichever request that changes something it ends."""
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE)[0] == 0
    folder = without("shards")
    hub.fail(Answer(403), path=r"/(commit|lfs-files|preupload)", method="POST", after=after, times=None)
    code = signverse("publish", folder, "owner/poses")[0]
    hub.heal()
    assert signverse("publish", folder, "owner/poses")[0] == 0
    old = data_sums(written("shards")) - data_sums(folder)
    assert not old & hub.blobs.keys(), code
    published = hub.files("owner/poses")
    assert {name: published[name] for name in content(folder)} == content(folder)


def test_files_that_a_tag_names_are_removed_only_where_that_is_said(
    hub: Hub, written: Callable[[str], Path], without: Callable[[str], Path], signverse: Command
) -> None:
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE, "--tag", "v1")[0] == 0
    before = hub.files("owner/poses", "v1")
    folder = without("shards")
    hub.clear_log()
    code, _, err = signverse("publish", folder, "owner/poses", "--tag", "v2")
    assert code == 1 and "v1" in err and "--withdrawn remove" in err
    assert {request.method for request in hub.requests} == {"GET"}
    assert signverse("publish", folder, "owner/poses", "--tag", "v2", "--withdrawn", "keep")[0] == 0
    assert hub.files("owner/poses", "v1") == before
    assert hub.files("owner/poses", "v2") == hub.files("owner/poses")
    # What was kept then can still be removed.
    assert signverse("publish", folder, "owner/poses", "--withdrawn", "remove")[0] == 0
    assert not (data_sums(written("shards")) - data_sums(folder)) & hub.blobs.keys()


def test_a_takedown_reaches_tags_where_that_is_said(
    hub: Hub, written: Callable[[str], Path], without: Callable[[str], Path], signverse: Command
) -> None:
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE, "--tag", "v1")[0] == 0
    folder = without("shards")
    assert signverse("publish", folder, "owner/poses", "--tag", "v2", "--withdrawn", "remove")[0] == 0
    old = data_sums(written("shards")) - data_sums(folder)
    assert not old & hub.blobs.keys()
    assert hub.files("owner/poses", "v2") == hub.files("owner/poses")


def test_files_that_another_branch_still_has_stay_and_are_named(
    hub: Hub, written: Callable[[str], Path], without: Callable[[str], Path], signverse: Command
) -> None:
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE)[0] == 0
    before = hub.files("owner/poses")
    code, _, err = signverse("publish", without("shards"), "owner/poses", "--revision", "next")
    assert code == 0 and "the branch main still has" in err
    assert hub.files("owner/poses") == before


def test_another_export_does_not_take_the_place_of_most_of_one_unasked(
    hub: Hub, written: Callable[[str], Path], sample: Lake, tmp_path: Path, signverse: Command
) -> None:
    assert signverse("publish", written("parquet"), "owner/poses", *LICENCE)[0] == 0
    where = ("--where", f"video_id = '{GONE}'", "--lake", sample.folder, "--out", tmp_path / "small")
    assert signverse("export", "parquet", *where)[0] == 0
    hub.clear_log()
    code, _, err = signverse("publish", tmp_path / "small", "owner/poses")
    assert code == 1 and "most of them" in err
    assert {request.method for request in hub.requests} == {"GET"}
