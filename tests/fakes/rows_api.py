"""A source of rows that a test changes between runs, by page number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.api.answers import PageReader
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.messages import HttpResponse

UNCOUNTED = PageReader("data", None, None)
"""Reads pages and no totals."""


class RowsApi(FakePagedApi):
    """Pages of rows, those that it has just then.

    Args:
        rows: The first.
    """

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        super().__init__(0)
        self.rows = list(rows)

    def page(self, number: int, limit: int, **changes: object) -> HttpResponse:
        self.total = len(self.rows)
        return super().page(number, limit, data=self.rows[(number - 1) * limit : number * limit], **changes)
