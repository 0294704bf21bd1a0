"""The page at / in a real browser: as people see it, and as a screen reader tells it."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from tests.support.processes import (
    EXPORTER,
    Account,
    account,
    ask,
    eventually,
    exporter,
    quick,
    running,
    spotless,
)

pytestmark = pytest.mark.peers
CHROMIUM = "/usr/bin/chromium"
HINT = "run tests/peers/install, or apt-get install chromium"
PHONE, NARROW, WIDE = 360, 320, 1280
"""Widths in pixels. 320 is a wide screen at 400 % (WCAG 2.2, success criterion 1.4.10)."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
READABLE = 4.5
"""The contrast that any text needs (WCAG 2.2, success criterion 1.4.3)."""


_QUICK = quick("environments", "agents", "users")


@dataclass(frozen=True)
class Site:
    """One daemon in one state; ``says`` is its first sentence."""

    url: str
    says: str


@contextmanager
def _demo(folder: Path) -> Iterator[Site]:
    command = [EXPORTER, "demo", "--web.listen-address=127.0.0.1:0"]
    with running(command, folder) as run:
        port = run.said(r"The exporter\s+http://localhost:(\d+)/", "stdout")[1]
        yield _ready(Site(f"http://127.0.0.1:{port}", "Everything is being collected."))
        run.signal(signal.SIGTERM)
        run.wait()


@contextmanager
def _broken(folder: Path, says: str, trouble: Callable[[Account], object]) -> Iterator[Site]:
    """A daemon that was well, and then met trouble."""
    with account(folder) as emulated, exporter(folder, emulated, *_QUICK) as daemon:
        well = _ready(Site(daemon.url, "Everything is being collected."))
        home = emulated.named("staging")
        emulated.do(f"environments/{home}/agents/delete")
        trouble(emulated)
        yield _ready(Site(well.url, says))


def _ready(site: Site) -> Site:
    eventually(lambda: site.says in ask(f"{site.url}/").text, within=40)
    return site


def _failing(folder: Path) -> Any:
    fault = {"kind": "status", "status": 502, "route": "/users*"}
    return _broken(
        folder, "1 collector is failing: users.", lambda emulated: emulated.do("faults", fault)
    )


def _refused(folder: Path) -> Any:
    return _broken(
        folder, "The credential is refused.", lambda emulated: emulated.do("switches/refused/on")
    )


SITES: dict[str, Callable[[Path], Any]] = {
    "the demo": _demo,
    "a failing collector": _failing,
    "a refused credential": _refused,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        message = f"chromium is not installed: {HINT}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=SITES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with SITES[request.param](tmp_path_factory.mktemp("site")) as found:
        yield found


@contextmanager
def opened(
    browser: Browser,
    site: Site,
    *,
    width: int = WIDE,
    scheme: Literal["light", "dark"] = "light",
    path: str = "/",
) -> Iterator[Page]:
    """The page, without any complaint of the browser and without a question to anybody else."""
    size: ViewportSize = {"width": width, "height": 800}
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}{path}")
    yield page
    assert said == []
    assert {url for url in asked if not url.startswith("data:")} == {f"{site.url}{path}"}
    context.close()


