from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from benchmarks.__main__ import DECIDING_ROUNDS, main
from benchmarks.bounds import BOUNDS, Bound, broken
from benchmarks.cases import SHORT_CASES
from benchmarks.chart import chart
from benchmarks.contestants import DESCRIBED, OURS, ROOT, P
from benchmarks.figures import Benchmark, Run, load, save
from benchmarks.tables import headroom, page, report

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from benchmarks.cases import Case

CASE = SHORT_CASES[0].name
DOCS = ROOT / "docs"


def run(
    client: str,
    number: int,
    wall: float,
    cpu: float,
    peak: float = 1.0,
    *,
    wrong: str = "",
    case: str = CASE,
) -> Run:
    return Run(
        case=case,
        client=client,
        round=number,
        wall=wall,
        cpu=cpu,
        peak=round(peak * (100 << 20)),
        requests=22,
        least=20,
        server_cpu=0.1,
        rows=200_000,
        wrong=wrong,
    )


def benchmark(*runs: Run) -> Benchmark:
    return Benchmark(
        date="2031-05-07",
        machine="a machine",
        load=(0.0, 1.5),
        cores=(0, 1),
        versions={OURS: {"de-classes": "9"}, P: {"pyarrow": "25"}},
        references={case.name: case.reference for case in SHORT_CASES},
        runs=[*runs],
    )


# The machine is three times as slow in the second round: it is so for both.
QUIET = benchmark(run(OURS, 1, 2.0, 1.0), run(P, 1, 1.0, 1.0), run(P, 2, 3.0, 3.0), run(OURS, 2, 6.0, 3.0))


def at(wall: float, cpu: float, peak: float) -> Benchmark:
    return benchmark(run(OURS, 1, wall, cpu, peak), run(P, 1, 1.0, 1.0))


def test_a_ratio_is_of_two_runs_of_the_same_round() -> None:
    ours, reference = QUIET.lines(CASE)
    assert (ours.wall_ratio, ours.cpu_ratio, ours.peak_ratio) == (2.0, 1.0, 1.0)
    assert (reference.wall_ratio, reference.cpu_ratio) == (1.0, 1.0)
    assert (ours.wall, ours.rounds, ours.requests) == (4.0, 2, 1.1)


def test_without_a_reference_there_are_no_ratios() -> None:
    (line,) = benchmark(run(OURS, 1, 2.0, 1.0)).lines(CASE)
    assert (line.wall_ratio, line.cpu_ratio, line.peak_ratio) == (0.0, 0.0, 0.0)
    assert (line.wall_spread, line.cpu_spread) == ((0.0, 0.0), (0.0, 0.0))


def test_the_spread_is_from_the_least_of_the_rounds_ratios_to_the_most() -> None:
    rounds = [(1, 2.0, 1.0), (2, 6.0, 2.0), (3, 1.0, 1.5)]
    runs = [run(OURS, number, wall, cpu) for number, wall, cpu in rounds]
    figures = benchmark(*runs, *(run(P, number, 2.0, 1.0) for number, _, _ in rounds))
    line, _ = figures.lines(CASE)
    assert (line.wall_ratio, line.wall_spread) == (1.0, (0.5, 3.0))
    assert (line.cpu_ratio, line.cpu_spread) == (1.5, (1.0, 2.0))
    assert "1.00 (0.50-3.00)" in report(figures)


def test_the_server_is_as_much_faster_as_it_was_idle_in_the_run_that_kept_it_busiest() -> None:
    assert headroom(QUIET) == pytest.approx(10)


def test_every_case_of_the_short_form_has_its_bound() -> None:
    assert [*BOUNDS] == [case.name for case in SHORT_CASES]


def test_a_ratio_within_its_bound_passes_and_above_it_does_not() -> None:
    bound = BOUNDS[CASE]
    assert broken(at(*bound)) == []
    for name in Bound._fields:
        (sentence,) = broken(at(*bound._replace(**{name: getattr(bound, name) + 0.01})))
        assert sentence.startswith(f"{CASE}: {name} is ")
    assert len(broken(at(*(each * 2 for each in bound)))) == len(Bound._fields)


