from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from benchmarks.cases import CASES, cases, shape
from benchmarks.contestants import CONTESTANTS, OURS, SLICES, P
from benchmarks.figures import Benchmark, Run
from benchmarks.goals import FAILING, GOALS, State, outcomes, requests_beyond
from benchmarks.tables import goals, page

if TYPE_CHECKING:
    from benchmarks.goals import Goal, Outcome

BY_NAME = {each.name: each for each in CONTESTANTS}
PLAIN_CPU = f"1M: processor time beside {P}"
TIMES_DLT = "1M: times as fast as dlt, tuned"
AT_ONCE = "50ms: times as fast with 32 at once as one at a time"
FORETOLD = "pages-100k: peak memory beside the forecast's"
FLAT = "10M: peak memory beside that of 100k"
MEGABYTES = "10M: peak memory, MB"
REQUESTS = "failing, every seed: requests beyond the fewest that would do and those for proof"


def run(case: str, client: str, wall: float = 1.0, number: int = 1, **others: object) -> Run:
    figures = {"cpu": wall, "peak": 50_000_000, "foretold": 50_000_000, "server_cpu": 0.1, "rows": 9}
    figures |= {"requests": 20, "least": 20}
    return Run(case=case, client=client, round=number, wall=wall, **(figures | others))  # type: ignore[arg-type]


def benchmark(*runs: Run) -> Benchmark:
    return Benchmark(
        date="2031-05-07",
        machine="a machine",
        load=(0.0, 0.0),
        cores=(0, 1),
        versions={},
        references={case.name: case.reference for case in CASES},
        runs=[*runs],
        groups={case.name: case.group for case in CASES if case.group},
        beside={case.name: case.beside for case in CASES if case.beside},
    )


def outcome(what: str, *runs: Run) -> Outcome:
    (found,) = [each for each in outcomes(benchmark(*runs)) if each.goal.what == what]
    return found


def test_nothing_is_measured_where_nothing_ran() -> None:
    assert {each.state for each in outcomes(benchmark())} == {State.NOT_MEASURED}
    assert len({goal.what for goal in GOALS}) == len(GOALS)


@pytest.mark.parametrize("missing", [P, OURS])
def test_nothing_is_measured_where_one_of_two_did_not_run(missing: str) -> None:
    runs = [run("1M", each) for each in (P, OURS, SLICES) if each != missing]
    assert outcome(PLAIN_CPU, *runs)[1:] == ([], State.NOT_MEASURED)


def test_nothing_is_measured_where_no_round_has_both() -> None:
    assert outcome(PLAIN_CPU, run("1M", OURS), run("1M", P, number=2)).state == State.NOT_MEASURED


@pytest.mark.parametrize(
    ("cpu", "state"),
    [
        (0.9, State.STRETCH),
        (0.91, State.REACHED),
        (1.15, State.REACHED),
        (1.16, State.NOT_REACHED),
    ],
)
def test_what_may_be_at_most_is_held_to_its_bound_and_to_its_stretch(cpu: float, state: State) -> None:
    assert outcome(PLAIN_CPU, run("1M", OURS, cpu), run("1M", P)).state == state


@pytest.mark.parametrize(
    ("wall", "state"),
    [(10.0, State.STRETCH), (9.9, State.REACHED), (8.0, State.REACHED), (7.9, State.NOT_REACHED)],
)
def test_what_must_be_at_least_is_held_to_its_bound_and_to_its_stretch(wall: float, state: State) -> None:
    assert outcome(TIMES_DLT, run("1M", OURS), run("1M", "dlt, tuned", wall)).state == state


def test_of_one_case_the_ratios_within_a_round_count_and_of_them_the_worst() -> None:
    # The machine is ten times as slow in the second round: the ratio of medians would be another.
    walls = [(1, 1.0, 1.0), (2, 20.0, 10.0), (3, 3.0, 1.0)]
    runs = [run("1M", OURS, ours, each) for each, ours, _ in walls]
    runs += [run("1M", P, other, each) for each, _, other in walls]
    found = outcome(PLAIN_CPU, *runs)
    assert (found.measured, found.worst, found.state) == ([1.0, 2.0, 3.0], 3.0, State.NOT_REACHED)


def test_where_more_is_better_the_slowest_round_counts() -> None:
    runs = [run("1M", OURS, 1.0, each) for each in (1, 2, 3)]
    runs += [run("1M", "dlt, tuned", times, each) for each, times in enumerate((20.0, 7.9, 20.0), 1)]
    found = outcome(TIMES_DLT, *runs)
    assert (found.worst, found.state) == (7.9, State.NOT_REACHED)


def test_of_two_cases_that_take_turns_the_rounds_count_too() -> None:
    slow = [run("50ms-1", OURS, wall, each) for each, wall in enumerate((10.0, 60.0), 1)]
    fast = [run("50ms-32", OURS, wall, each) for each, wall in enumerate((1.0, 5.0, 1.1), 1)]
    found = outcome(AT_ONCE, *slow, *fast)
    assert (found.measured, found.worst, found.state) == ([10.0, 12.0], 10.0, State.REACHED)


