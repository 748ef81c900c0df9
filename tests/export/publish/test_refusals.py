"""What cannot be published is one line that says why and what to do, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.export.publish.licences import HUB_IDS, read_licence
from signverse.lake.model.errors import MistypedError
from tests.export.publish.conftest import LICENCE
from tests.export.publish.test_publish import Command
from tests.fakehub.hub import READ_TOKEN, Hub


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert code in (1, 2) and out == ""
    for word in words:
        assert word in err, err
    assert len(err.splitlines()) == 1 or code == 2, err


def untouched(hub: Hub) -> None:
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}


def test_without_a_licence_nothing_is_assumed(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    refused(signverse("publish", written("shards"), "owner/poses"), "licence", "--licence", "cc-by-nc-4.0", "9c6ddbf")
    untouched(hub)


@pytest.mark.parametrize(
    "licence", ["proprietary", "", "cc-by", "CC BY 4.0", "other", "unknown", "MIT OR", "https://x"]
)
def test_a_licence_that_nobody_knows_is_refused(
    licence: str, hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    refused(signverse("publish", written("shards"), "owner/poses", "--licence", licence), "licence", "such as cc-by")
    untouched(hub)


@given(st.sampled_from(sorted(HUB_IDS)), st.booleans())
def test_every_id_of_the_hub_is_a_licence_in_any_case(name: str, upper: bool) -> None:
    found = read_licence(name.upper() if upper else name)
    assert found.hub == name and found.spdx


@given(st.text(max_size=30))
def test_any_text_is_a_licence_or_mistyped(text: str) -> None:
    try:
        assert re.fullmatch(r"[\w.+-]+", read_licence(text).hub)
    except MistypedError as error:
        assert len(str(error).splitlines()) == 1


def test_a_licence_that_is_published_stays_and_another_one_must_be_given(
    hub: Hub, export: Callable[..., Path], signverse: Command
) -> None:
    folder = export("parquet")
    assert signverse("publish", folder, "owner/poses", *LICENCE)[0] == 0
    (folder / "README.md").write_text("---\nlicense: mit\n---\n\n# Mine\n")
    refused(signverse("publish", folder, "owner/poses"), "mit", "cc-by-4.0", "--licence")
    assert signverse("publish", folder, "owner/poses", "--licence", "mit")[0] == 0
    assert b"license: mit" in hub.files("owner/poses")["README.md"]


NAMES = [
    "poses",
    "owner/",
    "/poses",
    "owner/poses/more",
    "owner/po ses",
    "../x/y",
    "owner/..",
    "owner/a--b",
    "-o/a",
    "ow\x1bner/a",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_one_is_mistyped(
    name: str, hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    code, out, err = signverse("publish", "--licence", "mit", "--", written("shards"), name)
    assert code == 2 and out == "" and "OWNER/NAME" in err and "\x1b" not in err
    assert not hub.requests


def test_without_a_token_publishing_is_refused(
    hub: Hub, written: Callable[[str], Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    for more in ((), ("--private",)):
        refused(signverse("publish", written("shards"), "owner/poses", *LICENCE, *more), "HF_TOKEN", "hf auth login")
    untouched(hub)
    assert signverse("publish", written("shards"), "owner/poses", *LICENCE, "--dry-run")[0] == 0


def test_a_token_that_may_not_write_is_refused(
    hub: Hub, written: Callable[[str], Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    refused(signverse("publish", written("shards"), "owner/new", *LICENCE), "403", "right to write to owner")
    hub.put("owner/there", {})
    refused(signverse("publish", written("shards"), "owner/there", *LICENCE), "403", "right to write to owner")
    assert hub.files("owner/there") == {}
    monkeypatch.setenv("HF_TOKEN", "hf_" + "wrong" * 6)
    refused(signverse("publish", written("shards"), "owner/new", *LICENCE), "401", "HF_TOKEN")


def test_an_owner_that_does_not_exist_is_refused(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    refused(signverse("publish", written("shards"), "nobody/poses", *LICENCE), "nobody", "403")


def test_formats_are_not_mixed(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    assert signverse("publish", written("parquet"), "owner/poses", *LICENCE)[0] == 0
    before = hub.files("owner/poses")
    for kind in ("shards", "webdataset"):
        refused(signverse("publish", written(kind), "owner/poses"), "parquet", "another name")
    assert hub.files("owner/poses") == before
    hub.put("owner/other", {"train.parquet": b"x"})
    refused(signverse("publish", written("webdataset"), "owner/other", *LICENCE), "train.parquet", "another name")


def test_files_of_the_same_name_that_are_not_ours_are_not_written_over(
    hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    name = next(written("shards").glob("*.tar")).name
    hub.put("owner/poses", {name: b"theirs"})
    refused(signverse("publish", written("shards"), "owner/poses", *LICENCE), name, "another name")
    assert hub.files("owner/poses") == {name: b"theirs"}


def test_other_files_there_stay_and_are_named(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    hub.put("owner/poses", {"notes.txt": b"theirs", "papers/a.pdf": b"pdf"})
    code, _, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert code == 0 and "notes.txt" in err and "papers/a.pdf" in err
    assert hub.files("owner/poses")["notes.txt"] == b"theirs"


def test_a_tag_keeps_what_it_names(hub: Hub, export: Callable[..., Path], signverse: Command) -> None:
    folder = export("parquet")
    for _ in range(2):
        assert signverse("publish", folder, "owner/poses", *LICENCE, "--tag", "v1")[0] == 0
    hub.clear_log()
    refused(signverse("publish", folder, "owner/poses", "--licence", "mit", "--tag", "v1"), "v1", "another tag")
    untouched(hub)
    refused(signverse("publish", folder, "owner/poses", "--tag", "a b"), "tag")


@pytest.mark.parametrize("missing", ["SHA256SUMS", "index.csv"])
def test_an_export_that_is_not_finished_is_refused(
    missing: str, hub: Hub, export: Callable[..., Path], signverse: Command
) -> None:
    folder = export("shards")
    (folder / missing).unlink()
    refused(signverse("publish", folder, "owner/poses", *LICENCE), "not finished")
    untouched(hub)


def test_an_export_that_lacks_a_file_is_refused(hub: Hub, export: Callable[..., Path], signverse: Command) -> None:
    folder = export("shards")
    gone = next(folder.glob("*.tar"))
    gone.unlink()
    refused(signverse("publish", folder, "owner/poses", *LICENCE), gone.name, "lacks")
    gone.mkdir()
    refused(signverse("publish", folder, "owner/poses", *LICENCE), gone.name)


@pytest.mark.parametrize("line", ["x", "0" * 64 + "  ../outside", "0" * 64 + "  /etc/passwd", "0" * 64 + "  a//b"])
def test_a_list_of_checksums_names_files_of_the_export_only(
    line: str, hub: Hub, export: Callable[..., Path], signverse: Command
) -> None:
    folder = export("shards")
    (folder / "SHA256SUMS").write_text((folder / "SHA256SUMS").read_text() + line + "\n")
    refused(signverse("publish", folder, "owner/poses", *LICENCE), "SHA256SUMS line")
    assert not hub.requests


def test_what_is_no_export_is_refused(
    hub: Hub, written: Callable[[str], Path], tmp_path: Path, signverse: Command
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "empty", tmp_path / "file", tmp_path / "none"):
        refused(signverse("publish", path, "owner/poses", *LICENCE), path.name)
    refused(signverse("publish", written("pose"), "owner/poses", *LICENCE), "export parquet")
    assert not hub.requests


def test_private_gated_and_a_branch_are_set_before_anything_is_sent(
    hub: Hub, written: Callable[[str], Path], signverse: Command
) -> None:
    words = ("--private", "--gated", "--revision", "next")
    assert signverse("publish", written("parquet"), "owner/poses", *LICENCE, *words)[0] == 0
    made = hub.repositories["datasets/owner/poses"]
    assert made.private and made.settings["gated"] == "auto"
    assert len(made.branches["main"]) == 1 and len(made.branches["next"]) > 1
    paths = [request.path for request in hub.requests]
    settings = next(number for number, path in enumerate(paths) if path.endswith("/settings"))
    assert settings < next(number for number, path in enumerate(paths) if "/preupload/" in path or "/batch" in path)
    hub.clear_log()
    assert signverse("publish", written("parquet"), "owner/poses", *words)[0] == 0
    untouched(hub)


def test_a_dry_run_shows_all_and_changes_nothing(
    hub: Hub, written: Callable[[str], Path], tmp_path: Path, signverse: Command
) -> None:
    words = ("publish", written("parquet"), "owner/poses", *LICENCE, "--dry-run")
    code, out, err = signverse(*words, "--out", tmp_path / "card")
    assert code == 0 and max(map(len, out.splitlines())) <= 80
    assert (tmp_path / "card" / "README.md").read_bytes().startswith(b"---\n") and "README.md" in err
    assert not hub.repositories
    untouched(hub)
    refused(signverse(*words[:-1], "--out", tmp_path / "card"), "--dry-run")


def test_a_persons_own_section_survives(hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    assert signverse("publish", written("parquet"), "owner/poses", *LICENCE)[0] == 0
    card = hub.files("owner/poses")["README.md"] + b"\n## Mine\n\nWritten on the hub.\n"
    hub.put("owner/poses", {"README.md": card})
    assert signverse("publish", written("parquet"), "owner/poses", "--licence", "mit")[0] == 0
    after = hub.files("owner/poses")["README.md"]
    assert b"## Mine\n\nWritten on the hub." in after and b"license: mit" in after
