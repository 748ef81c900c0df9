"""The named reports: the numbers that one would work out by hand, and pictures of them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from PIL import Image

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.query import plots, read_only, reports
from signverse.lake.query.text_table import format_table

REPORTS = reports.report_names()


@pytest.fixture(scope="module")
def con(tmp_path_factory, fill, video):
    """Two languages of three and one video, one video of an unknown language, people and hands as said."""

    def made(video_id, language, hours, texts=("Hello there.", "How are you?"), **segment):
        about = {"duration_s": hours * 3600.0, "channel": "A"}
        return video(video_id, language, 240, texts=texts, video=about, segment={"coverage": 1.0, **segment})

    folder = fill(
        tmp_path_factory.mktemp("reports") / "lake",
        made("a1", "ase", 1, hands_seen=0.95, people_max=1, left_hand_confidence=0.6, right_hand_confidence=0.7),
        made("a2", "ase", 1, hands_seen=0.5, people_max=2, left_hand_confidence=None, right_hand_confidence=0.9),
        made("a3", "ase", 1, ("One two three four.",), caption_kind="automatic", left_hand_confidence=0.4),
        made("p1", "pso", 1, (None,), caption_kind="none", text=None, body_confidence=None),
        made("u1", "und", 4),
    )
    opened = Lake.open(folder)
    with opened.duckdb() as con:
        yield con
    opened.close()


def report(con, name):
    return read_only.run(con, reports.find_report(name).sql)


def test_each_report_begins_with_what_it_is_about():
    assert {"languages", "balance", "quality", "captions", "durations"} <= set(REPORTS)
    for name in REPORTS:
        line = reports.find_report(name).summary
        assert re.fullmatch(r"[A-Z][^.]{20,130}\.", line), line


def test_languages_counts_videos_clips_hours_shares_and_kinds_of_captions(con):
    rows = {row["sign_language"]: row for row in report(con, "languages").iter_rows(named=True)}
    ase, pso = rows["ase"], rows["pso"]
    assert [ase[name] for name in ("name", "videos", "clips", "hours")] == ["American Sign Language", 3, 5, 3.0]
    assert [ase[name] for name in ("manual", "automatic", "translated", "uncaptioned")] == [4, 1, 0, 0]
    assert [pso[name] for name in ("manual", "automatic", "translated", "uncaptioned")] == [0, 0, 0, 1]
    assert [rows[code]["share_percent"] for code in ("und", "ase", "pso")] == [50.0, 37.5, 12.5]
    assert ase["left_hand_p50"] == pytest.approx(0.6, abs=1e-3)
    assert ase["left_hand_p10"] == pytest.approx(np.quantile([0.4, 0.6, 0.6], 0.1), abs=1e-3)
    assert pso["body_p50"] is None


@pytest.mark.parametrize("name", REPORTS)
def test_the_short_form_of_a_report_fits_a_terminal_and_cuts_nothing_but_long_names(con, name):
    rows, found = report(con, name), reports.find_report(name)
    assert set(found.short_form) < set(rows.columns)
    assert list(found.short_form.values()) == found.short(rows).columns
    # The sizes of a release of 40,000 videos, and the longest names there are.
    large = {"videos": 39_197, "clips": 2_000_000, "number": 2_000_000, "cues": 2_000_000, "hours": 21_053.123}
    large |= {"words": 90_000_000, "longest_s": 28_799.96, "cap": 21_053.123, "sign_language": "sgn-VN"}
    large |= {"share_percent": 100.0, "name": "Langue des signes de Belgique Francophone", "repeats": 1234.56}
    larger = rows.with_columns(pl.lit(value).alias(column) for column, value in large.items() if column in rows.columns)
    for these in (rows, larger):
        table = format_table(found.short(these), 80)
        assert max(map(len, table.splitlines())) <= 80
        assert "more column" not in table
        cut = {word for word in table.split() if word.endswith("…")}
        assert all("Francophone".startswith(word[:-1]) for word in cut), cut
        for heading in found.short_form.values():
            assert all(word in table for word in heading.split())


def test_balance_says_its_answer_in_three_lines(con):
    rows = report(con, "balance")
    lines = reports.find_report("balance").answer(rows)
    now, half = measures((3, 1)), measures((3**0.5, 1))
    assert lines == [
        f"Effective number of languages, by hours: {now[0]:.3g} of 2",
        "Largest: American Sign Language (ase) with 75 % of the hours",
        f"Sampled with temperature T = 0.5: {half[0]:.3g} effective languages, largest {half[3]:.3g} %",
    ]
    assert reports.find_report("balance").answer(rows.clear()) == []
    assert reports.find_report("languages").answer(rows) == []


def measures(sizes):
    """Effective numbers, Gini and the top share of some sizes."""
    shares = np.array(sizes, float) / sum(sizes)
    gini = np.abs(shares[:, None] - shares[None]).sum() / (2 * len(shares))
    return np.exp(-(shares * np.log(shares)).sum()), 1 / (shares**2).sum(), gini, 100 * shares.max()


@pytest.mark.parametrize(("by", "sizes"), [("videos", (3, 1)), ("clips", (5, 1)), ("hours", (3.0, 1.0))])
def test_balance_is_what_the_formulas_give_at_every_temperature_and_cap(con, by, sizes):
    rows = report(con, "balance").filter(pl.col("weighted_by") == by)
    assert rows["temperature"].drop_nulls().to_list() == [1, 0.7, 0.5, 0.3, 0]
    assert rows["cap"].drop_nulls().to_list() == pytest.approx(
        [max(sizes) * part for part in (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)]
    )
    for row in rows.iter_rows(named=True):
        if row["temperature"] is None:
            weights = [min(size, row["cap"]) for size in sizes]
            assert row["kept_percent"] == pytest.approx(100 * sum(weights) / sum(sizes), abs=0.01)
            assert row["repeats"] is None
        else:
            weights = [size ** row["temperature"] for size in sizes]
            drawn = [weight / sum(weights) * sum(sizes) / size for weight, size in zip(weights, sizes, strict=True)]
            assert row["repeats"] == pytest.approx(max(drawn), abs=0.01)
            assert row["kept_percent"] is None
        found = [row[name] for name in ("exp_shannon_entropy", "inverse_simpson", "gini", "top_percent")]
        assert found == pytest.approx(measures(weights), abs=0.006)
        assert row["languages"] == 2
        assert row["top_language"] == (None if row["temperature"] == 0 else "ase")


def test_a_lake_of_one_language_is_no_error(tmp_path, fill, video):
    with Lake.open(fill(tmp_path / "lake", video("a", "ase"))).duckdb() as con:
        row = report(con, "balance").row(0, named=True)
        assert (row["languages"], row["exp_shannon_entropy"], row["gini"], row["top_percent"]) == (1, 1.0, 0.0, 100.0)
        for name in REPORTS:
            plots.draw(name, report(con, name), tmp_path / f"{name}.png")


def test_quality_says_how_clear_hands_are_and_how_often_there_are_several_people(con):
    rows = {row["sign_language"]: row for row in report(con, "quality").iter_rows(named=True)}
    ase = rows["ase"]
    # Of five clips: two with clear and steady hands, two whose left hand is unknown and which show two people.
    assert ase["clear_hands_percent"] == 40.0
    assert ase["several_people_percent"] == 40.0
    assert ase["most_people"] == 2
    assert ase["coverage"] == 1.0
    assert rows["pso"]["body_unknown_percent"] == 100.0
    assert rows["pso"]["body_confidence"] is None


def test_captions_counts_tracks_words_and_characters_and_how_fast_they_are(con):
    (row,) = report(con, "captions").iter_rows(named=True)
    texts = ["Hello there.", "How are you?"] * 3 + ["One two three four."]
    assert (row["kind"], row["language"], row["tracks"], row["videos"], row["cues"]) == ("manual", "en", 4, 4, 7)
    assert row["words"] == sum(len(text.split()) for text in texts)
    assert row["characters"] == sum(map(len, texts))
    assert row["words_per_second"] == pytest.approx(row["words"] / 40, abs=0.01)
    assert row["characters_per_second"] == pytest.approx(row["characters"] / 40, abs=0.01)
    assert row["sign_languages"] == 2


def test_durations_has_the_quantiles_of_clips_and_of_videos(con):
    rows = {(row["of"], row["sign_language"]): row for row in report(con, "durations").iter_rows(named=True)}
    ase = rows["clips", "ase"]
    assert (ase["number"], ase["shortest_s"], ase["p50_s"], ase["longest_s"]) == (5, 5.0, 5.0, 10.0)
    assert ase["p95_s"] == pytest.approx(np.quantile([5, 5, 5, 5, 10], 0.95))
    assert rows["videos", None]["number"] == 5
    assert rows["videos", None]["hours"] == 8.0
    assert rows["clips", "und"]["mean_s"] == 5.0


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_no_keypoints(con, name):
    plan = con.execute(f"explain {reports.find_report(name).sql}").fetchall()[0][1]
    assert "body_xy" not in plan
    assert "frame" not in plan.replace("num_frames", "").replace("end_frame", "").replace("start_frame", "")


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_drawn_alike_each_time(con, tmp_path, name):
    rows = report(con, name)
    for form in plots.FORMATS:
        for number in (1, 2):
            plots.draw(name, rows, tmp_path / f"{number}.{form}")
        assert (tmp_path / f"1.{form}").read_bytes() == (tmp_path / f"2.{form}").read_bytes()
    with Image.open(tmp_path / "1.png") as picture:
        assert 1200 < picture.width < 1700
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20
    svg = (tmp_path / "1.svg").read_text(encoding="utf-8")
    assert "<dc:date>" not in svg
    assert "</svg>" in svg
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{number}.{form}" for number in (1, 2) for form in plots.FORMATS
    )


def test_what_cannot_be_drawn_is_said(con, tmp_path):
    rows = report(con, "languages")
    with pytest.raises(BadInputError, match=r"unknown picture format '\.jpg'.*End the name in \.png, \.svg or \.pdf"):
        plots.draw("languages", rows, tmp_path / "a.jpg")
    with pytest.raises(BadInputError, match="no rows to draw"):
        plots.draw("languages", rows.clear(), tmp_path / "a.png")
    with pytest.raises(BadInputError, match="has no drawing"):
        plots.draw("views", rows, tmp_path / "a.png")
    with pytest.raises(BadInputError, match="cannot be written"):
        plots.draw("languages", rows, tmp_path / "nowhere" / "a.png")
    assert list(tmp_path.iterdir()) == []


def figure_of(name, rows):
    """The drawing of a report, laid out, and its renderer."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with rc_context(plots._STYLE):
        figure = plots.DRAWINGS[name](rows)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


