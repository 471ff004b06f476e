"""A run as the load step of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import InvalidInputError
from de_classes.pipelines.described import TransformDescription
from de_classes.pipelines.extractors import ApiExtractor
from de_classes.pipelines.steps import RunLoader, step_name
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.receipt import IngestReceipt
    from de_classes.pipelines.steps import Extractor
    from de_classes.runs.context import Runtime
    from de_classes.runs.dataset import DatasetDestination


class DatasetLoader(RunLoader):
    """Loads a dataset by a run: a pipeline that is killed goes on where it was, and loads every record once.

    Its pipeline begins with an ``ApiExtractor``, and its transforms are those that a run's plan can name.

    Example:
        >>> lake = DatasetLoader(DatasetDestination(store, "lake"), "ids", run_id="monday", format="jsonl")
        >>> report = EtlPipeline(ApiExtractor(client, limit=2), SelectStep(columns=("id",)), load=lake).run()
        >>> report.rows_in, report.rows_out, lake.receipt.status
        (5, 5, 'complete')

    Args:
        destination: Where datasets are written.
        dataset: The key prefix of this one, without a slash at the end.
        run_id: What the run is called by: the same pipeline with the same id goes on with the same run.
        format: The format's name, such as parquet.
        key_fields: The fields that tell records apart; none if duplicates are not looked for.
        strict: Take nothing for complete that is not proved: every page is asked for twice.
        runtime: The process around it: logger, clock, progress.

    Attributes:
        receipt: That of the run which was carried out last; None before.
    """

    def __init__(
        self,
        destination: DatasetDestination,
        dataset: str,
        *,
        run_id: str,
        format: str = "parquet",  # noqa: A002 - the same name as everywhere in this library
        key_fields: Sequence[str] = (),
        strict: bool = False,
        runtime: Runtime | None = None,
    ) -> None:
        self._destination = destination
        self._dataset = dataset
        self._run_id = run_id
        self._format = format
        self._key_fields = tuple(key_fields)
        self._strict = strict
        self._runtime = runtime
        self.receipt: IngestReceipt | None = None

    def check(self, extract: Extractor, steps: Sequence[object]) -> None:
        """See ``RunLoader``."""
        _source(extract)
        _described(steps)

    def carry_out(self, extract: Extractor, steps: Sequence[object]) -> tuple[IngestReceipt, list[int]]:
        """See ``RunLoader``, and ``RunService.carry_out`` for the errors."""
        client, limit = _source(extract)
        plan = RunPlan(
            run_id=self._run_id,
            source=client.url,
            fingerprint=client.fingerprint,
            dataset=self._dataset,
            format=self._format,
            limit=limit,
            key_fields=self._key_fields,
            transforms=_described(steps),
        )
        runs = RunService(client, self._destination, strict=self._strict, runtime=self._runtime)
        receipt = self.receipt = runs.carry_out(plan)
        came = sum(page.records for page in receipt.page_hashes)
        return receipt, [came, *(step.rows_out for step in receipt.transforms)]


def _source(extract: Extractor) -> tuple[UnstableAPIClient, int]:
    """The client and the page size of a run."""
    if not isinstance(extract, ApiExtractor) or not isinstance(extract.client, UnstableAPIClient):
        raise InvalidInputError(
            f"{step_name(extract)} is no source of a run: a DatasetLoader needs an ApiExtractor of an "
            "UnstableAPIClient; other records go by an ObjectLoader"
        )
    return extract.client, extract.limit


def _described(steps: Sequence[object]) -> tuple[TransformDescription, ...]:
    """The steps, as a run's plan names them."""
    for place, step in enumerate(steps):
        if not isinstance(step, TransformDescription):
            raise InvalidInputError(
                f"transforms[{place}], {step_name(step)}, is none that a run's plan can name, and a run that "
                "goes on would not know it: give SelectStep, RenameStep, CastStep, FilterStep, FlattenStep, "
                "DropDuplicatesStep, or FunctionStep for a function of a module"
            )
    return tuple(step for step in steps if isinstance(step, TransformDescription))
