"""An example carried out: by the library over a faulty store, then once more where all is calm."""

from __future__ import annotations

import hashlib
import json
import logging
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.errors import DeClassesError, IncompleteRunError
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import PartLimits
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets.leftovers import remove_leftovers
from de_classes.utils.clock import ManualClock
from tests.fakes.faulty_s3 import RECORDS, EndlessError, Turns, faulty_s3
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.runs import BUCKET, KilledError
from tests.invented.runs import resource_of
from tests.invented.source import HOST
from tests.invented_store.examples import Example, drawn
from tests.invented_store.oracle import complaints, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.receipt import IngestReceipt
    from tests.fakes.faulty_s3 import FaultyS3
    from tests.fakes.mimics.kit import Answer, Request

DATASET: Final = "raw/day"
YESTERDAY: Final = "raw/yesterday"
CALM: Final = "calm"
"""Who goes on when all is calm."""
ENDS: Final = ("right", "told", "hopeless", "wrong", "lost", "stuck", "endless", "crash")
FAILURES: Final = frozenset(ENDS[3:])
"""The ends that nothing may have."""
_AFTER: Final = 2 * 3600
"""Seconds until then: whoever died at cleaning is not waited for any more."""
_LOGGER: Final = logging.getLogger("tests.invented_store")
_LOGGER.setLevel(logging.CRITICAL)
_PAGES: Final[dict[str, Any]] = {
    "path": "/rows",
    "records_path": "data",
    "total_path": "total",
    "page_size": {"into": "query.limit"},
}
_WAYS: Final[dict[str, dict[str, Any]]] = {
    "page": {"type": "page", "into": "query.page", "more": "more"},
    "cursor": {"type": "cursor", "path": "next", "into": "query.cursor", "more": "more"},
}


class Outcome(Struct, kw_only=True):
    """How an example ended.

    Attributes:
        example: What was tried.
        end: ``right``; ``told``, spoilt behind a commit, which readers see; ``hopeless``, an error that says
            why the run cannot go on, where a record of it was spoilt or cleaned away; or one of ``FAILURES``:
            ``wrong`` rows, ``lost`` commits, ``stuck`` without a reason, ``endless``, or a ``crash``, an
            error of no type of ours.
        why: What is wrong, or the error's words.
        goes: How each go ended, until all was calm.
        moments: Requests in all.
        happened: The troubles that came to pass.
        log: Every moment.
    """

    example: Example
    end: str
    why: str = ""
    goes: list[str] = msgspec.field(default_factory=list)
    moments: int = 0
    happened: list[str] = msgspec.field(default_factory=list)
    log: list[str] = msgspec.field(default_factory=list)

    @property
    def is_failure(self) -> bool:
        """Whether nothing may end like that."""
        return self.end in FAILURES


