"""An example carried out: by the library as people use it, to an end that is told apart by the oracle."""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress
from functools import cached_property
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.errors import DeClassesError, IncompleteRunError
from de_classes.runs.api_data_service import ApiDataService
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.plan import RunPlan
from de_classes.runs.ranges import RangeSizes
from de_classes.runs.run_service import AnotherPassError, RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetReader
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.mimics.serving import MimicTransport
from tests.invented.examples import Example, drawn
from tests.invented.oracle import complaints
from tests.invented.source import HOST, InventedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.source import Resource
    from de_classes.api.unstable_api_client import UnstableAPIClient

BUCKET: Final = "lake"
DATASET: Final = "raw/rows"
OBJECT: Final = "raw/rows.jsonl"
SECONDS: Final = 1.0
"""What each request takes, by the clock of the run."""
MOST_REQUESTS: Final = 400
_PROVES: Final = ("end", "still", "drift", "warnings")
FAILURES: Final = frozenset({"wrong", "endless", "crash"})
"""The ends that no run may have."""
_LOGGER: Final = logging.getLogger("tests.invented")
_LOGGER.setLevel(logging.CRITICAL)


class KilledError(BaseException):
    """What ends a process: nothing of the library catches it."""


class EndlessError(BaseException):
    """What ends a run that asks without end."""


class Outcome(Struct, kw_only=True):
    """How a run ended.

    Attributes:
        example: What was tried.
        end: ``right`` or ``wrong``, which both say "complete"; ``warned``: not right, but it says what the
            source said was amiss; ``incomplete`` or ``error``, both typed; ``endless``; or ``crash``, an
            error of no type of ours.
        why: The oracle's complaints, or the error's words.
        rows: What was brought, by a run that says that it is complete.
        requests: How many requests it took.
        goes: In how many goes.
        receipt: What a complete run says of itself.
        log: Requests and answers.
    """

    example: Example
    end: str
    why: str
    rows: list[dict[str, Any]] = msgspec.field(default_factory=list)
    requests: int = 0
    goes: int = 0
    receipt: dict[str, Any] = msgspec.field(default_factory=dict)
    log: list[str] = msgspec.field(default_factory=list)

    @property
    def is_failure(self) -> bool:
        """Whether no run may end like that."""
        return self.end in FAILURES


class Line:
    """The way to a source: takes its time, keeps a log, and is where a process dies."""

    def __init__(self, source: InventedSource, clock: ManualClock) -> None:
        self.log: list[str] = []
        self.dies_at: int | None = None
        self._source = source
        self._clock = clock
        self._inner = MimicTransport(source)  # type: ignore[arg-type]

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        number = len(self._source.history) + 1
        if number == self.dies_at:
            raise KilledError
        if number > MOST_REQUESTS:
            raise EndlessError
        self._clock.advance(SECONDS)
        answer = self._inner.send(request, timeout=timeout)
        self.log.append(f"{number - 1:3} {_asked(request)}\n      {_answered(answer)}")
        return answer


