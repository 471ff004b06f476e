from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.pace import LONGEST_HINT, RateLimit, read_rate_limit

NOW = 1_795_392_000.0
NAMES = st.sampled_from(
    ["ratelimit", "ratelimit-remaining", "ratelimit-reset", "x-ratelimit-remaining", "x-ratelimit-reset"]
)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining": "7", "x-ratelimit-reset": "3"}, RateLimit(7, 3.0)),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1.5"}, RateLimit(0, 1.5)),
        ({"ratelimit": "limit=100, remaining=50, reset=5"}, RateLimit(50, 5.0)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 9)}, RateLimit(0, 9.0)),
        ({"x-ratelimit-remaining": "4"}, RateLimit(4, None)),
    ],
)
def test_F08_every_spelling_is_read(headers: dict[str, str], expected: RateLimit) -> None:
    assert read_rate_limit(headers, now=NOW) == expected


@pytest.mark.parametrize("reset", ["-1", "0", "soon", "", "999999", "1e9", str(int(NOW) - 5), "9" * 40])
def test_F08_a_reset_that_makes_no_sense_is_no_reset(reset: str) -> None:
    assert read_rate_limit({"ratelimit-remaining": "3", "ratelimit-reset": reset}, now=NOW) == RateLimit(
        3, None
    )


@pytest.mark.parametrize("remaining", ["", "-1", "many", "NaN", "1_0"])
def test_F08_without_a_number_that_remains_nothing_is_said(remaining: str) -> None:
    assert read_rate_limit({"x-ratelimit-remaining": remaining, "x-ratelimit-reset": "5"}, now=NOW) is None


@given(headers=st.dictionaries(NAMES, st.text(max_size=40)))
def test_F08_no_header_whatever_crashes_or_stalls(headers: dict[str, str]) -> None:
    limit = read_rate_limit(headers, now=NOW)
    assert limit is None or (limit.remaining >= 0 and 0 <= (limit.reset or 0) <= LONGEST_HINT)
