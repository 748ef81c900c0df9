"""Which clips a selection chooses: the same as a WHERE in SQL."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, UnknownLanguageError
from signverse.lake.model.skeleton import PART_NAMES
from signverse.lake.query.engines import nothing_selected
from signverse.lake.query.selection import KEY, ORDER, Selection

LANGUAGES = ["ase", "pso", "und", "sgn-VN"]
TEXTS = ["Hello there.", "HELLO", "50% off_", "a.b*c", "", None, "Hallo Welt", "hell"]


@pytest.fixture(scope="module")
def market(tmp_path_factory, fill, video):
    """A lake of many small clips whose values vary, unknown ones among them."""
    random = np.random.default_rng(7)

    def maybe(value):
        return None if random.random() < 0.15 else value

    videos = []
    for i in range(12):
        made = video(
            f"v{i:02d}", LANGUAGES[i % 4], 60, people=0, texts=tuple(random.permutation(np.array(TEXTS, object))[:6])
        )
        for segment in made.segments:
            segment.update(
                {f"{part}_confidence": maybe(float(random.integers(0, 5)) / 4) for part in PART_NAMES},
                num_frames=int(random.integers(1, 5)) * 12,
                coverage=maybe(float(random.integers(0, 5)) / 4),
                people_max=maybe(int(random.integers(0, 4))),
            )
        videos.append(made)
    opened = Lake.open(fill(tmp_path_factory.mktemp("market") / "lake", *videos))
    with opened.duckdb() as con:
        yield opened, con
    opened.close()


quarters = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
seconds = st.sampled_from([0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
conditions = st.fixed_dictionaries(
    {},
    optional={
        "languages": st.lists(st.sampled_from(LANGUAGES), max_size=2).map(tuple),
        "min_confidence": st.dictionaries(st.sampled_from(PART_NAMES), quarters, max_size=2),
        "min_duration": seconds,
        "max_duration": seconds,
        "text": st.sampled_from(["hello", "HELL", "%", "_", ".", "*", "", "zzz", "'"]),
        "captioned": st.booleans(),
        "min_coverage": quarters,
        "max_people": st.integers(0, 3),
        "videos": st.lists(st.sampled_from(["v00", "v05", "nope"]), max_size=2).map(tuple),
        "limit": st.integers(0, 20),
    },
)


def where(conditions: dict) -> tuple[str, list]:
    """The same in SQL."""
    terms, values = ["true"], []

    def term(text: str, *given) -> None:
        terms.append(text)
        values.extend(given)

    if conditions.get("languages"):
        term("sign_language in (select unnest(?::varchar[]))", list(conditions["languages"]))
    if conditions.get("videos"):
        term("video_id in (select unnest(?::varchar[]))", list(conditions["videos"]))
    for part, least in conditions.get("min_confidence", {}).items():
        term(f"{part}_confidence >= ?", least)
    for name, test in (("min_duration", "duration_s >= ?"), ("max_duration", "duration_s <= ?")):
        if name in conditions:
            term(test, conditions[name])
    if "text" in conditions:
        term("contains(lower(text), lower(?))", conditions["text"])
    if "captioned" in conditions:
        term("text is not null" if conditions["captioned"] else "text is null")
    for name, test in (("min_coverage", "coverage >= ?"), ("max_people", "people_max <= ?")):
        if name in conditions:
            term(test, conditions[name])
    limit = f" limit {conditions['limit']}" if "limit" in conditions else ""
    return f"select segment_id from clips where {' and '.join(terms)} order by video_id, start_frame{limit}", values


@settings(max_examples=80, deadline=None)
@given(conditions)
def test_a_selection_equals_a_where_in_sql(market, conditions):
    opened, con = market
    chosen = opened.clips(**conditions).collect()["segment_id"].to_list()
    query, values = where(conditions)
    assert chosen == [row[0] for row in con.execute(query, values).fetchall()]


def applied(selection: Selection, clips: pl.LazyFrame) -> pl.LazyFrame:
    """The conditions alone, on clips of one's own."""
    for one in selection.conditions():
        assert one.polars is not None
        clips = clips.filter(one.polars)
    clips = clips.sort(ORDER)
    return clips if selection.limit is None else clips.head(selection.limit)


