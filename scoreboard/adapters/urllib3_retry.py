"""A script of one's own: requests, with urllib3's Retry mounted on the session.

By default ``Retry(5)``. Tuned: statuses, methods, backoff and a ceiling on ``Retry-After`` spelled out, a
timeout on every request, no redirects, and a fresh token ahead of expiry and on a 401.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from scoreboard.adapters import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNAUTHORIZED = 401
_MARGIN_SECONDS = 30
_LIFE_SECONDS = 300  # what the API promises, where an answer does not say
_TUNED = Retry(
    protocol.ATTEMPTS,
    status_forcelist=protocol.RETRIED_STATUSES,
    allowed_methods=("GET", "POST"),
    backoff_factor=0.5,
    backoff_max=protocol.PATIENCE_SECONDS,
    retry_after_max=protocol.PATIENCE_SECONDS,
)


class Script:
    """Logs in and reads pages until the API says that there are no more."""

    def __init__(self, task: protocol.Task) -> None:
        self._task = task
        self._timeout = protocol.TIMEOUT_SECONDS if task.tuned else None
        self._session = requests.Session()
        if task.tuned:
            self._session.max_redirects = 0
        self._session.mount("http://", HTTPAdapter(max_retries=_TUNED if task.tuned else Retry(5)))
        self._fresh_until = 0.0

    def records(self) -> Iterator[dict[str, Any]]:
        """All of them, page by page."""
        self._log_in()
        page, pages = 1, 1
        while page <= pages:
            body = self._page(page)
            yield from body["data"]
            # Where no page says how many there are, an empty one is the end.
            pages = body["total_pages"] if self._task.states_pages else page + bool(body["data"])
            page += 1

    def _page(self, page: int) -> dict[str, Any]:
        if self._task.tuned and time.monotonic() > self._fresh_until:
            self._log_in()
        answer = self._ask(page)
        if self._task.tuned and answer.status_code == _UNAUTHORIZED:
            self._log_in()
            answer = self._ask(page)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def _ask(self, page: int) -> requests.Response:
        where = {"page": page, "limit": self._task.limit}
        return self._session.get(f"{self._task.base_url}/data", params=where, timeout=self._timeout)

    def _log_in(self) -> None:
        answer = self._session.post(self._task.login_url, json=self._task.credentials, timeout=self._timeout)
        answer.raise_for_status()
        grant = answer.json()
        self._session.headers["Authorization"] = f"Bearer {grant['access_token']}"
        if self._task.tuned:
            life = int(grant.get("expires_in") or _LIFE_SECONDS)
            self._fresh_until = time.monotonic() + life - min(_MARGIN_SECONDS, life / 2)


if __name__ == "__main__":
    protocol.carry_out(lambda task: Script(task).records())
