"""The page of a receipt in a real browser; what it says is tested without one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from de_classes.cli.receipt_page import receipt_page
from tests.fakes.receipts import RECEIPT, largest, receipt

if TYPE_CHECKING:
    from tests.fakes.browser import Browser

pytestmark = pytest.mark.browser

EVIL = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
RECEIPTS = {
    "complete": RECEIPT,
    "largest": largest(),
    "foreign": receipt(columns={EVIL: EVIL}, drift=[EVIL], warnings=[EVIL], source=f"https://{EVIL}"),
}
WIDTHS = (360, 820, 1_400)


@pytest.fixture(params=RECEIPTS)
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.html"
    path.write_text(receipt_page(RECEIPTS[request.param]), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_leaves_the_file(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page.as_uri(), scheme=scheme)
    assert browser.requested() == [page.as_uri()]
    assert browser.logged("browser") == []
    assert browser.run("return document.title") == f"raw/orders: {RECEIPTS[page.stem].status}"
    assert browser.violations() == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_lies_beyond_the_edge_of_the_screen(browser: Browser, page: Path, width: int) -> None:
    browser.open(page.as_uri(), width=width)
    assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
    if folder := os.environ.get("SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"{page.stem}-{width}.png")


def test_its_style_is_what_its_policy_allows(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), scheme="dark")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 25)"
    browser.open(page.as_uri(), scheme="light")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"


def test_every_chart_is_drawn(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    drawn = "return [...document.querySelectorAll('svg path')].map(path => path.getBBox().width > 0)"
    found = browser.run(drawn)
    assert found
    assert all(found)
    assert browser.run("return document.querySelectorAll('path path').length") == 0


def test_it_is_printed_in_dark_ink_on_white(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), scheme="dark")
    browser.devtools("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run("return getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    finally:
        browser.devtools("Emulation.setEmulatedMedia", media="")