class StillSource:
    """Pages of rows that never change, by number or by cursor.

    Args:
        example: Has the rows.

    Attributes:
        is_calm: Whether every page can be had.
        asked: As of every mimic.
    """

    name = "still"
    hosts = {HOST: ""}  # noqa: RUF012 - as of every mimic

    def __init__(self, example: Example) -> None:
        self.is_calm = False
        self.asked: list[Request] = []
        self._refused = example.refused
        self._rows = [row for page in example.pages() for row in page]

    def answer(self, request: Request) -> Answer:
        query = request.query
        size = max(int(query.get("limit", "3")), 1)
        start = int(query.get("cursor", 0)) or (int(query.get("page", 1)) - 1) * size
        if not self.is_calm and start // size + 1 in self._refused:
            return 503, {"Content-Type": "application/json"}, b'{"message": "not now"}'
        rows = self._rows[start : start + size]
        more = start + size < len(self._rows)
        body = {
            "data": rows,
            "total": len(self._rows),
            "more": more,
            "next": str(start + size) if more else None,
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


class _Line:
    """The way to the source, which is a moment too."""

    def __init__(self, name: str, source: StillSource, s3: FaultyS3) -> None:
        self._name = name
        self._s3 = s3
        self._inner = MimicTransport(source)  # type: ignore[arg-type]

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self._s3.pass_by(self._name, f"the source: {request.params}")
        return self._inner.send(request, timeout=timeout)


class Trial:
    """One example being carried out.

    Args:
        example: What is tried.
        s3: Where.
        turns: Whose turn it is.
        clock: What time it is.
    """

    def __init__(self, example: Example, s3: FaultyS3, turns: Turns, clock: ManualClock) -> None:
        self._example = example
        self._s3 = s3
        self._turns = turns
        self._clock = clock
        self._source = StillSource(example)
        self._pages = example.pages()
        self._count = 0
        self._stores: dict[str, BaseS3Client] = {}
        self._said: list[IngestReceipt] = []
        self.goes: list[str] = []

    def outcome(self) -> Outcome:
        """Carry it out, and once more where all is calm."""
        try:
            self._turns.run(self._tasks())
            return self._judged()
        except EndlessError:
            return self._ended("endless", "more requests than anything needs")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be seen
            return self._ended("crash", f"{type(error).__name__}: {error}")

    def _tasks(self) -> dict[str, Callable[[], object]]:
        tasks: dict[str, Callable[[], object]] = {}
        for name in ("first", "second")[: self._example.runners]:
            tasks[name] = lambda name=name: self._goes_on(name)  # type: ignore[misc]
        if self._example.cleans:
            tasks["cleaner"] = self._clean
        return tasks

    def _run_id(self, name: str) -> str:
        return name if self._example.rivals else "run"

    def _goes_on(self, name: str) -> None:
        """Go on until it is complete, as often as the example has patience."""
        for _ in range(self._example.goes):
            try:
                receipt = self._go(name, self._run_id(name), allow_partial=self._example.partial)
            except KilledError:
                self.goes.append("killed")
            except IncompleteRunError:
                self.goes.append("incomplete")
            except DeClassesError as error:
                self.goes.append(f"error: {type(error).__name__}: {error}")
            else:
                self.goes.append(receipt.status)
                self._said.append(receipt)
                if receipt.status == "complete":
                    return

    def _clean(self) -> None:
        try:
            self._s3.begin("cleaner")
            for gone in remove_leftovers(
                self._store("cleaner"), BUCKET, "raw/", older_than=0, clock=self._clock
            ):
                self.goes.append(f"cleaned {gone.key}")
        except KilledError:
            self.goes.append("cleaner killed")
        except DeClassesError as error:
            self.goes.append(f"cleaner: {type(error).__name__}")

    def _go(self, name: str, run_id: str, *, allow_partial: bool = False) -> IngestReceipt:
        self._s3.begin(name)
        example = self._example
        pages = example.part_pages[self._count % len(example.part_pages)]
        self._count += 1
        resource = resource_of({**_PAGES, "pagination": _WAYS[example.kind]})
        client = resource.client(
            limits=ClientLimits(concurrency=1, retry_policy=RetryPolicy(max_attempts=2)),
            runtime=ClientRuntime(
                transport=_Line(name, self._source, self._s3), clock=self._clock, logger=_LOGGER
            ),
        )
        service = RunService(
            client,
            DatasetDestination(self._store(name), BUCKET, prefix="raw", limits=PartLimits(pages=pages)),
            runtime=Runtime(logger=_LOGGER, clock=self._clock),
        )
        plan = RunPlan(
            run_id=run_id,
            source=client.url,
            fingerprint=client.fingerprint,
            source_name=resource.name,
            dataset=DATASET,
            format=example.format,
            limit=example.limit,
            key_fields=("id",) if example.keys else (),
        )
        return service.carry_out(plan, allow_partial=allow_partial)

    def _store(self, name: str) -> BaseS3Client:
        if name not in self._stores:
            self._stores[name] = BaseS3Client(self._s3.client(name), _LOGGER, clock=self._clock)
        return self._stores[name]

    # Where all is calm

    def _judged(self) -> Outcome:
        self._s3.calm_down()
        self._source.is_calm = True
        self._clock.advance(_AFTER)
        before = self._s3.contents()
        errors = {
            run_id: self._calm_go(run_id)
            for run_id in dict.fromkeys(map(self._run_id, ("first", "second")[: self._example.runners]))
        }
        bucket = self._s3.contents()
        if lost := self._lost(before, bucket):
            return self._ended("lost", "; ".join(lost))
        wrong, seen = complaints(
            bucket, DATASET, self._pages, has_key=self._example.keys, excused=self._is_excused
        )
        wrong += self._untrue_receipts(bucket)
        if wrong:
            return self._ended("wrong", "; ".join(wrong))
        if seen:
            return self._ended("told", "; ".join(seen))
        if self._example.family == "mild" and self.goes != ["complete"]:
            return self._ended("stuck", f"what passes by itself ended a run: {self.goes}")
        failed = [error for error in errors.values() if error is not None]
        if not failed:
            return self._ended("right")
        return self._without_hope(failed, bucket)

    def _calm_go(self, run_id: str) -> DeClassesError | None:
        try:
            receipt = self._go(CALM, run_id)
        except DeClassesError as error:
            return error
        self._said.append(receipt)
        return None

    def _without_hope(self, failed: list[DeClassesError], bucket: Mapping[str, bytes]) -> Outcome:
        """A run that cannot go on has to have a reason, and another one has to be possible."""
        words = "; ".join(f"{type(error).__name__}: {error}" for error in failed)
        is_committed = any(key.startswith(f"{DATASET}/_manifest-") for key in bucket)
        if self._example.rivals and is_committed:
            others = [error for error in failed if type(error).__name__ != "ObjectExistsError"]
            if not others:
                return self._ended("right")
        was_cleaned = "delay" in self._s3.happened and any("/_runs/" in each for each in self.goes)
        has_reason = was_cleaned or any(each in RECORDS for each in self._s3.happened)
        if not has_reason:
            return self._ended("stuck", words)
        if not is_committed:
            error = self._calm_go("another")
            wrong, _ = complaints(self._s3.contents(), DATASET, self._pages, has_key=self._example.keys)
            if error is not None or wrong:
                return self._ended("stuck", f"{words}; and another run: {error} {wrong}")
        return self._ended("hopeless", words)

    def _lost(self, before: Mapping[str, bytes], bucket: Mapping[str, bytes]) -> list[str]:
        """Commits that are not as they were, and their parts, unless somebody spoilt them."""
        lost = [f"{key} was written again" for key in self._s3.overwritten]
        for key, commit in self._s3.commits.items():
            if bucket.get(key) != commit.body:
                lost.append(f"{key} is not what was committed")
        for dataset in (DATASET, YESTERDAY):
            for key, sha256 in parts(before, dataset).items():
                is_whole = key in bucket and hashlib.sha256(bucket[key]).hexdigest() == sha256
                if not is_whole and key not in self._s3.spoilt:
                    lost.append(f"{key} is gone, or another")
        if self._example.yesterday and not parts(bucket, YESTERDAY):
            lost.append("the dataset of yesterday is gone")
        return lost

    def _is_excused(self, manifest: str, key: str) -> bool:
        """Whether a part was spoilt after who committed it had looked at it, or written it in the same go."""
        commit, spoilt = self._s3.commits[manifest], self._s3.spoilt.get(key, -1)
        made_sure = commit.own.get(key, commit.seen.get(key))
        return made_sure is not None and spoilt >= made_sure

    def _untrue_receipts(self, bucket: Mapping[str, bytes]) -> list[str]:
        """What runs said of commits that are not there, or are others."""
        return [
            f"{receipt.run_id} says that it has committed {receipt.key}"
            for receipt in self._said
            if hashlib.sha256(bucket.get(receipt.key, b"")).hexdigest() != receipt.sha256
        ]

    def _ended(self, end: str, why: str = "") -> Outcome:
        return Outcome(
            example=self._example,
            end=end,
            why=why,
            goes=self.goes,
            moments=self._turns.moment,
            happened=self._s3.happened,
            log=self._s3.log,
        )


def run_example(
    example: Example | int, *, show: Callable[[str], object] | None = None, family: str | None = None
) -> Outcome:
    """Try one example.

    Args:
        example: Itself, or its seed.
        show: Told of every moment and of the end; ``print`` to look at one.
        family: See ``drawn``, for a seed.
    """
    if isinstance(example, int):
        example = drawn(example, family=family)
    clock, turns = ManualClock(), Turns(example.switches, meets=example.meets)
    there = yesterdays() if example.yesterday else {}
    with faulty_s3(example.troubles, turns, clock) as s3:
        for key, body in there.items():
            s3.put(key, body)
        clock.advance(_AFTER)
        outcome = Trial(example, s3, turns, clock).outcome()
    if show is not None:
        show(msgspec.json.encode(example).decode())
        for line in (*outcome.log, *outcome.goes):
            show(line)
        show(f"{outcome.end}: {outcome.why} ({outcome.moments} moments)")
    return outcome


@cache
def yesterdays() -> dict[str, bytes]:
    """What a run leaves that is over: made once."""
    clock, turns = ManualClock(), Turns()
    example = Example(count=3, limit=1)
    with faulty_s3((), turns, clock) as s3:
        Trial(example, s3, turns, clock).outcome()
        kept = s3.contents()
    return {
        key.replace(DATASET, YESTERDAY).replace("/run/", "/yesterday/"): body.replace(
            DATASET.encode(), YESTERDAY.encode()
        ).replace(b'"run_id":"run"', b'"run_id":"yesterday"')
        for key, body in kept.items()
    }
