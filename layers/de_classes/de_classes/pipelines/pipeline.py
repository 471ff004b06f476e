"""Pipelines: steps put together, run, timed, logged and reported on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from typing import TYPE_CHECKING

from de_classes.errors import InvalidInputError
from de_classes.pipelines.described import TransformDescription
from de_classes.pipelines.logging_mixin import LoggingMixin
from de_classes.pipelines.recording import Recording
from de_classes.pipelines.steps import (
    RunLoader,
    as_extractor,
    as_loader,
    as_rereadable,
    as_transform,
    step_name,
)
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from de_classes.pipelines.logging_mixin import RowCounts
    from de_classes.pipelines.report import RunReport
    from de_classes.pipelines.steps import BatchFunction, Extractor, Loader, Transform
    from de_classes.utils.clock import Clock


class Pipeline(LoggingMixin, ABC):
    """Runs steps and tells how it went. A variant says what its ``plan`` is and how records ``flow``.

    Example:
        >>> class Copy(Pipeline):
        ...     def plan(self):
        ...         return [("extract", "orders"), ("load", "raw")]
        ...     def flow(self, run):
        ...         run.load(ObjectLoader(store, "lake", "raw.jsonl"), run.extract(RecordsExtractor(orders)))
        >>> Copy().run().rows_out
        2

    Args:
        name: For logs and reports; the class's name by default.
        logger: Where to log; the pipeline takes its child named after the class.
        clock: What to measure with.
    """

    def __init__(
        self, *, name: str | None = None, logger: logging.Logger | None = None, clock: Clock | None = None
    ) -> None:
        self.name = name or type(self).__name__
        self._clock = clock or SystemClock()
        self._last_report: RunReport | None = None
        self.use_logger(logger, self._clock)

    @property
    def last_report(self) -> RunReport | None:
        """The latest run's report, also when that run failed."""
        return self._last_report

    def run(self) -> RunReport:
        """Run every step. Nothing is kept between runs, so it can be run again.

        Raises:
            DeClassesError: What the failing step raised, with a note of its name. What was not
                committed before is aborted, and ``last_report`` tells how far each step had come.
        """
        recording = Recording(self.name, self.plan(), self._clock)
        with self.log_step(self.name) as counts:
            return self._flow_and_report(recording, counts)

    @abstractmethod
    def plan(self) -> Sequence[tuple[str, str]]:
        """Kind and name of every step, in the order in which ``flow`` begins them."""

    @abstractmethod
    def flow(self, run: Recording) -> None:
        """Pass records from step to step: ``run.extract``, ``run.transform``, ``run.load``."""

    def _flow_and_report(self, recording: Recording, counts: RowCounts) -> RunReport:
        try:
            with closing(recording):
                self.flow(recording)
        finally:
            report = self._last_report = recording.report()
            counts.rows_in, counts.rows_out = report.rows_in, report.rows_out
            self._log_steps(report)
        return report

    def _log_steps(self, report: RunReport) -> None:
        for step in report.steps:
            self.logger.info(
                "%s: %s %s: %d rows in, %d rows out, %.3f s of its own",
                *(self.name, step.name, step.status.value, step.rows_in, step.rows_out, step.seconds),
            )


class EtlPipeline(Pipeline):
    """Extract, transform, load: records are changed on their way, and stored once.

    Example:
        >>> load, paid = ObjectLoader(store, "lake", "paid.csv"), Filter(lambda each: each["total"] > 0)
        >>> report = EtlPipeline(RecordsExtractor(orders), paid, load=load).run()
        >>> report.rows_in, report.rows_out
        (2, 1)

    From an ``ApiExtractor`` into a ``DatasetLoader`` it is a run: what it did survives ``kill -9``, and
    running it again goes on from there. Its transforms are then those that a run's plan can name.

    Args:
        extract: Where records come from.
        transforms: Any number of transforms, as they are or as a description says them, or of plain functions
            from a batch to records.
        load: Where records go.
        name: For logs and reports.
        logger: Where to log.
        clock: What to measure with.

    Raises:
        InvalidInputError: A step is not what its place asks for.
    """

    def __init__(
        self,
        extract: Extractor,
        *transforms: Transform | BatchFunction | TransformDescription,
        load: Loader | RunLoader,
        name: str | None = None,
        logger: logging.Logger | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name=name, logger=logger, clock=clock)
        self._extract = as_extractor(extract)
        self._steps = transforms
        self._load = load if isinstance(load, RunLoader) else as_loader(load)
        if isinstance(load, RunLoader):
            load.check(extract, transforms)
        self._transforms = [_as_transform(step) for step in transforms]

    def plan(self) -> Sequence[tuple[str, str]]:
        """Extract, transforms, load."""
        return [
            ("extract", step_name(self._extract)),
            *(("transform", step_name(step)) for step in self._transforms),
            ("load", step_name(self._load)),
        ]

    def flow(self, run: Recording) -> None:
        """Draw the records through the transforms into the loader, or let a run do so."""
        if isinstance(self._load, RunLoader):
            run.carry_out(self._load, self._extract, self._steps)
            return
        stream = run.extract(self._extract)
        for step in self._transforms:
            stream = run.transform(step, stream)
        run.load(self._load, stream)


class EltPipeline(Pipeline):
    """Extract, load, transform: records are stored raw, read back, changed, and stored once more.

    The raw copy is committed before anything is changed, so a mistake in a transform costs no second
    extraction. When a transform fails the raw copy stays, whole, and no curated one appears.

    Example:
        >>> raw, ids = ObjectLoader(store, "lake", "raw.jsonl"), ObjectLoader(store, "lake", "ids.csv")
        >>> EltPipeline(RecordsExtractor(orders), raw, Select("id"), curated=ids).run().uris == (
        ...     store.uri("lake", "raw.jsonl"), store.uri("lake", "ids.csv"))
        True

    Args:
        extract: Where records come from.
        load: Where they go as they are; it must be able to ``read_back`` what it committed.
        transforms: As of ``EtlPipeline``.
        curated: Where the changed records go.
        name: For logs and reports.
        logger: Where to log.
        clock: What to measure with.

    Raises:
        InvalidInputError: A step is not what its place asks for, or both loaders write the same object.
    """

    def __init__(
        self,
        extract: Extractor,
        load: Loader,
        *transforms: Transform | BatchFunction | TransformDescription,
        curated: Loader,
        name: str | None = None,
        logger: logging.Logger | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name=name, logger=logger, clock=clock)
        self._extract = as_extractor(extract)
        self._load = as_loader(load)
        self._raw = as_rereadable(load)
        self._transforms = [_as_transform(step) for step in transforms]
        self._curated = as_loader(curated)
        if load.destination is not None and load.destination == curated.destination:
            raise InvalidInputError("load and curated are the same object: the raw copy would be overwritten")

    def plan(self) -> Sequence[tuple[str, str]]:
        """Extract, load; read back, transforms, load."""
        return [
            ("extract", step_name(self._extract)),
            ("load", step_name(self._load)),
            ("extract", "read back"),
            *(("transform", step_name(step)) for step in self._transforms),
            ("load", step_name(self._curated)),
        ]

    def flow(self, run: Recording) -> None:
        """Commit the raw copy, then draw it through the transforms into the curated one."""
        receipt = run.load(self._load, run.extract(self._extract))
        stream = run.extract(self._raw.read_back(receipt))
        for step in self._transforms:
            stream = run.transform(step, stream)
        run.load(self._curated, stream)


def _as_transform(step: Transform | BatchFunction | TransformDescription) -> Transform:
    return step.transform() if isinstance(step, TransformDescription) else as_transform(step)
