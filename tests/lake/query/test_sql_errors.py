"""A query that is wrong is told in one line: the place, what is wrong there, and what was probably meant."""

from __future__ import annotations

import duckdb
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query import read_only


@pytest.fixture(scope="module")
def con(town):
    opened = Lake.open(town)
    with opened.duckdb() as con:
        yield con
    opened.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select sign_langauge from videos", 'line 1, column 8: "select sign_langauge": Referenced column'),
        ("select sign_langauge from videos", "; nearest: sign_language, "),
        ("select 'caf\u00e9 \u4f60',\n  frme from keypoints", 'line 2, column 3: " frme": '),
        ("select 'caf\u00e9 \u4f60', frme from keypoints", "line 1, column 18: "),
        ("select k.frme from keypoints k", "; nearest: frame, end_frame"),
        ("select v.title from videos", 'Referenced table "v" not found; nearest: videos'),
        ("from viedos", 'line 1, column 6: "from viedos": Table with name viedos does not exist; nearest: videos'),
        ("from jonts", "; nearest: joints"),
        ("select langauge('ase')", "; nearest: language"),
        ("from wrist_sped('a')", "; nearest: wrist_speed"),
        ("select joint_x('right_elbo') from keypoints", "no joint is called 'right_elbo'; nearest: right_elbow"),
        ("select language('Polsh')", "no sign language is called 'Polsh'; nearest: pso (Polish Sign Language)"),
        ("select language('ISL')", "may be any of"),
        ("select year(title) from videos", 'It takes "year"(ts DATE) -> BIGINT or '),
        ("select video_id, count(*) from videos", "Either add it to the GROUP BY list"),
        ("select title::int from videos", 'line 1, column 13: "select title::int": Could not convert'),
        ("explain select frme from keypoints", 'line 1, column 16: "explain select frme"'),
        ("explain analyze select frme from keypoints", 'line 1, column 24: "explain analyze select frme"'),
        ("selec 1", 'the query does not parse: line 1, column 1: "selec": syntax error'),
        ("select 1,\n  'abc", 'does not parse: line 2, column 3: " \'": unterminated'),
        (f"select {'1 + ' * 50}frme from keypoints", 'column 208: "...'),
        ("pivot segments on sign_langauge using count(*)", '"pivot segments on sign_langauge": '),
        # The place of this one is in the macro, not in the query.
        ("select joint_x('nose') from videos", 'refused: Referenced column "body_xy" not found'),
        ("""select error('{"a": 1}')""", '{"a": 1}'),
        ("select error('[1')", "[1"),
        ("from glob('no.csv')", 'line 1, column 6: "from glob(\'no.csv\')": "no.csv" is outside the lake'),
    ],
)
def test_a_wrong_query_is_told_with_its_place_and_the_nearest_name(con, query, said):
    with pytest.raises(BadInputError) as refusal:
        read_only.run(con, query)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "exception_type" not in str(refusal.value)
    assert len(str(refusal.value)) < 600


def test_a_name_like_no_other_suggests_none(con):
    with pytest.raises(BadInputError) as refusal:
        read_only.run(con, "from qqqqqqqq")
    assert "nearest" not in str(refusal.value)


def test_whoever_uses_the_connection_otherwise_gets_the_messages_of_duckdb(con):
    with pytest.raises(BadInputError):
        read_only.run(con, "select frme from keypoints")
    with pytest.raises(duckdb.Error, match="LINE 1: select frme"):
        con.execute("select frme from keypoints")
