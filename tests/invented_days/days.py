"""An example carried out: thirty days of changes, runs that die or go on, and a look at every evening."""

from __future__ import annotations

import json
import logging
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.errors import DeClassesError, IncompleteRunError, ObjectExistsError, ProtocolError
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.increments import next_increment, places_before
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.runs.verify import differences
from de_classes.storage.clients import BaseS3Client
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.inventing import Draw
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.runs import BUCKET, KilledError
from tests.invented_days.oracle import complaints
from tests.invented_days.source import DAY, FIRST_DAY, HOST, ChangingSource, Example, drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.source import Resource

DATASET: Final = "raw/days"
DAYS: Final = 30
FULL_EVERY: Final = 7
"""Days between reads of everything, where a source does not tell what it deleted."""
_SILENT: Final = logging.getLogger("tests.invented_days")
_SILENT.setLevel(logging.CRITICAL)


class Outcome(Struct, kw_only=True):
    """How an example ended.

    Attributes:
        example: What was tried.
        wrong: What was wrong on which evening.
        runs: How many were committed.
        deaths: How many goes died.
        told: How many were told that another has committed.
        slices: How often what is new was cut.
        asked: Requests to the source.
        log: What happened, a line each.
    """

    example: Example
    wrong: list[str] = msgspec.field(default_factory=list)
    runs: int = 0
    deaths: int = 0
    told: int = 0
    slices: int = 0
    asked: int = 0
    log: list[str] = msgspec.field(default_factory=list)


class Fuse:
    """Ends whoever passes too many boundaries.

    Attributes:
        left: How many may be passed; without end if None.
    """

    def __init__(self) -> None:
        self.left: int | None = None

    def tick(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KilledError


class MortalS3:
    """Boundaries before and after each call."""

    def __init__(self, s3: FakeS3, fuse: Fuse) -> None:
        self._s3 = s3
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._s3, name)
        return self._mortal(found) if callable(found) else found

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def mortal(*args: Any, **options: Any) -> Any:
            self._fuse.tick()
            answer = call(*args, **options)
            self._fuse.tick()
            return answer

        return mortal


class MortalTransport:
    """Boundaries before and after each request; each takes a second."""

    def __init__(self, source: ChangingSource, clock: ManualClock, fuse: Fuse) -> None:
        self._inner = MimicTransport(source)  # type: ignore[arg-type]
        self._clock = clock
        self._fuse = fuse

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self._fuse.tick()
        self._clock.advance(1.0)
        response = self._inner.send(request, timeout=timeout)
        self._fuse.tick()
        return response


