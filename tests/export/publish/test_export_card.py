"""`signverse export ... --card`: what is written, that it is read, that it stays whole and says only what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from signverse.export.publish.dataset_card.yaml_text import split_card
from signverse.lake.lake import Lake

Signverse = Callable[..., tuple[int, str, str]]

KINDS = ["parquet", "webdataset", "pose", "shards", "shards --layout consolidated"]


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of `datasets` goes to the network or to the home folder."""
    folder = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(folder))
        # They read their settings as they are imported, perhaps by another test: later tests of this process have to
        # find them as they were, so the environment has no HF_HUB_OFFLINE.
        import datasets
        from huggingface_hub import constants

        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(folder / "datasets"))
        yield


@pytest.fixture(scope="module")
def exported(sample: Lake, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An export of each kind with a card, made once; only to be read."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    folder = tmp_path_factory.mktemp("exports")

    def export(kind: str) -> Path:
        out = folder / re.sub(r"\W+", "-", kind)
        if not out.exists():
            words = [
                "export",
                *kind.split(),
                "--lake",
                sample.folder,
                "--out",
                out,
                "--card",
                "--licence",
                "CC-BY-NC-4.0",
            ]
            assert run(build_app(), [*map(str, words), "-q"]) == 0
        return out

    return export


def sums_of(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {line[66:]: line[:64] for line in lines}


@pytest.mark.parametrize("kind", KINDS)
def test_every_export_has_a_card_that_verifies_and_that_a_croissant_reader_takes(
    exported: Callable[[str], Path], signverse: Signverse, kind: str
) -> None:
    import mlcroissant

    out = exported(kind)
    assert signverse("verify", out)[0] == 0
    assert {"croissant.json", "statistics.json", "images/clip.png", "images/languages.png"} <= sums_of(out).keys()
    found = mlcroissant.Dataset(jsonld=str(out / "croissant.json"))
    assert not found.metadata.issues.errors and not found.metadata.issues.warnings
    described = json.loads((out / "croissant.json").read_text())
    for field in ("dataLimitations", "dataBiases", "personalSensitiveInformation", "dataUseCases", "dataSocialImpact"):
        assert described[f"rai:{field}"]
    assert described["rai:hasSyntheticData"] is True
    assert described["prov:wasDerivedFrom"] and described["prov:wasGeneratedBy"]
    tars = {item["@id"]: item["sha256"] for item in described["distribution"] if item["@id"].endswith(".tar")}
    assert tars == {name: value for name, value in sums_of(out).items() if name.endswith(".tar")}
    assert bool(described.get("recordSet")) == (kind == "parquet")
    # Every picture that the card shows is there, with words for those who do not see it.
    readme = (out / "README.md").read_text()
    shown = re.findall(r"!\[([^\]]{20,})\]\(([^)]+)\)", readme)
    assert len(shown) == readme.count("![") == 2
    assert all((out / path).is_file() for _, path in shown)


def test_load_dataset_reads_an_export_of_parquet_as_clips_and_by_language(
    exported: Callable[[str], Path], sample: Lake
) -> None:
    import datasets

    out = str(exported("parquet"))
    assert datasets.get_dataset_config_names(out) == ["clips", "all", "gsg", "ase", "bzs"]
    clips = datasets.load_dataset(out)["train"]
    assert clips.num_rows == sample.unfiltered_clips().collect().height
    assert "text" in clips.column_names and "body_xy" not in clips.column_names
    assert {row["sign_language"] for row in datasets.load_dataset(out, "ase", streaming=True)["train"]} == {"ase"}
    everything = datasets.load_dataset(out, "all", streaming=True)["train"]
    row = next(iter(everything.with_format("numpy")))
    assert row["body_xy"].reshape(-1, row["num_people"], 18, 2).shape[0] == row["num_frames"]


def test_load_dataset_reads_webdataset_with_what_some_samples_lack(
    crowd: Lake, tmp_path: Path, signverse: Signverse
) -> None:
    import datasets

    out = tmp_path / "out"
    assert signverse("export", "webdataset", "--lake", crowd.folder, "--out", out, "--card", "--all-people")[0] == 0
    for streaming in (False, True):
        rows = list(datasets.load_dataset(str(out), streaming=streaming)["train"])
        assert len(rows) == crowd.unfiltered_clips().collect().height
        # Some have body_visible and a title, the first have not.
        assert {row["body_visible.npy"] is None for row in rows} == {True, False}
        assert {row["json"]["title"] for row in rows} == {None, "A title"}


def test_the_features_in_the_card_are_those_of_the_files(exported: Callable[[str], Path]) -> None:
    import datasets

    out = exported("parquet")
    header, _ = split_card((out / "README.md").read_text())
    stated = {info["config_name"]: info["features"] for info in header["dataset_info"]}
    for name, file in (("clips", "clips.parquet"), ("ase", "data/ase/part-00000.parquet")):
        schema = pq.read_schema(out / file)
        assert stated[name] == datasets.Features.from_arrow_schema(schema)._to_yaml_list()
        assert all(re.fullmatch(r"\w+(\.\w+)*", part["split"]) for part in header["configs"][0]["data_files"])
    assert header["license"] == "cc-by-nc-4.0" and header["language"] == ["gsg", "ase", "bzs"]


@pytest.mark.parametrize("name", ["clips", "poses"])
def test_a_reader_of_croissant_reads_a_record(exported: Callable[[str], Path], name: str) -> None:
    import mlcroissant

    out = exported("parquet")
    found = mlcroissant.Dataset(jsonld=str(out / "croissant.json"), mapping={"repo": str(out)})
    row = next(iter(found.records(name)))
    expected = pl.read_parquet(out / "data/ase/part-00000.parquet").row(0, named=True)
    assert row[f"{name}/text"].decode() == expected["text"]
    if name == "poses":
        assert len(row["poses/body_xy"]) == len(expected["body_xy"])


def test_every_column_chunk_of_parquet_has_an_index_of_its_pages(exported: Callable[[str], Path]) -> None:
    for path in exported("parquet").rglob("*.parquet"):
        metadata = pq.read_metadata(path)
        columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
        assert all(column.has_offset_index for column in columns), path


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_is_the_same_at_every_run_and_without_it_nothing_is_written(
    exported: Callable[[str], Path], sample: Lake, tmp_path: Path, signverse: Signverse, kind: str
) -> None:
    again, without = tmp_path / "again", tmp_path / "without"
    words = ["export", *kind.split(), "--lake", sample.folder]
    assert signverse(*words, "--out", again, "--card", "--licence", "CC-BY-NC-4.0")[0] == 0
    for path in exported(kind).rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(exported(kind))).read_bytes(), path
    assert signverse(*words, "--out", without)[0] == 0
    assert not {path.name for path in without.rglob("*")} & {"README.md", "croissant.json", "images", "clips.parquet"}
    # A card is part of the export, and goes with it; README.md is a person's too, and stays.
    code, _, err = signverse(*words, "--out", again, "--overwrite")
    assert code == 0 and "README.md is of an earlier export" in err
    assert {path.name for path in again.iterdir()} - {path.name for path in without.iterdir()} == {"README.md"}
    assert signverse("verify", again)[0] == 0


def test_what_a_person_wrote_into_a_card_survives_the_next_export(
    sample: Lake, tmp_path: Path, signverse: Signverse
) -> None:
    words = ["export", "pose", "--lake", sample.folder, "--out", tmp_path / "out", "--card", "--overwrite"]
    assert signverse(*words, "--licence", "MIT")[0] == 0
    card = tmp_path / "out" / "README.md"
    text = card.read_text()
    text = text.replace("license: mit\n", "license: mit\nviewer: false\ntags_of_mine: [a, b]\n")
    text = text.replace("- sign-language\n", "- sign-language\n- my-tag\n").replace(
        "## Limitations", "## My limitations"
    )
    card.write_text(f"{text}\n## Who we are\n\nA person's words.\n")
    code, _, err = signverse(*words, "--language", "ase")
    assert code == 0 and "limitations" in err
    header, body = split_card(card.read_text())
    croissant = json.loads((tmp_path / "out" / "croissant.json").read_text())
    assert croissant["license"] == "https://spdx.org/licenses/MIT.html"
    assert header["license"] == "mit" and header["viewer"] is False and header["tags_of_mine"] == ["a", "b"]
    assert "my-tag" in header["tags"] and header["language"] == ["ase"]
    assert "## My limitations" in body and "## Limitations" not in body and "A person's words." in body
    assert "| sign languages | 1 |" in body and "languages = ase" in body
    code, _, err = signverse(*words, "--licence", "CC0-1.0")
    assert code == 0 and "'mit'" in err and split_card(card.read_text())[0]["license"] == "cc0-1.0"


@pytest.mark.parametrize("text", [b"\xff\xfe", b"---\na: [\n---\n", b"---\na: &a [b]\nc: *a\n---\n"])
def test_a_readme_that_cannot_be_read_is_refused_before_anything_is_written(
    sample: Lake, tmp_path: Path, signverse: Signverse, text: bytes
) -> None:
    (tmp_path / "README.md").write_bytes(text)
    code, _, err = signverse("export", "parquet", "--lake", sample.folder, "--out", tmp_path, "--card")
    assert code == 1 and "README.md" in err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"] and (tmp_path / "README.md").read_bytes() == text


@pytest.mark.parametrize("name", ["croissant.json", "statistics.json", "images/clip.png"])
def test_files_of_a_person_that_have_the_names_of_a_cards_are_not_replaced(
    sample: Lake, tmp_path: Path, signverse: Signverse, name: str
) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    words = ["export", "parquet", "--lake", sample.folder, "--out", tmp_path]
    code, _, err = signverse(*words, "--card", "--overwrite")
    assert code == 1 and name in err and mine.read_text() == "mine"
    assert signverse(*words)[0] == 0 and mine.read_text() == "mine"
    assert signverse(*words, "--overwrite")[0] == 0 and mine.read_text() == "mine"


def test_a_licence_without_a_card_is_a_mistake(sample: Lake, tmp_path: Path, signverse: Signverse) -> None:
    words = ["export", "parquet", "--lake", sample.folder, "--out", tmp_path / "out", "--licence", "MIT"]
    code, _, err = signverse(*words)
    assert code == 2 and "--card" in err and not (tmp_path / "out").exists()


def test_by_language_puts_the_files_of_each_language_into_a_folder_of_its_own(
    sample: Lake, tmp_path: Path, signverse: Signverse
) -> None:
    out = tmp_path / "out"
    words = ["export", "parquet", "--lake", sample.folder, "--out", out, "--by-language", "--clips-per-shard", "2"]
    assert signverse(*words)[0] == 0
    for folder in (out / "data").iterdir():
        rows = pl.read_parquet(folder)
        assert rows["sign_language"].unique().to_list() == [folder.name]
    assert pl.read_parquet(out / "data/**/*.parquet").height == sample.unfiltered_clips().collect().height
    assert signverse("verify", out)[0] == 0
    (out / "data/ase/part-00000.parquet").unlink()
    code, found, _ = signverse("verify", out)
    assert code == 1 and "data/ase/part-00000.parquet" in found
