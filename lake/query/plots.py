"""Reports as figures for a paper: one style, languages by name, log axes for long tails."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.terminal_text import clean
from signverse.lake.query.reports import short_name
from signverse.lake.storage.temporary.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS: Final = ("png", "svg", "pdf")

# Okabe and Ito's colours: distinguishable with any colour vision, and by lightness in grey print.
BLACK, ORANGE, SKY, BLUE, RED = "#000000", "#E69F00", "#56B4E9", "#0072B2", "#D55E00"
GREY: Final = "#BBBBBB"

_METADATA: Final = {"png": ("Software",), "svg": ("Date", "Creator"), "pdf": ("CreationDate", "Creator", "Producer")}
"""Metadata that names the time or the program, by format: left out, so that the same rows give the same file."""

_STYLE: Final[dict[str, Any]] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.size": 0,
    "lines.markersize": 3.5,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    # Names of languages come from strangers: "$" in one is a dollar, and no formula.
    "text.parse_math": False,
    # The same rows give the same bytes.
    "svg.hashsalt": "signverse",
    # Type 3, matplotlib's default, is refused by many journals.
    "pdf.fonttype": 42,
}

_WIDTH: Final = 7.2
"""Inches: the width of a page's text, or two columns."""

_NAMES: Final = 1.75
"""Inches for the names of languages."""

_LONGEST_NAME: Final = 60
"""Characters of a language's name: the longest that is known has 27, and a picture is as wide as its longest name."""

_ROW: Final = 0.155
"""Inches a language: 56 fit on a page."""

_LABEL_GAP: Final = 10
"""Per cent of the axis that a label of a cap takes."""

_KINDS: Final = (("manual", BLUE), ("automatic", ORANGE), ("translated", SKY), ("uncaptioned", GREY))
_PARTS: Final = (("body", BLACK), ("face", ORANGE), ("left_hand", SKY), ("right_hand", BLUE))


def check_plot_name(out: Path) -> None:
    """Checks that a file's name ends in that of a picture format.

    Raises:
        BadInputError: it does not.
    """
    if out.suffix.lower().lstrip(".") not in FORMATS:
        raise BadInputError(f"unknown picture format '{out.suffix}' of {out}", "End the name in .png, .svg or .pdf.")


def draw(report: str, rows: pl.DataFrame, out: Path) -> None:
    """Draws a report into a PNG, SVG or PDF file, which appears whole or not at all.

    Args:
        report: the report's name.
        rows: its rows.

    Raises:
        BadInputError: there is nothing to draw, the report has no drawing, or the file cannot be written.
    """
    check_plot_name(out)
    data = drawn(report, rows, out.suffix.lower().lstrip("."))
    with whole_file(out) as file:
        file.write(data)


def drawn(report: str, rows: pl.DataFrame, form: str) -> bytes:
    """A report as a picture: the bytes of a PNG, SVG or PDF file, the same for the same rows.

    Raises:
        BadInputError: there is nothing to draw, or the report has no drawing.
    """
    if report not in DRAWINGS:
        raise BadInputError(f"the report {report} has no drawing", f"These have: {', '.join(DRAWINGS)}.")
    if rows.is_empty():
        raise BadInputError(f"the report {report} has no rows to draw")
    # Matplotlib is imported in functions, for speed of start: most reports are not drawn.
    from matplotlib import rc_context

    picture = io.BytesIO()
    with rc_context(_STYLE):  # type: ignore[arg-type]
        metadata: dict[str, Any] = dict.fromkeys(_METADATA[form])
        DRAWINGS[report](rows).savefig(picture, format=form, dpi=200, bbox_inches="tight", metadata=metadata)
    return picture.getvalue()


def _figure(columns: int, height: float, widths: list[float], *, named: bool) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height))
    # The margins in inches are the same for one language and for sixty: legends stand above, names at the left.
    left = _NAMES if named else 0.6
    edges = {"left": left / _WIDTH, "right": 0.98, "bottom": 0.5 / height, "top": 1 - 0.45 / height, "wspace": 0.16}
    axes = figure.subplots(1, columns, squeeze=False, sharey=True, width_ratios=widths, gridspec_kw=edges)
    for axis in axes[0][1:]:
        axis.tick_params(axis="y", length=0)
    return figure, list(axes[0])


