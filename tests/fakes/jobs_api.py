"""A source that makes its rows by jobs, and a run over it that may die or lose an answer anywhere."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.errors import NetworkError
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetReader
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.runs import BUCKET

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.source import Resource
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Request

HOST: Final = "api.jobs.example"
FILES: Final = "files.example"
DATASET: Final = "raw/rows"
QUIET = logging.getLogger("tests.jobs_api")
QUIET.setLevel(logging.CRITICAL)
JOB: Final[dict[str, Any]] = {
    "create": {"method": "POST", "path": "/jobs", "json": {"query": "all"}},
    "poll": {"path": "/jobs/${job.id}"},
    "state_path": "state",
    "pending": ["queued", "running"],
    "done": ["done"],
    "failed": ["failed"],
    "expired": ["expired"],
    "message": "why",
    "total_path": "records",
    "wait": 4,
}
FIND: Final[dict[str, Any]] = {
    "path": "/jobs",
    "records_path": "jobs",
    "created_path": "created",
    "where": "query == 'all'",
}
TOKEN: Final[dict[str, Any]] = {**JOB["create"], "headers": {"Idempotency-Key": "${job.token}"}}
ROWS: Final[dict[str, Any]] = {
    "path": "/jobs/${job.id}/rows",
    "records_path": "rows",
    "page_size": {"into": "query.limit"},
    "pagination": {"type": "cursor", "path": "next", "into": "query.cursor"},
    "primary_key": ["id"],
    "job": JOB,
}


class Jobs:
    """Jobs over the same rows, each in an order of its own: a place in one is none in another.

    Attributes:
        looks: After how many looks a job is done.
        states: What a look says instead, by its number over all jobs.
        retry_after: What a look says of when to come again.
        claims: How many records a job says that it has; those that it has if None.
        jobs: What was made.
        asked: As of every mimic.
    """

    name = "jobs"
    hosts = {HOST: "", FILES: "/files"}  # noqa: RUF012 - as of every mimic

    def __init__(self, clock: Clock, rows: int = 11) -> None:
        self.clock = clock
        self.rows = rows
        self.looks = 3
        self.states: dict[int, str] = {}
        self.retry_after: str | None = None
        self.claims: int | None = None
        self.jobs: list[dict[str, Any]] = []
        self.asked: list[Request] = []
        self._looked = 0

    def answer(self, request: Request) -> Answer:
        where = request.path.strip("/").split("/")
        if where == ["jobs"] and request.method == "POST":
            return self._made(request)
        if where == ["jobs"]:
            return self._told(200, {"jobs": self.jobs})
        job = next((each for each in self.jobs if each["id"] == where[1]), None)
        if job is None or job["state"] == "forgotten":
            return self._told(404, {"error": "no such job"})
        return self._look(job) if len(where) == 2 else self._rows(job, request)

    def _made(self, request: Request) -> Answer:
        key = request.headers.get("idempotency-key")
        job = next((each for each in self.jobs if key and each["key"] == key), None)
        if job is None:
            created = datetime.fromtimestamp(self.clock.now(), UTC).isoformat()
            number = len(self.jobs) + 1
            job = {"id": f"j{number}", "state": "queued", "looks": 0, "key": key, "created": created}
            job["query"] = (request.json() or {}).get("query")
            self.jobs.append(job)
        return self._told(201, {"id": job["id"], "state": job["state"]})

    def _look(self, job: dict[str, Any]) -> Answer:
        self._looked += 1
        job["looks"] += 1
        if job["state"] in {"queued", "running"}:
            job["state"] = "done" if job["looks"] >= self.looks else "running"
        job["state"] = self.states.get(self._looked, job["state"])
        if job["state"] == "forgotten":
            return self._told(404, {"error": "no such job"})
        body: dict[str, Any] = {"state": job["state"], "why": "out of space", "url": f"https://{FILES}/x"}
        if job["state"] == "done":
            body["records"] = self.rows if self.claims is None else self.claims
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return self._told(200, body, headers)

    def _rows(self, job: dict[str, Any], request: Request) -> Answer:
        if job["state"] != "done":
            return self._told(409, {"error": "not done"})
        turn = self.jobs.index(job) * 4  # each job has another order
        ids = [(n + turn) % self.rows for n in range(self.rows)]
        start, size = int(request.query.get("cursor", "0")), int(request.query["limit"])
        following = str(start + size) if start + size < self.rows else None
        return self._told(200, {"rows": [{"id": n} for n in ids[start : start + size]], "next": following})

    @staticmethod
    def _told(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
        return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body).encode()


class LossyTransport:
    """Loses the answers to requests that are sent, by their number.

    Args:
        source: Answers.
        lost: Which.
    """

    def __init__(self, source: Jobs, lost: set[int]) -> None:
        self._inner = MimicTransport(source)  # type: ignore[arg-type]
        self._lost = lost
        self._sent = 0

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self._sent += 1
        response = self._inner.send(request, timeout=timeout)
        if self._sent in self._lost:
            raise NetworkError("the connection was reset")
        return response


def resource_of(said: dict[str, Any] | None = None, **job: Any) -> Resource:
    """The rows, as a file of descriptions says them.

    Args:
        said: In place of ``ROWS``.
        **job: What its job says besides.
    """
    rows = said or ROWS
    if job:
        rows = {**rows, "job": {**rows["job"], **job}}
    content = {
        "version": 1,
        "sources": {"made": {"base_url": f"https://{HOST}", "resources": {"rows": rows}}},
    }
    return Source(parse_sources(json.dumps(content).encode(), ".json", name="made.json"))["made.rows"]


class Shop:
    """A bucket, into which runs over the source go.

    Args:
        source: What is read.
        resource: As it is described.
        s3: Where to; a bucket in memory of its own if not given.
        transport: Reaches the source.
    """

    def __init__(
        self, source: Jobs, resource: Resource | None = None, *, s3: Any = None, transport: Any = None
    ) -> None:
        self.source = source
        self.resource = resource or resource_of()
        self.raw = s3 or FakeS3()
        if s3 is None:
            self.raw.create_bucket(Bucket=BUCKET)
        self.transport = transport or MimicTransport(source)  # type: ignore[arg-type]
        self.store = BaseS3Client(self.raw, QUIET, clock=source.clock)

    def run(
        self, run_id: str = "run", *, longest_wait: float | None = None, deadline: float | None = None
    ) -> IngestReceipt:
        """Carry a run out, or go on with it."""
        service, plan = self.service(run_id, longest_wait=longest_wait, deadline=deadline)
        return service.carry_out(plan)

    def service(
        self, run_id: str = "run", *, longest_wait: float | None = None, deadline: float | None = None
    ) -> tuple[RunService, RunPlan]:
        """What carries a run out, by a client of its own; and the run."""
        clock = self.source.clock
        client = self.resource.client(
            limits=ClientLimits(
                retry_policy=RetryPolicy(max_attempts=3), longest_wait=longest_wait, deadline=deadline
            ),
            runtime=ClientRuntime(self.transport, clock, QUIET),
        )
        plan = RunPlan(
            run_id=run_id,
            source=client.url,
            fingerprint=client.fingerprint,
            dataset=DATASET,
            format="jsonl",
            limit=2,
            key_fields=("id",),
            write="upsert",
        )
        to = DatasetDestination(self.store, BUCKET, prefix="raw", limits=PartLimits(pages=2))
        return RunService(client, to, runtime=Runtime(logger=QUIET, clock=clock)), plan

    def ids(self) -> list[int]:
        """What readers see."""
        batches = DatasetReader(self.store, BUCKET, DATASET).records()
        return sorted(int(str(row["id"])) for batch in batches for row in batch)