class Month:
    """One example being carried out.

    Args:
        example: What is tried.
    """

    def __init__(self, example: Example) -> None:
        self._example = example
        self._clock = ManualClock(now=FIRST_DAY)
        self._draw = Draw(Random(example.seed + 2))  # noqa: S311 - not for secrets
        self._fuse = Fuse()
        self._s3 = FakeS3()
        self._s3.create_bucket(Bucket=BUCKET)
        self._source = ChangingSource(example, self._clock)
        self._new = resource_of(example.resources())
        self._all = resource_of(example.resources(is_full=True))
        self._begun = 0
        self._unfinished: list[tuple[str, Resource]] = []
        self._outcome = Outcome(example=example)

    def outcome(self) -> Outcome:
        """Carry it out."""
        for day in range(1, DAYS + 1):
            self._day(day)
            if self._outcome.wrong:
                break
        self._outcome.asked = len(self._source.asked)
        return self._outcome

    def _day(self, day: int) -> None:
        for _ in range(self._draw.whole(0, 2)):
            self._pass(self._draw.whole(600, 20_000))
            self._source.change(self._draw.whole(0, 8))
            self._source.busy = self._draw.one_of(0.0, 0.2)
            self._rough(self._new if self._draw.chance(0.9) else self._all)
        self._source.change(self._draw.whole(0, 8))
        self._pass(max(60.0, FIRST_DAY + day * DAY - self._clock.now()))
        self._source.busy, self._fuse.left = 0.0, None
        is_full = self._example.deletes == "gone" and day % FULL_EVERY == 0
        receipt = self._go(self._run_id(), self._all if is_full else self._new)
        if receipt is None:
            self._outcome.wrong.append(f"day {day}: the evening's run was not committed")
            return
        if is_full and receipt.end is not None and receipt.end.by != "declared":  # as of no group at all
            self._source.gone.clear()
        rows, bucket = self._source.rows(), self._bucket()
        self._outcome.wrong += [
            f"day {day}: {each}" for each in complaints(bucket, DATASET, rows, may_stay=self._source.gone)
        ]
        if day % 10 == 0:
            store = BaseS3Client(self._s3, _SILENT, clock=self._clock)
            self._outcome.wrong += [f"day {day}: {each}" for each in differences(receipt, store, BUCKET)]

    def _rough(self, resource: Resource) -> None:
        """A run that may die anywhere, and may be gone on with at once, later, or never."""
        again = self._unfinished.pop() if self._unfinished and self._draw.chance(0.5) else None
        run_id, resource = again or (self._run_id(), resource)
        for _ in range(self._draw.whole(1, 3)):
            self._fuse.left = self._draw.whole(1, 120) if self._draw.chance(0.7) else None
            try:
                self._go(run_id, resource)
            except KilledError:
                self._outcome.deaths += 1
                self._note(f"{run_id} died")
                continue
            return
        self._unfinished.append((run_id, resource))

    def _go(self, run_id: str, resource: Resource) -> IngestReceipt | None:
        store = BaseS3Client(MortalS3(self._s3, self._fuse), _SILENT, clock=self._clock)
        to = DatasetDestination(
            store, BUCKET, prefix="raw", limits=PartLimits(pages=self._example.part_pages)
        )
        said = resource.described.incremental
        try:
            now = self._clock.now()
            increment = said and next_increment(
                said, to, DATASET, run_id=run_id, now=now, is_each=resource.described.is_each
            )
            places = increment and places_before(increment, to, DATASET)
            options: dict[str, Any] = {
                "limits": ClientLimits(concurrency=1, retry_policy=RetryPolicy(max_attempts=3)),
                "runtime": ClientRuntime(
                    MortalTransport(self._source, self._clock, self._fuse), self._clock, _SILENT
                ),
            }
            if increment is not None:
                increment = resource.cut(
                    increment, resource.client(**options, increment=increment), **options
                )
            client = resource.client(**options, increment=increment, places=places)
            plan = RunPlan(
                run_id=run_id,
                source=client.url,
                fingerprint=client.fingerprint,
                dataset=DATASET,
                format=self._example.format,
                limit=self._example.limit,
                key_fields=("id",),
                transforms=resource.described.transforms,
                write="upsert",
                incremental=increment,
            )
            runtime = Runtime(logger=_SILENT, clock=self._clock)
            runs = RunService(client, to, strict=increment is None, runtime=runtime)
            receipt = runs.carry_out(plan, accept_shrink=True)
        except ObjectExistsError as error:
            self._outcome.told += 1
            self._note(f"{run_id} was told: {error}")
            return None
        except (IncompleteRunError, ProtocolError) as error:  # a source that changes may look odd
            self._note(f"{run_id} is incomplete: {error}")
            return None
        except DeClassesError as error:
            self._outcome.wrong.append(f"{run_id} ended with {type(error).__name__}: {error}")
            return None
        self._outcome.runs += 1
        self._outcome.slices += len(increment.slices or ()) if increment else 0
        self._note(
            f"{run_id} committed {receipt.records}: {increment}, {receipt.incremental}, {receipt.dataset}, "
            f"{receipt.end}, {receipt.still}, {receipt.drift}"
        )
        return receipt

    def _run_id(self) -> str:
        self._begun += 1
        return f"run-{self._begun}"

    def _pass(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def _bucket(self) -> dict[str, bytes]:
        return {key: stored.body for key, stored in self._s3.buckets[BUCKET].items()}

    def _note(self, line: str) -> None:
        self._outcome.log.append(f"{self._clock.now():.0f} {line}")


def resource_of(described: dict[str, Any]) -> Resource:
    """The rows, as a file of descriptions says them and what they belong to."""
    source = {"base_url": f"https://{HOST}", "resources": described}
    content = json.dumps({"version": 1, "sources": {"days": source}}).encode()
    return Source(parse_sources(content, ".json", name="days.json"))["days.rows"]


def run_example(seed: int) -> Outcome:
    """How a seed's month ends."""
    return Month(drawn(seed)).outcome()
