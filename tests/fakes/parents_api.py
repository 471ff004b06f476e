"""Projects, and the tasks of each: a source whose parents appear, go and come back."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.increments import next_increment, places_before
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetReader
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.runs import BUCKET

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.source import Resource
    from tests.fakes.mimics.kit import Answer, Request

HOST: Final = "api.projects.example"
DATASET: Final = "raw/tasks"
QUIET = logging.getLogger("tests.parents_api")
QUIET.setLevel(logging.CRITICAL)
PAGED: Final[dict[str, Any]] = {
    "records_path": "data",
    "page_size": {"into": "query.limit"},
    "pagination": {"type": "offset", "more": "more"},
    "primary_key": ["id"],
}
TASKS: Final[dict[str, Any]] = {
    **PAGED,
    "path": "/projects/${parent.id}/tasks",
    "params": {"since": "${incremental.from}"},
    "for_each": {"resource": "projects"},
    "write": "upsert",
    "incremental": {"field": "changed", "format": "integer", "start": 0, "lag": 0},
}


class Projects:
    """Tasks by project, each with a number that grows with every change of its project alone.

    Attributes:
        tasks: Of each project that is there.
        asked: As of every mimic.
    """

    name = "projects"
    hosts = {HOST: ""}  # noqa: RUF012 - as of every mimic

    def __init__(self, tasks: dict[str, list[tuple[str, int]]]) -> None:
        self.tasks = tasks
        self.asked: list[Request] = []

    @property
    def since(self) -> dict[str, str]:
        """What was asked for of each project last, from where."""
        return {each.path.split("/")[2]: each.query["since"] for each in self.asked if "since" in each.query}

    def truth(self) -> list[dict[str, Any]]:
        found = [
            {"id": id_, "changed": changed, "of": project}
            for project, tasks in self.tasks.items()
            for id_, changed in tasks
        ]
        return sorted(found, key=lambda task: str(task["id"]))

    def answer(self, request: Request) -> Answer:
        rows: list[dict[str, Any]] = [{"id": project} for project in self.tasks]
        if request.path != "/projects":
            project = request.path.split("/")[2]
            since = int(request.query.get("since", "0"))
            tasks = sorted(self.tasks.get(project, []), key=lambda task: task[1])
            rows = [{"id": id_, "changed": at, "of": project} for id_, at in tasks if at >= since]
        start, size = int(request.query.get("offset", "0")), int(request.query["limit"])
        body = {"data": rows[start : start + size], "more": start + size < len(rows)}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def tasks_of(said: dict[str, Any] | None = None) -> Resource:
    """The tasks, as a file of descriptions says them."""
    resources = {"tasks": said or TASKS, "projects": {**PAGED, "path": "/projects"}}
    source = {"base_url": f"https://{HOST}", "resources": resources}
    content = json.dumps({"version": 1, "sources": {"work": source}}).encode()
    return Source(parse_sources(content, ".json", name="work.json"))["work.tasks"]


class Lake:
    """A bucket into which runs over the tasks go, one after the other.

    Args:
        source: What is read.
        s3: Where to; a bucket in memory of its own if not given.
        transport: Reaches the source.
    """

    def __init__(self, source: Projects, *, s3: Any = None, transport: Any = None) -> None:
        self.source = source
        self._clock = ManualClock()
        self.raw = s3 or FakeS3()
        if s3 is None:
            self.raw.create_bucket(Bucket=BUCKET)
        self._transport = transport or MimicTransport(source)  # type: ignore[arg-type]
        self.store = BaseS3Client(self.raw, QUIET, clock=self._clock)

    def run(self, run_id: str, resource: Resource | None = None, **asked: Any) -> IngestReceipt:
        """Carry a run out, or go on with it."""
        resource = resource or tasks_of()
        to = DatasetDestination(self.store, BUCKET, prefix="raw", limits=PartLimits(pages=2))
        said, increment, places = resource.described.incremental, None, {}
        if said is not None:
            is_each = resource.described.is_each
            increment = next_increment(
                said, to, DATASET, run_id=run_id, now=self._clock.now(), is_each=is_each, **asked
            )
            places = places_before(increment, to, DATASET)
        client = resource.client(
            limits=ClientLimits(concurrency=1, retry_policy=RetryPolicy(max_attempts=3)),
            runtime=ClientRuntime(self._transport, self._clock, QUIET),
            increment=increment,
            places=places,
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
            incremental=increment,
        )
        runtime = Runtime(logger=QUIET, clock=self._clock)
        runs = RunService(client, to, strict=increment is None, runtime=runtime)
        return runs.carry_out(plan, accept_shrink=True)

    def rows(self) -> list[dict[str, Any]]:
        """What readers see, by id."""
        batches = DatasetReader(self.store, BUCKET, DATASET).records()
        return sorted((dict(row) for batch in batches for row in batch), key=lambda row: str(row["id"]))

    def keys(self) -> list[str]:
        """Every object."""
        return [info.key for info in self.store.list_objects(BUCKET)]
