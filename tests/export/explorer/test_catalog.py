"""What the page chooses is what `signverse select` chooses, and its words are the options of that command."""

from __future__ import annotations

import shlex

import numpy as np
import polars as pl
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.export.explorer.clips import columns
from signverse.export.explorer.clips.catalog import Catalog
from signverse.export.explorer.clips.commands import as_command, as_sql
from signverse.export.explorer.clips.counting import facets
from signverse.export.explorer.clips.details import summary
from signverse.lake.cli.option_groups import option_group
from signverse.lake.cli.selection_options import OPTIONS, make_selection
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.query.selection import FILTERS, Selection, option_names
from tests.export.explorer.conftest import HEBREW

scores = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
words = st.sampled_from(["water", "WATER", "number 1", "<img", HEBREW[:4], "-x", 'it\'s; "x"', "", "nothing"])
conditions = st.fixed_dictionaries(
    {},
    optional={
        "languages": st.lists(st.sampled_from(["ase", "isr", "pso"]), max_size=2).map(tuple),
        "videos": st.lists(st.sampled_from(["-dash.b", "hebrew", "many003", "absent"]), max_size=3).map(tuple),
        "min_confidence": st.dictionaries(st.sampled_from(PART_NAMES), scores, max_size=2),
        "min_duration": st.sampled_from([0.5, 1.0, 1.25]),
        "max_duration": st.sampled_from([1.0, 2.0]),
        "text": words,
        "text_regex": st.sampled_from(["^number \\d$", "a|w"]),
        "captioned": st.booleans(),
        "caption_kinds": st.lists(st.sampled_from(["manual", "none"]), max_size=2).map(tuple),
        "english": st.lists(st.sampled_from(["native", "none"]), max_size=1).map(tuple),
        "min_coverage": scores,
        "min_hands_seen": scores,
        "max_people": st.sampled_from([0, 1, 2]),
        "where": st.sampled_from(["num_frames > 20", "title is not null", "ordinal = 0 -- first"]),
        "per_language": st.sampled_from([1, 5]),
        "limit": st.sampled_from([1, 7, 300]),
        "seed": st.sampled_from([0, 3]),
    },
)


@pytest.fixture(scope="module")
def catalog(shown):
    return Catalog(shown.snapshot)


@settings(max_examples=25)
@given(conditions=conditions)
def test_the_page_chooses_the_clips_that_select_chooses(shown, catalog, conditions):
    selection = Selection.of(**conditions)
    expected = shown.select(selection).collect()
    chosen = catalog.choose(selection)
    assert catalog.segment_ids(chosen.rows).to_list() == expected["segment_id"].to_list()
    assert (chosen.frames, chosen.videos) == (expected["num_frames"].sum(), expected["video_id"].n_unique())


@settings(max_examples=10)
@given(first=st.integers(1, 120))
def test_the_clips_of_the_first_videos_are_the_first_clips_of_all(shown, catalog, first):
    some = Catalog(shown.snapshot, first=first)
    assert some.is_whole == (first >= catalog.videos.height)
    ids = catalog.segment_ids(range(len(some))).to_list()
    assert some.segment_ids(range(len(some))).to_list() == ids
    assert some.videos["video_id"].to_list() == catalog.videos["video_id"].to_list()[:first]
    rows = list(range(len(some)))
    assert summary(some, rows) == summary(catalog, rows)


@pytest.mark.parametrize("rows_at_once", [1, 2, 7])
def test_in_what_slices_clips_are_read_and_counted_changes_nothing(shown, catalog, monkeypatch, rows_at_once):
    monkeypatch.setattr(columns, "_SLICE", rows_at_once)
    monkeypatch.setattr(columns, "_PIECE", rows_at_once)
    monkeypatch.setattr(columns, "_GROUP_BYTES", 1)
    counts = []
    sliced = Catalog(shown.snapshot, on_rows=counts.append)
    assert counts == sorted(counts) and counts[-1] == len(catalog)
    rows = list(range(len(catalog)))
    assert summary(sliced, rows) == summary(catalog, rows)
    assert sliced.clips.equals(catalog.clips)
    for selection in (
        Selection(),
        Selection.of(text="water"),
        Selection.of(languages=["isr"]),
        Selection(where="true"),
    ):
        assert sliced.choose(selection).rows.tolist() == catalog.choose(selection).rows.tolist()
        assert sliced.choose(selection).videos == catalog.choose(selection).videos
        assert facets(sliced, selection) == facets(catalog, selection)


@given(st.data())
def test_clips_are_sorted_by_video_frame_and_ordinal_however_they_lie_in_files(data):
    numbers = st.lists(st.integers(0, 3), min_size=(size := data.draw(st.integers(0, 12))), max_size=size)
    video, frame, ordinal = (np.array(data.draw(numbers), np.int32) for _ in range(3))
    order = columns._order(ordinal, frame, video.astype(np.uint32))
    rows = list(zip(video.tolist(), frame.tolist(), ordinal.tolist(), strict=True))
    assert [rows[place] for place in order] == sorted(rows)


