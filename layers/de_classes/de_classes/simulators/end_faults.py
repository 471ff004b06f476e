"""Pages whose end is hard to find: sizes, totals, windows and links mislead who counts or follows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.fault_kinds import Fault, PageFault, RunFault, Site
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
    from de_classes.simulators.fault_kinds import Bend, FaultContext, FaultKind, Genuine, Play
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.messages import SimResponse
    from de_classes.simulators.pages import Page

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


def shaping(plan: FaultPlan) -> tuple[FaultKind, ...]:
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


def _empty(context: FaultContext, genuine: Genuine) -> SimResponse:
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


def _misplaced(_: FaultContext, page: Page) -> Page:
    if page.next_url is None:
        return page
    there = f'"paging":{{"next":{{"url":"{page.next_url}"}}}},'
    return replace(page, links=False, next_url=None, beside=page.beside + there)


def _more(_: FaultContext, page: Page) -> Page:
    more = "true" if page.number < page.last else "false"
    return replace(page.linked(None), beside=f'{page.beside}"has_more":{more},')


def _by_limit(_: FaultContext, page: Page) -> Page:
    return replace(page, total_pages=str(-(-page.source.count // page.limit)))


def _ignored(_: FaultContext, page: Page) -> Page:
    return page if page.number == page.first else replace(page, records=page.records_of(page.first))


def _endless(_: FaultContext, page: Page) -> Page:
    records = page.records_of(page.first)
    return replace(page, records=records).linked(f"?page={page.number + 1}&limit={page.limit}")


def _huge_total(_: FaultContext, page: Page) -> Page:
    total = replace(page, total_pages=str(_ENDLESS), total_records=str(_ENDLESS * page.limit))
    return replace(total, status=404) if page.number > page.last else total


def _window_refuses(context: FaultContext, page: Page) -> Page:
    behind = (page.number - page.first) * page.size >= context.dials.result_window
    return replace(page, status=400) if behind and page.number <= page.last else page


def _window_counts(context: FaultContext, page: Page) -> Page:
    window = context.dials.result_window
    if page.source.count <= window:
        return page
    left = max(0, window - (page.number - page.first) * page.size)
    pages = -(-window // page.size)
    return replace(page, records=page.records[:left], total_pages=str(pages), total_records=str(window))


def _overlapping(_: FaultContext, page: Page) -> Page:
    start = (page.number - page.first) * max(1, page.size - 1)
    return replace(page, records=page.source.slice(start, start + page.size)) if start else page


def _next_is_false(_: FaultContext, page: Page) -> Page:
    return (
        page
        if page.next_url is not None
        else replace(page, links=False, beside=f'{page.beside}"next":false,')
    )


def _next_is_object(_: FaultContext, page: Page) -> Page:
    if page.next_url is None:
        return page
    there = f'"next":{{"href":"{page.next_url}"}},'
    return replace(page, links=False, next_url=None, beside=page.beside + there)


def _page(
    name: str,
    catalogue_id: str,
    summary: str,
    bend: Bend,
    *,
    site: Site = Site.PAGE,
    shape: Shape = PLAIN,
) -> PageFault:
    return PageFault(
        name=name, catalogue_ids=(catalogue_id,), summary=summary, site=site, bend=bend, shape=shape
    )


END_FAULTS = (
    *SHAPING_FAULTS,
    _page(
        "next-misplaced",
        "F58",
        "short pages whose next is at paging.next.url alone, and none says how many there are",
        _misplaced,
        site=Site.LINK,
        shape=FOLLOWED | _CAPPED,
    ),
    _once(
        "empty-page-once",
        "F60",
        "a page that others lead to has neither records nor a next, once",
        _empty,
        shape=FOLLOWED,
    ),
    _once("next-lost-once", "F60", "a page has lost its next, once", _without_link, FOLLOWED),
    _page(
        "more-without-next",
        "F62",
        "has_more is true, and nothing leads on",
        _more,
        site=Site.LINK,
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
        site=Site.TOTAL,
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
        site=Site.LINK,
        shape=FOLLOWED,
    ),
    _page(
        "total-endless",
        "F71",
        "a billion pages are said to be there; behind the last one: 404",
        _huge_total,
        site=Site.TOTAL,
    ),
    _page(
        "next-false", "F88", "next is false on the last page", _next_is_false, site=Site.LINK, shape=FOLLOWED
    ),
    _page("next-object", "F88", "next is an object", _next_is_object, site=Site.LINK, shape=FOLLOWED),
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
        site=Site.TOTAL,
    ),
    _page(
        "records-repeated",
        "F101",
        "every page begins with the last record of the one before, and so the total is reached too early",
        _overlapping,
    ),
)