def clips(*rows: dict) -> pl.LazyFrame:
    """Clips made up for one test; what a row leaves out is null."""
    plain = {
        "sign_language": pl.String,
        "video_id": pl.String,
        "segment_id": pl.String,
        "ordinal": pl.Int32,
        "start_frame": pl.Int32,
        "num_frames": pl.Int32,
        "text": pl.String,
        "coverage": pl.Float32,
        "people_max": pl.Int32,
    } | {f"{part}_confidence": pl.Float32 for part in PART_NAMES}
    given = {"video_id": "v"}
    full = [
        dict.fromkeys(plain) | given | {"ordinal": i, "start_frame": i, "segment_id": str(i)} | row
        for i, row in enumerate(rows)
    ]
    frame = pl.DataFrame(full, schema=plain)
    return frame.with_columns(duration_s=pl.col("num_frames") / 24.0).lazy()


def chosen(selection: Selection, *rows: dict) -> list[int]:
    return [int(i) for i in applied(selection, clips(*rows)).collect()["segment_id"]]


@pytest.mark.parametrize(
    ("conditions", "rows", "passing"),
    [
        ({"languages": ("ase",)}, [{"sign_language": "ase"}, {"sign_language": "pso"}, {}], [0]),
        ({"languages": ("ASL", "Polish")}, [{"sign_language": code} for code in ("ase", "pso", "und")], [0, 1]),
        ({"min_confidence": {"face": 0.5}}, [{"face_confidence": 0.5}, {"face_confidence": 0.49}, {}], [0]),
        (
            {"min_confidence": {"face": 0.5, "body": 0.5}},
            [{"face_confidence": 1.0}, {"body_confidence": 1.0}, {"face_confidence": 1.0, "body_confidence": 0.5}],
            [2],
        ),
        ({"min_duration": 2}, [{"num_frames": 48}, {"num_frames": 47}, {}], [0]),
        ({"max_duration": 2}, [{"num_frames": 48}, {"num_frames": 49}, {}], [0]),
        ({"text": "ask"}, [{"text": "Ask"}, {"text": "answer"}, {}], [0]),
        ({"captioned": True}, [{"text": "x"}, {"text": ""}, {}], [0, 1]),
        ({"captioned": False}, [{"text": "x"}, {"text": ""}, {}], [2]),
        ({"min_coverage": 0.5}, [{"coverage": 0.5}, {"coverage": 0.4}, {}], [0]),
        ({"min_coverage": 0.0}, [{"coverage": 0.0}, {}], [0]),
        ({"max_people": 1}, [{"people_max": 0}, {"people_max": 1}, {"people_max": 2}, {}], [0, 1]),
        ({"videos": ("a", "b")}, [{"video_id": "a"}, {"video_id": "A"}, {"video_id": "b"}], [0, 2]),
        ({"limit": 2}, [{}, {}, {}], [0, 1]),
        ({}, [{}, {}], [0, 1]),
    ],
)
def test_each_condition_lets_through_what_fits_and_never_what_is_unknown(conditions, rows, passing):
    assert chosen(Selection(**conditions), *rows) == passing


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("GRÜSSE AUS KÖLN", "grüße aus köln"),
        ("grüße", "GRÜSSE"),
        ("GROẞ", "groß"),
        ("İSTANBUL", "istanbul"),
        ("istanbul", "İstanbul"),
        ("ISPARTA", "\u0131sparta"),
        ("ΟΔΟΣ", "οδος"),
        ("οδος", "ΟΔΟΣ"),
        ("ΟΔΟΣ ΑΘΗΝΑΣ", "οδοσ"),
        ("ΣΟΦΟΣ", "ς"),
        ("Привет", "ПРИВЕТ"),
        ("ÉCOLE", "école"),
        ("un café noir", "cafe\u0301"),
        ("un cafe\u0301 noir", "CAFÉ"),
        ("Việt Nam: tiê\u0301ng", "tiếng"),
        ("tiếng", "tie\u0302\u0301ng"),
        ("\uff21\uff33\uff2c を学ぶ", "asl"),
        ("ASL 2", "\uff41\uff53\uff4c\u30002"),
        ("\uff76\uff9e\uff77\uff9e", "ガギ"),
        ("\u1112\u1161\u11ab국 수어", "한국"),
        ("50\u00a0km", "50 km"),
    ],
)
def test_text_is_found_in_any_case_of_any_script(text, needle):
    assert chosen(Selection(text=needle), {"text": text}, {"text": "none of it"}) == [0]