_CONTRASTS = """
() => {
  const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parsed(getComputedStyle(at).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    throw new Error("no background");
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim()) continue;
    const [one, other] = [parsed(getComputedStyle(element).color), behind(element)].map(light);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([walk.currentNode.data.trim(), ratio]);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_can_be_read_in_both_colour_schemes(
    browser: Browser, site: Site, scheme: Literal["light", "dark"]
) -> None:
    with opened(browser, site, scheme=scheme) as page:
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
        found = page.evaluate(_CONTRASTS)
        assert len(found) > 100
        assert [(text, ratio) for text, ratio in found if ratio < READABLE] == []


def test_the_page_never_scrolls_sideways(browser: Browser, site: Site) -> None:
    with opened(browser, site) as page:
        for width in (NARROW, PHONE, 768, WIDE):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for table in page.locator("table").all():
                assert _right(table.locator("xpath=..")) <= width, "it scrolls by itself"
            for cell in page.locator("tbody tr:first-child > :nth-child(2)").all():
                box = cell.bounding_box()
                assert box
                assert box["x"] < width - 60, "the state begins on the screen"


def _right(what: Locator) -> float:
    box = what.bounding_box()
    assert box
    return box["x"] + box["width"]


def test_the_state_of_everything_is_the_first_thing_that_is_told(
    browser: Browser, site: Site
) -> None:
    with opened(browser, site) as page:
        assert page.title() == f"{site.says} flatfile-exporter"
        expect(page.locator("main > p").first).to_have_text(site.says)
        box = page.get_by_text(site.says).bounding_box()
        assert box
        assert box["y"] < 200, "without scrolling"


def test_a_screen_reader_finds_its_way(browser: Browser, site: Site) -> None:
    with opened(browser, site) as page:
        assert page.evaluate("document.documentElement.lang") == "en"
        tree = page.locator("body").aria_snapshot()
        headings = [(name, int(level)) for name, level in re.findall(
            r'heading "([^"]+)" \[level=(\d)\]', tree)]  # fmt: skip
        assert headings[0] == ("flatfile-exporter", 1)
        assert [level for _, level in headings[1:]] == [2] * 5
        for role in ("main:", 'navigation "Links"', 'table "5 environments in the account"'):
            assert role in tree, role
        regions = re.findall(r"region \"([^\"]+)\"", tree)
        assert len(regions) == len(set(regions)) == page.locator("table").count()
        for name in ("agents", "environments", "events", "staging", "production"):
            assert f'rowheader "{name}"' in tree, name
        assert tree.count("columnheader") == page.locator("thead th").count()
        assert "emphasis" not in tree


def test_every_cell_of_a_table_belongs_to_a_heading_of_its_column_and_row(
    browser: Browser, site: Site
) -> None:
    with opened(browser, site) as page:
        for table in page.locator("table").all():
            assert table.locator("caption").inner_text()
            columns = table.locator("thead th[scope=col]").count()
            rows = table.locator("tbody tr").all()
            assert rows
            for row in rows:
                assert row.locator("th[scope=row]").count() == 1
                assert row.locator("th, td").count() == columns


def test_everything_can_be_reached_and_scrolled_by_keyboard(browser: Browser, site: Site) -> None:
    with opened(browser, site, width=PHONE) as page:
        wanted = page.locator("a, [tabindex='0']").count()
        seen = []
        for _ in range(wanted):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate(
                    "[document.activeElement.textContent.slice(0, 40),"
                    " getComputedStyle(document.activeElement).outlineStyle]"
                )
            )
        assert len({text for text, _ in seen}) == wanted
        assert "none" not in {outline for _, outline in seen}, "where the focus is can be seen"

        def moved() -> bool:
            page.keyboard.press("ArrowRight")
            return bool(page.evaluate("document.activeElement.scrollLeft > 0"))

        assert eventually(moved)


def test_a_finger_hits_every_link(browser: Browser, site: Site) -> None:
    """24 pixels, or that much room (WCAG 2.2, success criterion 2.5.8)."""
    with opened(browser, site, width=PHONE) as page:
        for link in page.locator("a").all():
            box = link.locator("xpath=..").bounding_box()
            assert box
            assert box["height"] >= 24


def test_it_refreshes_itself_for_those_who_ask_only(browser: Browser, site: Site) -> None:
    refresh = "meta[http-equiv=refresh]"
    with opened(browser, site) as page:
        assert page.locator(refresh).count() == 0
    with opened(browser, site, path="/?refresh=30") as page:
        assert page.locator(refresh).get_attribute("content") == "30"
        expect(page.get_by_role("link", name="Stop refreshing")).to_have_attribute("href", "/")


def test_nobodys_name_or_address_and_no_secret_is_on_the_screen(
    browser: Browser, site: Site
) -> None:
    with opened(browser, site) as page:
        spotless(page.content())


def test_trouble_is_said_in_words_and_not_by_colour_alone(browser: Browser, tmp_path: Path) -> None:
    with _failing(tmp_path) as site, opened(browser, site) as page:
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="users"))
        expect(row).to_contain_text("failing since")
        expect(row).to_contain_text("502")
        lost = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="staging"))
        expect(lost).to_contain_text("lost its agent")
        first = page.get_by_role("table").nth(1).get_by_role("rowheader").first
        expect(first).to_have_text("staging")


def test_no_script_could_run_even_if_somebody_put_one_into_the_page(
    browser: Browser, site: Site
) -> None:
    """Content-Security-Policy, as the browser itself applies it."""
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text))
    page.goto(f"{site.url}/")
    page.evaluate(
        "(text) => { const one = document.createElement('script');"
        " one.textContent = text; document.body.append(one); }",
        f"window.ran = {json.dumps('yes')}",
    )
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in line for line in refused)
    context.close()
