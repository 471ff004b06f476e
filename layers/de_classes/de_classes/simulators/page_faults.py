"""Pages that are not what they should be, however often they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.simulators.fault_kinds import PAGE_SITES, PageFault, Site

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import Bend, FaultContext
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.pages import Page

_SHRINKS_TO = 0.75


def bent(plan: FaultPlan, context: FaultContext, page: Page) -> tuple[Page, tuple[str, ...]]:
    """The page as the lasting faults of the plan leave it, and the names of those that changed it."""
    names: tuple[str, ...] = ()
    for site in PAGE_SITES:
        fault = plan.strike(site, page.number)
        if isinstance(fault, PageFault) and (changed := fault.bend(context, page)) is not page:
            page, names = changed, (*names, fault.name)
    return page, names


def _empty(_: FaultContext, page: Page) -> Page:
    return replace(page, records=()) if 1 < page.number < page.last else page


def _first_again(_: FaultContext, page: Page) -> Page:
    if page.number == 1:
        return page
    return replace(page, records=page.records_of(1)).with_total(max(page.last, page.number + 1))


def _missing_beyond_the_end(_: FaultContext, page: Page) -> Page:
    return replace(page, status=404) if page.number > page.last else page


def _no_content_beyond_the_end(_: FaultContext, page: Page) -> Page:
    return replace(page, status=204) if page.number > page.last else page


def _empty_beyond_the_end(_: FaultContext, page: Page) -> Page:
    return replace(page, records=()) if page.number > page.last else page


def _last_again_beyond_the_end(_: FaultContext, page: Page) -> Page:
    return replace(page, records=page.records_of(page.last)) if page.number > page.last > 0 else page


def _grows(_: FaultContext, page: Page) -> Page:
    said = min(page.last, max(page.number + 1, page.last // 2))
    return page.with_total(said) if said < page.last else page


def _shrinks(_: FaultContext, page: Page) -> Page:
    said = max(1, int(page.last * _SHRINKS_TO))
    return page.with_total(said) if page.number > page.last // 2 and said < page.last else page


def _says(text: str | None) -> Bend:
    return lambda _, page: replace(page, total_pages=text)


def _negative(_: FaultContext, page: Page) -> Page:
    return replace(page, total_pages=f"-{page.last}")


def _as_text(_: FaultContext, page: Page) -> Page:
    return replace(page, total_pages=f'"{page.last}"')


def _as_float(_: FaultContext, page: Page) -> Page:
    return replace(page, total_pages=f"{page.last}.5")


def _page(name: str, catalogue_id: str, summary: str, bend: Bend) -> PageFault:
    return PageFault(name=name, catalogue_ids=(catalogue_id,), summary=summary, site=Site.PAGE, bend=bend)


def _total(name: str, catalogue_id: str, summary: str, bend: Bend) -> PageFault:
    return PageFault(name=name, catalogue_ids=(catalogue_id,), summary=summary, site=Site.TOTAL, bend=bend)


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
