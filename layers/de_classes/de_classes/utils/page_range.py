"""The unit of ingestion: a range of pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from de_classes.errors import InvalidInputError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PAGE = 1_000_000_000

_SPEC = re.compile(r"\s*([0-9]{1,20})\s*(?:(-)\s*([0-9]{1,20})?\s*)?", re.ASCII)
_FORMS = 'a page such as "5", a range such as "3-7", or everything from a page on such as "3-"'


class PageRange(Value):
    """Consecutive pages, both ends included; pages are numbered from 1.

    Args:
        start: The first page, 1 to ``MAX_PAGE``.
        stop: The last page, ``start`` to ``MAX_PAGE``, or None for as far as the source goes.

    Raises:
        InvalidInputError: An end is no page number, or the range runs backwards.
    """

    start: int = 1
    stop: int | None = None

    def __post_init__(self) -> None:
        _check_page("first", self.start)
        if self.stop is None:
            return
        _check_page("last", self.stop)
        if self.stop < self.start:
            raise InvalidInputError(
                f"the page range {self.start}-{self.stop} runs backwards: "
                f"its last page must not be below its first"
            )

    @property
    def is_open(self) -> bool:
        """Whether the range goes as far as the source does."""
        return self.stop is None

    def pages(self) -> Iterator[int]:
        """Page numbers, ascending; without end for an open range."""
        page = self.start
        while self.stop is None or page <= self.stop:
            yield page
            page += 1

    def split(self, parts: int) -> tuple[PageRange, ...]:
        """Cut into consecutive ranges whose sizes differ by one page at most.

        Args:
            parts: How many are wanted, at least 1. A range of fewer pages gives one range a page.

        Raises:
            InvalidInputError: The range is open, so nobody knows its middle, or ``parts`` is below 1.
        """
        if parts < 1:
            raise InvalidInputError(f"a page range cannot be split into {parts} parts: ask for 1 or more")
        size = len(self)
        parts = min(parts, size)
        bounds = [self.start + size * part // parts for part in range(parts + 1)]
        return tuple(PageRange(bounds[part], bounds[part + 1] - 1) for part in range(parts))

    def up_to(self, last: int) -> PageRange | None:
        """The part of this range that is at or below ``last``, or None if there is none.

        Args:
            last: The last page the source has, for instance its ``total_pages``; 0 for none.
        """
        stop = last if self.stop is None else min(self.stop, last)
        return PageRange(self.start, stop) if stop >= self.start else None

    def __contains__(self, page: object) -> bool:
        if not isinstance(page, int):
            return False
        return self.start <= page and (self.stop is None or page <= self.stop)

    def __len__(self) -> int:
        """How many pages.

        Raises:
            InvalidInputError: The range is open.
        """
        if self.stop is None:
            raise InvalidInputError(
                f"the page range {self} is open and has no length: close it with up_to(total_pages) first"
            )
        return self.stop - self.start + 1

    def __bool__(self) -> bool:
        return True  # else an open range would ask for its length

    def __str__(self) -> str:
        """The form that ``parse_pages`` reads."""
        if self.stop == self.start:
            return str(self.start)
        return f"{self.start}-{'' if self.stop is None else self.stop}"


def parse_pages(spec: str | int | Mapping[str, int | None]) -> PageRange:
    """Read a range of pages as people and requests write it.

    Args:
        spec: ``5`` or ``"5"`` for one page, ``"3-7"``, ``"3-"`` for an open range, or
            ``{"start": 3, "stop": 7}`` where ``stop`` may be missing or null.

    Raises:
        InvalidInputError: It is none of these, or no valid range.
    """
    if isinstance(spec, Mapping):
        return _from_mapping(spec)
    if isinstance(spec, int):
        return PageRange(spec, spec)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise InvalidInputError(f"{spec[:40]!r} is no page range: give {_FORMS}")
    first, dash, last = match.groups()
    return PageRange(int(first), int(last) if last else None if dash else int(first))


def _from_mapping(spec: Mapping[str, int | None]) -> PageRange:
    unknown = sorted(str(name)[:40] for name in spec.keys() - {"start", "stop"})
    if unknown:
        raise InvalidInputError(f"a page range has a start and a stop, not {', '.join(map(repr, unknown))}")
    start = spec.get("start")
    return PageRange(1 if start is None else start, spec.get("stop"))


def _check_page(which: str, page: object) -> None:
    if isinstance(page, bool) or not isinstance(page, int):
        raise InvalidInputError(f"the {which} page must be a whole number, not {type(page).__name__}")
    if not 1 <= page <= MAX_PAGE:
        zero = (
            "; where the source counts from 0, its description says pagination.first = 0" if not page else ""
        )
        raise InvalidInputError(
            f"the {which} page must be from 1 to {MAX_PAGE:,}, but is {_short(page)}{zero}"
        )


def _short(number: int) -> str:
    return str(number) if number.bit_length() < 64 else "far beyond it"  # noqa: PLR2004 - a machine word
