"""What stands around the worker in tests: its environment, its secrets, its API, a context."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from de_classes.api.messages import HttpResponse
from de_classes.storage.clients import LocalClient
from de_classes.worker.ingest_endpoint import EndpointObserver
from tests.fakes.canary import PASSWORD, TOKEN
from tests.fakes.sources import ROOT
from tests.fakes.transports import FakePagedApi, token_response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from de_classes.api.auth.kept_secrets import RotationStore
    from de_classes.api.messages import HttpRequest
    from de_classes.api.receipt import IngestReceipt
    from tests.fakes.transports import Answer

ENVIRONMENT = {
    "BUCKET": "lake",
    "SOURCES_PATH": str(ROOT / "sources"),
    "SOURCE_PARAMETERS": json.dumps({"unstable": {"address": "https://api.example"}}),
    "PAGE_LIMIT": "10",
    "DEFAULT_FORMAT": "jsonl",
}
LOGGER = logging.getLogger("tests.worker")


class FakeSecrets:
    """Secrets by name; how often they were asked for is counted."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked = 0

    def get(self, name: str) -> str:
        self.asked += 1
        return self.values[name]

    def rotation(self, name: str) -> RotationStore:
        raise AssertionError(name)


def secrets(_: str) -> FakeSecrets:
    return FakeSecrets(username="ada", password=PASSWORD)


class FakeSource(FakePagedApi):
    """A login and pages behind it."""

    def __init__(self, total: int, faults: dict[int, Sequence[Answer]] | None = None) -> None:
        super().__init__(total, faults)
        self.logins: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        if request.url.endswith("/auth/login"):
            self.logins.append(request)
            return token_response(TOKEN)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return HttpResponse(401)
        return super().send(request, timeout=timeout)


def lake(root: Path) -> LocalClient:
    """A store with the worker's bucket in it."""
    store = LocalClient(root, LOGGER)
    store.create_bucket("lake")
    return store


class RecordingObserver(EndpointObserver):
    """What an observer was told, and of which resources, in that order."""

    def __init__(self) -> None:
        self.receipts: list[IngestReceipt] = []
        self.failures: list[Exception] = []
        self.resources: list[str | None] = []

    def receipt(self, receipt: IngestReceipt, resource: str | None = None) -> None:
        self.receipts.append(receipt)
        self.resources.append(resource)

    def failure(self, error: Exception, resource: str | None = None) -> None:
        self.failures.append(error)
        self.resources.append(resource)


@dataclass
class FakeContext:
    """Lambda's context, as far as anybody looks at it."""

    aws_request_id: str = "7d0c4a52-aaaa"
    milliseconds: int = 60_000
    function_name: str = "ingestion-worker"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:ingestion-worker"
    extra: Mapping[str, object] = field(default_factory=dict)

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds
