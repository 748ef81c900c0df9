"""A selection means one thing: in Polars, in DuckDB, and after a way through the metadata of a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import md5

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import SPLITS
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.query.engines import nothing_selected
from signverse.lake.query.sampling import sample
from signverse.lake.query.selection import KEY, Selection
from signverse.lake.storage import delta

LANGUAGES = ["ase", "pso", "und", "sgn-VN"]
TEXTS = [
    "Hello there.",
    "HELLO",
    "50% off_",
    "it's",
    "",
    None,
    "Straße",
    "ΣΊΣΥΦΟΣ",
    "\u0130stanbul \u0131s\u0131",
    "手話 Язык",
    "a\nb",
]
QUARTERS = st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0])


@pytest.fixture(scope="module")
def fair(tmp_path_factory, fill, video):
    """A lake whose clips differ in everything a selection can ask, with unknown values, replaced videos and a split."""
    random = np.random.default_rng(11)
    folder = tmp_path_factory.mktemp("fair") / "lake"

    def maybe(value):
        return None if random.random() < 0.15 else value

    for commit in range(3):
        videos = []
        for i in range(8):
            made = video(
                f"v{i if commit < 2 else i + 4:02d}",
                LANGUAGES[int(random.integers(4))],
                60,
                people=0,
                texts=tuple(random.permutation(np.array(TEXTS, object))[:5]),
                video={"channel": maybe(f"Channel {i % 3}"), "channel_id": maybe(f"UC{i % 4}"), "title": maybe("It's")},
            )
            for segment in made.segments:
                segment.update(
                    {
                        f"{part}_confidence": maybe(float(np.float32(random.choice([0.1, 0.5, 0.7]))))
                        for part in PART_NAMES
                    },
                    num_frames=int(random.integers(1, 60)),
                    coverage=maybe(float(np.float32(random.choice([0.25, 0.7, 1.0])))),
                    hands_seen=maybe(float(np.float32(random.choice([0.0, 0.7, 1.0])))),
                    people_max=maybe(int(random.integers(0, 4))),
                    caption_kind=str(random.choice(["manual", "automatic", "translated", "none"])),
                    english_source=maybe(str(random.choice(["native", "translated_from:de", "none"]))),
                )
            videos.append(made)
        fill(folder, *videos)
    made_at = datetime.now(UTC)
    rows = [
        {
            "video_id": f"v{i:02d}",
            "ingest_id": "s",
            "name": "it's",
            "part": ["train", "test"][i % 2],
            "made_at": made_at,
        }
        for i in range(9)
    ]
    delta.append(folder / "splits", SPLITS, rows)
    opened = Lake.open(folder)
    yield opened
    opened.close()


def some_of(*values):
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


NOW = datetime.now(UTC)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "languages": some_of(*LANGUAGES),
        "min_confidence": st.dictionaries(st.sampled_from(PART_NAMES), QUARTERS, max_size=2),
        "min_duration": st.sampled_from([0.0, 0.5, 1.0, 1.25]),
        "max_duration": st.sampled_from([0.5, 1.0, 2.0]),
        "text": st.sampled_from(
            ["hello", "HELL", "%", "_", ".", "", "'", "STRASSE", "σίσυφος", "ISTANBUL", "ISI", "язык", "手"]
        ),
        "text_regex": st.sampled_from(
            ["^[Hh]", r"\bthere\b", "(?i)HELLO", r"\p{Han}", "o$", "'", "a.b", "(?s)a.b", r"\w+\s\w+"]
        ),
        "captioned": st.booleans(),
        "caption_kinds": some_of("manual", "automatic", "translated", "none"),
        "english": some_of("native", "translated", "none"),
        "min_coverage": QUARTERS,
        "min_hands_seen": QUARTERS,
        "min_people": st.integers(0, 3),
        "max_people": st.integers(0, 3),
        "channels": some_of("Channel 0", "UC1", "UC3", "nobody's"),
        "videos": some_of("v00", "v05", "nope"),
        "ingested_after": st.sampled_from([NOW - timedelta(days=1), NOW + timedelta(days=1)]),
        "ingested_before": st.sampled_from([NOW - timedelta(days=1), NOW + timedelta(days=1)]),
        "split": st.sampled_from([("it's", "train"), ("it's", "test")]),
        "where": st.sampled_from(
            [
                "title is null",
                "title = 'It''s' -- a remark",
                "num_frames % 2 = 0 or channel is null",
                "length(text) > 3",
            ]
        ),
        "per_language": st.integers(0, 6),
        "hours": st.sampled_from([0.0, 0.002, 0.01, 1.0]),
        "limit": st.integers(0, 20),
        "seed": st.integers(0, 3),
    },
).flatmap(
    lambda conditions: (
        st.just(conditions)
        if "hours" not in conditions and "limit" not in conditions
        else st.sampled_from([conditions, conditions | {"temperature": 0.5}, conditions | {"temperature": 0.0}])
    )
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(CONDITIONS)
def test_polars_and_duckdb_choose_the_same_clips(fair, conditions):
    selection = Selection(**conditions)
    ours = fair.select(selection).collect()
    theirs = fair.select(selection, engine="duckdb").collect()
    assert ours["segment_id"].to_list() == theirs["segment_id"].to_list()
    assert ours.columns == theirs.columns
    assert ours.schema == theirs.schema
    assert ours.equals(theirs)
    # What a file says of itself asks the same again.
    again = Selection.from_dict(json.loads(json.dumps(selection.to_dict())))
    assert fair.select(again).select(KEY).collect().equals(ours.select(KEY))


def test_every_condition_alone_leaves_what_is_said_of_it_when_nothing_is_left(fair):
    selection = Selection(languages=("ase",), where="title is null", text_regex="nowhere", split=("it's", "train"))
    said = nothing_selected(fair.snapshot, selection).message
    alone = fair.select(Selection(where="title is null")).collect().height
    assert f"where title is null: {alone}" in said
    assert f"train of split it's: {fair.select(Selection(split=selection.split)).collect().height}" in said
    assert "text like 'nowhere': 0" in said


def _ids(lake: Lake) -> list[str]:
    return lake.unfiltered_clips().collect()["segment_id"].to_list()


def test_a_sample_is_the_same_each_time_and_another_by_another_seed(fair):
    one = fair.clips(limit=10, seed=1).collect()
    assert one.equals(fair.clips(limit=10, seed=1).collect())
    assert one["segment_id"].to_list() != fair.clips(limit=10, seed=2).collect()["segment_id"].to_list()
    # By MD5 of the seed and the id: the same on every machine and with every version of any library.
    digests = {name: md5(f"1:{name}".encode(), usedforsecurity=False).digest() for name in _ids(fair)}
    lots = {int.from_bytes(digest[8:], "little"): name for name, digest in digests.items()}
    assert sorted(one["segment_id"]) == sorted(lots[key] for key in sorted(lots)[:10])


def test_a_larger_sample_holds_the_smaller_one(fair):
    few = set(fair.clips(per_language=2, seed=5).collect()["segment_id"])
    more = set(fair.clips(per_language=4, seed=5).collect()["segment_id"])
    assert few < more


def test_per_language_takes_so_many_of_each(fair):
    counts = fair.clips(per_language=3).collect().group_by("sign_language").len()
    assert set(counts["len"]) == {3}


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_a_temperature_gives_each_language_its_share(fair, temperature):
    there = fair.unfiltered_clips().collect().group_by("sign_language").len().sort("sign_language")
    total = 24
    taken = (
        fair.clips(limit=total, temperature=temperature).collect().group_by("sign_language").len().sort("sign_language")
    )
    weights = there["len"].to_numpy() ** temperature
    wanted = total * weights / weights.sum()
    assert taken["len"].sum() == total
    assert np.abs(taken["len"].to_numpy() - wanted).max() < 1


def test_hours_are_met_within_a_clip_a_language(fair):
    for temperature in (None, 0.0, 1.0):
        frames = fair.clips(hours=0.02, temperature=temperature).collect()["num_frames"].sum()
        assert abs(frames - 0.02 * 3600 * 24) <= 60 * (1 if temperature is None else 4)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"temperature": 1.5, "limit": 3}, "temperature is 1.5. It takes 0 to 1."),
        ({"temperature": 0.5}, "not how much"),
        ({"hours": -1}, "hours is -1"),
        ({"per_language": -1}, "per_language is -1"),
        ({"min_hands_seen": 2}, "min_hands_seen is 2. It takes 0 to 1."),
        ({"english": ["french"]}, "'french' is not a source of English"),
        ({"caption_kinds": "auto"}, "'auto' is not a caption kind"),
        ({"text_regex": "("}, "not a regular expression"),
        ({"language": "ase"}, "Nearest: languages"),
        ({"split": ("it's", "dev")}, "It has: test, train"),
        ({"split": ("that's", "dev")}, "It has: it's"),
        ({"where": "titel = 'a'"}, "title"),
        ({"where": "true); drop table x; --"}, "condition does not parse"),
        ({"where": "1 = 1) union all (select * from clips"}, "condition does not parse"),
        ({"ingested_after": datetime(2026, 1, 1)}, "time zone"),
    ],
)
def test_what_cannot_be_asked_is_named(fair, conditions, said):
    for engine in ("polars", "duckdb"):
        with pytest.raises(BadInputError) as error:
            fair.select(Selection.of(**conditions), engine=engine).collect()
        assert said in str(error.value)
        assert "\n" not in str(error.value)


def test_a_sample_of_hours_holds_where_frames_pass_two_to_the_31() -> None:
    rows = 3000
    clips = pl.DataFrame({"segment_id": [f"s{i}" for i in range(rows)], "sign_language": ["ase", "pso"] * (rows // 2)})
    clips = clips.with_columns(num_frames=pl.lit(1_000_000, pl.Int32))
    for temperature in (None, 1.0, 0.0):
        taken = sample(clips, Selection(hours=1000, temperature=temperature))
        assert abs(taken["num_frames"].cast(pl.Int64).sum() / 24 / 3600 - 1000) < 12


@pytest.mark.parametrize(
    "conditions",
    [
        {"channels": "\udcff"},
        {"limit": 10**20},
        {"min_duration": float("inf")},
        {"ingested_after": datetime.fromisoformat("0001-01-01T00:00+14:00")},
    ],
)
def test_what_no_engine_could_carry_is_refused(fair, conditions) -> None:
    for engine in ("polars", "duckdb"):
        with pytest.raises(BadInputError):
            fair.select(Selection.of(**conditions), engine=engine).collect()


@pytest.mark.parametrize("least", [1e300, float("inf"), -1e300, float("-inf")])
def test_a_bound_beyond_all_numbers_means_the_same_in_both(fair, least) -> None:
    ours, theirs = (
        fair.select(Selection(min_confidence={"face": least}), engine=engine).collect()["segment_id"].to_list()
        for engine in ("polars", "duckdb")
    )
    assert ours == theirs
    assert bool(ours) == (least < 0)
