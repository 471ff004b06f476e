from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.pagination import CursorPagination, OnePagePagination
from de_classes.api.per_parent import Parents, PerParentPagination
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from de_classes.api.pagination import PaginationStrategy


def per_parent(*values: str, inner: PaginationStrategy, is_single: bool) -> PerParentPagination:
    return PerParentPagination(inner=inner, parents=Parents(values, None, 10), is_single=is_single)


@pytest.mark.parametrize("is_single", [True, False])
def test_without_parents_nothing_is_asked_for(*, is_single: bool) -> None:
    pagination = per_parent(inner=CursorPagination(), is_single=is_single)
    assert pagination.request_for(1, 10) is None


def test_a_parent_that_is_not_there_is_said_to_be_none() -> None:
    pagination = per_parent("a", "b", inner=OnePagePagination(), is_single=True)
    request = pagination.request_for(2, 10)
    assert request is not None
    assert request.parent == {"value": "b"}
    with pytest.raises(InvalidInputError, match="page 3 was asked for, but there are 2 parents"):
        pagination.request_for(3, 10)
