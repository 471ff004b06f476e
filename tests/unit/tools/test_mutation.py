"""What `make mutation` makes of mutmut's results: figures a group, and a failure where they are too low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import ROOT
from tools.mutation import END, FLOORS, GROUPS, START, below, read_statuses, sample, table, write

if TYPE_CHECKING:
    from pathlib import Path


def results(**counts: int) -> str:
    """What ``mutmut results --all true`` prints for mutants of one group's first module."""
    lines = []
    for way, count in counts.items():
        group, _, status = way.partition("_")
        module = GROUPS[group][0].replace("/", ".")
        lines += [
            f"    de_classes.{module}.x_{way}__mutmut_{n}: {status.replace('_', ' ')}" for n in range(count)
        ]
    return "\n".join(lines)


def test_every_group_has_a_floor_and_every_module_is_there() -> None:
    assert FLOORS.keys() == GROUPS.keys()
    package = ROOT / "layers" / "de_classes" / "de_classes"
    modules = [module for group in GROUPS.values() for module in group]
    assert [module for module in modules if not (package / f"{module}.py").exists()] == []
    assert len(set(modules)) == len(modules)


def test_all_mutants_are_held_to_the_floor_itself() -> None:
    floor = int(FLOORS["retry"])
    enough = read_statuses(results(retry_killed=floor - 1, retry_timeout=1, retry_survived=100 - floor))
    assert below(enough, is_sample=False) == []
    fewer = read_statuses(results(retry_killed=floor - 1, retry_survived=101 - floor))
    assert below(fewer, is_sample=False) == [f"retry: {floor - 1:.1f} % are noticed, less than {floor} %"]


@pytest.mark.parametrize(("killed", "of", "weak"), [(32, 38, 0), (29, 38, 0), (28, 38, 1), (320, 380, 1)])
def test_a_sample_fails_only_where_chance_does_not_explain_it(killed: int, of: int, weak: int) -> None:
    statuses = read_statuses(results(retry_killed=killed, retry_survived=of - killed))
    assert len(below(statuses, is_sample=True)) == weak


def test_a_mutant_that_no_test_reaches_is_not_noticed() -> None:
    (weak,) = below(read_statuses(results(auth_killed=1, auth_no_tests=1)), is_sample=False)
    assert weak.startswith("auth: 50.0 %")


def test_what_was_not_drawn_counts_for_nothing() -> None:
    statuses = read_statuses(results(auth_killed=3, auth_not_checked=97, commit_not_checked=5))
    assert below(statuses, is_sample=False) == []
    assert "| **auth** | 3 | 3 | 0 | 0 | 0 | 100.0 % |" in table(statuses)
    assert "commit" not in table(statuses)


def test_a_sample_is_the_same_each_time_and_has_as_many_of_each_group() -> None:
    mutants = list(
        read_statuses(results(retry_killed=50, auth_killed=8, pagination_killed=500, commit_killed=90))
    )
    drawn = sample(mutants, 80)
    assert drawn == sample(mutants, 80)
    in_group = [sum(f".x_{group}_" in mutant for mutant in drawn) for group in GROUPS]
    assert in_group == [20, 8, 20, 20]  # auth has no more
    assert len(set(drawn)) == len(drawn)


def test_a_change_elsewhere_draws_no_other_mutants() -> None:
    mutants = list(read_statuses(results(retry_killed=50)))
    drawn = sample(mutants, 10)
    without = [mutant for mutant in mutants if mutant in drawn or mutant[-1] in "02468"]
    assert sample(without, 10) == drawn


def test_figures_go_between_the_marks_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "mutation.md"
    page.write_text(f"before\n{START}old\n{END}after\n")
    statuses = read_statuses(results(retry_killed=1, retry_survived=1))
    write(tmp_path, "today", statuses, {"x": "-a\n+b"})
    assert page.read_text() == f"before\n{START}\ntoday\n\n{table(statuses)}\n\n{END}after\n"
    assert '"x": "-a\\n+b"' in (tmp_path / "mutation.json").read_text()