class Trial:
    """One example being carried out, go after go.

    Args:
        example: What is tried.
    """

    def __init__(self, example: Example) -> None:
        self.example = example
        self.clock = ManualClock()
        self.source = InventedSource(
            example.resource, example.habits, count=example.count, events=example.events
        )
        self.line = Line(self.source, self.clock)
        self.s3 = FakeS3()
        self.s3.create_bucket(Bucket=BUCKET)
        self.goes = 0
        self.began = 0
        self._stops = list(example.stops)

    def outcome(self) -> Outcome:
        """Carry it out to an end."""
        again = self.example.goes_on
        while True:
            try:
                receipt = self._go()
            except KilledError:
                self._spoil()
                continue
            except EndlessError:
                return self._ended("endless", f"more than {MOST_REQUESTS} requests")
            except DeClassesError as error:
                is_resumable = getattr(error, "run_id", None) is not None
                if self._stops and _is_time_up(error):
                    self._stops.pop(0)
                    self._spoil()
                    continue
                if is_resumable and again:
                    again -= 1
                    continue
                is_incomplete = isinstance(error, IncompleteRunError)
                return self._failed("incomplete" if is_incomplete else "error", error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is to be seen
                return self._ended("crash", f"{type(error).__name__}: {error}")
            return self._judged(receipt)

    @cached_property
    def _resource(self) -> Resource:
        return resource_of(self.example.described())

    def complaints(self, rows: Iterable[dict[str, Any]]) -> list[str]:
        """What the oracle says of the rows that the run has brought."""
        return complaints(self.source.history[self.began :], rows, has_key=self.example.keys)

    def _go(self) -> IngestReceipt:
        self.goes += 1
        if self.example.one_object:
            self.began = len(self.source.history)
        client = self._client()
        plan = RunPlan(
            run_id="run",
            source=client.url,
            fingerprint=client.fingerprint,
            source_name=self._resource.name,
            dataset=DATASET,
            format="jsonl",
            limit=self.example.limit,
            key_fields=("id",) if self.example.keys else (),
        )
        store = BaseS3Client(self.s3, _LOGGER, clock=self.clock)
        if self.example.one_object:
            storage = StorageDataService(store, DataFormatService(), _LOGGER)
            return ApiDataService(client, storage, _LOGGER, clock=self.clock).fetch_all_to_storage(
                BUCKET, OBJECT, limit=self.example.limit
            )
        lake = DatasetDestination(
            store, BUCKET, prefix="raw", limits=PartLimits(pages=self.example.part_pages)
        )

        def worker() -> RunService:
            return RunService(client, lake, runtime=Runtime(logger=_LOGGER, clock=self.clock))

        return self._in_ranges(worker, plan) if self.example.ranges else worker().carry_out(plan)

    def _in_ranges(self, worker: Callable[[], RunService], plan: RunPlan) -> IngestReceipt:
        """As a state machine has it done: planned, its ranges in any order, and committed."""
        ranges = list(worker().cut(plan, RangeSizes(at_once=self.example.ranges, least=1)))
        order = Random(f"{self.example.count} {self.goes}")  # noqa: S311 - not for secrets
        while True:
            order.shuffle(ranges)
            for each in ranges:
                worker().carry_out_range(plan, each)
            with suppress(AnotherPassError):
                return worker().carry_out(plan, passes_in_ranges=True)

    def _client(self) -> UnstableAPIClient:
        deadline = None
        self.line.dies_at = None
        done = len(self.source.history)
        while self._stops and self._stops[0] <= done:
            self._stops.pop(0)
        if self._stops and self.example.gently:
            deadline = self.clock.monotonic() + SECONDS * (self._stops[0] - done)
        elif self._stops:
            self.line.dies_at = self._stops.pop(0)
        return self._resource.client(
            limits=ClientLimits(
                concurrency=self.example.width, retry_policy=RetryPolicy(max_attempts=5), deadline=deadline
            ),
            runtime=ClientRuntime(transport=self.line, clock=self.clock, logger=_LOGGER),
        )

    def _spoil(self) -> None:
        """Do to what was kept what the example says, once."""
        if self.goes != 1:
            return
        kept = self.s3.buckets[BUCKET]
        for spoil in self.example.spoils:
            parts = sorted(key for key in kept if key.startswith(f"{DATASET}/part-"))
            keys = sorted(key for key in kept if "/keys-" in key)
            documents = sorted(key for key in kept if "/_runs/run/part-" in key)
            if spoil == "copy" and documents:
                kept[f"{documents[-1]}~"] = kept[documents[-1]]
            chosen = {"cut_keys": keys, "copy": []}.get(spoil, parts)
            if not chosen:
                continue
            key = chosen[-1]
            if spoil == "drop":
                del kept[key]
                continue
            body = kept[key].body
            bodies = {
                "change": body[:-9].replace(b"version", b"VERSION") + body[-9:],
                "cut": body[: len(body) // 2],
                "cut_keys": body[: len(body) // 32 * 16],  # between two hashes: elsewhere it shows by itself
            }
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=bodies[spoil])

    def _judged(self, receipt: IngestReceipt) -> Outcome:
        said = receipt.as_dict()
        try:
            rows = self._rows(receipt)
        except DeClassesError as error:
            return self._ended("wrong", f"what was committed cannot be read: {error}", receipt=said)
        wrong = self.complaints(rows)
        if receipt.records != len(rows):
            wrong.append(f"the receipt says {receipt.records} records, and {len(rows)} are there")
        end = "right" if not wrong else "warned" if self._is_warned(said) else "wrong"
        return self._ended(end, "; ".join(wrong), rows=rows, receipt=said)

    def _is_warned(self, receipt: dict[str, Any]) -> bool:
        """Whether rows are missing beside ``errors`` of which no description says what they mean."""
        is_told = any(event.what == "errors" for event in self.example.events)
        return is_told and any("errors" in str(warning) for warning in receipt.get("warnings") or ())

    def _rows(self, receipt: IngestReceipt) -> list[dict[str, Any]]:
        store = BaseS3Client(self.s3, _LOGGER, clock=self.clock)
        if self.example.one_object:
            return [json.loads(line) for line in store.get_object(BUCKET, receipt.key).splitlines()]
        return list(chain.from_iterable(DatasetReader(store, BUCKET, receipt.key).records()))

    def _failed(self, end: str, error: DeClassesError) -> Outcome:
        left = [key for key in self.s3.buckets[BUCKET] if "_manifest-" in key or key == OBJECT]
        words = f"{type(error).__name__}: {error}"
        return self._ended("wrong", f"{words}, and yet {left} is there") if left else self._ended(end, words)

    def _ended(self, end: str, why: str, **more: Any) -> Outcome:
        return Outcome(
            example=self.example,
            end=end,
            why=why,
            requests=len(self.source.history),
            goes=self.goes,
            log=self.line.log,
            **more,
        )


def run_example(
    example: Example | int,
    *,
    show: Callable[[str], object] | None = None,
    ranges: int | None = None,
    **how: Any,
) -> Outcome:
    """Try one example.

    Args:
        example: Itself, or its seed.
        show: Told of every request, every answer and the end; ``print`` to look at one.
        ranges: In how many ranges it is carried out, whatever the example says.
        how: See ``drawn``, for a seed.
    """
    if isinstance(example, int):
        example = drawn(example, **how)
    if ranges is not None:
        example = replace(example, ranges=ranges)
    outcome = Trial(example).outcome()
    if show is not None:
        show(msgspec.json.encode(example).decode())
        for line in outcome.log:
            show(line)
        show(f"{outcome.end}: {outcome.why} ({outcome.requests} requests, {outcome.goes} goes)")
        said = {name: outcome.receipt[name] for name in _PROVES if outcome.receipt.get(name)}
        if said:
            show(json.dumps(said))
        if outcome.rows:
            show(" ".join(f"{row.get('id')}.{row.get('version')}" for row in outcome.rows))
    return outcome


def _is_time_up(error: DeClassesError) -> bool:
    """Whether it was the time that was up, which a run that is asked for again has anew."""
    return isinstance(error, IncompleteRunError) and "time" in str(error)


_ROW = re.compile(r'\{"id": (\d+), "version": (\d+), "at": (\d+), "text": "[^"]*"\}')


def _asked(request: HttpRequest) -> str:
    params = "&".join(f"{name}={value}" for name, value in request.params.items())
    body = (request.body or b"").decode()
    return f"{request.method} {request.url.partition(HOST)[2]}{'?' if params else ''}{params} {body}"


def _answered(answer: HttpResponse) -> str:
    """Status, body and what headers lead on; a row as ``id.version@at``."""
    headers = [f" {name}: {value}" for name, value in answer.headers.items() if name != "content-type"]
    body = _ROW.sub(r"\1.\2@\3", answer.body.decode())
    return f"{answer.status} {body}{''.join(headers)}"


def resource_of(described: dict[str, Any]) -> Resource:
    """The resource, as a file of descriptions says it."""
    source = {"base_url": f"https://{HOST}", "resources": {"rows": described}}
    content = json.dumps({"version": 1, "sources": {"invented": source}}).encode()
    return Source(parse_sources(content, ".json", name="invented.json"))["invented.rows"]
