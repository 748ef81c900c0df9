"""The figures of the pages Languages and Quality are those of the lake's reports and of `signverse select`."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.figures.languages import by_language
from signverse.export.explorer.figures.quality import MEASURES, QUANTILES, quality
from signverse.lake.lake import Lake
from signverse.lake.query.selection import Selection
from tests.export.conftest import Video, fill
from tests.export.explorer.conftest import moving
from tests.export.explorer.test_catalog import conditions


@pytest.fixture(scope="module")
def catalog(shown):
    return Catalog(shown.snapshot)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Clips whose confidence lies at, below and above edges of bars, beyond 1, and is not known."""
    videos = []
    for i, score in enumerate([0.0, 0.25, 0.5, 0.50390625, 0.75, 0.99609375, 1.0, 1.125]):
        points = {(0, 0): np.full((128, 3), 100, np.float32)}
        points[0, 0][:, 2] = score
        if i % 3 == 2:
            points[0, 0][86:] = np.nan
        videos.append(Video(f"scored{i}", 24, points, [(0, 1, str(i))][: i % 2], language="ase" if i < 5 else "isr"))
    return Catalog(fill(tmp_path_factory.mktemp("scored") / "lake", videos).snapshot)


def test_the_whole_lakes_figures_are_those_of_the_reports(signverse, shown, catalog):
    found = by_language(catalog, Selection())
    assert not found["filtered"]
    code, out, err = signverse("stats", "languages", "--lake", shown.folder, "--format", "csv")
    assert code == 0, err
    reported = {row["sign_language"]: row for row in csv.DictReader(io.StringIO(out))}
    assert {language["code"] for language in found["languages"]} == reported.keys()
    for language in found["languages"]:
        row, whole = reported[language["code"]], language["whole"]
        assert (whole["videos"], whole["clips"]) == (int(row["videos"]), int(row["clips"]))
        assert whole["video_hours"] == pytest.approx(float(row["hours"]), abs=0.0006)
        assert language["name"] == row["name"] and language["chosen"] == whole
    code, out, err = signverse("stats", "balance", "--lake", shown.folder, "--format", "csv")
    assert code == 0, err
    rows = [row for row in csv.DictReader(io.StringIO(out)) if row["temperature"] == "1.0"]
    for row in rows:
        if row["weighted_by"] != "hours":
            figures = found["balance"]["whole"][row["weighted_by"]]
            assert {name: str(value) for name, value in figures.items()} == {name: row[name] for name in figures}


@settings(max_examples=20)
@given(conditions=conditions)
def test_a_selections_figures_are_those_of_the_clips_that_select_chooses(shown, catalog, conditions):
    selection = Selection.of(**conditions)
    found = by_language(catalog, selection)
    clips = shown.select(selection).collect()
    for language in found["languages"]:
        of = clips.filter(pl.col("sign_language") == language["code"])
        chosen = language["chosen"]
        assert (chosen["clips"], chosen["videos"]) == (of.height, of["video_id"].n_unique())
        assert chosen["hours"] == pytest.approx(of["num_frames"].sum() / 24 / 3600)
        assert chosen["channels"] == of["channel"].drop_nulls().n_unique()
    assert found["total"]["chosen"]["clips"] == clips.height
    assert found["total"]["whole"]["clips"] == len(catalog)
    for measure in MEASURES:
        spread = quality(catalog, selection, measure)
        assert spread["all"]["clips"] == clips.height
        assert spread["all"]["unknown"] == clips[measure].null_count()
        assert sum(language["clips"] for language in spread["languages"]) == clips.height
    captions = quality(catalog, selection, "captions")["all"]["kinds"]
    assert {kind: size["clips"] for kind, size in captions.items() if size["clips"]} == dict(
        clips.group_by("caption_kind").len().rows()
    )


