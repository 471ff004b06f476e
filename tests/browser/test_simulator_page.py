"""The simulator's page in a real browser: it counts while one looks, and switches faults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from de_classes.api.auth_client import AuthClient
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.browser import Browser

pytestmark = pytest.mark.browser

SAID = "return document.getElementById('said').innerText.includes(arguments[0])"
TILES = "return document.getElementById('served').innerText"


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    settings = SimulatorSettings(total_records=250, faults="server-error-500=0.2", jitter_seconds=0)
    with SimulatorServer(settings, page=True) as running:
        yield running


def pull(server: SimulatorServer) -> int:
    """As somebody's client does; how many records came."""
    login = AuthClient(server.login_url, server.username, server.password)
    client = UnstableAPIClient(server.base_url, login)
    return sum(len(page.records) for _, page in client.iterate_all_pages(limit=100))


def button(place: str, fault: str) -> str:
    return f"return document.querySelector('#{place} button[data-fault=\"{fault}\"]')"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_asked_for_elsewhere(
    browser: Browser, server: SimulatorServer, scheme: str
) -> None:
    assert pull(server) == 250
    browser.open(f"{server.base_url}/", scheme=scheme)
    assert browser.violations() == []
    assert browser.logged("browser") == []
    assert {url.removeprefix(server.base_url) for url in browser.requested()} == {"/"}


@pytest.mark.parametrize("width", [360, 820, 1_400])
def test_nothing_lies_beyond_the_edge_of_the_screen(
    browser: Browser, server: SimulatorServer, width: int
) -> None:
    pull(server)
    browser.open(f"{server.base_url}/", width=width)
    assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
    if folder := os.environ.get("SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"simulator-{width}.png")


def test_it_counts_while_one_looks(browser: Browser, server: SimulatorServer) -> None:
    browser.open(f"{server.base_url}/")
    assert "Nothing was asked for yet." in browser.run("return document.body.innerText")
    assert pull(server) == 250
    browser.until(f"{TILES}.includes(arguments[0])", "3 different")
    browser.until("return document.getElementById('last').innerText.includes(arguments[0])", "GET /data")


def test_a_fault_is_switched_and_its_button_keeps_the_focus(
    browser: Browser, server: SimulatorServer
) -> None:
    browser.open(f"{server.base_url}/")
    browser.run(f"({button('faults', 'bad-gateway-502').removeprefix('return ')}).click()")
    browser.until(button("on", "bad-gateway-502"))
    assert server.plan.rates["bad-gateway-502"] == pytest.approx(0.1)
    browser.until(
        "return document.getElementById('said').innerText === arguments[0]", "bad-gateway-502 is on"
    )
    browser.until("return document.activeElement.dataset.fault === arguments[0]", "bad-gateway-502")
    assert browser.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    browser.run("document.activeElement.click()")
    browser.until(
        "return document.getElementById('said').innerText === arguments[0]", "bad-gateway-502 is off"
    )
    assert server.plan.rates["bad-gateway-502"] == 0


def test_what_cannot_be_switched_is_said(browser: Browser, server: SimulatorServer) -> None:
    server.switch("server-error-500", 1)
    browser.open(f"{server.base_url}/")
    browser.run(f"({button('faults', 'bad-gateway-502').removeprefix('return ')}).click()")
    browser.until(SAID, "more than 1")


def test_the_description_is_read_in_the_viewer(browser: Browser, server: SimulatorServer) -> None:
    browser.open(f"{server.base_url}/docs")
    browser.until("return document.body.innerText.includes(arguments[0])", "One page of records")
    assert browser.logged("browser") == []
    asked = {url.removeprefix(server.base_url) for url in browser.requested() if not url.startswith("data:")}
    files = {f"/docs/{name}" for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js")}
    assert asked == {"/docs", *files, "/openapi.json"}
