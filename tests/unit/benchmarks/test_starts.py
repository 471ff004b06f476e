from __future__ import annotations

import itertools

from benchmarks.starts import BOTO3, MOST_ROUNDS, ROUNDS, STARTS, above, fastest


def test_the_fastest_process_counts_and_ten_rounds_are_enough_within_the_bounds() -> None:
    runs: list[str] = []

    def measure(name: str) -> float:
        runs.append(name)
        slower = 4.0 if runs.count(name) % 3 else 1.0
        return slower * (1.0 if name == BOTO3 else 0.5)

    seconds = fastest(measure)
    assert runs == [*STARTS, BOTO3] * ROUNDS
    assert seconds == {**dict.fromkeys(STARTS, 0.5), BOTO3: 1.0}
    assert above(seconds) == []


def test_a_start_above_its_bound_is_measured_longer_and_then_named() -> None:
    runs: list[str] = []

    def measure(name: str) -> float:
        runs.append(name)
        return 3.0 if name == "worker to Parquet" else 1.0 if name == BOTO3 else 0.5

    assert above(fastest(measure)) == ["worker to Parquet"]
    assert len(runs) == MOST_ROUNDS * (len(STARTS) + 1)


def test_a_start_that_was_disturbed_is_let_pass_once_it_was_not() -> None:
    rounds = itertools.count()

    def measure(name: str) -> float:
        disturbed = name == "auth simulator" and next(rounds) < ROUNDS
        return 1.0 if disturbed or name == BOTO3 else 0.5

    assert above(fastest(measure)) == []
