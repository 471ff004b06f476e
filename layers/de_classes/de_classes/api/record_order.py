"""Whether records come in the order that a page needs which begins behind the last record's field."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from de_classes.api.paths import finder
from de_classes.errors import ProtocolError

if TYPE_CHECKING:
    from de_classes.api.page import Page


class RecordOrder:
    """Follows the field of the last record, by which each page is asked for, through a run.

    A record out of order, and one that shares its value with the last of a full page, lie before the place
    where the next page begins: they would never come. Numbers and moments are held to an order; other text,
    which may be a name of any kind, only to being there once at the end of a page.

    Args:
        path: The field.
        limit: Records a page that are asked for.
    """

    def __init__(self, path: str, limit: int) -> None:
        self._path = path
        self._find = finder(path)
        self._limit = limit
        self._largest = 0
        self._last: Any = None
        self._rises: bool | None = None
        self._tied: Any = None

    def take(self, page: Page) -> None:
        """Take the next page.

        Raises:
            ProtocolError: Records may have been passed over.
        """
        values = [self._find(record) for record in page.records]
        self._check_tie(page.number, values)
        places = [_place(value) for value in values]
        for place in places if None not in places else ():
            self._step(page.number, place)
        is_full = len(values) >= max(self._limit, 1) or 0 < self._largest <= len(values)
        self._largest = max(self._largest, len(values))
        is_tied = len(values) > 1 and values[-1] == values[-2]
        self._tied = (values[-1], is_full) if is_tied else None

    def _check_tie(self, number: int, values: list[Any]) -> None:
        if self._tied is None:
            return
        value, was_full = self._tied
        if values[:1] == [value] or (not values and not was_full):
            return  # it begins with the last value again, or the page before it was the last
        raise ProtocolError(
            f"page {number - 1} ends with several records whose {self._path!r} is the same; page {number} "
            "begins behind it: others that share it would never come; name a field that no two records "
            "share (pagination.path), or larger pages"
        )

    def _step(self, number: int, place: Any) -> None:  # noqa: ANN401 - a number or a moment
        before, self._last = self._last, place
        try:
            if before is None or place == before:
                return
            rises = bool(place > before)
        except TypeError:  # another kind than the one before it
            return
        if self._rises is None:
            self._rises = rises
        elif self._rises is not rises:
            raise ProtocolError(
                f"page {number} is not in the order of {self._path!r}, behind whose last value the next one "
                "begins: records before it would never come; have the source sort by it, or name another "
                "pagination"
            )


def _place(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """A number or a moment; None for all else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and not value.isdigit() else None
    except ValueError:
        return None
