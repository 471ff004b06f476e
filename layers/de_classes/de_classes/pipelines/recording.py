"""Watches the steps of one run: rows, time, and whose fault it was."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from de_classes.pipelines.report import RunReport, Status, StepReport
from de_classes.pipelines.steps import check_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from de_classes.pipelines.steps import Batch, Extractor, Loader, Receipt, RunLoader, Transform
    from de_classes.utils.clock import Clock


@dataclass
class StepMeter:
    """One step while it runs; ``elapsed`` includes the steps above it, which it waits for."""

    name: str
    kind: str
    source: StepMeter | None = None
    status: Status = Status.SKIPPED
    rows: int = 0
    elapsed: float = 0.0
    error_type: str | None = None
    uri: str | None = None

    def report(self) -> StepReport:
        """What is known by now."""
        above = self.source.elapsed if self.source else 0.0
        return StepReport(
            name=self.name,
            kind=self.kind,
            status=self.status,
            rows_in=self.source.rows if self.source else 0,
            rows_out=self.rows,
            seconds=max(0.0, self.elapsed - above),
            error_type=self.error_type,
            uri=self.uri,
        )


class Recording:
    """Runs the steps of one run, in the order of the plan, and notes what they do.

    Records are pulled: an extractor and its transforms work while the loader asks for batches. So each
    is wrapped; its own time is what it took less what the steps above it took, and the step in which
    an error shows first is the one to blame.

    Args:
        pipeline: The pipeline's name.
        plan: Kind and name of every step.
        clock: What to measure with.
    """

    def __init__(self, pipeline: str, plan: Sequence[tuple[str, str]], clock: Clock) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._started = clock.monotonic()
        self._started_at = clock.now()
        self._meters = [StepMeter(name, kind) for kind, name in _told_apart(plan)]
        self._waiting = iter(self._meters)
        self._streams: list[Stream] = []

    def extract(self, step: Extractor) -> Stream:
        """Begin a stream."""
        return self._watch(step.extract, None)

    def transform(self, step: Transform, stream: Stream) -> Stream:
        """Pass a stream through a transform."""
        return self._watch(lambda: step.apply(stream.batches), stream.meter)

    def load(self, step: Loader, stream: Stream) -> Receipt:
        """Draw a stream into a loader until it has committed."""
        meter = self._begin(stream.meter)
        meter.status = Status.STOPPED
        with self._timed(meter):
            receipt = step.load(stream.batches)
        meter.rows, meter.uri, meter.status = receipt.records, receipt.uri, Status.SUCCEEDED
        return receipt

    def carry_out(self, step: RunLoader, extract: Extractor, steps: Sequence[object]) -> Receipt:
        """Let a run draw its source through its steps until it has committed; all time is the load's."""
        meters = [self._begin(None)]
        for _ in (*steps, step):
            meters.append(self._begin(meters[-1]))
        for each in meters:
            each.status = Status.STOPPED
        with self._timed(meters[-1]):
            receipt, rows = step.carry_out(extract, steps)
        for each, came in zip(meters, (*rows, receipt.records), strict=True):
            each.rows, each.status = came, Status.SUCCEEDED
        meters[-1].uri = receipt.uri
        return receipt

    def close(self) -> None:
        """Let every step free what it holds, the last one first."""
        for stream in reversed(self._streams):
            stream.batches.close()

    def report(self) -> RunReport:
        """The facts by now."""
        steps = tuple(meter.report() for meter in self._meters)
        succeeded = all(step.status is Status.SUCCEEDED for step in steps)
        return RunReport(
            pipeline=self._pipeline,
            status=Status.SUCCEEDED if succeeded else Status.FAILED,
            started_at=self._started_at,
            seconds=self._clock.monotonic() - self._started,
            steps=steps,
        )

    def _begin(self, source: StepMeter | None) -> StepMeter:
        meter = next(self._waiting)
        meter.source = source
        return meter

    def _watch(self, start: Callable[[], Iterator[Batch]], source: StepMeter | None) -> Stream:
        meter = self._begin(source)
        stream = Stream(self._batches(start, meter), meter)
        self._streams.append(stream)
        return stream

    def _batches(self, start: Callable[[], Iterator[Batch]], meter: StepMeter) -> Generator[Batch]:
        meter.status = Status.STOPPED
        with self._timed(meter):
            batches = iter(start())
        try:
            while (batch := self._next(batches, meter)) is not None:
                meter.rows += len(batch)
                yield batch
        finally:
            _close(batches)
        meter.status = Status.SUCCEEDED

    def _next(self, batches: Iterator[Batch], meter: StepMeter) -> Batch | None:
        with self._timed(meter):
            batch = next(batches, None)
            if batch is not None:
                check_batch(batch, meter.name)
            return batch

    @contextmanager
    def _timed(self, meter: StepMeter) -> Iterator[None]:
        started = self._clock.monotonic()
        try:
            yield
        except BaseException as error:
            self._blame(meter, error)
            raise
        finally:
            meter.elapsed += self._clock.monotonic() - started

    def _blame(self, meter: StepMeter, error: BaseException) -> None:
        if not any(each.status is Status.FAILED for each in self._meters):
            meter.status, meter.error_type = Status.FAILED, type(error).__name__
            error.add_note(f"in step {meter.name!r} of pipeline {self._pipeline!r}")


@dataclass(frozen=True)
class Stream:
    """Batches on their way, and the meter of the step that gives them."""

    batches: Generator[Batch]
    meter: StepMeter


def _told_apart(plan: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for kind, name in plan:
        seen[name] = seen.get(name, 0) + 1
        yield kind, name if seen[name] == 1 else f"{name} {seen[name]}"


def _close(batches: Iterator[Batch]) -> None:
    close = getattr(batches, "close", None)
    if close is not None:
        close()
