"""dlt: its REST API source into DuckDB.

By default as in its first steps: page numbers, a token class for the login, append. Tuned, each by a
documented setting: a ``Client`` with more attempts, a timeout, no redirects, 408 and a retry condition for
an answer that is no page; pagination that goes by the total and not by the first empty page; merge by
primary key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # read while dlt is imported

import dlt
from dlt.common.configuration.specs import configspec
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source
from requests import exceptions

from scoreboard.adapters import protocol

if TYPE_CHECKING:
    from requests import Response, Session

_OK = 200


@configspec
class Login(OAuth2ClientCredentials):
    """Its OAuth2 class, with the body that this API's login wants."""

    def build_access_token_request(self) -> dict[str, Any]:
        """What is posted for a token."""
        return {"json": {"username": self.client_id, "password": self.client_secret}}


def run(task: protocol.Task) -> list[dict[str, Any]]:
    """Extract, normalize, load; then read the table."""
    pipeline = dlt.pipeline(
        "orders",
        destination=dlt.destinations.duckdb(str(Path(task.folder, "orders.duckdb"))),
        dataset_name="shop",
        pipelines_dir=task.folder,
    )
    pipeline.run(source(task))
    with pipeline.sql_client() as sql:
        try:
            rows = sql.execute_sql("SELECT id FROM orders")
        except DatabaseUndefinedRelation:  # nothing was loaded, so no table was made
            rows = []
    return [{"id": row[0]} for row in rows or []]


def source(task: protocol.Task) -> Any:  # noqa: ANN401 - dlt's own
    """The API, declared as the REST API source wants it."""
    session = tuned_session() if task.tuned else None
    client: dict[str, Any] = {
        "base_url": task.base_url,
        "auth": login(task, session),
        "paginator": PageNumberPaginator(
            base_page=1,
            total_path="total_pages" if task.states_pages else None,
            stop_after_empty_page=not (task.tuned and task.states_pages),
        ),
    }
    endpoint = {"path": "data", "params": {"limit": task.limit}, "data_selector": "data"}
    resource: dict[str, Any] = {"name": "orders", "endpoint": endpoint}
    if task.tuned:
        client["session"] = session
        resource |= {"primary_key": "id", "write_disposition": "merge"}
    return rest_api_source({"client": client, "resources": [resource]})


def login(task: protocol.Task, session: Session | None) -> Login:
    """The token class, with the session that the pages are read by."""
    given = {"session": session} if session else {}
    return Login(
        access_token_url=task.login_url, client_id=task.username, client_secret=task.password, **given
    )


def tuned_session() -> Session:
    """One that tries longer, and knows an answer that is no page."""
    client = Client(
        request_timeout=protocol.TIMEOUT_SECONDS,
        request_max_attempts=protocol.ATTEMPTS,
        request_backoff_factor=0.5,
        request_max_retry_delay=protocol.PATIENCE_SECONDS,
        status_codes=protocol.RETRIED_STATUSES,
        exceptions=(
            exceptions.ConnectionError,
            exceptions.Timeout,
            exceptions.ChunkedEncodingError,
            exceptions.ContentDecodingError,
        ),
        retry_condition=is_no_page,
        session_attrs={"max_redirects": 0},
    )
    session: Session = client.session
    return session


def is_no_page(response: Response | None, _: BaseException | None) -> bool:
    """Whether an answer of the data endpoint lacks what a page has."""
    if response is None or response.status_code != _OK or "/data" not in response.url:
        return False
    try:
        return not isinstance(response.json().get("data"), list)
    except (ValueError, AttributeError, RecursionError):
        return True


if __name__ == "__main__":
    protocol.carry_out(run)