def _name(code: str | None, name: str | None) -> str:
    """A language for an axis: "Polish (pso)"."""
    if code is None:
        return "All languages"
    return _printed(f"{short_name(name)} ({code})" if name else code)


def _printed(name: str) -> str:
    """A name on one short line, without control characters and the two others that XML, and so SVG, cannot hold."""
    name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
    return clean(name).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def _by_language(rows: pl.DataFrame, panels: int, widths: list[float]) -> tuple[Figure, list[Axes]]:
    """Panels side by side with the languages of the rows down their common axis, the first on top."""
    figure, axes = _figure(panels, 0.95 + _ROW * rows.height, widths, named=True)
    names = [_name(row["sign_language"], row["name"]) for row in rows.iter_rows(named=True)]
    axes[0].set_yticks(range(rows.height), names)
    axes[0].set_ylim(rows.height - 0.4, -0.6)
    for axis in axes:
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x")
        axis.spines["left"].set_visible(False)
    return figure, axes


def _log(axis: Axes, values: pl.Series) -> None:
    """A logarithmic axis with plain numbers, which begins and ends where the values do."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    positive = [value for value in values.cast(pl.Float64).drop_nulls() if value > 0] or [1.0]
    room = 1.4 if max(positive) > 10 * min(positive) else 3.0
    low, high = min(positive) / room, max(positive) * room
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    ratio = high / low
    # As many numbers as stand apart on the narrowest panel; over many decades the locator takes every other one.
    subs = (1.0, 2.0, 5.0) if ratio < 40 else (1.0, 3.0) if ratio < 500 else (1.0,)
    axis.xaxis.set_major_locator(LogLocator(10, subs=subs, numticks=5 if ratio >= 500 else 12))
    axis.xaxis.set_major_formatter(FuncFormatter(_short))
    axis.xaxis.set_minor_locator(NullLocator())


def _short(value: float, _: object = None) -> str:
    """1,000,000 as 1M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _key(axis: Axes, columns: int) -> None:
    """The legend above a panel, where it hides nothing."""
    axis.legend(
        loc="lower left", bbox_to_anchor=(-0.04, 1.0), ncols=columns, borderpad=0.2, columnspacing=0.8,
        handletextpad=0.4, handlelength=1.0, labelspacing=0.3, fontsize=7,
    )  # fmt: skip


def _percent(axis: Axes, label: str) -> None:
    axis.set_xlim(0, 100)
    axis.set_xticks([0, 50, 100])
    axis.set_xlabel(label)


def _score(axis: Axes, label: str) -> None:
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_xlabel(label)


def _languages(rows: pl.DataFrame) -> Figure:
    figure, (sizes, kinds, sure) = _by_language(rows, 3, [1.15, 1, 1])
    places = range(rows.height)
    for column, colour, marker in (("videos", SKY, "s"), ("clips", ORANGE, "^"), ("hours", BLUE, "o")):
        shown = rows[column].to_numpy().astype(float)
        # No place on a logarithmic axis: not drawn.
        shown[shown <= 0] = float("nan")
        sizes.plot(shown, places, marker, color=colour, label=column, clip_on=False)
    _log(sizes, pl.concat([rows[column].cast(pl.Float64) for column in ("videos", "clips", "hours")]))
    sizes.set_xlabel("videos, clips, hours")
    _key(sizes, 3)
    left = [0.0] * rows.height
    for kind, colour in _KINDS:
        share = (100 * rows[kind] / rows["clips"]).fill_nan(0).fill_null(0).to_list()
        kinds.barh(places, share, left=left, height=0.75, color=colour, label=kind)
        left = [a + b for a, b in zip(left, share, strict=True)]
    _percent(kinds, "clips by kind of caption (%)")
    _key(kinds, 2)
    for offset, (part, colour) in zip((-0.24, -0.08, 0.08, 0.24), _PARTS, strict=True):
        if rows[f"{part}_p50"].is_null().all():
            continue
        at = [place + offset for place in places]
        sure.hlines(at, _floats(rows[f"{part}_p10"]), _floats(rows[f"{part}_p90"]), color=colour, linewidth=0.7)
        label = part.replace("_", " ")
        sure.plot(_floats(rows[f"{part}_p50"]), at, "o", color=colour, markersize=2, label=label, clip_on=False)
    _score(sure, "confidence of clips\n(median, 10 to 90 %)")
    _key(sure, 2)
    return figure


