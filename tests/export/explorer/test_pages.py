"""Going from page to page of the explorer, in a real Chromium; an error in its console fails."""

from __future__ import annotations

import pytest

from tests.export.explorer.test_page import wait_for_count

PAGES = ["Clips", "Languages", "Quality", "Status", "SQL and reports"]


def current(page) -> str:
    return page.locator("nav a[aria-current=page]").text_content()


def test_each_page_has_an_address_that_a_link_restores_and_the_filters_go_along(visit, served):
    page = visit(f"{served.address}?text=water")
    pages = page.get_by_role("navigation", name="Pages")
    assert pages.get_by_role("link").all_text_contents() == PAGES
    for title, name in zip(PAGES[1:], ("languages", "quality", "status", "reports"), strict=True):
        pages.get_by_role("link", name=title).click()
        page.get_by_role("region", name=title, exact=True).wait_for()
        assert current(page) == title and page.title().startswith(title)
        assert f"page={name}" in page.url and "text=water" in page.url
        assert not page.get_by_role("listbox").is_visible()
        # Its link, opened by someone else.
        again = visit(page.url)
        assert current(again) == title
        again.get_by_role("region", name=title, exact=True).wait_for()
        again.close()
    pages.get_by_role("link", name="Clips").click()
    wait_for_count(page, "3 clips")
    assert page.locator(".card").count() == 3


def test_back_and_forward_go_through_the_pages(visit, served):
    page = visit(f"{served.address}?text=water")
    page.keyboard.press("2")
    page.keyboard.press("5")
    page.get_by_role("region", name="SQL and reports").wait_for()
    page.go_back()
    page.get_by_role("region", name="Languages").wait_for()
    page.go_back()
    page.locator(".card").first.wait_for()
    assert current(page) == "Clips"
    page.go_forward()
    page.get_by_role("region", name="Languages").wait_for()
    assert current(page) == "Languages"


def test_the_clip_that_is_open_is_open_again_on_the_way_back(visit, served):
    page = visit(f"{served.address}?clip=-dash.b-00000")
    page.locator("#player .clock").wait_for()
    page.get_by_role("link", name="Languages").click()
    page.locator("#player").wait_for(state="hidden")
    page.get_by_role("link", name="Clips").press("Enter")
    page.locator("#player .clock").wait_for()
    assert page.url.endswith("clip=-dash.b-00000")


def test_the_grid_keeps_its_place_behind_another_page(visit, served):
    page = visit(served.address)
    page.get_by_role("listbox").focus()
    page.keyboard.press("End")
    page.locator("#player h2", has_text="silent").wait_for()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("2")
    page.get_by_role("region", name="Languages").wait_for()
    page.keyboard.press("1")
    page.locator("#clip-205").wait_for()


@pytest.mark.parametrize("name", ["clip", "__proto__", "<b>", ""])
def test_a_page_that_there_is_not_is_said(visit, served, name):
    page = visit(f"{served.address}?page={name}")
    page.get_by_role("alert").get_by_text("There is no page").wait_for()
    assert current(page) == "Clips"
    wait_for_count(page, "206 clips")


def test_a_filter_that_is_refused_does_not_take_the_page_away(visit, served):
    # An address that another program made: the console names the refused request, which is no error of the page.
    page = visit(f"{served.address}?page=reports&where=1)(", refused=True)
    page.get_by_role("region", name="SQL over the lake").wait_for()
    page.get_by_role("region", name="Rows").get_by_text("Polish").first.wait_for()


def test_reports_and_sql_have_a_page(visit, served):
    page = visit(f"{served.address}?text=water&page=reports")
    page.get_by_role("region", name="Reports", exact=True).get_by_text("Polish").first.wait_for()
    page.get_by_role("combobox", name="Report").select_option("durations")
    page.get_by_role("columnheader", name="longest s").wait_for()
    assert "report=durations" in page.url
    page.get_by_role("button", name="Run").click()
    page.get_by_role("region", name="SQL over the lake").get_by_text("hebrew-00001").wait_for()
    again = visit(page.url)
    again.get_by_role("columnheader", name="longest s").wait_for()
    again.close()


def test_on_a_phone_the_pages_are_reached_and_nothing_is_wider_than_it(visit, served):
    page = visit(served.address)
    page.set_viewport_size({"width": 390, "height": 780})
    for title in [*PAGES[1:], PAGES[0]]:
        page.get_by_role("link", name=title).click()
        page.locator("nav a[aria-current=page]", has_text=title).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate("document.querySelector('#lake-name').textContent = 'long'.repeat(30)")
        assert page.evaluate("(name => name.scrollWidth <= name.clientWidth)(document.querySelector('h1'))"), title


def test_what_a_person_types_stays_when_the_counts_of_the_filters_come(visit, served):
    page = visit(served.address)
    page.get_by_text("More", exact=True).click()
    typed = page.get_by_role("textbox", name="text-regex")
    typed.fill("wat")
    # Another filter, whose counts come while the field is still being typed into.
    with page.expect_response("**/api/facets**"):
        page.evaluate("history.pushState(null, '', '?min-people=1'); dispatchEvent(new PopStateEvent('popstate'))")
    page.locator("#chips button").first.wait_for()
    page.wait_for_timeout(100)
    assert typed.input_value() == "wat"
    typed.blur()
    page.get_by_role("button", name="Take away the filter text-regex").wait_for()