@pytest.mark.parametrize("needle", ["100%", "a_b", "a.b", "[x]", "(", "\\", "^a", "a|b", "*", "$1", "'", "{}"])
def test_text_is_taken_as_it_is_written(needle):
    assert chosen(Selection(text=needle), {"text": f"..{needle}.."}, {"text": "100 aXb x a b 1"}) == [0]


def test_clips_come_by_video_and_start_and_the_limit_takes_the_first():
    rows = [
        {"video_id": "b", "start_frame": 0},
        {"video_id": "a", "start_frame": 5},
        {"video_id": "a", "start_frame": 1},
    ]
    assert chosen(Selection(), *rows) == [2, 1, 0]
    assert chosen(Selection(limit=1), *rows) == [2]


@pytest.mark.parametrize("value", [math.inf])
def test_a_bound_that_nothing_reaches_lets_nothing_through(value):
    assert chosen(Selection(min_confidence={"face": value}), {"face_confidence": 1.0}, {}) == []


def test_a_bound_that_is_no_number_is_refused(market):
    with pytest.raises(BadInputError, match="not a number"):
        market[0].clips(min_confidence={"face": float("nan")})


def test_an_unknown_part_names_the_parts(market):
    with pytest.raises(BadInputError, match=r"'hand' is not a part.*body, face, left_hand, right_hand"):
        market[0].clips(min_confidence={"hand": 0.5})


def test_an_unknown_language_is_refused_before_anything_is_read(market):
    with pytest.raises(UnknownLanguageError):
        market[0].clips(languages=["ase", "Klingon"])


def test_when_nothing_passes_each_condition_is_counted(market):
    opened, con = market
    selection = Selection(
        languages=("Polish",), text="hello", min_confidence={"face": 2.0}, min_duration=1, max_people=1, videos=("v00",)
    )
    assert opened.select(selection).collect().is_empty()
    total, *counts = con.execute(
        "select count(*), count(*) filter (sign_language = 'pso'), count(*) filter (video_id = 'v00'),"
        " count(*) filter (face_confidence >= 2), count(*) filter (duration_s >= 1),"
        " count(*) filter (contains(lower(text), 'hello')), count(*) filter (people_max <= 1) from clips"
    ).fetchall()[0]
    said = nothing_selected(opened.snapshot, selection).message
    assert said.startswith(f"none of {total} clips matches")
    assert [int(part.rsplit(": ", 1)[1].rstrip(")")) for part in said.split("; ")] == counts
    assert "language pso" in said
    assert "face confidence at least 2" in said


def test_an_empty_lake_is_said_to_have_no_clips(tmp_path):
    opened = Lake.create(tmp_path / "lake")
    assert opened.clips(text="x").collect().is_empty()
    for selection in (Selection(), Selection(text="x")):
        assert nothing_selected(opened.snapshot, selection).message == f"the lake {opened.folder} is empty"


def test_a_chosen_clip_names_its_segment_and_its_ingestion(market):
    opened, _ = market
    rows = opened.clips(limit=3).collect()
    assert set(KEY) < set(rows.columns)
    assert rows["ingest_id"].unique().to_list() == [opened.video("v00")["ingest_id"]]
    assert rows["title"].to_list() == ["Video v00"] * 3


@pytest.mark.parametrize(
    "conditions", [{"min_coverage": 50}, {"min_coverage": -0.1}, {"max_people": -1}, {"min_duration": -1}]
)
def test_a_bound_that_nothing_can_have_is_refused_with_its_range(market, conditions):
    with pytest.raises(BadInputError, match=rf"{next(iter(conditions))} is .* It takes 0"):
        market[0].clips(**conditions)
