"""A deployed worker without a deployment: its API as a transport, in front of the worker's own endpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from de_classes.api.messages import HttpResponse
from de_classes.bootstrap import build_ingestion
from de_classes.utils.clock import ManualClock
from de_classes.worker.ingest_endpoint import IngestEndpoint
from tests.fakes.worker import ENVIRONMENT, LOGGER, FakeContext, lake, secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from tests.fakes.worker import FakeSource

WORKER_URL = "https://abc123.execute-api.eu-central-1.amazonaws.com/v1/ingest"
NOW = 1_795_392_000.0


class Started:
    """Keeps what was to be begun, for a test to carry out; the same go of a run is kept once."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.goes: list[tuple[str, int]] = []

    def start(self, request: Mapping[str, Any], *, go: int) -> None:
        """See ``RunStarter``."""
        self.goes.append((request["run_id"], go))
        self.requests.append(dict(request))


class WorkerApi:
    """Answers requests as API Gateway hands them to the worker.

    Args:
        root: Where the bucket is.
        source: What is ingested.
        **environ: Of the worker.

    Attributes:
        started: What was to be begun elsewhere.
        sent: The requests that came.
    """

    def __init__(self, root: Path, source: FakeSource, **environ: str) -> None:
        root.mkdir(exist_ok=True)
        self.clock = ManualClock(now=NOW)
        self.store = lake(root)
        self.started = Started()
        self.sent: list[HttpRequest] = []
        self.ingestion = build_ingestion(
            {**ENVIRONMENT, **environ},
            store=lambda _: self.store,
            secrets=secrets,
            transport=source,
            clock=self.clock,
            logger=LOGGER,
        )
        self.endpoint = IngestEndpoint(self.ingestion, starter=self.started)

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """See ``Transport``."""
        del timeout
        self.sent.append(request)
        path = urlsplit(request.url).path
        answer = self.endpoint(http_event(request.method, path, request.body), FakeContext())
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return HttpResponse(answer["statusCode"], headers, answer["body"].encode())

    def carried_out(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What an invocation that nobody waits for comes to."""
        return self.endpoint(dict(request), FakeContext())


def http_event(method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """An event of API Gateway, for a path with its stage."""
    name = path.rpartition("/runs/")[2]
    return {
        "httpMethod": method,
        "resource": "/ingest" if method == "POST" else "/runs/{id}",
        "path": path.removeprefix("/v1"),
        "pathParameters": {"id": name} if method == "GET" else None,
        "requestContext": {"requestId": "7d0c4a52-bbbb", "path": path},
        "body": body.decode() if body else None,
    }


def said(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of an answer of the endpoint's."""
    body: dict[str, Any] = json.loads(answer["body"])
    return body