def apart(texts, renderer):
    """Whether no two of the texts touch."""
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_visible() and text.get_text()]
    return not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


@pytest.mark.parametrize("largest", [2, 300, 40_000, 3_000_000])
@pytest.mark.parametrize("languages", [1, 3, 56])
def test_numbers_below_an_axis_stand_apart_and_legends_have_what_is_drawn(con, languages, largest):
    """Of one language or of 56, with two clips or three million."""
    one = report(con, "languages").head(1)
    sizes = np.geomspace(1, largest, languages).round().astype(int)
    rows = pl.concat([one] * languages).with_columns(
        pl.Series("videos", np.maximum(1, sizes // 50)), pl.Series("clips", sizes), pl.Series("hours", sizes / 700),
        *(pl.lit(None, pl.Float64).alias(f"body_{share}") for share in ("p10", "p50", "p90")),
    )  # fmt: skip
    figure, renderer = figure_of("languages", rows)
    for axis in figure.axes:
        assert apart(axis.get_xticklabels(), renderer), [text.get_text() for text in axis.get_xticklabels()]
        assert apart(axis.get_legend().get_texts(), renderer)
    assert "body" not in [text.get_text() for text in figure.axes[2].get_legend().get_texts()]


@pytest.mark.parametrize("languages", [1, 2, 3, 56])
def test_the_labels_of_caps_lie_on_no_mark_and_apart(con, tmp_path, fill, video, languages):
    folder = fill(
        tmp_path / "lake",
        *(
            video(f"v{i}", code, 240, video={"duration_s": 3600.0 * 3 ** (i % 6), "channel": "A"})
            for i, code in enumerate(["ase", "pso", "bfi", *(f"x{a}{b}" for a in "abcdefgh" for b in "abcdefg")])
            if i < languages
        ),
    )
    with Lake.open(folder).duckdb() as mine:
        figure, renderer = figure_of("balance", report(mine, "balance"))
    caps = figure.axes[1]
    labels = [text for text in caps.texts if text.get_text()]
    assert labels
    assert apart(labels, renderer)
    marks = [caps.transData.transform(line.get_xydata()) for line in caps.lines]
    for label in labels:
        box = label.get_window_extent(renderer).padded(5)
        assert not any(box.contains(x, y) for line in marks for x, y in line if np.isfinite((x, y)).all())


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        *(
            "<script>alert(1)</script>",
            "]]>",
            "<![CDATA[",
            "&amp;<!--",
            '"><a href="x">',
            "a\nb",
            "a\x1b[2Jb\x07",
            "a\0b",
        ),
        *("\u202eabc", "a\ufffeb\uffff", "\x85", "$\\frac{$", "$x$ or $y$", "a $ b", "a--b -->", "n" * 100_000),
    ],
)
def test_whatever_a_language_is_called_a_figure_is_well_formed_and_shows_it_as_text(tmp_path: Path, name: str) -> None:
    rows = pl.DataFrame({"kind": ["manual"], "language": [name], "cues": [5], "characters_per_second": [3.0]})
    plots.draw("captions", rows, tmp_path / "a.svg")
    drawn = ElementTree.parse(tmp_path / "a.svg")
    tags = {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert not tags & {"script", "a", "image", "foreignObject"}
    assert (tmp_path / "a.svg").stat().st_size < 200_000
