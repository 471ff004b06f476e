"""Chromium, driven by the W3C's WebDriver protocol: requests of JSON to the driver that comes with it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError

OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage")
UP_SECONDS = 120.0
PROGRAMS = ("chromium", "chromedriver")


def problem() -> str | None:
    """Why there is no browser to test with; None if there is."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {' and no '.join(missing)} here: make test-browser installs them"
    if not Path(os.environ.get("AXE", "")).is_file():
        return "no axe-core here: make test-browser installs it"
    return None


class Browser:
    """One tab of Chromium; a context manager that starts and ends it.

    Args:
        folder: Where it keeps what it keeps.
        port: A free one, for its driver.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._url = f"http://127.0.0.1:{port}"
        self._driver = subprocess.Popen(
            [
                shutil.which("chromedriver") or "chromedriver",
                f"--port={port}",
                f"--log-path={folder / 'driver.log'}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._session = ""

    def __enter__(self) -> Self:
        deadline = time.monotonic() + UP_SECONDS
        while not self._is_up():
            assert self._driver.poll() is None, "the driver ended"
            assert time.monotonic() < deadline, "the driver does not come up"
            time.sleep(0.05)
        options = {
            "args": [*OPTIONS, f"--user-data-dir={self._folder / 'profile'}"],
            "binary": shutil.which("chromium"),
        }
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._session:
                self._ask("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(UP_SECONDS)

    def open(self, url: str, *, width: int = 1_400, height: int = 900, scheme: str = "light") -> None:
        """Go to a page, at this size and in this color scheme, and forget what was logged before."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.devtools(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        self._ask("POST", f"{self._session}/url", {"url": "about:blank"})  # or the page before asks for more
        self.logged("browser")
        self.logged("performance")
        self._ask("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *words: object) -> Any:
        """What a function with this body returns in the page."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(words)})

    def until(self, script: str, *words: object, seconds: float = 60.0) -> Any:
        """What it returns as soon as that is true."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script, *words)):
            assert time.monotonic() < deadline, f"not so after {seconds} s: {script}"
            time.sleep(0.05)
        return found

    def violations(self) -> list[str]:
        """What axe-core finds in the page."""
        self.run(Path(os.environ["AXE"]).read_text(encoding="utf-8"))
        script = "const done = arguments[0]; axe.run(document).then(found => done(found.violations))"
        found = self._ask("POST", f"{self._session}/execute/async", {"script": script, "args": []})
        return [
            f"{each['id']}: {node['html']}: {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ]

    def requested(self) -> list[str]:
        """The addresses that were asked for since the page was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.logged("performance")]
        sent = [
            each["params"]["request"]["url"]
            for each in events
            if each["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if url != "about:blank"]

    def logged(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since this was asked for last."""
        entries: list[dict[str, Any]] = self._ask("POST", f"{self._session}/se/log", {"type": kind})
        return entries

    def devtools(self, command: str, **parameters: object) -> Any:
        """Have the browser's own tools do something."""
        asked = {"cmd": command, "params": parameters}
        return self._ask("POST", f"{self._session}/goog/cdp/execute", asked)

    def screenshot(self, path: Path) -> None:
        """The whole page as an image."""
        options = {"format": "png", "captureBeyondViewport": True}
        path.write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", **options)["data"]))

    def _is_up(self) -> bool:
        try:
            return bool(self._ask("GET", "/status")["ready"])
        except URLError:
            return False

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the driver on loopback
            f"{self._url}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                return json.load(answer)["value"]
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:2_000]}") from None
