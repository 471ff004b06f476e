"""Trying a source before trusting it: a few requests, and whether what comes is what the description says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import structs

from de_classes.api.increments import Furthest, iso
from de_classes.api.pace import read_rate_limit
from de_classes.api.pagination.by_bytes import FilePagination
from de_classes.api.pagination.by_number import OffsetPagination, PageNumberPagination
from de_classes.api.pagination.followed import LinkHeaderPagination, OnePagePagination
from de_classes.api.pagination.per_parent import PerParentPagination
from de_classes.api.status import OK
from de_classes.checks import likeness
from de_classes.checks.pages import (
    CheckedPages,
    inner_of,
    says_nothing_there,
    with_inner,
)
from de_classes.checks.report import CheckReport, FieldSeen, Finding, PaginationEvidence, worst
from de_classes.errors import (
    BODY_EXCERPT_CHARS,
    AuthenticationError,
    ConfigurationError,
    CorruptResponseError,
    DeClassesError,
    ForeignOriginError,
    NetworkError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestRejectedError,
    TransformError,
)
from de_classes.pipelines.described import DescribedTransforms, plain
from de_classes.redaction import shared_filter
from de_classes.runs.forecast import FirstPage, LambdaTerms, forecast, proof_requests
from de_classes.utils.digests import digest
from de_classes.utils.paths import MISSING, find, standing_there
from de_classes.utils.run_records import Reached

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.api.increments import Incremental
    from de_classes.api.messages import HttpResponse
    from de_classes.api.page import Page
    from de_classes.api.receipt import Figures
    from de_classes.api.source.binding import Resource
    from de_classes.checks.probe import Asked, Probe
    from de_classes.checks.report import FindingName, Verdict

_FIELDS_SAID: Final = 5
_FIELDS_KEPT: Final = 100
_NAMED_AT_MOST: Final = 3
_SMALL: Final = 2
_MENDED_AT_MOST: Final = 5
_AT_ONCE: Final = 4
_USUAL_SIZES: Final = frozenset({10, 20, 25, 30, 50, 100})
_NO_PART_OF_THE_WAY: Final = frozenset(
    {
        "window",
        "columns",
        "transforms",
        "primary_key",
        "auth",
        "docs",
        "parameters",
        "resources",
        "rate_limit",
        "count",
        "write",
        "incremental",
        "schedule",
    }
)


class ResourceCheck:
    """Looks at one resource by a few requests, and compares what comes with what its description says.

    ``ResourceCheck(Probe(Source.load("sources")["stripe.charges"])).run().verdict`` is ``ok``, ``warning``
    or ``wrong``. Where the description is wrong about one thing, the likeliest right one takes its place, so
    that the rest is looked at too. Asked for are: the first page at its usual size and at a tiny one, the
    page behind each, the page before the first, and the last.

    Example:
        >>> probe = Probe(Source.load("shop.toml")["shop.orders"], secrets=FileSecrets("shop.json"))
        >>> ResourceCheck(probe).run().verdict
        'ok'

    Args:
        probe: Asks the resource. What it sees of a stand-in is no evidence of the source.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._resource = probe.resource
        self._limit = probe.endpoint.limit(probe.resource.default_limit)
        self._found: list[Finding] = []
        self._proven: dict[str, Any] = {}

    def run(self) -> CheckReport:
        """Ask, and say what was found.

        Raises:
            ConfigurationError: A parameter or a secret is missing or unfit; nothing was sent.
        """
        first = self._first_page() if self._has_job() else None
        if first is None or first.page is None:
            return self._report(None)
        look = CheckedPages(self._probe.endpoint, self._limit, first, first.page)
        self._say_records(look)
        self._ask_the_rest(look)
        self._judge_pagination(look)
        self._judge_page_size(look)
        self._judge_total(look)
        self._judge_marker(look)
        self._judge_end(look)
        self._say_limits()
        self._judge_key(look)
        self._judge_transforms(look)
        self._say_update_times(look)
        return self._report(look)

    # ------------------------------------------------------------------ the first page

    def _first_page(self) -> Asked | None:
        """The first page, read as well as it can be."""
        try:
            request = self._probe.endpoint.pagination.request_for(1, self._limit)
        except ConfigurationError:
            raise
        except DeClassesError as error:
            self._add("connection", "wrong", f"the parent resource cannot be read: {error}")
            return None
        if request is None:
            self._add("records", "warning", "there is no parent, so there is nothing to ask for")
            return None
        asked = self._probe.ask(request)
        if isinstance(asked.error, RequestRejectedError):
            asked = self._with_another_request(asked)
        if asked.error is not None and not isinstance(asked.error, CorruptResponseError | ProtocolError):
            self._say_refusal(asked)
            return None
        if asked.error and (asked.response is None or asked.response.status != OK):
            self._say_refusal(asked)
            return None
        self._say_auth()
        for _ in range(_MENDED_AT_MOST):
            if asked.error is None or not self._mend(asked):
                break
            asked = self._probe.read_again(asked)
        if asked.error is not None and not any(each.verdict == "wrong" for each in self._found):
            self._add("answer", "wrong", str(asked.error))
        return asked

    def _has_job(self) -> bool:
        """Whether the job that the pages come of is done, where there is one."""
        try:
            said = self._probe.make_job()
        except (AuthenticationError, PermissionDeniedError) as error:
            self._add("auth", "wrong", f"{self._auth_kind()}: {error}")
            return False
        except DeClassesError as error:
            self._add("job", "wrong", str(error))
            return False
        if said is not None:
            self._add("job", "ok", said)
        return True

    def _with_another_request(self, refused: Asked) -> Asked:
        """A first request that was refused, asked in another way: with a small page, or counted from 1."""
        inner = inner_of(self._probe.endpoint.pagination)
        said = _words(refused)
        size = self._probe.endpoint.page_size
        if size is not None and self._limit > _SMALL:
            small = self._probe.endpoint.limit(_SMALL)
            again = self._probe.ask(structs.replace(refused.request, size=small))
            if again.page is not None or isinstance(again.error, CorruptResponseError | ProtocolError):
                text = f"{self._limit} records a page are refused, and {small} are not: mend page_size.max"
                self._add("page_size", "wrong", f"{text}; {said}")
                self._limit = small
                return again
        if isinstance(inner, PageNumberPagination | OffsetPagination) and inner.first == 0:
            again = self._probe.ask(self._counted_from(1).request_for(1, self._limit))
            if again.page is not None:
                self._add(
                    "first", "wrong", f"{inner.into} = 0 is refused, and 1 is not: write first = 1; {said}"
                )
                self._probe.endpoint = structs.replace(self._probe.endpoint, pagination=self._counted_from(1))
                return again
        return refused

    def _counted_from(self, first: int) -> Any:  # noqa: ANN401 - the pagination, of any kind
        pagination = self._probe.endpoint.pagination
        if isinstance(pagination, PerParentPagination):
            return structs.replace(pagination, inner=structs.replace(pagination.inner, first=first))
        return structs.replace(pagination, first=first)

    def _say_auth(self) -> None:
        kind = self._auth_kind()
        if kind == "none":
            self._add("auth", "ok", "none is described, and none was asked for")
        else:
            self._add("auth", "ok", f"{kind}: the source takes it")

    def _auth_kind(self) -> str:
        said = self._resource.described.auth or self._resource.source.auth
        if self._resource.described.job is not None:  # whose records may lie where nobody logs in
            said = self._resource.source.auth
        return str(type(said).__struct_config__.tag)

    def _say_refusal(self, asked: Asked) -> None:
        error, words = asked.error, _words(asked)
        status = asked.response.status if asked.response else None
        if isinstance(error, RateLimitedError):
            self._add(
                "limits", "wrong", f"the source asks to be left alone, so it could not be looked at: {words}"
            )
        elif isinstance(error, ForeignOriginError):
            self._add("connection", "wrong", f"{words}; a host that may be trusted is named in allowed_hosts")
        elif isinstance(error, AuthenticationError | PermissionDeniedError):
            self._add("auth", "wrong", f"{self._auth_kind()}: {words}")
        elif isinstance(error, NetworkError | ConfigurationError):
            self._add("connection", "wrong", f"no answer came; mend base_url, or look at the source: {words}")
        elif status is None:
            self._add("auth", "wrong", f"{self._auth_kind()}: {words}")
        else:
            hint = "; mend base_url or path" if status in {404, 405, 410} else ""
            self._add("connection", "wrong", f"the first page is refused: {words}{hint}")

    # ------------------------------------------------------------------ an answer that cannot be read

    def _mend(self, asked: Asked) -> bool:
        """Name one thing that a description says wrongly of an answer, and put the likeliest in its place."""
        response = asked.response
        endpoint = self._probe.endpoint
        answer = None if response is None else endpoint.reader.answer_of(response)
        if response is None or (answer is None and response.body.strip() != b"null"):
            self._add("answer", "wrong", f'answer = "{endpoint.reader.kind}" cannot be read: {asked.error}')
            return False
        bare = structs.replace(endpoint.reader, total_pages_field=None, total_records_field=None)
        try:
            page = bare.read(response, 1)
        except (CorruptResponseError, ProtocolError) as error:
            return self._mend_records(answer, error)
        reader = endpoint.reader
        for name, path in (
            ("pages_path", reader.total_pages_field),
            ("total_path", reader.total_records_field),
        ):
            if path is not None and (wrong := _no_total(answer, path)):
                self._say_wrong_total(name, path, wrong, answer, page)
                field = "total_pages_field" if name == "pages_path" else "total_records_field"
                self._probe.endpoint = structs.replace(
                    endpoint, reader=structs.replace(reader, **{field: None})
                )
                return True
        inner = inner_of(endpoint.pagination)
        if inner.echo is not None:
            text = f"{asked.error}: mend echo_path = {inner.echo!r}, or first"
            self._add("pagination", "wrong", text)
            bare_way: Any = structs.replace(inner, echo_path=None)
            self._probe.endpoint = structs.replace(
                endpoint, pagination=with_inner(endpoint.pagination, bare_way)
            )
            return True
        return False

    def _mend_records(self, answer: object, error: DeClassesError) -> bool:
        endpoint = self._probe.endpoint
        reader = endpoint.reader
        found = find(answer, reader.records_field)
        there = "" if found is MISSING or found is answer else f", where {standing_there(found)} stands"
        likely = likeness.record_lists(answer)
        if reader.records_are == "object":
            likely = likeness.objects(answer)
        elif reader.names:
            likely = [each for each in likely if each.value == "lists"] or likely
        hint = (
            f"; what looks like the records: {_listed(likely)}"
            if likely
            else "; nothing in it is a list of objects"
        )
        has = standing_there(answer)
        text = (
            f'records_path = "{reader.records_field}" leads to no records{there}; the answer has {has}{hint}'
        )
        if found is not MISSING and reader.names:
            text = f'records_path = "{reader.records_field}": {error}'
        self._add("records", "wrong", text)
        if not likely or likely[0].path == reader.records_field:
            return False
        best = likely[0]
        if best.value == "lists":
            mended = structs.replace(reader, records_field=best.path)
        else:
            mended = structs.replace(reader, records_field=best.path, records_are=best.value, names=())
        self._probe.endpoint = structs.replace(endpoint, reader=mended)
        return bool(best.value != "lists" or reader.names)

    def _say_wrong_total(self, name: str, path: str, wrong: str, answer: object, page: Page) -> None:
        likely = (
            likeness.page_counts(answer)
            if name == "pages_path"
            else likeness.totals(answer, len(page.records))
        )
        hint = f"; what looks like it: {_listed(likely)}" if likely else "; nothing in it looks like one"
        has = standing_there(answer)
        self._add("total", "wrong", f'{name} = "{path}" {wrong}; the answer has {has}{hint}')

    # ------------------------------------------------------------------ the other pages

    def _ask_the_rest(self, look: CheckedPages) -> None:
        self._ask_small(look)
        if look.following is not None:
            look.second = self._probe.ask(look.following, look.bare_endpoint)
        if look.small_following is not None:
            look.small_second = self._probe.ask(look.small_following, look.bare_endpoint)
        self._ask_before_the_first(look)
        self._ask_last(look)

    def _ask_small(self, look: CheckedPages) -> None:
        size = self._probe.endpoint.page_size
        if size is None:
            return
        small = _SMALL if len(look.records) > _SMALL else 1
        if size.values:
            small = min(size.values)
        if small < len(look.records):
            look.small = self._probe.ask(structs.replace(look.first.request, size=small), look.bare_endpoint)

    def _ask_before_the_first(self, look: CheckedPages) -> None:
        """Where places are counted from 1, whether something stands at 0; from 0, whether 1 is the first."""
        inner = look.inner
        if not isinstance(inner, PageNumberPagination | OffsetPagination):
            return
        size = look.small.request.size if look.small else self._limit
        if inner.first > 0:
            other = self._counted_from(inner.first - 1).request_for(1, size)
        elif not look.records or (
            look.small_second and look.small and look.small_second.records == look.small.records
        ):
            other = self._counted_from(inner.first + 1).request_for(2 if look.records else 1, size)
        else:
            return
        look.other_first = self._probe.ask(other, look.bare_endpoint)

    def _ask_last(self, look: CheckedPages) -> None:
        if not look.inner.random_access or look.is_per_parent or len(look.records) < self._limit:
            return
        count = look.inner.page_count(look.page, self._limit)
        if count is not None and count > 2:  # noqa: PLR2004 - the second was asked for
            look.last = self._probe.ask(look.inner.request_for(count, self._limit), look.bare_endpoint)

    # ------------------------------------------------------------------ verdicts

    def _say_records(self, look: CheckedPages) -> None:
        reader = look.endpoint.reader
        types = likeness.types_of(look.records)
        fields = ", ".join(f"{name} ({' or '.join(types[name])})" for name in list(types)[:_FIELDS_SAID])
        more = f", and {len(types) - _FIELDS_SAID} more fields" if len(types) > _FIELDS_SAID else ""
        if look.records:
            count = len(look.records)
            self._add(
                "records", "ok", f"{reader.records_field}: {_plural(count, 'record')} with {fields}{more}"
            )
            return
        likely = [
            each for each in likeness.record_lists(look.page.answer) if each.path != reader.records_field
        ]
        said = f"{reader.records_field}: the list is there, and no record came"
        if likely:
            self._add("records", "wrong", f"{said}; the answer has {_listed(likely)}")
        else:
            self._add("records", "warning", f"{said}: of fields, keys and pages nothing can be seen")

    def _judge_pagination(self, look: CheckedPages) -> None:
        wrong_first = self._judge_first(look)
        verdict, said = self._pagination_verdict(look)
        if verdict == "ok" or not wrong_first:
            self._add("pagination", verdict, said)

    def _judge_first(self, look: CheckedPages) -> bool:
        other, inner = look.other_first, look.inner
        if other is None or not isinstance(inner, PageNumberPagination | OffsetPagination):
            return False
        starts = look.small.records if look.small else look.records
        differs = bool(other.records) and other.records != starts
        if inner.first > 0 and differs and other.records != look.records:
            what = "page" if isinstance(inner, PageNumberPagination) else "record"
            text = (
                f"{inner.into} = {inner.first - 1} holds {_plural(len(other.records), 'record')} that come "
                f"before those of {inner.first}: the first {what} is skipped; write first = {inner.first - 1}"
            )
            self._add("first", "wrong", text)
            return True
        if inner.first <= 0 and differs:
            first = inner.first + 1
            text = f"{inner.into} = {inner.first} is not the first place, {first} is: write first = {first}"
            self._add("first", "wrong", text)
            return True
        return False

    def _pagination_verdict(  # noqa: PLR0911 - a return a verdict
        self, look: CheckedPages
    ) -> tuple[Verdict, str]:
        kind = str(type(look.inner).__struct_config__.tag)
        if isinstance(look.inner, OnePagePagination | FilePagination):
            return self._one_page_verdict(look)
        if look.way_error is not None:
            return "wrong", f"{kind}: {look.way_error}{self._what_leads_on(look)}"
        small, second = look.small, look.small_second
        if small is not None and look.is_heeded:
            whole, part = look.records, small.records
            if look.small_following is None:
                held = f"{kind}: {len(part)} of {len(whole)} records were asked for"
                return "wrong", f"{held}, and {self._way(look)} leads to the rest{self._what_leads_on(look)}"
            if second is not None:
                return self._seam_verdict(look, kind, part, second)
        if look.second is not None:
            return self._second_verdict(look, kind)
        if look.following is None and len(look.records) >= self._limit and not look.ends_by_total:
            return (
                "wrong",
                f"{kind}: the page is full, and {self._way(look)} leads on{self._what_leads_on(look)}",
            )
        if likely := self._likely_ways(look):
            text = (
                f"{kind}: {self._way(look)} is there to lead on, but {_listed(likely)} stands in the answer"
            )
            return ("warning" if look.stands_in else "wrong"), text
        if look.ends_by_total or look.ends_by_marker or look.stands_in or not look.records:
            return "ok", f"{kind}: all came on one page, so nothing had to lead on"
        return (
            "warning",
            f"{kind}: all may have come on one page; nothing in the answer leads on, or says that it is all",
        )

    def _one_page_verdict(  # noqa: PLR0911 - as above
        self, look: CheckedPages
    ) -> tuple[Verdict, str]:
        if isinstance(look.inner, FilePagination):
            is_all = look.inner.ends(look.page)
            return "ok", f"file: {'all of it' if is_all else 'a piece of it, of whole lines,'} came"
        total = look.page.total_records
        if look.is_per_parent and look.second is not None:
            return self._second_verdict(look, "one answer a parent")
        if total is not None and total > len(look.records):
            return "wrong", f"none: {len(look.records)} of {total} records came{self._what_leads_on(look)}"
        if likely := self._likely_ways(look):
            return "wrong", f"none: but {_listed(likely)} stands in the answer, and seems to lead on"
        if look.is_heeded:
            is_full = len(look.records) >= self._limit
            text = f"as many records come as are asked for, and no more than {self._limit} are"
            return ("wrong" if is_full else "warning"), f"none: but {text}"
        if len(look.records) in _USUAL_SIZES and total is None:
            return (
                "warning",
                f"none: {len(look.records)} records came, a usual size of a page: see that it is all",
            )
        return "ok", "none: all is in one answer"

    def _seam_verdict(  # noqa: PLR0911 - as above
        self, look: CheckedPages, kind: str, part: list[dict[str, Any]], second: Asked
    ) -> tuple[Verdict, str]:
        """Whether a small page and the one behind it are what one larger page held."""
        whole, size = look.records, len(part)
        expected = whole[size : size + len(second.records)]
        if second.error is not None:
            hint = "; hosts that a token may go to are named in allowed_hosts" if _is_foreign(second) else ""
            return "wrong", f"{kind}: the second page is refused: {_words(second)}{hint}"
        if not second.records:
            return "wrong", f"{kind}: {len(whole) - size} records are left, and the second page is empty"
        if second.records == part:
            into = getattr(look.inner, "into", None)
            why = f": {into} is not heeded" if into else ""
            return "wrong", f"{kind}: the second page holds the records of the first{why}"
        if second.records == expected or _starts_alike(second.records, expected):
            self._proven["way_on"] = True
            way = "" if look.inner.way_on is None else f" by {look.inner.way_on}"
            return "ok", f"{kind}: page 2 differs from page 1 and goes on behind it{way}"
        if second.records[0] in whole:
            off = whole.index(second.records[0]) - size
            if off > 0:
                return "wrong", f"{kind}: the second page skips {_plural(off, 'record')}"
            if off < 0:
                return "wrong", f"{kind}: the second page brings {_plural(-off, 'record')} of the first again"
        self._proven["way_on"] = True
        return (
            "warning",
            f"{kind}: page 2 differs from page 1, but is not what stood behind it in a larger page",
        )

    def _second_verdict(self, look: CheckedPages, kind: str) -> tuple[Verdict, str]:
        second = look.second
        if second is None or second.error is not None:
            is_end = second is not None and look.is_reckoned and says_nothing_there(second)
            if is_end and len(look.records) < self._limit:
                return "ok", f"{kind}: page 2 is refused, behind a page that was not full"
            words = "" if second is None else _words(second)
            hint = (
                "; hosts that a token may go to are named in allowed_hosts"
                if second and _is_foreign(second)
                else ""
            )
            return "wrong", f"{kind}: the second page is refused: {words}{hint}"
        if not second.records:
            return "ok", f"{kind}: page 2 is empty, so that all came on page 1"
        if second.records == look.records:
            return "wrong", f"{kind}: page 2 holds the records of page 1"
        self._proven["way_on"] = not look.is_per_parent
        return "ok", f"{kind}: page 2 differs from page 1"

    def _way(self, look: CheckedPages) -> str:
        return f"nothing at {look.inner.way_on}" if look.inner.way_on else "nothing"

    def _what_leads_on(self, look: CheckedPages) -> str:
        answers = [look.small.page if look.small and look.small.page else look.page, look.page]
        there = standing_there(answers[0].answer)
        likely = self._likely_ways(look)
        hint = f"; what looks like the way on: {_listed(likely)}" if likely else ""
        return f"; the answer has {there}{hint}"

    def _likely_ways(self, look: CheckedPages) -> list[likeness.Likely]:
        pages = [look.page] if look.small is None or look.small.page is None else [look.small.page, look.page]
        found = [each for page in pages for each in likeness.ways_on(page.answer, page.headers)]
        own = {getattr(look.inner, "path", None), f"header {getattr(look.inner, 'header', None)}"}
        if isinstance(look.inner, LinkHeaderPagination) and look.inner.rel == "next":
            own.add("the Link header")
        return [each for each in {each.path: each for each in found}.values() if each.path not in own]

    def _judge_page_size(self, look: CheckedPages) -> None:
        size, small = look.endpoint.page_size, look.small
        count = len(look.records)
        if size is None:
            self._add("page_size", "ok", f"none is described; {count} came")
            return
        if small is None:
            self._add(
                "page_size", "ok", f"{_plural(count, 'record')} came where {self._limit} were asked for"
            )
            return
        asked = small.request.size or 0
        if small.error is not None:
            self._add("page_size", "warning", f"{asked} records a page are refused: {_words(small)}")
            return
        if not look.is_heeded:
            self._proven["page_size"] = "ignored"
            self._judge_ignored_size(look, size.into, asked)
            return
        self._proven["page_size"] = "heeded"
        if look.is_cut:
            self._proven["cap"] = count
            text = (
                f"{size.into}: {self._limit} were asked for, {count} came, and more follow: the source gives "
                f"{count} at the most; write max = {count}"
            )
            self._add("page_size", "warning", text)
            return
        self._add(
            "page_size", "ok", f"{size.into} is heeded: {asked} were asked for and {len(small.records)} came"
        )

    def _judge_ignored_size(self, look: CheckedPages, into: str, asked: int) -> None:
        small = look.small
        came = 0 if small is None else len(small.records)
        text = f"{into} is not heeded: {asked} were asked for, and {came} came"
        if came < len(look.records):
            self._add("page_size", "warning", f"{text}: the source gives {came} at the least")
        elif look.ends_by_total or (
            look.inner.way_on is not None and look.following is None and look.stands_in
        ):
            self._add("page_size", "warning", f"{text}, which is all that there is")
        else:
            self._add("page_size", "wrong", f"{text}; mend page_size.into or value")

    def _judge_total(self, look: CheckedPages) -> None:
        described = self._resource.described
        if described.total_path is None or look.is_per_parent:
            return
        if described.total_is != "exact":
            found = find(look.page.answer, described.total_path)
            self._add(
                "total", "ok", f"{described.total_path}: {_short(found)}, which is {described.total_is}"
            )
            return
        total, small = look.page.total_records, look.small
        if total is None:
            return  # it was named among what cannot be read
        path = described.total_path
        small_total = small.page.total_records if small and small.page else None
        if look.is_heeded and small_total is not None and small_total != total:
            text = (
                f"{path}: {total}, and {small_total} where fewer were asked for: it is the page's own count"
            )
            self._add("total", "wrong", f"{text}{self._likely_total(look, path)}")
        elif total < len(self._trusted(look)):
            text = f"{path}: {total}, but {len(self._trusted(look))} records came"
            self._add("total", "wrong", f"{text}{self._likely_total(look, path)}")
        elif look.last is not None and look.last.page is not None and look.last.records == []:
            self._add("total", "wrong", f"{path}: {total}, but the last page by it is empty")
        else:
            self._proven["total"] = look.is_heeded
            self._add(
                "total", "ok", f"{path}: {total}" + (", whatever the page size" if look.is_heeded else "")
            )

    def _likely_total(self, look: CheckedPages, own: str) -> str:
        likely = [each for each in likeness.totals(look.page.answer, len(look.records)) if each.path != own]
        return f"; what looks like it: {_listed(likely)}" if likely else ""

    def _judge_marker(self, look: CheckedPages) -> None:
        inner = look.inner
        path = inner.more or inner.done
        if path is None:
            return
        name = "more" if inner.more else "done"
        seen = look.truths()
        values = [(find(page.answer, path), follows) for page, follows in seen]
        if any(not isinstance(value, bool) for value, _ in values) or not values:
            there = find(look.page.answer, path)
            if isinstance(there, bool):
                self._add("marker", "ok", f'{name} = "{path}": {_short(there)}')
                return
            what = "is not in the answer" if there is MISSING else f"is {_short(there)}, no true or false"
            text = f'{name} = "{path}" {what}; it has {standing_there(look.page.answer)}'
            self._add("marker", "wrong", text + self._likely_marker(look))
            return
        right = [(value if name == "more" else not value) == follows for value, follows in values]
        if all(right):
            both = len({follows for _, follows in values}) > 1
            self._proven["marker"] = both
            said = "right where more follows and at the end" if both else "right as far as it was seen"
            self._add("marker", "ok", f'{name} = "{path}": {said}')
        elif not any(right):
            other = "done" if name == "more" else "more"
            text = f'{name} = "{path}" is the wrong way round: write {other} = "{path}"'
            self._add("marker", "wrong", text)
        else:
            always = _short(values[0][0]) if len({value for value, _ in values}) == 1 else "not always right"
            text = f'{name} = "{path}" is {always} whether more follows or not'
            self._add("marker", "wrong", text + self._likely_marker(look))

    def _likely_marker(self, look: CheckedPages) -> str:
        seen = look.truths()
        booleans = [(likeness.booleans(page.answer), follows) for page, follows in seen]
        said = []
        for path in booleans[0][0] if booleans else likeness.booleans(look.page.answer):
            values = [(found.get(path), follows) for found, follows in booleans]
            if values and all(value is follows for value, follows in values):
                said.append(f'more = "{path}"')
            elif values and all(value is (not follows) for value, follows in values):
                said.append(f'done = "{path}"')
            elif not values:
                said.append(path)
        return f"; what looks like it: {', '.join(said[:_NAMED_AT_MOST])}" if said else ""

    def _judge_end(self, look: CheckedPages) -> None:
        by, said = self._end(look)
        self._proven["end"] = by
        self._add("end", "ok", said)

    def _end(self, look: CheckedPages) -> tuple[str | None, str]:  # noqa: PLR0911 - a return a way to end
        wrong = {finding.name for finding in self._found if finding.verdict == "wrong"}
        if look.is_per_parent and isinstance(look.inner, OnePagePagination):
            return None, "where there is no other parent"
        if isinstance(look.inner, OnePagePagination | FilePagination):
            return None, "one answer, as is described"
        last = look.last if look.last is not None else look.second
        end_page = look.page if look.following is None else (last.page if last is not None else None)
        is_short = len(look.records) < self._limit  # behind a full page a refusal is no end
        if last is not None and is_short and look.is_reckoned and says_nothing_there(last):
            return "refused", "the page behind the last is refused"
        if self._proven.get("marker") and "marker" not in wrong:
            return "marker", f"{look.inner.more or look.inner.done} marks it"
        if look.page.total_records == len(self._trusted(look)) and not wrong & {"total", "first"}:
            return "total", f"all {look.page.total_records} records came"
        if last is not None and last.page is not None and not last.records:
            return "empty", "an empty page"
        if (
            look.last is not None
            and look.last.records
            and look.page.total_records is not None
            and "total" not in wrong
        ):
            return "total", f"page {look.last.request.number} is the last, as the total says"
        is_sure = self._proven.get("way_on") and look.inner.way_on is not None
        if end_page is not None and is_sure and look.next_of(end_page, look.first.request) is None:
            return "way_on", f"{look.inner.way_on} leads no further"
        return None, f"not reached within {self._probe.pages.count} requests"

    def _say_limits(self) -> None:
        rules, headers = self._resource.source.rate_limit, self._probe.pages.headers
        said = ", ".join(f"{name}: {_short(value)}" for name, value in headers.items())
        if rules.remaining is not None and rules.remaining.lower() not in headers:
            text = f'rate_limit.remaining = "{rules.remaining}" is no header of its answers'
            self._add("limits", "warning", f"{text}; seen are {said or 'none'}")
            return
        known = read_rate_limit(headers, now=0.0, rules=rules) is not None
        self._add(
            "limits",
            "ok",
            (f"{said}" + ("" if known else "; none that is paced by")) if said else "no header tells of one",
        )

    def _judge_key(self, look: CheckedPages) -> None:
        key, records = self._resource.described.primary_key, self._trusted(look)
        likely = likeness.keys(records) if len(records) > 1 else []
        hint = f"; what looks like a key: {', '.join(likely[:_NAMED_AT_MOST])}" if likely else ""
        if not records:
            return
        if not key:
            said = f"none is described{hint}"
            self._add("key", "warning" if likely else "ok", said)
            return
        lacking = [name for name in key if any(record.get(name) is None for record in records)]
        name = ", ".join(key)
        if lacking:
            absent = sum(any(record.get(each) is None for each in lacking) for record in records)
            text = f"{', '.join(lacking)} is absent or null in {absent} of {len(records)} records{hint}"
            self._add("key", "wrong", text)
            return
        values = [msgspec.json.encode([record[each] for each in key]) for record in records]
        twice = len(values) - len(set(values))
        if twice:
            self._add("key", "wrong", f"{name} is no key: {twice} of {len(records)} values came before{hint}")
            return
        self._add("key", "ok", f"{name}: never null and never twice in {_plural(len(records), 'record')}")

    def _judge_transforms(self, look: CheckedPages) -> None:
        """Whether the records that came go through; what a run would store of them is counted."""
        steps = self._resource.described.transforms
        if not steps:
            return
        try:
            with DescribedTransforms(steps) as transforms:
                transforms.apply(self._trusted(look), look.page.number)
                rows = transforms.take_rows()
        except (ConfigurationError, TransformError) as error:
            self._add("transforms", "wrong", str(error))
            return
        went = (
            f"{step['type']}: {each.rows_in} in, {each.rows_out} out"
            for step, each in zip(plain(steps), rows, strict=True)
        )
        self._add("transforms", "ok", "; ".join(went))

    def _judge_incremental(self, look: CheckedPages, said: Incremental) -> None:
        """Whether records say when they changed, and what changed behind the last of them can be had."""
        everything = said.begin(None, now=0.0, asked_from="0" if said.is_counted else "1970-01-01")
        furthest = Furthest(everything)
        try:
            furthest.look(self._trusted(look))
        except ProtocolError as error:
            self._add("updated", "wrong", str(error))
            return
        place, *_ = furthest.take()
        if place is None or self._resource.described.for_each is not None:
            return
        to = place + 1 if said.is_counted else iso(place)
        sharp = structs.replace(said, lag=0)
        asked, increment = self._probe.ask_for_new(
            sharp, Reached(field=said.field, from_=everything.from_, to=to), self._limit
        )
        if asked is None or asked.page is None:
            why = "" if asked is None or asked.error is None else f": {asked.error}"
            self._add("updated", "warning", f"what changed since {increment.from_} was not given{why}")
            return
        newer = Furthest(increment)
        newer.look(asked.records)
        _, before, _ = newer.take()
        if before:
            self._add(
                "updated",
                "wrong",
                f"asked for what changed since {increment.from_}, and {before} of {len(asked.records)} "
                "records changed before: the source takes ${incremental.from} in another form or zone, or "
                "not at all",
            )
            return
        came = _plural(len(asked.records), "record")
        text = f"asked for what changed since {increment.from_}: {came} came, none of them older"
        self._add("updated", "ok", text)

    def _say_update_times(self, look: CheckedPages) -> None:
        said = self._resource.described.incremental
        if said is not None:
            self._judge_incremental(look, said)
            return
        times = likeness.update_times(self._trusted(look))
        if times:
            self._add(
                "updated",
                "ok",
                f"looks like the moment of the last change: {', '.join(times[:_NAMED_AT_MOST])}",
            )

    # ------------------------------------------------------------------ the report

    def _trusted(self, look: CheckedPages) -> list[dict[str, Any]]:
        """Every record that came; only the first page's where the second is not what it should be."""
        is_wrong = any(each.name == "pagination" and each.verdict == "wrong" for each in self._found)
        return look.records if is_wrong else look.all_records

    def _report(self, look: CheckedPages | None) -> CheckReport:
        costs = None if look is None else self._costs(look)
        if costs is not None:
            self._say_schedule(costs)
        findings = tuple(self._found)
        records = [] if look is None else self._trusted(look)
        types = likeness.types_of(records)
        return CheckReport(
            resource=self._resource.name,
            verdict=worst(findings),
            findings=findings,
            requests=self._probe.requests,
            records=0 if look is None else len(look.records),
            fields=tuple(FieldSeen(name=name, types=types[name]) for name in list(types)[:_FIELDS_KEPT]),
            total=None if look is None else look.page.total_records,
            keys=tuple(likeness.keys(records)) if len(records) > 1 else (),
            update_times=tuple(likeness.update_times(records)),
            limit_headers={name: _short(value) for name, value in self._probe.pages.headers.items()},
            costs=costs,
            evidence=PaginationEvidence(
                description=description_hash(self._resource),
                is_rehearsal=self._probe.is_rehearsal,
                **self._proven,
            ),
        )

    def _costs(self, look: CheckedPages) -> Figures:
        rules, records = self._resource.source.rate_limit, len(look.records)
        pages = look.inner.page_count(look.page, max(records, 1) if look.is_cut else self._limit)
        if pages is None and look.page.total_records is not None:
            pages = -(-look.page.total_records // max(records, 1))
        if pages is None and self._proven.get("end") and (look.second is None or not look.second.records):
            pages = 1
        at_once = min(_AT_ONCE, rules.concurrency or _AT_ONCE) if look.inner.random_access else 1
        terms = LambdaTerms(concurrency=at_once, requests_per_second=rules.per_second)
        latency = look.first.response.seconds if look.first.response else 0.0
        proof = proof_requests(look.endpoint, pages, is_counted=look.page.total_records is not None)
        first = FirstPage(
            latency=latency,
            size=look.page.size,
            records=records,
            pages=pages,
            proof=proof,
        )
        figures = forecast(first, terms)
        of = "a run takes" if pages is not None else "how many pages there are is not known; one takes"
        requests = _plural(figures.requests, "request")
        self._add(
            "costs",
            "ok",
            f"{of} {requests}, up to {proof} of them for proof, {figures.seconds:.1f} s, "
            f"{figures.dollars:.6f} USD on AWS Lambda",
        )
        return figures

    def _say_schedule(self, costs: Figures) -> None:
        """When its ticks come, and whether a run is done before the next of them."""
        schedule = self._resource.described.schedule
        if schedule is None:
            return
        first = schedule.next_tick(self._probe.now())
        gap = schedule.next_tick(first) - first
        overlap = "left out" if schedule.overlap == "skip" else "put off"
        zone = "" if schedule.zone == "UTC" else f" {schedule.zone}"
        said = f"{schedule.expression()}{zone}, then in {gap:.0f} s; a tick during a run is {overlap}"
        if costs.seconds > gap:
            longer = f"a run takes {costs.seconds:.0f} s, which is longer"
            self._add("schedule", "warning", f"{said}: {longer}")
        else:
            self._add("schedule", "ok", said)

    def _add(self, name: FindingName, verdict: Verdict, said: str) -> None:
        self._found.append(Finding(name=name, verdict=verdict, said=said))


def description_hash(resource: Resource) -> str:
    """A hash of what a description says of how pages are found, without parameters, secrets and windows."""
    said = [msgspec.to_builtins(each) for each in (resource.source, resource.described)]
    kept = [{name: value for name, value in each.items() if name not in _NO_PART_OF_THE_WAY} for each in said]
    return f"1:{digest(kept, 12).hex()}"


def _no_total(answer: object, path: str) -> str:
    """What is wrong with a total; nothing if it is one."""
    found = find(answer, path)
    if found is MISSING:
        return "is not in the answer"
    is_count = isinstance(found, int) and not isinstance(found, bool) and found >= 0
    is_text = isinstance(found, str) and re.fullmatch(r"[0-9]+", found) is not None
    return "" if is_count or is_text else f"is {_short(found)}, no whole number"


def _is_foreign(asked: Asked) -> bool:
    return isinstance(asked.error, ForeignOriginError)


def _starts_alike(records: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> bool:
    """Whether a page goes on as expected, as far as is known what to expect."""
    return bool(expected) and list(records[: len(expected)]) == list(expected)


def _words(asked: Asked) -> str:
    """Why nothing came, and what the source itself said to that."""
    said = " ".join(str(asked.error).split())
    excerpt = _excerpt(asked.response)
    is_quoted = (
        not isinstance(asked.error, AuthenticationError | PermissionDeniedError) or excerpt[:40] in said
    )
    return said if is_quoted or not excerpt else f"{said}; it said {excerpt}"


def _excerpt(response: HttpResponse | None) -> str:
    if response is None:
        return ""
    text = response.body[: BODY_EXCERPT_CHARS * 16].decode("utf-8", "replace")
    return " ".join(shared_filter().text(text).split())[:BODY_EXCERPT_CHARS]


def _listed(likely: Iterable[likeness.Likely]) -> str:
    return ", ".join(str(each) for each in list(likely)[:_NAMED_AT_MOST])


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return f"an object of {', '.join(list(value)[:4])}" if isinstance(value, dict) else "a list"
    return str(
        {True: "true", False: "false", None: "null"}.get(value, value)
        if isinstance(value, bool | None)
        else value
    )[:80]


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
