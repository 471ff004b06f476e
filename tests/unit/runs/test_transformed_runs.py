"""Transforms are part of a run: of its plan, of what goes on after a kill, and of its receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.pagination import PageNumberPagination
from de_classes.api.receipt import TransformRows
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import ConfigurationError, InvalidInputError, TransformError
from de_classes.pipelines.described import (
    CastStep,
    DropDuplicatesStep,
    FilterStep,
    FlattenStep,
    FunctionStep,
    RenameStep,
    SelectStep,
)
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.run_service import RunService
from de_classes.runs.verify import differences
from de_classes.storage.format.blocks import RecordBlock
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.clock import ManualClock
from de_classes.utils.formats import FORMATS
from tests.fakes.effort import first_of
from tests.fakes.runs import (
    BASE,
    BUCKET,
    LOGGER,
    KilledError,
    given_again,
    ids,
    journal,
    memory,
    plan,
    progress,
    rows,
    service,
)
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.page import Page
    from de_classes.api.receipt import IngestReceipt
    from de_classes.runs.plan import RunPlan
    from de_classes.storage.clients import ObjectStore

TOTAL, LIMIT = 60, 10
STEPS = (
    FlattenStep(),
    RenameStep(columns={"of_kind": "kind"}),
    FilterStep(where="id != `7` && id < `48`"),
    CastStep(columns={"id": "str"}),
    DropDuplicatesStep(columns=("kind",)),
    SelectStep(columns=("kind", "id")),
)
PLAN = plan(transforms=STEPS)
KINDS = 23
IN_AND_OUT = [(60, 60), (60, 60), (60, 47), (47, 47), (47, KINDS), (KINDS, KINDS)]


def source(total: int = TOTAL, limit: int = LIMIT) -> FakePagedApi:
    """Records whose kind comes again after 23."""
    api = FakePagedApi(total)
    for number in range(1, -(-total // limit) + 1):
        of_page = range((number - 1) * limit, min(number * limit, total))
        data = [{"id": n, "of": {"kind": n % KINDS}, "rest": "x"} for n in of_page]
        api.faults_for(number, [api.page(number, limit, data=data)] * 5)
    return api


def expected() -> list[dict[str, Any]]:
    kinds: dict[int, int] = {}
    for n in range(48):
        if n != 7:
            kinds.setdefault(n % KINDS, n)
    return [{"kind": kind, "id": str(n)} for kind, n in sorted(kinds.items(), key=lambda each: each[1])]


def read_plan(store: ObjectStore) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.json.decode(store.get_object(BUCKET, journal(store).plan_key))
    return plan


def counts(receipt: IngestReceipt) -> list[tuple[int, int]]:
    return [(step.rows_in, step.rows_out) for step in receipt.transforms]


def read(store: ObjectStore, receipt: IngestReceipt) -> list[dict[str, Any]]:
    """The rows; CSV says nothing of types."""
    return [{"kind": int(row["kind"]), "id": str(row["id"])} for row in rows(store, receipt)]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("width", first_of([8, 1]))
def test_F42_a_run_that_dies_after_any_page_goes_on_to_the_same_rows_and_the_same_counts(
    format_name: str, width: int
) -> None:
    asked = plan(transforms=STEPS, format=format_name)
    for die_after in range(1, TOTAL // LIMIT + 1):
        for part_pages in (1, 2):
            store = memory()
            with pytest.raises(KilledError):
                service(store, source(), width=width, part_pages=part_pages, die_after=die_after).carry_out(
                    asked
                )
            receipt = service(store, source(), width=width, part_pages=part_pages).carry_out(asked)
            assert read(store, receipt) == expected()
            assert (counts(receipt), receipt.records, receipt.expected_records) == (IN_AND_OUT, KINDS, TOTAL)
            assert (receipt.status, receipt.pages) == ("complete", TOTAL // LIMIT)
            assert list(differences(receipt, store, BUCKET)) == []


def test_F42_a_run_that_dies_after_every_page_ends_with_the_counts_of_one_that_does_not() -> None:
    store = memory()
    for _ in range(TOTAL // LIMIT):
        with pytest.raises(KilledError):
            service(store, source(), part_pages=1, die_after=2).carry_out(PLAN)
        if len(progress(store).parts) == TOTAL // LIMIT - 1:
            break
    receipt = service(store, source(), part_pages=1).carry_out(PLAN)
    assert (read(store, receipt), counts(receipt)) == (expected(), IN_AND_OUT)
    assert receipt.invocations > 3


def test_the_receipt_says_each_step_as_it_was_described_and_what_it_dropped() -> None:
    store = memory()
    receipt = service(store, source()).carry_out(PLAN)
    assert receipt.transforms[2] == TransformRows(
        step={"type": "filter", "where": "id != `7` && id < `48`"}, rows_in=60, rows_out=47, rows_dropped=13
    )
    assert [step.step for step in receipt.transforms] == receipt.parameters["transforms"]
    assert (receipt.duplicates, sum(page.records for page in receipt.page_hashes)) == (0, TOTAL)
    assert list(receipt.columns) == ["kind", "id"]
    again = service(store, FakeTransport(lambda _: pytest.fail("it asked"))).carry_out(PLAN)
    assert again == given_again(receipt)


def test_a_run_without_transforms_says_none_and_its_plan_is_written_as_before() -> None:
    store = memory()
    receipt = service(store, source()).carry_out(plan())
    assert (receipt.transforms, "transforms" in receipt.parameters) == ([], False)
    assert "transforms" not in read_plan(store)


OTHERS: dict[str, tuple[RunPlan, RunPlan]] = {
    "none": (PLAN, plan()),
    "some": (plan(), PLAN),
    "another setting": (PLAN, plan(transforms=(FlattenStep(separator="."), *STEPS[1:]))),
    "another order": (PLAN, plan(transforms=(*STEPS[1:], STEPS[0]))),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_run_that_goes_on_with_other_transforms_is_refused_by_name(case: str) -> None:
    begun, asked = OTHERS[case]
    store = memory()
    with pytest.raises(KilledError):
        service(store, source(), part_pages=1, die_after=2).carry_out(begun)
    before = progress(store)
    with pytest.raises(InvalidInputError, match=r"^transforms is \[.*\], but the run was begun with \["):
        service(store, FakeTransport(lambda _: pytest.fail("it asked"))).carry_out(asked)
    assert progress(store) == before
    service(store, source()).carry_out(begun)


def test_code_of_before_there_were_transforms_takes_the_plan_for_that_of_another_source_and_stops() -> None:
    """It ignores what it does not know, so it would store the rest as it came."""
    store = memory()
    with pytest.raises(KilledError):
        service(store, source(), part_pages=1, die_after=2).carry_out(
            msgspec.structs.replace(PLAN, fingerprint="ab")
        )
    known_then = {name: value for name, value in read_plan(store).items() if name != "transforms"}
    assert known_then["fingerprint"] != "ab"
    without = memory()
    service(without, source()).carry_out(plan(fingerprint="ab"))
    assert read_plan(without)["fingerprint"] == "ab"


def test_a_committed_run_whose_progress_was_cleaned_away_is_not_another_with_other_transforms() -> None:
    store = memory()
    receipt = service(store, source()).carry_out(PLAN)
    for info in list(store.list_objects(BUCKET, journal(store).folder)):
        store.delete_object(BUCKET, info.key)
    assert service(store, source()).carry_out(PLAN) == given_again(receipt)
    with pytest.raises(InvalidInputError, match="committed with another request"):
        service(store, source()).carry_out(plan())


def test_a_record_that_a_step_cannot_take_ends_the_run_and_what_was_sealed_stays() -> None:
    store = memory()
    asked = plan(limit=1, transforms=(FlattenStep(), CastStep(columns={"id": "bool"})))
    with pytest.raises(TransformError, match=r"^page 3, transforms\[1\]: Cast, record 1: column 'id': 2"):
        service(store, FakePagedApi(4), part_pages=1).carry_out(asked)
    assert [part.last_page for part in progress(store).parts] == [1, 2]


def test_a_function_that_there_is_not_is_named_before_anything_is_asked_or_written() -> None:
    store, asked = memory(), plan(transforms=(FunctionStep(name="tests.fakes.no_module:f"),))
    with pytest.raises(ConfigurationError, match=r"tests\.fakes\.no_module:f cannot be imported"):
        service(store, FakeTransport(lambda _: pytest.fail("it asked"))).carry_out(asked)
    assert list(store.list_objects(BUCKET)) == []


def test_a_function_that_spoils_what_it_is_given_does_not_make_a_still_source_look_changed() -> None:
    def api() -> FakePagedApi:
        tagged = FakePagedApi(30)
        for number in (1, 2, 3):
            data = [{"id": n, "tags": [n]} for n in range((number - 1) * 10, number * 10)]
            tagged.faults_for(number, [tagged.page(number, 10, data=data)] * 5)
        return tagged

    store, asked = memory(), plan(transforms=(FunctionStep(name="tests.fakes.steps:spoiling"),))
    with pytest.raises(KilledError):
        service(store, api(), part_pages=1, die_after=2).carry_out(asked)
    receipt = service(store, api(), part_pages=1).carry_out(asked)
    assert (receipt.passes, ids(store, receipt)) == (1, [-n for n in range(30)])
    assert all(row["tags"] == [] for row in rows(store, receipt))


def test_a_function_that_gives_more_drops_nothing() -> None:
    store = memory()
    asked = plan(transforms=(FunctionStep(name="tests.fakes.steps:doubled"),))
    receipt = service(store, FakePagedApi(20)).carry_out(asked)
    (step,) = receipt.transforms
    assert (receipt.records, step.rows_in, step.rows_out, step.rows_dropped) == (40, 20, 40, 0)
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("die_after", [None, 1, 2])
def test_keys_are_of_what_came_and_pinned_columns_of_what_is_written(die_after: int | None) -> None:
    def api() -> FakePagedApi:
        came = FakePagedApi(6)
        pages = [[1, 1], [2, 3], [4, 4]]
        for number, page in enumerate(pages, 1):
            data = [{"id": n, "size": "big" if n == 3 else str(n)} for n in page]
            came.faults_for(number, [came.page(number, 2, data=data)] * 20)
        return came

    store = memory()
    steps = (RenameStep(columns={"size": "n"}), FilterStep(where="n != '4'"), SelectStep(columns=("n",)))
    pinned = PinnedSchema.parse({"n": "string!"})
    asked = plan(limit=2, key_fields=("id",), transforms=steps, pinned=pinned, on_violation="quarantine")
    if die_after:
        with pytest.raises(KilledError):
            service(store, api(), part_pages=1, die_after=die_after).carry_out(asked)
    receipt = service(store, api(), part_pages=1).carry_out(asked)
    assert rows(store, receipt) == [{"n": "1"}, {"n": "2"}, {"n": "big"}]
    assert (receipt.duplicates, counts(receipt)) == (2, [(4, 4), (4, 3), (3, 3)])
    assert list(differences(receipt, store, BUCKET)) == []


def test_what_does_not_fit_is_set_aside_as_the_transforms_left_it() -> None:
    store = memory()
    asked = plan(
        transforms=(
            RenameStep(columns={"id": "n"}),
            CastStep(columns={"n": "str"}),
            FilterStep(where="n != '1'"),
        ),
        pinned=PinnedSchema.parse({"m": "string"}),
        on_violation="quarantine",
    )
    receipt = service(store, FakePagedApi(3)).carry_out(asked)
    (part,) = receipt.quarantine
    aside = [msgspec.json.decode(line) for line in store.get_object(BUCKET, part.key).splitlines()]
    assert [line["record"] for line in aside] == [{"n": "0"}, {"n": "2"}]
    assert (receipt.records, receipt.quarantined, counts(receipt)) == (0, 2, [(3, 3), (3, 3), (3, 2)])
    assert list(differences(receipt, store, BUCKET)) == []


def test_a_run_of_which_no_record_is_left_is_complete_and_empty() -> None:
    store = memory()
    receipt = service(store, source()).carry_out(plan(transforms=(FilterStep(where="id < `0`"),)))
    assert (receipt.status, receipt.records, receipt.parts, counts(receipt)) == ("complete", 0, [], [(60, 0)])
    assert list(differences(receipt, store, BUCKET)) == []
    empty = memory()
    nothing = service(empty, FakePagedApi(0)).carry_out(plan(transforms=STEPS))
    assert (nothing.records, counts(nothing)) == (0, [(0, 0)] * len(STEPS))
    assert list(differences(nothing, empty, BUCKET)) == []


class Growing:
    """Five records by two, of which the first is inserted as soon as the first page was read."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.asked += 1
        there = [1, 2, 3, 4] if self.asked == 1 else [0, 1, 2, 3, 4]
        number = int(request.params["page"])
        data = [{"id": row} for row in there[2 * number - 2 : 2 * number]]
        return json_response(
            {
                "page": number,
                "total_pages": -(-len(there) // 2),
                "total_records": len(there),
                "data": data,
            }
        )


@pytest.mark.parametrize(
    ("steps", "kept", "rows_in_and_out"),
    [
        ((FilterStep(where="id > `1`"),), [2, 3, 4], [(5, 3)]),
        ((DropDuplicatesStep(),), [0, 1, 2, 3, 4], [(5, 5)]),
        ((FilterStep(where="id < `0`"),), [], [(5, 0)]),
    ],
)
@pytest.mark.parametrize("key_fields", [("id",), ()])
def test_F25_every_record_counts_once_where_a_source_changed_and_was_gone_over_again(
    steps: Any, kept: list[int], rows_in_and_out: list[tuple[int, int]], key_fields: tuple[str, ...]
) -> None:
    """With keys the second pass adds what is new; without, what it brings counts alone."""
    store = memory()
    asked = plan(key_fields=key_fields, limit=2, transforms=steps)
    receipt = service(store, FakeTransport(Growing())).carry_out(asked)
    assert receipt.passes == 2
    assert not any("the key of another" in warning for warning in receipt.warnings)
    assert (sorted(ids(store, receipt)), counts(receipt)) == (kept, rows_in_and_out)
    assert list(differences(receipt, store, BUCKET)) == []


class GrowingTwice:
    """Records by two. In the middle of the first pass 0 is put in front, in the middle of the second 9."""

    def __init__(self) -> None:
        self.present = [1, 2, 3, 4]
        self.to_come = [0, 9]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = int(request.params["page"])
        data = [{"id": row} for row in self.present[2 * number - 2 : 2 * number]]
        count = len(self.present)
        if number == 1 and self.to_come:
            self.present.insert(0, self.to_come.pop(0))
        return json_response(
            {"page": number, "total_pages": -(-count // 2), "total_records": count, "data": data}
        )


def test_F25_a_pass_whose_only_new_record_is_filtered_out_has_brought_something_new() -> None:
    """Were it taken for one that brought nothing, the record that came under it would be lost."""
    store = memory()
    asked = plan(key_fields=("id",), limit=2, transforms=(FilterStep(where="id != `0`"),))
    receipt = service(store, FakeTransport(GrowingTwice())).carry_out(asked)
    assert (receipt.passes, sorted(ids(store, receipt)), counts(receipt)) == (3, [1, 2, 3, 4, 9], [(6, 5)])
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize(("steps", "are_blocks"), [((), True), ((FlattenStep(),), False)])
def test_records_come_as_blocks_unless_they_go_through_transforms(steps: Any, *, are_blocks: bool) -> None:
    pages: list[Page] = []
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", pagination=PageNumberPagination(echo_path="page"), look_back="none"),
        None,
        LOGGER,
        runtime=ClientRuntime(transport=FakePagedApi(30), clock=ManualClock()),
    )
    run = RunService(
        client,
        DatasetDestination(memory(), BUCKET, prefix="raw"),
        runtime=Runtime(clock=ManualClock(), on_page=pages.append),
    )
    run.carry_out(plan(transforms=steps))
    assert [isinstance(page.records, RecordBlock) for page in pages] == [are_blocks] * 3


@pytest.mark.parametrize("harm", ["lost", "changed"])
def test_what_drop_duplicates_remembers_is_fetched_again_where_it_is_lost_or_changed(harm: str) -> None:
    store = memory()
    with pytest.raises(KilledError):
        service(store, source(), part_pages=1, die_after=4).carry_out(PLAN)
    key = progress(store).parts[1].transforms[4].keys
    assert key is not None
    if harm == "lost":
        store.delete_object(BUCKET, key)
    else:
        store.put_object(BUCKET, key, b"x" * 16)
    receipt = service(store, source(), part_pages=1).carry_out(PLAN)
    assert (sorted(read(store, receipt), key=lambda row: int(row["id"]))) == expected()
    assert counts(receipt) == IN_AND_OUT
    assert list(differences(receipt, store, BUCKET)) == []


def test_pages_that_are_fetched_again_after_their_part_was_lost_count_once() -> None:
    store = memory()
    with pytest.raises(KilledError):
        service(store, source(), part_pages=1, die_after=5).carry_out(PLAN)
    part = progress(store).parts[1].part
    assert part is not None
    store.delete_object(BUCKET, f"{PLAN.dataset}/{part.key}")
    receipt = service(store, source(), part_pages=1).carry_out(PLAN)
    assert counts(receipt) == IN_AND_OUT
    assert sorted(row["kind"] for row in read(store, receipt)) == list(range(KINDS))
    assert list(differences(receipt, store, BUCKET)) == []
