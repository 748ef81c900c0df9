"""What a card states is counted from the lake, or from the files where the lake is not at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.export.publish import export_card
from signverse.export.publish.card import card_files, croissant, write_card
from signverse.export.publish.dataset_card.facts import Facts, facts_of_lake, sources_of
from signverse.export.publish.dataset_card.yaml_text import dump_yaml, split_card
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query.reports import find_report
from signverse.lake.storage.committer import Committer

Signverse = Callable[..., tuple[int, str, str]]


def test_the_figures_of_a_lake_are_those_of_its_reports(sample: Lake) -> None:
    facts = facts_of_lake(sample)
    info = sample.info()
    assert (facts.videos, facts.clips, facts.frames) == (info["videos"], info["clips"], info["frames"])
    rows = sample.sql(find_report("languages").sql)
    for name in ("sign_language", "videos", "clips", "share_percent", "translated"):
        assert [row[name] for row in facts.languages] == rows[name].to_list()
    even = sample.sql(find_report("balance").sql).filter(weighted_by="hours", temperature=1.0).row(0, named=True)
    assert facts.balance["exp_shannon_entropy"] == even["exp_shannon_entropy"]
    card = write_card(sample)
    assert f"as diverse as {even['exp_shannon_entropy']:.3g} languages" in card
    assert Facts.from_json(facts.to_json()) == facts


@pytest.mark.parametrize("kind", ["parquet", "webdataset", "pose", "shards", "shards --layout consolidated"])
def test_an_export_without_a_card_has_one_made_of_its_own_files(
    sample: Lake, tmp_path: Path, signverse: Signverse, kind: str
) -> None:
    out = tmp_path / "out"
    assert signverse("export", *kind.split(), "--lake", sample.folder, "--out", out)[0] == 0
    files = card_files(out, "mit", "me/poses")
    readme = files["README.md"].decode()
    assert "| videos | 6 |" in readme and "| clips | 14 |" in readme and "me/poses" in readme
    header = yaml.safe_load(readme.split("---\n")[1])
    for config in header["configs"]:
        for part in config["data_files"]:
            assert part["path"] in files or list(out.glob(part["path"])), part
    if kind == "parquet":
        (out / "clips.parquet").write_bytes(files["clips.parquet"])
        assert pl.read_parquet(out / "clips.parquet").height == 14
    assert card_files(out, "mit", "me/poses", readme)["README.md"].decode() == readme


def test_missing_videos_are_named_by_the_last_attempt(make_lake: Callable[..., Lake], video: type) -> None:
    lake = make_lake(video("one", 2, {}), video("two", 2, {}))
    with Committer(lake.folder) as committer:
        for video_id, outcome, reason in (
            ("gone", "failed", "network"),
            ("gone", "unavailable", "private"),
            ("lost", "unavailable", "private"),
            ("one", "failed", "disk"),
        ):
            committer.record(video_id, "download", outcome, reason)
    lake.refresh()
    facts = facts_of_lake(lake)
    assert facts.missing == [{"outcome": "unavailable", "reason": "private", "videos": 2}]
    assert facts.listed == 4
    card = write_card(lake)
    assert "- 2 videos `unavailable`: `private`" in card
    assert "Of 4 videos that were listed or attempted, 2 are not" in card
    assert croissant(lake)["rai:dataCollectionMissingData"] == ["2 videos unavailable: private"]


def test_the_sources_that_videos_were_fetched_from_are_named_with_their_revision() -> None:
    places = [
        "hf://datasets/a/b@0f3c/dataset/1.tar#sha256:ab",
        "hf://datasets/a/b@0f3c/2.tar",
        "x.tar",
        None,
        "a b@c/d",
    ]
    found = sources_of(pl.Series(places, dtype=pl.String))
    assert found == {"hf://datasets/a/b@0f3c": 2}
    shards = {name: 1 for name in places if name}
    facts = Facts(kind="card", origins={"shard": 2}, sources=found, shards=shards)
    card = write_card(facts)
    assert "Fetched from `hf://datasets/a/b@0f3c`: 2 videos" in card
    assert "those who released these took the first three steps" in card
    # Whole addresses with a checksum are wider than a page.
    assert "with their videos: `dataset/1.tar` (1), `2.tar` (1), `x.tar` (1)" in card
    assert croissant(facts)["prov:wasDerivedFrom"][0]["@id"] == "hf://datasets/a/b@0f3c"


def test_an_export_that_is_ended_while_its_card_is_written_goes_on(
    sample: Lake, tmp_path: Path, signverse: Signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    words = ["export", "parquet", "--lake", sample.folder, "--out", out, "--card"]
    for step in ("pictures", "write_clips", "write_card"):
        with monkeypatch.context() as patch:
            patch.setattr(export_card, step, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            assert signverse(*words)[0] == 130
        assert not (out / "SHA256SUMS").exists()
        assert not [path for path in out.rglob("*") if path.stat().st_size == 0 and path.is_file()]
    code, _, err = signverse(*words)
    assert code == 0 and "3 files already written" in err
    assert signverse("verify", out)[0] == 0


@pytest.mark.parametrize("name", ["", "x", "a/b/c", "../x/y", "a b/c", "a/b\n", "https://huggingface.co/a/b", "a/<b>"])
def test_what_is_no_name_of_a_repository_is_refused(sample: Lake, name: str) -> None:
    for make in (write_card, croissant):
        with pytest.raises(BadInputError, match="OWNER/NAME"):
            make(sample, None, name)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sign_language", "videos", "outcome", "a"]), inner)
    ),
)
NAMES = ["kind", "videos", "hours", "languages", "missing", "models", "shards", "splits", "balance", "selection", "x"]


@given(st.sampled_from(NAMES), values)
@settings(max_examples=200)
def test_statistics_of_a_stranger_are_read_or_refused_in_one_line(whole: Facts, name: str, value: object) -> None:
    found = {**json.loads(whole.to_json()), name: value}
    try:
        facts = Facts.from_json(json.dumps(found).encode())
        card, described = write_card(facts), croissant(facts)
    except BadInputError as error:
        assert "\n" not in str(error)
    else:
        assert card.startswith("---\n") and described["name"]


@pytest.fixture(scope="module")
def whole(sample: Lake) -> Facts:
    return facts_of_lake(sample)


def test_what_a_person_changed_in_the_yaml_stays_and_what_is_left_out_is_said(whole: Facts) -> None:
    parquet = replace(whole, kind="parquet", by_language=True)
    header, body = split_card(write_card(parquet))
    assert split_card(write_card(parquet, None, None, f"---\n{dump_yaml(header)}---\n{body}"))[0] == header
    header["configs"][2]["data_files"][0]["split"] = "mine"
    header["configs"].append({"config_name": "own", "default": True, "data_files": "own.csv"})
    header["configs"].append({"data_files": "x"})
    header["tags"] = ["mine", *header["tags"][1:]]
    header["pretty_name"] = "My poses"
    changed = f"---\n{dump_yaml(header)}---\n{body}"
    remarks: list[str] = []
    found, _ = split_card(write_card(parquet, None, None, changed, remarks=remarks))
    names = [entry["config_name"] for entry in found["configs"]]
    assert names == ["clips", "all", "gsg", "ase", "bzs", "own"]
    assert found["configs"][2]["data_files"][0]["split"] == "mine" and "default" not in found["configs"][5]
    assert found["pretty_name"] == "My poses"
    assert "mine" in found["tags"] and "sign-language" not in found["tags"] and "keypoints" in found["tags"]
    assert len(remarks) == 3 and all(name in " ".join(remarks) for name in ("gsg", "own", "without a config_name"))
    # A language that is gone takes its configuration along, and says so where a person had edited that.
    less = replace(parquet, languages=parquet.languages[1:])
    remarks.clear()
    names = [
        entry["config_name"]
        for entry in split_card(write_card(less, None, None, changed, remarks=remarks))[0]["configs"]
    ]
    assert names == ["clips", "all", "ase", "bzs", "own"] and "its files are gone" in " ".join(remarks)
