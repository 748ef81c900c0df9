"""A filter is said once: its option, its documentation and its checks are made of its entry."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.cli.selection_options import OPTIONS, make_selection
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.query.filter_kinds import Bound, Filter
from signverse.lake.query.selection import FILTERS, Selection


def test_every_attribute_has_a_filter_and_an_option():
    assert list(FILTERS) == [attribute.name for attribute in fields(Selection)]
    assert all(isinstance(entry, Filter) and entry.help for entry in FILTERS.values())
    assert len(OPTIONS) == len(FILTERS)


@pytest.mark.parametrize("name", FILTERS)
def test_every_attribute_is_documented_and_typed(name):
    assert f"{name}: {FILTERS[name].help[0].lower()}" in inspect.getdoc(Selection)
    assert Selection.__annotations__[name]


@pytest.mark.parametrize("name", FILTERS)
def test_a_value_of_a_wrong_type_is_refused_in_one_line(name):
    for value in (object(), 1.5j, [object()]):
        with pytest.raises(BadInputError, match=rf"{name}\b") as error:
            Selection.of(**{name: value, **({"hours": 1} if name == "temperature" else {})}).check()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"min_confidence": 0.5}, "min_confidence is 0.5. It takes a score by part, such as {'right_hand': 0.5}."),
        ({"min_confidence": {"face": "high"}}, "min_confidence of face is 'high', which is not a number"),
        ({"min_duration": "2"}, "min_duration is '2'. It takes a number."),
        ({"limit": 2.5}, "limit is 2.5. It takes a whole number."),
        ({"text": 5}, "text is 5. It takes a text."),
        ({"languages": 5}, "languages is 5. It takes a list of texts."),
        ({"captioned": "yes"}, "captioned is 'yes'. It takes True or False."),
        ({"captioned": 1}, "captioned is 1. It takes True or False."),
        ({"min_people": True}, "min_people is True. It takes a whole number."),
        ({"split": "train"}, "split is 'train'. It takes a name and a part: ('main', 'train')."),
        ({"ingested_after": "2026-11-22"}, "It takes a datetime with a time zone."),
        ({"per_language": []}, "per_language is []. It takes a whole number."),
        ({"hours": {}}, "hours is {}. It takes a number."),
        ({"min_confidence": []}, "min_confidence is []. It takes a score by part"),
        ({"min_confidence": {"face": True}}, "min_confidence of face is True, which is not a number"),
        ({"min_confidence": {"face": 10**400}}, "which is too large"),
        ({"languages": np.array(0.5)}, "languages is array(0.5). It takes a list of texts."),
        ({"captioned": pl.Series([True])}, "It takes True or False."),
        ({"captioned": np.array([1.0])}, "captioned is array([1.]). It takes True or False."),
        ({"limit": 10**20 - 1}, "limit is 99999999999999999999. It takes 0 to 2,147,483,647."),
        ({"limit": 10**5000}, "limit is a number of thousands of digits. It takes 0 to 2,147,483,647."),
        ({"min_duration": float("inf")}, "min_duration is inf. It takes 0 or more, a finite number."),
        ({"hours": Fraction(10**400)}, "It takes 0 or more, a finite number."),
        ({"nonsense": 5}, "'nonsense' is not an attribute of a selection"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(wrong, said):
    with pytest.raises(BadInputError) as error:
        Selection.of(**wrong).check()
    assert said in str(error.value)


def test_numbers_and_arrays_of_numpy_are_taken():
    selection = Selection.of(languages=np.array(["ase"]), min_duration=np.float32(2), limit=np.int64(3))
    assert [condition.words for condition in selection.conditions()] == ["language ase", "seconds at least 2"]


def test_booleans_of_numpy_whole_floats_and_lists_are_taken():
    selection = Selection.of(captioned=np.True_, min_people=1.0, limit=np.int64(3), split=["main", "train"])
    assert selection == Selection(captioned=True, min_people=1, limit=3, split=("main", "train"))
    selection.check()
    assert Selection.from_dict(json.loads(json.dumps(selection.to_dict()))) == selection


ODD = st.one_of(
    st.sampled_from(
        [
            [],
            {},
            (),
            "",
            set(),
            b"ase",
            [[]],
            [None],
            {"face": None},
            {1: 2},
            True,
            [True],
            object(),
            date(2026, 1, 1),
            "ase",
            "a\0b",
            "\ud800",
            "'",
            ["ase", "ase"],
            ["manual"],
            ("main", "train"),
            "true",
            "1 = 1",
            ")",
            "(",
            "1; 1",
            10**400,
            -(10**400),
            10**5000,
            10**16,
            2**31,
            Fraction(1, 3),
            Fraction(10**400),
            2.0,
            1j,
            float("nan"),
            np.array(0.5),
            np.array("ase"),
            np.array([]),
            np.array([1.0]),
            np.array(["ase"]),
            np.float32(0.7),
            np.int64(1),
            np.longdouble(1),
            np.longdouble("1e400"),
            np.bool_(1),
            np.str_("ase"),
            np.datetime64("2026-01-01"),
            np.ma.masked,
            pl.Series([True]),
            pl.Series(["ase"]),
            pl.DataFrame({"a": [1]}),
            pl.col("text"),
            range(0),
            {"face": np.float32(1)},
            {"face": True},
            {"face": 10**400},
            {"face": Fraction(1, 3)},
            {"face": float("inf")},
            {"face": [0.5]},
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
            datetime.min.replace(tzinfo=UTC),
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, seconds=7, microseconds=9))),
            datetime(2026, 1, 1),
        ]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.booleans(),
    st.lists(st.text(max_size=3), max_size=3),
    st.datetimes(timezones=st.timezones() | st.none()),
    st.dictionaries(st.sampled_from(["face", "hand"]), st.floats() | st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory, fill, video):
    with Lake.open(fill(tmp_path_factory.mktemp("small") / "lake", video("a", "ase", 60, people=1))) as opened:
        yield opened


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=80, deadline=None)
@given(value=ODD)
def test_any_value_works_or_is_refused_and_goes_through_json(small, name, value):
    more = {"hours": 1} if name == "temperature" else {}
    try:
        selection = Selection.of(**{name: value}, **more)
        selection.check()
    except SignverseError as error:
        assert "\n" not in str(error)
        return
    written = json.dumps(selection.to_dict())
    again = Selection.from_dict(json.loads(written))
    assert again == selection
    assert json.dumps(again.to_dict()) == written
    try:
        small.clips(**{name: value}, **more).collect()
    except SignverseError:
        assert name in {"where", "split"}


@pytest.mark.parametrize("zone", ["Africa/Abidjan", "Europe/Berlin", "America/New_York"])
def test_a_time_of_any_zone_is_compared(small, zone):
    moment = datetime(2020, 1, 1, tzinfo=ZoneInfo(zone))
    for selection in (Selection(ingested_after=moment), Selection.of(ingested_after=moment)):
        assert [small.select(selection, engine=engine).collect().height > 0 for engine in ("polars", "duckdb")] == [
            True
        ] * 2


def test_a_selection_takes_keywords_only():
    with pytest.raises(TypeError, match="positional"):
        Selection(("ase",))  # type: ignore[misc]


def test_options_become_the_attributes():
    options = {
        "language": ["Polish"],
        "min_confidence": ["face=0.5", " body=1"],
        "split": "main=train",
        "ingested_after": "2026-11-22",
        "captioned": False,
    }
    assert make_selection(**options) == Selection(
        languages=("Polish",),
        min_confidence={"face": 0.5, "body": 1.0},
        split=("main", "train"),
        ingested_after=datetime(2026, 11, 22, tzinfo=UTC),
        captioned=False,
    )
    for option, value in (("split", "train"), ("min_confidence", ["face"]), ("min_confidence", ["face=high"])):
        with pytest.raises(typer.BadParameter, match=r"is not (NAME|PART)="):
            make_selection(**{option: value})


def test_a_selection_that_an_older_version_wrote_is_read():
    written = (
        '{"languages": ["ase"], "min_confidence": {"face": 0.5}, "split": ["main", "train"], "captioned": true,'
        ' "ingested_after": "2026-11-22T00:00:00+00:00", "temperature": 0.5, "limit": 3}'
    )
    selection = Selection.from_dict(json.loads(written))
    assert (selection.languages, selection.split, selection.limit) == (("ase",), ("main", "train"), 3)
    assert json.loads(json.dumps(selection.to_dict())) == json.loads(written)
    with pytest.raises(BadInputError, match="not a selection: unknown: nonsense"):
        Selection.from_dict({"nonsense": 1})


def test_a_new_filter_is_one_entry():
    @dataclass(frozen=True)
    class Wider(Selection):
        max_width: int | None = field(
            default=None,
            metadata={"filter": Bound(help="Greatest width", column="width", side="most", noun="pixels", whole=True)},
        )

    entry = next(one.metadata["filter"] for one in fields(Wider) if one.name == "max_width")
    entry.check("max_width", 640)
    (condition,) = entry.conditions(640, None)
    rows = pl.DataFrame({"width": [640, 641, None]})
    assert rows.filter(condition.polars)["width"].to_list() == [640]
    assert condition.sql == "width <= '640.0'::double"
    assert condition.words == "pixels at most 640"
    assert entry.option_type == int | None