def _floats(values: pl.Series) -> list[float]:
    """Numbers with nan for null, which is drawn as nothing."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_list()


def _balance(rows: pl.DataFrame) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    figure, (heat, caps) = _figure(2, 3.2, [1, 1], named=False)
    # Marks of three sizes inside each other: the three ways of weighing often agree.
    marks: dict[str, dict[str, Any]] = {
        "videos": {"marker": "s", "markersize": 7.5, "fillstyle": "none", "markeredgewidth": 0.8},
        "clips": {"marker": "o", "markersize": 5, "fillstyle": "none", "markeredgewidth": 0.8},
        "hours": {"marker": "o", "markersize": 2.2},
    }
    measures = (("exp_shannon_entropy", BLUE, "exp of Shannon entropy"), ("inverse_simpson", RED, "inverse Simpson"))
    for weight, mark in marks.items():
        mine = rows.filter(pl.col("weighted_by") == weight)
        by_heat, by_cap = mine.filter(pl.col("temperature").is_not_null()), mine.filter(pl.col("cap").is_not_null())
        as_it_is = by_heat.filter(pl.col("temperature") == 1)
        for measure, colour, _ in measures:
            style = {**mark, "color": colour, "linewidth": 0.8, "clip_on": False}
            heat.plot(_floats(by_heat["temperature"]), _floats(by_heat[measure]), **style)
            caps.plot([100.0, *by_cap["kept_percent"]], [*as_it_is[measure], *by_cap[measure]], **style)
    most = int(rows["languages"].max())  # type: ignore[arg-type]
    # The caps stand in a row above all marks, each at the hours that it keeps.
    hours = rows.filter((pl.col("weighted_by") == "hours") & pl.col("cap").is_not_null())
    above_marks: dict[str, Any] = {
        "xycoords": caps.get_xaxis_transform(),
        "textcoords": "offset points",
        "va": "top",
        "fontsize": 6,
    }
    caps.annotate("no cap", (102, 1), (0, -2), ha="left", **above_marks)
    last = 95.0
    for kept, cap in hours.select("kept_percent", "cap").iter_rows():
        if last - kept >= _LABEL_GAP and cap >= 0.01:
            caps.annotate(f"{_short(float(f'{cap:.2g}'))} h", (kept, 1), (0, -2), ha="center", **above_marks)
            last = kept
    heat.set_ylim(0, most * 1.14)
    heat.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    heat.set_xlim(1.03, -0.03)
    heat.set_xlabel("temperature T (1: as the lake is, 0: all equal)")
    heat.set_ylabel(f"effective number of languages (of {most})")
    caps.set_xlim(104, -4)
    caps.set_xlabel("data kept with a per-language cap (%)")
    for axis in (heat, caps):
        axis.grid()
    heat.legend(
        handles=[Line2D([], [], color=colour, label=label) for _, colour, label in measures],
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2,
    )  # fmt: skip
    caps.legend(
        handles=[Line2D([], [], color=BLACK, linestyle="", label=f"by {name}", **mark) for name, mark in marks.items()],
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3,
    )  # fmt: skip
    return figure


def _quality(rows: pl.DataFrame) -> Figure:
    figure, (sure, seen, people) = _by_language(rows, 3, [1.1, 1.1, 0.8])
    places = range(rows.height)
    for (part, colour), marker in zip(_PARTS, "oD<>", strict=True):
        if rows[f"{part}_confidence"].is_null().all():
            continue
        label = part.replace("_", " ")
        sure.plot(_floats(rows[f"{part}_confidence"]), places, marker, color=colour, label=label, clip_on=False)
    _score(sure, "median confidence of clips")
    _key(sure, 2)
    for column, times, colour, marker, label in (
        ("coverage", 100, BLACK, "o", "frames with the signer"),
        ("hands_seen", 100, BLUE, "D", "frames with both hands"),
        ("clear_hands_percent", 1, ORANGE, "^", "clips with clear hands"),
    ):
        seen.plot(_floats(times * rows[column]), places, marker, color=colour, label=label, clip_on=False)
    _percent(seen, "share (%)")
    _key(seen, 1)
    people.plot(_floats(rows["several_people_percent"]), places, "s", color=RED, clip_on=False)
    _percent(people, "clips with several\npeople (%)")
    return figure


def _captions(rows: pl.DataFrame) -> Figure:
    languages = rows.group_by("language", maintain_order=True).agg(pl.col("cues").sum())["language"].to_list()
    place = {language: i for i, language in enumerate(languages)}
    figure, (cues, rate) = _figure(2, 0.95 + _ROW * max(len(languages), 3), [1, 1], named=False)
    for (kind, colour), marker in zip(_KINDS[:3], "oD^", strict=True):
        mine = rows.filter(pl.col("kind") == kind)
        if mine.is_empty():
            continue
        at = [place[language] for language in mine["language"]]
        cues.plot(_floats(mine["cues"]), at, marker, color=colour, label=kind, clip_on=False)
        rate.plot(_floats(mine["characters_per_second"]), at, marker, color=colour, clip_on=False)
    cues.set_yticks(range(len(languages)), [_printed(language or "unknown") for language in languages])
    cues.set_ylim(len(languages) - 0.4, -0.6)
    cues.set_ylabel("captions in")
    cues.set_xlabel("cues")
    rate.set_xlabel("characters a second")
    rate.set_xlim(0, 1.05 * max(_floats(rows["characters_per_second"].fill_null(1))))
    for axis in (cues, rate):
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x")
    _log(cues, rows["cues"])
    _key(cues, 3)
    return figure


def _durations(rows: pl.DataFrame) -> Figure:
    videos, clips = (rows.filter(pl.col("of") == of) for of in ("videos", "clips"))
    figure, axes = _by_language(videos, 2, [1, 1])
    place = {code: i for i, code in enumerate(videos["sign_language"])}
    for axis, mine, what in ((axes[0], clips, "clips"), (axes[1], videos, "videos")):
        at = [place[code] for code in mine["sign_language"]]
        axis.hlines(at, mine["p05_s"].to_list(), mine["p95_s"].to_list(), color=SKY, linewidth=0.9)
        axis.hlines(at, mine["p25_s"].to_list(), mine["p75_s"].to_list(), color=BLUE, linewidth=3)
        axis.plot(mine["p50_s"].to_list(), at, "o", color="white", markeredgecolor=BLACK, markeredgewidth=0.8)
        _log(axis, pl.concat([mine["p05_s"], mine["p95_s"]]))
        axis.set_xlabel(f"length of {what} (s)")
    from matplotlib.lines import Line2D

    key = [
        Line2D([], [], marker="o", linestyle="", color="white", markeredgecolor=BLACK, label="median"),
        Line2D([], [], color=BLUE, linewidth=3, label="25 to 75 %"),
        Line2D([], [], color=SKY, linewidth=0.9, label="5 to 95 %"),
    ]
    axes[0].legend(handles=key, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, fontsize=7)
    return figure


DRAWINGS: Final[dict[str, Callable[[pl.DataFrame], Figure]]] = {
    "languages": _languages,
    "balance": _balance,
    "quality": _quality,
    "captions": _captions,
    "durations": _durations,
}
"""The drawing of each report."""
