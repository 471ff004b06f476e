from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import ConfigurationError
from scoreboard.adapters.protocol import Result
from scoreboard.cases import NONE, cases
from scoreboard.contestants import DEFAULTS, OURS, TUNED, contestants
from scoreboard.figures import Verdict
from scoreboard.play import Wrong, compared, play, verdict

if TYPE_CHECKING:
    from scoreboard.contestants import Contestant

DONE = Result(complete=True, said="", seconds=1.0)
FAILED = Result(complete=False, said="HTTPError: 500", seconds=1.0)
CURABLE, HOPELESS = "short-body", "forbidden-403"


def script() -> Contestant:
    """The script with urllib3's Retry: the tests' own environment has what it needs."""
    (found,) = contestants(("requests",))
    return replace(found, environment=OURS.environment)


@pytest.mark.parametrize(
    ("result", "case", "is_exact", "expected"),
    [
        (DONE, CURABLE, True, Verdict.COMPLETE),
        (DONE, CURABLE, False, Verdict.FALSE_SUCCESS),
        (DONE, HOPELESS, False, Verdict.FALSE_SUCCESS),
        (FAILED, CURABLE, True, Verdict.GAVE_UP),
        (FAILED, HOPELESS, True, Verdict.REFUSED),
        (None, HOPELESS, True, Verdict.UNFINISHED),
    ],
)
def test_a_run_ends_in_one_of_five_ways(
    result: Result | None, case: str, *, is_exact: bool, expected: Verdict
) -> None:
    assert verdict(result, *cases([case]), is_exact=is_exact) is expected


def test_rows_are_compared_by_how_often_each_is_there() -> None:
    rows: Counter[object] = Counter([1, 2, 2, 2, 9, None])
    assert compared(rows, lasting={1, 2, 3, 4}, known={1, 2, 3, 4, 5}) == Wrong(2, 2, 2)


def test_a_row_that_came_or_went_meanwhile_may_be_there_or_not() -> None:
    assert not any(compared(Counter([1, 2]), lasting={1}, known={1, 2, 3}))


def test_F21_a_script_that_takes_an_empty_page_for_an_answer_is_a_false_success() -> None:
    (case,) = cases(["empty-page"])
    run = play(script(), DEFAULTS, case)
    assert (run.verdict, run.lost % 5, run.doubled, run.logins) == (Verdict.FALSE_SUCCESS, 0, 0, 1)
    assert run.lost > 0
    assert run.requests == 9


def test_F01_settings_make_the_difference_between_giving_up_and_done() -> None:
    (case,) = cases(["server-error-500"])
    ends = [play(script(), variant, case) for variant in (DEFAULTS, TUNED)]
    assert [(run.verdict, run.said) for run in ends] == [
        (Verdict.GAVE_UP, "HTTPError"),
        (Verdict.COMPLETE, ""),
    ]


def test_F39_who_follows_a_redirect_elsewhere_with_the_password_has_leaked_it() -> None:
    (case,) = cases(["login-redirect-elsewhere"])
    assert play(script(), DEFAULTS, case).leaks == 1


def test_a_client_that_is_never_done_is_stopped() -> None:
    (case,) = cases([CURABLE])
    run = play(replace(script(), adapter="tests.fakes.idle_client"), DEFAULTS, case, limit=0.1)
    assert (run.verdict, run.seconds, run.requests) == (Verdict.UNFINISHED, 0.1, 0)


def test_a_client_that_cannot_even_start_is_not_judged() -> None:
    (case,) = cases([CURABLE])
    with pytest.raises(ConfigurationError, match=r"cannot be run.*No module named"):
        play(replace(script(), adapter="tests.fakes.nobody"), DEFAULTS, case)


def test_a_client_that_fails_without_a_fault_is_not_judged() -> None:
    (nothing,) = cases([NONE])
    with pytest.raises(ConfigurationError, match="fails where nothing goes wrong"):
        play(replace(script(), adapter="tests.fakes.idle_client"), DEFAULTS, nothing, limit=0.1)


def test_a_client_without_its_environment_says_how_to_get_it() -> None:
    (case,) = cases([CURABLE])
    with pytest.raises(ConfigurationError, match="make env-scoreboard"):
        play(replace(script(), environment=".venvs/nowhere"), DEFAULTS, case)
