"""The pages Languages and Quality through what a person does, in a real Chromium; an error in its console fails."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tests.export.conftest import Video, fill
from tests.export.explorer.conftest import HEBREW, HOSTILE
from tests.export.explorer.test_page import wait_for_count


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """Three languages; the scores of American clips go from low to high, those of the others are high or not known."""
    videos = []
    for i in range(40):
        points = {(frame, 0): np.full((128, 3), 100 + i, np.float32) for frame in range(24)}
        for one in points.values():
            one[:, 2] = i / 40 if i < 20 else 0.9
            if i >= 36:
                one[107:] = np.nan
        language = "ase" if i < 20 else "isr" if i < 36 else "pso"
        kind = "automatic" if i % 4 == 0 else "manual"
        cues = [(0.0, 1.0, HEBREW if language == "isr" else f"water {i}")][: i % 3]
        videos.append(Video(f"spread{i:02d}", 24 * (100 if i == 0 else 1), points, cues, (kind, "en", ""), language))
    return fill(tmp_path_factory.mktemp("spread") / "lake", videos).folder


@pytest.fixture
def visit_page(visit, serve, spread):
    server = serve(spread)
    return lambda query, **options: visit(f"{server.address}?{query}", **options)


def bars(page):
    return page.get_by_role("list", name="by language, on a log axis").get_by_role("link")


def labels(found) -> list[str]:
    return [one.get_attribute("aria-label") for one in found.all()]


def test_hours_by_language_and_from_there_to_the_clips(visit_page):
    page = visit_page("page=languages")
    bars(page).first.wait_for()
    assert labels(bars(page)) == [
        "American Sign Language: 2.0 min", "Israeli Sign Language: 16 s", "Polish Sign Language: 4.0 s",
    ]  # fmt: skip
    page.get_by_role("button", name="Clips", exact=True).click()
    assert "by=clips" in page.url
    assert labels(bars(page))[1] == "Israeli Sign Language: 16 clips"
    # By keyboard: the link holds the focus while its chart is drawn anew, and leads to the clips.
    bars(page).nth(1).focus()
    page.keyboard.press("Enter")
    wait_for_count(page, "16 clips of 16 videos")
    assert page.url.endswith("?language=isr")
    page.go_back()
    bars(page).first.wait_for()
    assert "by=clips" in page.url


def test_what_a_filter_does_is_shown_beside_the_whole_lake(visit_page):
    page = visit_page("page=languages&by=videos")
    page.get_by_label("Search captions").fill("water")
    page.get_by_role("link", name="American Sign Language: 13 of 20 videos").wait_for()
    page.get_by_role("link", name="Israeli Sign Language: none of 16 videos").wait_for()
    balance = page.get_by_role("table", name="Balance, by videos")
    assert balance.get_by_role("row", name="Languages, without und").get_by_role("cell").all_text_contents() == [
        "3",
        "2",
    ]
    figures = page.get_by_role("table", name="Figures by language")
    assert "Israeli Sign Language" in figures.text_content()
    # A link shows the same.
    again = page.context.new_page()
    again.goto(page.url)
    again.get_by_role("link", name="American Sign Language: 13 of 20 videos").wait_for()


def test_the_figures_are_saved_as_they_are_shown(visit_page):
    page = visit_page("page=languages&text=water")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as CSV").click()
    assert download.value.suggested_filename == "languages.csv"
    rows = {row["sign_language"]: row for row in csv.DictReader(io.StringIO(Path(download.value.path()).read_text()))}
    assert (rows["ase"]["clips"], rows["ase"]["lake_clips"], rows["isr"]["clips"]) == ("13", "20", "0")


def test_a_bar_of_quality_leads_to_exactly_its_clips(visit_page):
    page = visit_page("page=quality")
    page.get_by_role("button", name="Left hand").click()
    bar = page.get_by_role("gridcell", name="American Sign Language, 0.25 to 0.30: 2 clips")
    bar.click()
    wait_for_count(page, "2 clips of 2 videos")
    assert "min-confidence=left_hand%3D0.25" in page.url and "language=ase" in page.url
    page.go_back()
    # By keyboard, from bar to bar; a bound that is set stays.
    page.get_by_role("gridcell", name="All languages, 0.00 to 0.05").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("American Sign Language, 0.25")
    page.keyboard.press("Enter")
    wait_for_count(page, "2 clips of 2 videos")


def test_bounds_and_conditions_that_are_set_stay_where_a_bar_is_followed(visit_page):
    page = visit_page(
        "page=quality&measure=left_hand_confidence&min-confidence=left_hand=0.27&where=num_frames<999 -- short"
    )
    page.get_by_role("gridcell", name="All languages, 0.25 to 0.30: 1 clip").click()
    wait_for_count(page, "1 clip of 1 video")


def test_unknown_values_are_in_no_bar_and_are_told(visit_page):
    page = visit_page("page=quality&measure=right_hand_confidence")
    table = page.get_by_role("table", name="Figures by language")
    row = table.get_by_role("row", name="Polish Sign Language")
    row.wait_for()
    assert row.get_by_role("cell").all_text_contents() == ["pso", "4", "4", "", "", "", "", ""]


def test_captions_by_kind_lead_to_their_clips(visit_page):
    page = visit_page("page=quality")
    page.get_by_role("button", name="Captions").click()
    part = page.get_by_role("gridcell", name="Israeli Sign Language, none:")
    part.wait_for()
    clips = part.get_attribute("aria-label").split("%, ")[1].split(" clips")[0]
    part.click()
    wait_for_count(page, f"{clips} clips")
    assert "caption-kind=none" in page.url


def test_languages_are_ordered_as_asked(visit_page):
    page = visit_page("page=quality&measure=body_confidence")
    names = page.locator(".chart .name")
    page.get_by_role("combobox", name="Order").select_option("lowest first")
    assert names.all_text_contents()[:2] == ["All languages", "American"]
    page.get_by_role("combobox", name="Order").select_option("highest first")
    assert names.all_text_contents()[-1] == "American"
    assert "order=high" in page.url


@pytest.mark.parametrize("query", ["page=languages&by=x", "page=quality&measure=x&order=x"])
def test_words_that_mean_nothing_show_the_page_as_it_is(visit_page, query):
    visit_page(query).locator(".chart .name").first.wait_for()


@pytest.mark.parametrize("query", ["page=languages", "page=quality", "page=quality&measure=captions"])
def test_what_a_stranger_wrote_is_text_here_too(visit, served, query):
    page = visit(f"{served.address}?{query}&text={HOSTILE}")
    page.locator(".chart .name, .chart p").first.wait_for()
    assert page.locator("img, iframe, object, embed").count() == 0
    assert page.locator("script").count() == 1
    assert "owned" not in page.title()


APART = """() => {
    const seen = [...document.querySelectorAll('.axis text')].filter(one => one.getAttribute('visibility') !== 'hidden')
        .map(one => one.getBoundingClientRect()).sort((a, b) => a.left - b.left);
    return seen.length > 1 && seen.every((box, i) => !i || box.left > seen[i - 1].right);
}"""

PALE = """() => {
    const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map(one => one / 255)
            .map(one => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (one) => {
        for (; one; one = one.parentElement) {
            const colour = getComputedStyle(one).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const own = (one) => [...one.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    return [...document.querySelectorAll('#page *, header *')].filter(one => own(one) && one.checkVisibility())
        .map(one => {
            const style = getComputedStyle(one);
            const [a, b] = [light(one instanceof SVGElement ? style.fill : style.color), light(ground(one))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.outerHTML.slice(0, 90)];
        }).filter(([contrast]) => contrast < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "query",
    ["page=languages&text=water", "page=quality", "page=quality&measure=captions", "page=status", "page=reports"],
)
def test_pages_are_readable_in_light_and_dark_and_on_a_phone(visit_page, query, scheme):
    page = visit_page(query, color_scheme=scheme)
    for width in (1300, 390):
        page.set_viewport_size({"width": width, "height": 780})
        page.locator("#page:not([aria-busy]) > *").first.wait_for()
        if "reports" not in query and "status" not in query:
            page.wait_for_function(APART)
        assert page.evaluate(PALE) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # Tables scroll in themselves, the page does not from side to side.
        assert (
            page.evaluate(
                "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('#page'))"
            )
            == 0
        )


@pytest.mark.parametrize("query", ["page=languages&text=water", "page=quality", "page=quality&measure=captions"])
def test_everything_in_the_pages_that_can_be_used_has_a_name(visit_page, query):
    page = visit_page(query)
    page.locator(".chart .name").first.wait_for()
    unnamed = page.locator("#page :is(a, button, select, input, [role=gridcell], [tabindex])").evaluate_all(
        "all => all.filter(one => !(one.getAttribute('aria-label') || one.textContent.trim() || "
        "one.closest('label')?.textContent.trim())).map(one => one.outerHTML)"
    )
    assert unnamed == []
    # One place of a chart of many bars is reached with Tab; arrows go on from there.
    assert page.locator("#page [role=grid] [tabindex='0']").count() == (0 if "languages" in query else 1)


@pytest.mark.parametrize("query", ["page=languages", "page=quality", "page=quality&measure=captions"])
def test_a_filter_that_is_refused_is_told_and_the_page_comes_back_with_another(visit_page, query):
    page = visit_page(f"{query}&where=1)(", refused=True)
    page.get_by_role("alert").wait_for()
    page.get_by_role("button", name="Take away the filter where").click()
    page.locator(".chart .name").first.wait_for()
    page.get_by_role("alert").wait_for(state="hidden")
    # And one that is refused later.
    page.get_by_text("More", exact=True).click()
    page.get_by_role("textbox", name="text-regex").fill("(")
    page.get_by_role("textbox", name="text-regex").press("Enter")
    page.get_by_role("alert").wait_for()
    page.get_by_role("textbox", name="text-regex").fill("")
    page.get_by_role("textbox", name="text-regex").press("Enter")
    page.get_by_role("alert").wait_for(state="hidden")
    page.locator(".chart .name").first.wait_for()


def test_filters_that_change_while_a_page_is_opened_count(visit_page):
    page = visit_page("")
    waiting = []
    page.route("**/api/languages?*", lambda route: waiting.append(route) if not waiting else route.continue_())
    page.keyboard.press("2")
    page.get_by_label("Search captions").fill("water")
    wait_for_count(page, "15 clips")
    page.locator("#page[aria-busy]").wait_for()
    waiting[0].continue_()
    page.locator("#page:not([aria-busy])").wait_for()
    assert labels(bars(page))[1] == "Polish Sign Language: 2.0 s of 4.0 s"


@pytest.mark.parametrize(
    "start", ["page=languages&by=clips", "page=quality&measure=coverage", "page=quality&measure=captions"]
)
def test_a_language_that_has_no_name_leads_to_its_clips_too(visit, serve, tmp_path, start):
    lake = fill(tmp_path / "lake", [Video("foreign", 24, {}, language="zzz"), Video("known", 24, {})])
    page = visit(f"{serve(lake.folder).address}?{start}&where=num_frames > 1 -- frames")
    page.locator(".chart :is(a, .cell:not(.fixed))").and_(page.get_by_label("zzz")).first.click()
    wait_for_count(page, "1 clip of 1 video")
    assert "sign_language" in page.url
