"""Pages and records that are not what they should be, however often they are asked for.

Faults of records add fields to them, also to the user's own, and a run must keep them as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.faults import PAGE_POINTS, Fault, InjectionPoint, PageFault, RecordFault, RunFault
from de_classes.simulators.pages import (
    FOLLOWED,
    PAGE_END,
    PLAIN,
    RECORDS_FIELD,
    TOTAL_RECORDS,
    UNCOUNTED,
    Shape,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.simulators.faults import (
        ExtraFields,
        FaultContext,
        FaultKind,
        FaultPlan,
        Genuine,
        PageTransform,
        Play,
    )
    from de_classes.simulators.messages import SimResponse
    from de_classes.simulators.pages import ServedPage
    from de_classes.simulators.records import RecordSource

_SHRINKS_TO = 0.75


def transformed(
    plan: FaultPlan, context: FaultContext, page: ServedPage
) -> tuple[ServedPage, tuple[str, ...]]:
    """The page as the lasting faults of the plan leave it, and the names of those that changed it."""
    names: tuple[str, ...] = ()
    for point in PAGE_POINTS:
        fault = plan.strike(point, page.number)
        if isinstance(fault, PageFault) and (changed := fault.transform(context, page)) is not page:
            page, names = changed, (*names, fault.name)
    return page, names


def _empty(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, records=()) if 1 < page.number < page.last else page


def _first_again(_: FaultContext, page: ServedPage) -> ServedPage:
    if page.number == 1:
        return page
    return replace(page, records=page.records_of(1)).with_total(max(page.last, page.number + 1))


def _missing_beyond_the_end(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, status=404) if page.number > page.last else page


def _no_content_beyond_the_end(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, status=204) if page.number > page.last else page


def _empty_beyond_the_end(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, records=()) if page.number > page.last else page


def _last_again_beyond_the_end(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, records=page.records_of(page.last)) if page.number > page.last > 0 else page


def _grows(_: FaultContext, page: ServedPage) -> ServedPage:
    said = min(page.last, max(page.number + 1, page.last // 2))
    return page.with_total(said) if said < page.last else page


def _shrinks(_: FaultContext, page: ServedPage) -> ServedPage:
    said = max(1, int(page.last * _SHRINKS_TO))
    return page.with_total(said) if page.number > page.last // 2 and said < page.last else page


def _says(text: str | None) -> PageTransform:
    return lambda _, page: replace(page, total_pages=text)


def _negative(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, total_pages=f"-{page.last}")


def _as_text(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, total_pages=f'"{page.last}"')


def _as_float(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, total_pages=f"{page.last}.5")


def _page(
    name: str,
    catalogue_id: str,
    summary: str,
    transform: PageTransform,
    *,
    point: InjectionPoint = InjectionPoint.PAGE,
    shape: Shape = PLAIN,
) -> PageFault:
    return PageFault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        point=point,
        transform=transform,
        shape=shape,
    )


def _total(name: str, catalogue_id: str, summary: str, transform: PageTransform) -> PageFault:
    return PageFault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        point=InjectionPoint.TOTAL,
        transform=transform,
    )


PAGE_FAULTS = (
    _page("empty-page-always", "F21", "a page in the middle is empty for ever", _empty),
    _total("total-grows", "F22", "early pages say half the total_pages, later ones more", _grows),
    _total("total-shrinks", "F23", "late pages say three quarters of the total_pages", _shrinks),
    _total("total-null", "F24", "total_pages is null", _says("null")),
    _total("total-text", "F24", 'total_pages is text, such as "40"', _as_text),
    _total("total-negative", "F24", "total_pages is negative", _negative),
    _total("total-float", "F24", "total_pages has a fraction", _as_float),
    _total("total-absent", "F24", "there is no total_pages", _says(None)),
    _page(
        "same-page",
        "F27",
        "every page holds the records of page 1, and there is always one more",
        _first_again,
    ),
    _page("beyond-end-404", "F28", "past the end: 404", _missing_beyond_the_end),
    _page("beyond-end-empty", "F28", "past the end: an empty page, as without faults", _empty_beyond_the_end),
    _page("beyond-end-repeats", "F28", "past the end: the last page again", _last_again_beyond_the_end),
)
MORE_PAGE_FAULTS = (
    _page("beyond-end-204", "F80", "past the end: 204, without a body", _no_content_beyond_the_end),
)


_CAPPED = Shape(capped=True)
_PAGES_ALONE = Shape(hides=(TOTAL_RECORDS,))
_ENDLESS = 10**9
_LINK = re.compile(rb'"next":"[^"]*",')

CAPPED = RunFault(
    name="page-size-capped",
    catalogue_ids=("F57",),
    summary="pages hold half of what is asked for, and none says how many there are",
    shape=UNCOUNTED | _CAPPED,
)
FROM_ZERO = RunFault(
    name="pages-from-zero",
    catalogue_ids=("F61",),
    summary="the first page is page 0, and none says how many there are",
    shape=UNCOUNTED | Shape(first=0),
)
SHAPING_FAULTS = (CAPPED, FROM_ZERO)


def shaping_faults(plan: FaultPlan) -> tuple[FaultKind, ...]:
    """The faults of a plan that are nothing but how pages are built."""
    return tuple(fault for fault in SHAPING_FAULTS if plan.has(fault))


# Answers that are told once.


def halved(answer: SimResponse, beside: bytes = b"") -> SimResponse:
    """A page with the first half of its records, and further fields, each with a comma before it."""
    head, found, records = answer.body.removesuffix(PAGE_END).partition(RECORDS_FIELD)
    if not found:
        return answer
    every = msgspec.json.decode(b"[" + records + b"]", type=list[msgspec.Raw])
    kept = b",".join(bytes(each) for each in every[: len(every) // 2])
    return replace(answer, body=head + RECORDS_FIELD + kept + b"]" + beside + b"}")


def _short(_: FaultContext, genuine: Genuine) -> SimResponse:
    return halved(genuine())


def _errors_beside(_: FaultContext, genuine: Genuine) -> SimResponse:
    return halved(genuine(), b',"errors":[{"message":"one of two shards did not answer"}]')


def _without_link(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    headers = {name: value for name, value in answer.headers.items() if name != "Link"}
    return replace(answer, headers=headers, body=_LINK.sub(b'"next":null,', answer.body, count=1))


def _empty_once(context: FaultContext, genuine: Genuine) -> SimResponse:
    answer = _without_link(context, genuine)
    head, found, _ = answer.body.partition(RECORDS_FIELD)
    return replace(answer, body=head + found + PAGE_END) if found else answer


def _once(name: str, catalogue_id: str, summary: str, play: Play, shape: Shape) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=summary,
        play=play,
        cured_by_retry=True,
        once=True,
        shape=shape,
    )


# Pages that stay as they are.


def _misplaced(_: FaultContext, page: ServedPage) -> ServedPage:
    if page.next_url is None:
        return page
    there = f'"paging":{{"next":{{"url":"{page.next_url}"}}}},'
    return replace(page, links=False, next_url=None, beside=page.beside + there)


def _more(_: FaultContext, page: ServedPage) -> ServedPage:
    more = "true" if page.number < page.last else "false"
    return replace(page.linked(None), beside=f'{page.beside}"has_more":{more},')


def _by_limit(_: FaultContext, page: ServedPage) -> ServedPage:
    return replace(page, total_pages=str(-(-page.source.count // page.limit)))


def _ignored(_: FaultContext, page: ServedPage) -> ServedPage:
    return page if page.number == page.first else replace(page, records=page.records_of(page.first))


def _endless(_: FaultContext, page: ServedPage) -> ServedPage:
    records = page.records_of(page.first)
    return replace(page, records=records).linked(f"?page={page.number + 1}&limit={page.limit}")


def _huge_total(_: FaultContext, page: ServedPage) -> ServedPage:
    total = replace(page, total_pages=str(_ENDLESS), total_records=str(_ENDLESS * page.limit))
    return replace(total, status=404) if page.number > page.last else total


def _window_refuses(context: FaultContext, page: ServedPage) -> ServedPage:
    behind = (page.number - page.first) * page.size >= context.parameters.result_window
    return replace(page, status=400) if behind and page.number <= page.last else page


def _window_counts(context: FaultContext, page: ServedPage) -> ServedPage:
    window = context.parameters.result_window
    if page.source.count <= window:
        return page
    left = max(0, window - (page.number - page.first) * page.size)
    pages = -(-window // page.size)
    return replace(page, records=page.records[:left], total_pages=str(pages), total_records=str(window))


def _overlapping(_: FaultContext, page: ServedPage) -> ServedPage:
    start = (page.number - page.first) * max(1, page.size - 1)
    return replace(page, records=page.source.slice(start, start + page.size)) if start else page


def _next_is_false(_: FaultContext, page: ServedPage) -> ServedPage:
    return (
        page
        if page.next_url is not None
        else replace(page, links=False, beside=f'{page.beside}"next":false,')
    )


def _next_is_object(_: FaultContext, page: ServedPage) -> ServedPage:
    if page.next_url is None:
        return page
    there = f'"next":{{"href":"{page.next_url}"}},'
    return replace(page, links=False, next_url=None, beside=page.beside + there)


END_FAULTS = (
    *SHAPING_FAULTS,
    _page(
        "next-misplaced",
        "F58",
        "short pages whose next is at paging.next.url alone, and none says how many there are",
        _misplaced,
        point=InjectionPoint.LINK,
        shape=FOLLOWED | _CAPPED,
    ),
    _once(
        "empty-page-once",
        "F60",
        "a page that others lead to has neither records nor a next, once",
        _empty_once,
        shape=FOLLOWED,
    ),
    _once("next-lost-once", "F60", "a page has lost its next, once", _without_link, FOLLOWED),
    _page(
        "more-without-next",
        "F62",
        "has_more is true, and nothing leads on",
        _more,
        point=InjectionPoint.LINK,
        shape=FOLLOWED,
    ),
    _once(
        "errors-beside-records", "F63", "half of a page, and errors beside it, once", _errors_beside, PLAIN
    ),
    _once("short-page-once", "F64", "half of a page, once; only total_pages is said", _short, _PAGES_ALONE),
    _page(
        "total-by-another-size",
        "F65",
        "pages hold half of what is asked for, and total_pages is reckoned as if they held it",
        _by_limit,
        point=InjectionPoint.TOTAL,
        shape=_PAGES_ALONE | _CAPPED,
    ),
    _page(
        "page-ignored",
        "F70",
        "every page holds the records of the first, and none says how many there are",
        _ignored,
        shape=UNCOUNTED,
    ),
    _page(
        "next-for-ever",
        "F70",
        "every page holds the records of the first, and leads to another",
        _endless,
        point=InjectionPoint.LINK,
        shape=FOLLOWED,
    ),
    _page(
        "total-endless",
        "F71",
        "a billion pages are said to be there; behind the last one: 404",
        _huge_total,
        point=InjectionPoint.TOTAL,
    ),
    _page(
        "next-false",
        "F88",
        "next is false on the last page",
        _next_is_false,
        point=InjectionPoint.LINK,
        shape=FOLLOWED,
    ),
    _page(
        "next-object", "F88", "next is an object", _next_is_object, point=InjectionPoint.LINK, shape=FOLLOWED
    ),
    _page(
        "window-refuses",
        "F98",
        "records behind a window (10,000) are refused, though the totals count them",
        _window_refuses,
    ),
    _page(
        "window-counts",
        "F98",
        "nothing is behind a window (10,000), and the totals say no more than it holds",
        _window_counts,
        point=InjectionPoint.TOTAL,
    ),
    _page(
        "records-repeated",
        "F101",
        "every page begins with the last record of the one before, and so the total is reached too early",
        _overlapping,
    ),
)


_BEYOND_DOUBLE = 2**53 + 1
_BEYOND_WORD = 2**70
_EVERY = 10
_WHERE = 5
_LATE = 0.9


class OddRecords:
    """Records with the fields of some faults added.

    Args:
        source: The records.
        faults: What to add, in this order.
    """

    def __init__(self, source: RecordSource, faults: Sequence[RecordFault]) -> None:
        self._source = source
        self._faults = tuple(faults)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._source.count

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Those from ``start`` up to ``stop``, from 0."""
        return [self._odd(index, each) for index, each in enumerate(self._source.slice(start, stop), start)]

    def _odd(self, index: int, record: bytes) -> bytes:
        added = [fields for fault in self._faults if (fields := fault.fields(index, self.count))]
        if not added:
            return record
        body = record.rstrip()[:-1]
        comma = b"" if body.strip() == b"{" else b","
        return body + comma + b",".join(added) + b"}"