def test_of_two_cases_that_share_no_round_the_medians_count() -> None:
    slow = [run("50ms-1", OURS, wall, each) for each, wall in enumerate((10.0, 12.0), 1)]
    fast = [run("50ms-32", OURS, wall, each) for each, wall in enumerate((1.0, 5.0, 1.1), 1)]
    apart = structs.replace(benchmark(*slow, *fast), groups={})
    (found,) = [each for each in outcomes(apart) if each.goal.what == AT_ONCE]
    assert found.measured == [pytest.approx(10)]
    assert found.state == State.REACHED


KEYED = "keyed, 60,000 to Parquet and CSV: processor time beside plain"


def shaped(parquet: float, csv: float, number: int = 1) -> list[Run]:
    plain = [run(shape(each, "plain"), OURS, 2.0, number) for each in ("parquet", "csv")]
    keyed = {"parquet": parquet, "csv": csv}
    return [*plain, *(run(shape(each, "keyed"), OURS, cpu, number) for each, cpu in keyed.items())]


def test_a_shape_is_held_to_its_goal_by_the_worst_round_of_the_worst_format() -> None:
    found = outcome(KEYED, *shaped(2.2, 2.3), *shaped(2.1, 2.8, 2))
    assert found.measured == [1.1, 1.05, 1.15, 1.4]
    assert found.state == State.NOT_REACHED
    assert outcome(KEYED, *shaped(2.2, 2.3)).state == State.STRETCH


def test_a_shape_of_which_a_format_is_missing_is_not_measured() -> None:
    assert outcome(KEYED, *shaped(2.2, 2.3)[:-1]).state == State.NOT_MEASURED


def test_a_plain_run_with_wrong_rows_is_nothing_to_be_beside() -> None:
    plain, *others = shaped(2.2, 2.3)
    assert outcome(KEYED, structs.replace(plain, wrong="1 rows lost"), *others).state == State.WRONG


@pytest.mark.parametrize(
    ("peak", "state"), [(50_000_000, State.REACHED), (50_000_001, State.NOT_REACHED), (1, State.REACHED)]
)
def test_memory_is_held_to_what_the_run_itself_foretold(peak: int, state: State) -> None:
    assert outcome(FORETOLD, run("pages-100k", OURS, peak=peak)).state == state
    assert outcome(FORETOLD, run("pages-100k", OURS, foretold=0)).state == State.NOT_MEASURED


def test_memory_is_to_be_flat_and_small() -> None:
    runs = [run("100k", OURS, peak=60_000_000), run("10M", OURS, peak=66_000_000)]
    assert outcome(FLAT, *runs)[1:] == ([1.1], State.REACHED)
    assert outcome(MEGABYTES, *runs)[1:] == ([66.0], State.STRETCH)
    assert outcome(MEGABYTES, *runs, run("10M", OURS, number=2, peak=161_000_000)).state == State.NOT_REACHED
    assert outcome(FLAT, runs[1]).state == State.NOT_MEASURED


def test_every_seed_counts_and_one_request_beyond_those_for_proof_is_too_many() -> None:
    runs = [run(case, OURS, requests=25) for case in FAILING]
    assert outcome(REQUESTS, *runs)[1:] == ([0.0] * len(FAILING), State.REACHED)
    assert outcome(REQUESTS, *runs[:-1]).state == State.NOT_MEASURED
    assert outcome(REQUESTS, *runs, run(FAILING[1], OURS, number=2, requests=26)).state == State.NOT_REACHED
    large = run(FAILING[0], OURS, requests=1_010, least=1_000)
    assert requests_beyond(benchmark(large), FAILING[:1]) == [0.0]


def test_a_goal_with_wrong_rows_is_not_reached_however_fast_they_came() -> None:
    runs = [
        run("1M", OURS, 0.1),
        run("1M", P),
        run("1M", OURS, 0.1, 2, wrong="1 rows lost"),
        run("1M", P, 1.0, 2),
    ]
    assert outcome(PLAIN_CPU, *runs).state == State.WRONG
    assert outcome(REQUESTS, *(run(case, OURS, wrong="1 rows lost") for case in FAILING)).state == State.WRONG


def test_who_brings_wrong_rows_is_nobody_to_compare_with() -> None:
    assert (
        outcome(PLAIN_CPU, run("1M", OURS), run("1M", P, wrong="exit status 1")).state == State.NOT_MEASURED
    )


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.what)
def test_every_goal_is_of_cases_that_are_run_and_is_measured_where_everyone_took_part(goal: Goal) -> None:
    everything = [
        run(case.name, each.name) for case in cases(goal.cases) for each in CONTESTANTS if case.suits(each)
    ]
    assert goal.measure(benchmark(*everything))


def test_the_table_of_goals_is_printed_and_opens_the_page() -> None:
    figures = benchmark(run("1M", OURS, 1.1), run("1M", P))
    cells = ["at most 1.15", "0.9", "1.10", "1.10", "1", "reached"]
    (line,) = [line for line in goals(figures).splitlines() if PLAIN_CPU in line]
    assert [each for each in cells if each not in line] == []
    tables = [line for line in page(figures).splitlines() if line.startswith("|")]
    assert tables[2] == f"| {PLAIN_CPU} | {' | '.join(cells)} |"