@settings(max_examples=100)
@given(conditions=conditions)
def test_a_selection_as_options_means_the_same_on_the_command_line_and_in_an_address(conditions):
    selection = Selection.of(**conditions)
    app = typer.Typer()
    parsed = []
    app.command()(option_group("conditions", OPTIONS, make_selection)(lambda *, conditions: parsed.append(conditions)))
    line = shlex.join(selection.to_options())
    typer.main.get_command(app).main(shlex.split(line), standalone_mode=False)
    assert parsed == [selection] or parsed[0].to_dict() == selection.to_dict()
    named: dict[str, list[str]] = {}
    for word in (options := iter(selection.to_options())):
        name, equals, value = word.removeprefix("--").partition("=")
        takes = name not in {"captioned", "uncaptioned"}
        named.setdefault(name, []).append(value if equals else next(options) if takes else "")
    assert Selection.from_options(named).to_dict() == selection.to_dict()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"nothing": ["1"]}, BadInputError),
        ({"min-people": ["many"]}, BadInputError),
        ({"min-coverage": ["nan"]}, BadInputError),
        ({"min-confidence": ["hand"]}, BadInputError),
        ({"split": ["train"]}, BadInputError),
        ({"language": ["Klingon"]}, UnknownLanguageError),
        ({"text-regex": ["("]}, BadInputError),
        ({"ingested-after": ["yesterday-ish"]}, BadInputError),
        ({"limit": ["1e999"]}, BadInputError),
    ],
)
def test_options_that_mean_nothing_are_refused(options, error):
    with pytest.raises(error):
        Selection.from_options(options)


@pytest.mark.parametrize(
    "value", ["nan", "1e999", "x", "", " ", "0x10", "1,5", "\u00bd", "\0", "None", "9" * 5000, "--"]
)
def test_what_is_not_a_number_is_refused_in_our_words_by_every_option_that_takes_one(value):
    numeric = [name for name, entry in FILTERS.items() if entry.option_type in (int | None, float | None)]
    assert len(numeric) >= 10
    for name in numeric:
        with pytest.raises(BadInputError) as refused:
            Selection.from_options({"hours": ["1"], option_names(name)[0]: [value]})
        said = f"{refused.value.message} {refused.value.hint}"
        assert "is not a" in said or "It takes" in said
        assert len(said) < 200 and not any(word in said for word in ("literal", "convert", "digits"))


@pytest.mark.parametrize(
    "where", ["1=1) union all (select 1", "true; drop table x", "length(", "(select 1 from y) = 1"]
)
def test_a_condition_in_sql_may_only_be_a_condition(catalog, where):
    with pytest.raises(BadInputError):
        catalog.choose(Selection(where=where))


@settings(max_examples=6)
@given(conditions=conditions)
def test_a_count_is_the_number_of_clips_that_its_value_leaves(shown, catalog, conditions):
    for sampling in ("per_language", "limit", "seed"):
        conditions.pop(sampling, None)
    counts = facets(catalog, Selection.of(**conditions))
    for name, attribute in (("language", "languages"), ("caption-kind", "caption_kinds"), ("english", "english")):
        for value, clips in counts[name]:
            with_it = Selection.of(**{**conditions, attribute: (value,)})
            assert clips == shown.select(with_it).collect().height, (name, value)


def test_the_sql_on_the_screen_gives_the_same_clips(shown, catalog):
    selection = Selection.of(text="water", languages=["ase", "isr"], limit=2)
    rows = shown.sql(as_sql(shown.snapshot, selection))
    assert rows["segment_id"].to_list() == catalog.segment_ids(catalog.choose(selection).rows).to_list()
    told = as_sql(shown.snapshot, Selection.of(text_regex="a\nb", seed=1, limit=3))
    assert told.splitlines()[:2] == ["-- not in SQL: text like 'a b'", "-- not in SQL: which clips are drawn at random"]


def test_the_command_on_the_screen_writes_the_same_clips(shown, catalog, signverse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    selection = Selection.of(videos=["-dash.b"], text="water")
    words = shlex.split(as_command(shown.folder, selection))
    code, _, err = signverse(*words[1:])
    assert code == 0, err
    ids = pl.read_parquet("clips.parquet")["segment_id"].to_list()
    assert ids == catalog.segment_ids(catalog.choose(selection).rows).to_list()
    assert len(ids) == 2


def test_an_empty_lake_has_no_clips(make_lake):
    catalog = Catalog(make_lake().snapshot)
    assert len(catalog.choose(Selection()).rows) == 0
    assert facets(catalog, Selection())["language"] == []