@pytest.mark.parametrize("case", [each for each in SHORT_CASES if each.mimic], ids=lambda case: case.name)
def test_a_description_is_held_to_what_an_address_and_options_take(case: Case) -> None:
    def at_ratio(wall: float) -> Benchmark:
        runs = (DESCRIBED, wall), (case.reference, 1.0)
        return benchmark(*(run(client, 1, wall, 1.0, case=case.name) for client, wall in runs))

    bound = BOUNDS[case.name].wall
    assert broken(at_ratio(bound)) == []
    assert broken(at_ratio(bound + 0.01)) == [
        f"{case.name}: wall is {bound + 0.01:.2f} times the reference's, and may be {bound:.2f}"
    ]


@pytest.mark.parametrize("client", [OURS, P])
def test_rows_that_are_wrong_break_it_whoever_wrote_them(client: str) -> None:
    figures = benchmark(
        run(OURS, 1, 1.0, 1.0, 0.1), run(P, 1, 1.0, 1.0), run(client, 2, 1.0, 1.0, 0.1, wrong="1 row lost")
    )
    assert broken(figures) == [f"{CASE}: {client}: 1 row lost"]


def test_without_a_reference_nothing_was_held_to_a_bound() -> None:
    assert broken(benchmark(run(OURS, 1, 1.0, 1.0))) == [f"{CASE}: there is no run of {P} to compare with"]


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    save(QUIET, tmp_path / "figures.json")
    assert load(tmp_path / "figures.json") == QUIET


SPREAD = [(P, number, 1.0) for number in (1, 2, 3)] + [(OURS, 1, 4.0), (OURS, 2, 1.0), (OURS, 3, 2.0)]


def test_tables_show_medians_ratios_and_what_went_wrong() -> None:
    rows = [line.split() for line in report(QUIET).splitlines()]
    assert [OURS, "2", "4.00", "2.00", "2.00", "1.00", "100", "1.00", "1.10", "200,000"] in rows


@pytest.mark.parametrize("wrong", ["2 rows lost", "exit status 1: no"])
def test_a_run_that_failed_or_brought_wrong_rows_is_a_failure_and_no_time(wrong: str) -> None:
    failed, reference = run(OURS, 1, 9.0, 9.0, wrong=wrong), run(P, 1, 1.0, 1.0)
    assert f"| {OURS} | 0 of 1 | - | - | - | - | - | - | - | {wrong} |" in page(benchmark(failed, reference))
    others = run(OURS, 2, 2.0, 2.0), run(P, 2, 1.0, 1.0)
    text = page(benchmark(failed, reference, *others))
    assert f"| {OURS} | 1 of 2 | 2.00 | 2.00 | 2.00 | 2.00 | 100 | 1.00 | 1.10 | {wrong} |" in text


def test_a_reference_that_failed_is_nothing_to_compare_with() -> None:
    failed = run(P, 1, 0.1, 0.1, wrong="exit status 1: no")
    ours, _ = benchmark(run(OURS, 1, 2.0, 1.0), failed).lines(CASE)
    assert (ours.wall, ours.wall_ratio) == (2.0, 0.0)


SHARED = ("60k-csv-plain", "60k-csv-keyed")


def of_a_group(*runs: Run) -> Benchmark:
    return structs.replace(
        benchmark(*runs),
        references=dict.fromkeys(SHARED, OURS),
        groups=dict.fromkeys(SHARED, "60k-csv"),
        beside={SHARED[1]: SHARED[0]},
    )


