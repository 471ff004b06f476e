"""A pipeline from a source into a dataset is a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.pagination import PageNumberPagination
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError, InvalidInputError
from de_classes.pipelines import (
    ApiExtractor,
    EltPipeline,
    EtlPipeline,
    Filter,
    FilterStep,
    FunctionStep,
    ObjectLoader,
    RecordsExtractor,
    RenameStep,
    Select,
    SelectStep,
    Status,
)
from de_classes.runs import DatasetDestination, DatasetLoader, PartLimits, Runtime
from de_classes.storage.datasets import DatasetReader
from de_classes.utils.clock import ManualClock
from tests.fakes.runs import BASE, BUCKET, LOGGER, KilledError, memory
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.api.transport import Transport
    from de_classes.pipelines.steps import Extractor
    from de_classes.storage.clients import ObjectStore

STEPS = (RenameStep(columns={"id": "n"}), FilterStep(where="n < `40`"))


def extractor(api: Transport) -> ApiExtractor:
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", pagination=PageNumberPagination(echo_path="page"), look_back="none"),
        None,
        LOGGER,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )
    return ApiExtractor(client, limit=10)


def loader(store: ObjectStore, *, die_after: int | None = None, **options: Any) -> DatasetLoader:
    taken: list[Page] = []

    def on_page(page: Page) -> None:
        taken.append(page)
        if len(taken) == die_after:
            raise KilledError

    return DatasetLoader(
        DatasetDestination(store, BUCKET, limits=PartLimits(pages=2)),
        "day",
        **{"run_id": "monday", "format": "jsonl", **options},
        runtime=Runtime(logger=LOGGER, clock=ManualClock(), on_page=on_page),
    )


def pipeline(
    extract: Extractor, *steps: Any, load: DatasetLoader | ObjectLoader, name: str = "orders"
) -> EtlPipeline:
    return EtlPipeline(extract, *steps, load=load, name=name, clock=ManualClock())


def rows(store: ObjectStore) -> list[dict[str, Any]]:
    return [record for batch in DatasetReader(store, BUCKET, "day").records() for record in batch]


@pytest.mark.parametrize("die_after", [1, 5, 9])
def test_F42_a_pipeline_that_is_killed_anywhere_goes_on_and_loads_every_record_once(die_after: int) -> None:
    store, again = memory(), FakePagedApi(95)
    with pytest.raises(KilledError):
        pipeline(extractor(FakePagedApi(95)), *STEPS, load=loader(store, die_after=die_after)).run()
    report = pipeline(extractor(again), *STEPS, load=loader(store)).run()
    assert rows(store) == [{"n": n} for n in range(40)]
    assert len(again.requests) <= 10 - die_after // 2 * 2 + 1
    counts = [(step.kind, step.name, step.rows_in, step.rows_out) for step in report.steps]
    assert counts == [
        ("extract", "ApiExtractor", 0, 95),
        ("transform", "Rename", 95, 95),
        ("transform", "Filter(n < `40`)", 95, 40),
        ("load", "DatasetLoader", 40, 40),
    ]
    assert report.status is Status.SUCCEEDED


def test_a_pipeline_that_is_complete_says_the_same_again_and_asks_nothing() -> None:
    store, load = memory(), loader(memory())
    assert load.receipt is None
    load = loader(store, key_fields=("id",))
    first = pipeline(extractor(FakePagedApi(30)), load=load).run()
    again = FakePagedApi(30)
    second = pipeline(extractor(again), load=loader(store, key_fields=("id",))).run()
    assert (second.rows_in, second.rows_out, second.uris) == (30, 30, first.uris)
    assert again.requests == []
    assert load.receipt is not None
    assert first.uris == (load.receipt.uri,)
    assert (load.receipt.run_id, load.receipt.parameters["key_fields"]) == ("monday", ["id"])


def test_a_run_that_fails_is_the_load_s_failure_and_what_came_is_kept() -> None:
    store, api = memory(), FakePagedApi(30)
    api.faults_for(3, [api.page(3, 10, data=[])] * 99)
    failing = pipeline(extractor(api), load=loader(store))
    with pytest.raises(IncompleteRunError, match="goes on from there") as caught:
        failing.run()
    assert caught.value.__notes__ == ["in step 'DatasetLoader' of pipeline 'orders'"]
    report = failing.last_report
    assert report is not None
    assert [step.status for step in report.steps] == [Status.STOPPED, Status.FAILED]
    pipeline(extractor(FakePagedApi(30)), load=loader(store)).run()
    assert rows(store) == [{"id": n} for n in range(30)]


@pytest.mark.parametrize("step", [Select("id"), Filter(bool), list])
def test_a_transform_that_no_plan_can_name_is_refused_by_its_place_and_name(step: Any) -> None:
    name = getattr(step, "name", None) or getattr(step, "__name__", type(step).__name__)
    with pytest.raises(InvalidInputError) as caught:
        pipeline(extractor(FakePagedApi(5)), STEPS[0], step, load=loader(memory()))
    assert str(caught.value).startswith(f"transforms[1], {name}, is none that a run's plan can name")


@pytest.mark.parametrize("extract", [RecordsExtractor([{"id": 1}]), ApiExtractor(FakePagedApi)])  # type: ignore[arg-type]
def test_an_extractor_that_is_no_source_is_refused_by_name(extract: Extractor) -> None:
    with pytest.raises(InvalidInputError, match="Extractor is no source of a run"):
        pipeline(extract, load=loader(memory()))


def test_a_dataset_is_no_raw_copy_that_is_read_back() -> None:
    load: Any = loader(memory())
    with pytest.raises(InvalidInputError, match="DatasetLoader is no loader"):
        EltPipeline(extractor(FakePagedApi(5)), load, curated=ObjectLoader(memory(), BUCKET, "a.csv"))


def test_a_plain_pipeline_takes_steps_as_a_description_says_them() -> None:
    store = memory()
    steps = (SelectStep(columns=("id",)), FunctionStep(name="tests.fakes.steps:doubled"))
    load = ObjectLoader(store, BUCKET, "a.jsonl")
    report = pipeline(RecordsExtractor([{"id": 1, "note": None}]), *steps, load=load).run()
    assert [step.name for step in report.steps[1:3]] == ["Select", "tests.fakes.steps:doubled"]
    assert store.get_object(BUCKET, "a.jsonl").splitlines() == [b'{"id":1}'] * 2