def _changing_type(index: int, count: int) -> bytes:
    return (b'"reading":%d', b'"reading":%d.5', b'"reading":"%d"')[index * 3 // count] % index


def _late_column(index: int, count: int) -> bytes:
    return b'"late":%d' % index if index >= count * _LATE else b""


def _big_integer(index: int, _: int) -> bytes:
    return b'"big":%d' % (_BEYOND_DOUBLE + 2 * index) if index % 2 else b'"big":null'


def _mixed_shapes(index: int, _: int) -> bytes:
    shapes = (b"%d" % (_BEYOND_WORD + index), b"{}", b"[%d]" % index, b'{"n":%d}' % index)
    return b'"mixed":' + shapes[index % len(shapes)]


def _long_decimal(index: int, _: int) -> bytes:
    return b'"exact":%d.1000000000000000055511151231257827' % index


def _text_among_numbers(index: int, _: int) -> bytes:
    return (b'"either":%d', b'"either":"%d"')[index % 2] % index


def _now_and_then(fields: bytes) -> ExtraFields:
    return lambda index, _: fields if index % _EVERY == _WHERE else b""


def _odd(name: str, catalogue_id: str, summary: str, fields: ExtraFields) -> RecordFault:
    return RecordFault(name=name, catalogue_ids=(catalogue_id,), summary=summary, fields=fields)


RECORD_FAULTS = (
    _odd("changing-type", "F50", "a field is int, then float, then string", _changing_type),
    _odd("late-column", "F51", "a field first appears in the last tenth", _late_column),
    _odd("big-integers", "F52", "integers above 2^53 beside nulls", _big_integer),
    _odd("mixed-shapes", "F53", "a field is 2^70, {}, a list and an object", _mixed_shapes),
    _odd("nan", "F54", "one record in ten holds NaN, which is not JSON", _now_and_then(b'"odd":NaN')),
    _odd("float-overflow", "F54", "one record in ten holds 1e400", _now_and_then(b'"far":1e400')),
    _odd(
        "lone-surrogate",
        "F54",
        "one record in ten holds half of a surrogate pair",
        _now_and_then(b'"half":"\\ud800"'),
    ),
    _odd(
        "duplicate-keys",
        "F54",
        "one record in ten has a key twice",
        _now_and_then(b'"twice":1,"twice":2'),
    ),
)
MORE_RECORD_FAULTS = (
    _odd("long-decimals", "F91", "decimals that no float holds", _long_decimal),
    RecordFault(
        name="text-among-numbers",
        catalogue_ids=("F92", "F94"),
        summary="a field is a number and text by turns",
        fields=_text_among_numbers,
    ),
)