def test_cases_of_a_group_share_a_table_and_are_compared_within_a_round() -> None:
    # The machine is three times as slow in the second round: it is so for both.
    plain = [run(OURS, number, wall, wall, case=SHARED[0]) for number, wall in ((1, 1.0), (2, 3.0))]
    keyed = [run(OURS, number, wall, wall, case=SHARED[1]) for number, wall in ((1, 2.0), (2, 6.0))]
    keyed = [structs.replace(each, foretold=200 << 20) for each in keyed]
    text = page(of_a_group(*plain, *keyed))
    assert text.count("### ") == 1
    assert (
        f"| told apart by a key | {OURS} | 2 | 4.00 | 2.00 | 4.00 | 2.00 | 100 | 1.00 | 200 | 200,000 |"
        in text
    )
    assert f"| plain records | {OURS} | 2 | 2.00 | 1.00 | 2.00 | 1.00 | 100 | 1.00 | - | 200,000 |" in text


def test_with_keys_who_cannot_is_named_with_the_reason() -> None:
    figures = structs.replace(
        benchmark(run(OURS, 1, 1.0, 1.0, case="keyed-csv")), references={"keyed-csv": OURS}
    )
    (row,) = [line for line in page(figures).splitlines() if line.startswith("| airbyte, dedup |")]
    assert row.endswith("| cannot: merges into tables, not into plain files |")


def test_what_came_after_the_figures_is_said_to_be_unmeasured() -> None:
    text = page(benchmark(run(OURS, 1, 1.0, 1.0)))
    (line,) = [line for line in text.splitlines() if line.startswith("Not measured yet")]
    assert "since they came after the figures of 2031-05-07" in line
    assert {"keyed", "60k-csv", P} <= {*line.split("`")[1::2]}
    assert OURS not in line.split("`")[1::2]


def test_the_page_and_the_picture_are_made_of_the_figures_beside_them() -> None:
    """Otherwise: python -m benchmarks --figures docs/benchmark.json."""
    figures = load(DOCS / "benchmark.json")
    assert (DOCS / "benchmark.md").read_text(encoding="utf-8") == page(figures)
    assert (DOCS / "benchmark.svg").read_text(encoding="utf-8") == chart(figures)


def test_page_and_picture_are_made_anew_of_figures_without_a_run(tmp_path: Path) -> None:
    def measure(args: Namespace) -> Benchmark:
        raise AssertionError(args)

    save(QUIET, tmp_path / "benchmark.json")
    assert main(["--figures", str(tmp_path / "benchmark.json")], measure=measure) == 0
    assert (tmp_path / "benchmark.md").read_text() == page(QUIET)
    assert load(tmp_path / "benchmark.json") == QUIET


def test_tables_show_between_which_ratios_the_rounds_were() -> None:
    text = page(benchmark(*(run(client, number, wall, 1.0) for client, number, wall in SPREAD)))
    assert f"| {OURS} | 3 | 2.00 | 2.00 (1.00-4.00) | 1.00 |" in text
    assert "de-classes 9" in text


@pytest.mark.parametrize(("again", "status"), [(1.0, 0), (5.0, 1)])
def test_a_case_above_its_bound_is_measured_again_with_more_rounds_which_decide(
    again: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[tuple[str, ...], int]] = []
    other = SHORT_CASES[1].name

    def measure(args: Namespace) -> Benchmark:
        asked.append((args.cases, args.rounds))
        wall = again if args.cases else 5.0
        calm = (
            [] if args.cases else [run(OURS, 1, 1.0, 1.0, 0.1, case=other), run(P, 1, 1.0, 1.0, case=other)]
        )
        return benchmark(run(OURS, 1, wall, wall, 0.1), run(P, 1, 1.0, 1.0), *([] if args.cases else calm))

    assert main(["--short"], measure=measure) == status
    assert asked == [((), 0), ((CASE,), DECIDING_ROUNDS)]
    assert other in capsys.readouterr().out


def test_rows_that_are_wrong_are_not_tried_again_until_they_are_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried: list[Namespace] = []

    def measure(args: Namespace) -> Benchmark:
        tried.append(args)
        return benchmark(run(OURS, 1, 1.0, 1.0, 0.1, wrong="1 row lost"), run(P, 1, 1.0, 1.0))

    assert main(["--short"], measure=measure) == 1
    assert len(tried) == 1
    assert "1 row lost" in capsys.readouterr().out
