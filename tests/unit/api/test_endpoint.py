from __future__ import annotations

import pytest

from de_classes.api.endpoint import Endpoint, PageSize


@pytest.mark.parametrize(
    ("size", "limit", "smaller"),
    [
        (PageSize(into="query.limit"), 100, 99),
        (PageSize(into="query.limit", max=50), 100, 50),
        (PageSize(into="query.limit"), 1, None),
        (PageSize(into="query.limit", values=(10, 50, 100)), 50, 10),
        (PageSize(into="query.limit", values=(10, 50, 100)), 10, None),
        (None, 100, None),
    ],
)
def test_a_smaller_page_is_one_that_the_source_may_be_asked_for(
    size: PageSize | None, limit: int, smaller: int | None
) -> None:
    assert Endpoint("https://api.example/items", page_size=size).smaller(limit) == smaller