@pytest.mark.parametrize("measure", ["left_hand_confidence", "hands_seen"])
def test_a_bar_holds_exactly_the_clips_that_its_bounds_choose(scored, measure):
    found = quality(scored, Selection(), measure)
    edges = [*found["from"], None]
    for language in found["languages"]:
        assert sum(language["counts"]) + language["unknown"] == language["clips"]
        for low, high, clips in zip(edges, edges[1:], language["counts"], strict=False):
            # The bars and what is not known are all clips, so that the others hold none.
            if not clips:
                continue
            chosen = Selection.of(languages=[language["code"]])
            if low:
                part = measure.removesuffix("_confidence")
                bound = {"min_confidence": {part: low}} if part != measure else {f"min_{measure}": low}
                chosen = replace(chosen, **bound)
            if high is not None:
                chosen = replace(chosen, where=f"{measure} < {high}::float")
            assert len(scored.choose(chosen).rows) == clips, (language["code"], low)


@pytest.mark.parametrize("measure", MEASURES)
def test_quantiles_are_those_of_the_known_values(scored, measure):
    found = quality(scored, Selection(), measure)
    values = scored.clips[measure].drop_nulls().to_numpy()
    for name, at in QUANTILES.items():
        assert found["all"][name] == pytest.approx(np.quantile(values, at), abs=1e-4)


def test_of_no_clips_there_are_figures_too(catalog):
    nothing = Selection.of(text="absent")
    found = by_language(catalog, nothing)
    assert found["total"]["chosen"]["clips"] == 0 and found["balance"]["chosen"] == {}
    assert all(language["chosen"]["hours"] == 0 < language["whole"]["hours"] for language in found["languages"])
    assert quality(catalog, nothing, "coverage")["languages"] == []
    assert quality(catalog, nothing, "coverage")["all"]["p50"] is None
    assert quality(catalog, nothing, "captions")["all"]["clips"] == 0


def test_an_empty_lake_has_figures_of_nothing(serve, tmp_path):
    server = serve(Lake.create(tmp_path / "empty").folder)
    assert server.api("languages").json["languages"] == []
    for measure in (*MEASURES, "captions"):
        assert server.api("quality", measure=measure).json["languages"] == []
    for path in ("languages.csv", "quality.csv?measure=coverage", "quality.csv?measure=captions"):
        answer = server.ask(f"/api/{path}")
        assert answer.status == 200 and answer.body.startswith(b"sign_language,name,clips"), path


def test_a_file_of_no_language_has_the_headings_of_a_file_of_some(served):
    for path in ("quality.csv?measure=coverage", "quality.csv?measure=captions"):
        none, some = (served.ask(f"/api/{path}{more}").body.splitlines() for more in ("&text=absent", ""))
        assert none == some[:1], path


def test_the_figures_of_a_lake_that_has_changed_are_new(serve, tmp_path):
    lake = fill(tmp_path / "lake", [Video("first", 24, moving(2))])
    server = serve(lake.folder)
    assert server.api("languages").json["total"]["whole"]["videos"] == 1
    fill(tmp_path / "lake", [Video("second", 24, {}, language="isr")])
    server.post("reload", {})
    assert server.api("languages").json["total"]["whole"]["videos"] == 2


@pytest.mark.parametrize(
    "path",
    ["quality", "quality?measure=", "quality?measure=text", "quality.csv?measure=__class__", "languages?nothing=1"],
)
def test_what_is_no_measure_or_option_is_refused_in_a_line(served, path):
    answer = served.ask(f"/api/{path}")
    assert answer.status == 400 and "\n" not in answer.json["error"]


def test_the_files_hold_what_the_page_shows(served):
    answer = served.api("languages.csv", text="water")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'attachment; filename="languages.csv"' in answer.headers["content-disposition"]
    rows = pl.read_csv(io.BytesIO(answer.body)).rows_by_key("sign_language", named=True, unique=True)
    assert rows["ase"]["clips"] == 2 and rows["ase"]["lake_clips"] > 2
    assert (rows["pso"]["clips"], rows["pso"]["lake_clips"]) == (0, 200)
    spread = pl.read_csv(io.BytesIO(served.api("quality.csv", measure="coverage").body))
    assert spread["clips"].sum() == 206 and "from_0.95" in spread.columns
    kinds = pl.read_csv(io.BytesIO(served.api("quality.csv", measure="captions").body))
    assert kinds["none_clips"].sum() == 1
