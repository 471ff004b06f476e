"""Jobs: one is made, waited for and read; which it was is known to a run that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.errors import (
    ConfigurationError,
    ForeignOriginError,
    IncompleteRunError,
    InvalidInputError,
    JobFailedError,
    ProtocolError,
    RunCancelledError,
)
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.liveness import RunCancellation
from de_classes.runs.plan import RunPlan
from de_classes.runs.ranges import RangeSizes
from de_classes.runs.run_service import RunService
from de_classes.utils.clock import ManualClock
from tests.fakes.jobs_api import FILES, FIND, JOB, QUIET, ROWS, TOKEN, Jobs, LossyTransport, Shop, resource_of
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.runs import BUCKET, KilledError
from tests.invented_days.days import Fuse, MortalS3

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.mimics.kit import Answer, Request


@pytest.fixture
def source() -> Jobs:
    return Jobs(ManualClock())


def test_a_job_is_made_waited_for_and_read_and_its_own_count_proves_the_end(source: Jobs) -> None:
    shop = Shop(source)
    receipt = shop.run()
    assert shop.ids() == list(range(11))
    assert (receipt.records, receipt.end and receipt.end.by, receipt.warnings) == (11, "total", [])
    assert [job["looks"] for job in source.jobs] == [3]
    assert source.clock.now() - 1_700_000_000 == pytest.approx(8)  # wait, twice


def test_two_runs_make_two_jobs(source: Jobs) -> None:
    shop = Shop(source)
    shop.run("one")
    shop.run("two")
    assert len(source.jobs) == 2


def test_a_run_that_is_asked_for_again_makes_none(source: Jobs) -> None:
    shop = Shop(source)
    shop.run()
    assert shop.run().complete_before
    assert len(source.jobs) == 1


def test_the_wait_is_what_the_source_says_or_grows_with_the_time_that_the_job_takes(source: Jobs) -> None:
    source.looks, source.retry_after = 4, "30"
    Shop(source).run()
    assert source.clock.now() - 1_700_000_000 == pytest.approx(90)
    slow = Jobs(ManualClock())
    slow.looks = 40
    Shop(slow).run()
    assert slow.clock.now() - 1_700_000_000 > 10 * 60  # fewer than 40 x 60, more than 40 x 4


def test_where_nobody_waits_the_run_says_when_to_come_again_and_goes_on_with_the_same_job(
    source: Jobs,
) -> None:
    source.retry_after = "120"
    shop = Shop(source)
    with pytest.raises(
        IncompleteRunError, match="job j1 is running at the source: ask again in 120 s"
    ) as told:
        shop.run(longest_wait=5.0)
    assert (told.value.retry_after, told.value.run_id) == (120.0, "run")
    with pytest.raises(IncompleteRunError):
        shop.run(longest_wait=5.0)
    shop.run(longest_wait=5.0)
    assert (shop.ids(), len(source.jobs)) == (list(range(11)), 1)
    assert source.clock.now() == 1_700_000_000  # nobody waited


def test_all_ranges_of_a_run_are_of_one_job(source: Jobs) -> None:
    by_number = {**ROWS, "pagination": {"type": "offset", "into": "query.cursor"}}
    shop = Shop(source, resource_of(by_number))
    service, plan = shop.service()
    ranges = service.cut(plan, RangeSizes(at_once=3, least=1))
    assert len(ranges) > 1
    for each in ranges:
        service, _ = shop.service()
        assert service.carry_out_range(plan, each).status == "done"
    receipt = shop.run()
    assert (shop.ids(), len(source.jobs), receipt.passes) == (list(range(11)), 1, 1)


class Cancelling(Jobs):
    """One whose run is cancelled, by somebody else, once its job was looked at."""

    cancel: Callable[[], object] = staticmethod(lambda: None)

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if self.jobs and self.jobs[0]["looks"]:
            self.cancel()
        return answer


def test_a_run_that_is_cancelled_while_it_waits_for_a_job_is_told_so() -> None:
    source = Cancelling(ManualClock())
    source.retry_after = "3600"
    shop = Shop(source)
    source.cancel = RunCancellation(shop.store, BUCKET, "raw", "run").ask
    with pytest.raises(RunCancelledError):
        shop.run()
    assert source.clock.now() - 1_700_000_000 < 60


def test_a_wait_that_outlasts_the_deadline_is_not_begun(source: Jobs) -> None:
    with pytest.raises(IncompleteRunError) as told:
        Shop(source).run(deadline=source.clock.monotonic() + 3)
    assert told.value.retry_after == 4


def test_fewer_records_than_the_job_says_are_not_all(source: Jobs) -> None:
    source.claims = 12
    with pytest.raises((IncompleteRunError, ProtocolError), match="12"):
        Shop(source).run()


def test_more_records_than_the_job_says_are_told_of(source: Jobs) -> None:
    source.claims = 10
    (warning,) = Shop(source).run().warnings
    assert "says it has 10 records, and 1 more came" in warning


def test_a_job_that_failed_is_an_error_of_its_own_and_the_next_go_makes_another(source: Jobs) -> None:
    shop = Shop(source)
    source.states = {2: "failed"}
    with pytest.raises(JobFailedError, match="job j1 is failed at the source: out of space"):
        shop.run()
    assert len(source.jobs) == 1
    receipt = shop.run()
    assert (shop.ids(), len(source.jobs), receipt.warnings) == (list(range(11)), 2, [])


@pytest.mark.parametrize("state", ["expired", "forgotten"])
def test_a_job_that_is_gone_before_its_pages_came_is_made_anew_at_once(source: Jobs, state: str) -> None:
    source.states = {1: state}
    shop = Shop(source)
    shop.run()
    assert (shop.ids(), len(source.jobs)) == (list(range(11)), 2)


def test_jobs_that_are_gone_again_and_again_are_an_error(source: Jobs) -> None:
    source.states = {1: "expired", 2: "expired"}
    with pytest.raises(JobFailedError, match="j2 is expired at the source, and so was the one before it"):
        Shop(source).run()


def test_a_job_that_is_gone_between_its_pages_is_made_anew_and_read_from_its_start(source: Jobs) -> None:
    fuse = Fuse()
    shop = Shop(source, s3=None)
    mortal = Shop(source, s3=MortalS3(shop.raw, fuse))
    fuse.left = 70
    with pytest.raises(KilledError):
        mortal.run()
    assert [key for key in shop.raw.buckets[BUCKET] if "_runs/run/part-" in key]  # something was sealed
    source.jobs[0]["state"] = "expired"
    receipt = shop.run()
    assert (shop.ids(), len(source.jobs), receipt.passes) == (list(range(11)), 2, 2)
    assert receipt.drift == ["pass 1: the job is gone of which the pages are that came until now"]


def test_a_state_that_is_not_described_is_an_error_that_names_it(source: Jobs) -> None:
    source.states = {1: "paused"}
    with pytest.raises(ProtocolError, match=r"'paused'.*none of the states"):
        Shop(source).run()


@pytest.mark.parametrize(
    ("job", "told"),
    [({"id_path": "name"}, "no id at 'name'"), ({"total_path": "count"}, "no number of records at 'count'")],
)
def test_an_answer_that_is_not_as_described_is_an_error_that_says_what_is_there(
    source: Jobs, job: dict[str, Any], told: str
) -> None:
    with pytest.raises(ProtocolError, match=told):
        Shop(source, resource_of(**job)).run()


def test_what_the_pages_name_of_a_job_must_be_there(source: Jobs) -> None:
    resource = resource_of({**ROWS, "path": "/jobs/${job.file}/rows"}, fields={"file": "file"})
    with pytest.raises(ProtocolError, match="has nothing at 'file'"):
        Shop(source, resource).run()


def test_records_at_a_host_that_is_not_named_are_not_asked_for(source: Jobs) -> None:
    at_host = {**ROWS, "path": "${job.url}"}
    with pytest.raises(ForeignOriginError, match=FILES):
        Shop(source, resource_of(at_host, fields={"url": "url"})).run()


def lost_answer(source: Jobs, **job: Any) -> tuple[Shop, list[str]]:
    """A run whose first answer is lost: that a job was made; and what it warns of."""
    shop = Shop(source, resource_of(**job), transport=LossyTransport(source, {1}))
    receipt = shop.run()
    assert shop.ids() == list(range(11))
    return shop, list(receipt.warnings)


def test_a_lost_answer_is_asked_for_again_by_the_same_token(source: Jobs) -> None:
    _, warnings = lost_answer(source, create=TOKEN)
    assert (len(source.jobs), warnings) == (1, [])


def test_a_job_whose_creation_was_not_answered_is_found_among_those_that_there_are(source: Jobs) -> None:
    source.jobs.append({"id": "old", "state": "done", "query": "all", "created": "2020-01-01T00:00:00Z"})
    source.jobs.append({"id": "else", "state": "done", "query": "some", "created": "2099-01-01T00:00:00Z"})
    _, warnings = lost_answer(source, find=FIND)
    assert ([job["id"] for job in source.jobs], warnings) == (["old", "else", "j3"], [])


def test_a_job_that_cannot_be_found_again_is_told_of_in_the_receipt(source: Jobs) -> None:
    _, (warning,) = lost_answer(source)
    assert len(source.jobs) == 2
    assert "the connection was reset" in warning
    assert "may be left behind at the source" in warning


def test_of_a_source_that_never_answers_not_many_jobs_are_asked_for(source: Jobs) -> None:
    shop = Shop(source, transport=LossyTransport(source, set(range(1, 100))))
    with pytest.raises(IncompleteRunError, match="failed 3 times in 20"):
        shop.run()
    assert len(source.jobs) == 3


def test_however_patient_the_policy_is_no_more_than_five_jobs_are_asked_for_in_vain(source: Jobs) -> None:
    client = resource_of().client(
        limits=ClientLimits(retry_policy=RetryPolicy(first_contact=900.0)),
        runtime=ClientRuntime(LossyTransport(source, set(range(1, 100))), source.clock, QUIET),
    )
    with pytest.raises(IncompleteRunError, match="5 times it is not known whether it was made"):
        client.make_job_ready()
    assert len(source.jobs) == 5


def test_of_two_that_may_be_the_lost_one_none_is_taken(source: Jobs) -> None:
    source.jobs.append({"id": "twin", "state": "done", "query": "all", "created": "2099-01-01T00:00:00Z"})
    _, (warning,) = lost_answer(source, find=FIND)
    assert (len(source.jobs), "may be left behind" in warning) == (3, True)


def killed_at_each(step: int, **job: Any) -> tuple[int, int]:
    """Kill a run at boundaries that are so far apart, and go on; how often it died, and the most jobs."""
    died = most = 0
    for moment in range(1, 10_000, step):
        source, fuse = Jobs(ManualClock()), Fuse()
        shop = Shop(source, resource_of(**job))
        transport = _MortalTransport(source, fuse)
        mortal = Shop(source, shop.resource, s3=MortalS3(shop.raw, fuse), transport=transport)
        fuse.left = moment
        try:
            mortal.run()
        except KilledError:
            died += 1
            receipt = shop.run()
            assert shop.ids() == list(range(11))
            is_told = any("may be left behind" in each for each in receipt.warnings)
            assert is_told or len(source.jobs) == 1
            most = max(most, len(source.jobs))
        else:
            return died, most
    raise AssertionError("it has no end")


class _MortalTransport(MimicTransport):
    def __init__(self, source: Jobs, fuse: Fuse) -> None:
        super().__init__(source)  # type: ignore[arg-type]
        self._fuse = fuse

    def send(self, request: Any, *, timeout: float) -> Any:
        self._fuse.tick()
        response = super().send(request, timeout=timeout)
        self._fuse.tick()
        return response


@pytest.mark.parametrize("job", [{"create": TOKEN}, {"find": FIND}], ids=["token", "find"])
def test_F42_a_run_that_is_killed_anywhere_never_makes_a_second_job(job: dict[str, Any]) -> None:
    died, most = killed_at_each(9, **job)
    assert (died >= 8, most) == (True, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "jobs"), [({"create": TOKEN}, 1), ({"find": FIND}, 1), ({}, 2)], ids=["token", "find", "neither"]
)
def test_F42_a_run_that_is_killed_at_every_boundary_makes_no_job_more_than_it_tells_of(
    job: dict[str, Any], jobs: int
) -> None:
    died, most = killed_at_each(1, **job)
    assert (died > 80, most) == (True, jobs)


def test_a_job_that_was_refused_is_not_told_of_as_left_behind(source: Jobs) -> None:
    shop = Shop(source)
    answer = source.answer
    source.answer = lambda _: (403, {"Content-Type": "application/json"}, b'{"error": "no"}')  # type: ignore[method-assign]
    with pytest.raises(Exception, match="403"):
        shop.run()
    source.answer = answer  # type: ignore[method-assign]
    assert shop.run().warnings == []
    assert len(source.jobs) == 1


def test_what_a_run_would_take_is_not_told_of_a_source_that_makes_a_job_first(source: Jobs) -> None:
    shop = Shop(source)
    client = shop.resource.client(runtime=ClientRuntime(shop.transport, source.clock, QUIET))
    plan = RunPlan(run_id="run", source=client.url, dataset="raw/rows", format="jsonl", limit=2)
    with pytest.raises(InvalidInputError, match="makes a job"):
        RunService(client, DatasetDestination(shop.store, BUCKET)).look_ahead(plan)
    assert source.jobs == []


def test_the_library_reads_pages_of_a_job_without_a_run(source: Jobs) -> None:
    client = resource_of().client(
        limits=ClientLimits(concurrency=4), runtime=ClientRuntime(Shop(source).transport, source.clock, QUIET)
    )
    assert [len(page.records) for _, page in client.iterate_all_pages(4)] == [4, 4, 3]
    assert len(source.jobs) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"path": "/rows"}, "no text names ${job.id}"),
        ({"path": "/rows/${job.file}"}, "${job.file} is none of job.id"),
        ({"for_each": {"values": ["a"]}}, "for_each does not go with job"),
        ({"window": 10}, "window does not go with job"),
        ({"job": {**JOB, "hosts": [FILES]}}, "auth is missing: no token may go to job.hosts"),
        ({"job": {**JOB, "done": ["running"]}}, "'running' is said twice"),
        ({"job": {**JOB, "create": {"path": "/jobs/${job.id}"}}}, "create names ${job.id}"),
        ({"job": {**JOB, "poll": {"path": "/jobs/${job.url}"}}}, "${job.url} is not known before it is done"),
        ({"job": {**JOB, "fields": {"id": "x"}}}, "fields cannot be called id or token"),
        ({"job": {**JOB, "total_path": "a["}}, "job.total_path is no path"),
        ({"job": {**JOB, "pending": []}}, "pending"),
        ({"pagination": {"type": "file"}, "answer": "csv"}, "a file is cut by its lines"),
        ({"pagination": {"type": "file"}, "answer": "jsonl"}, "page_size has no meaning for a file"),
    ],
)
def test_a_job_that_cannot_be_is_told_with_its_place(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        resource_of({**ROWS, **changes})
    assert any(problem in each for each in refused.value.problems), refused.value.problems
