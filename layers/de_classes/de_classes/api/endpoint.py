"""One resource, ready to be asked: from a place among its pages to a request, and from an answer to a page.

It knows no retry and no network: ``PageFetcher`` sends what it makes and gives it what came.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import unquote, urlencode

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from de_classes.api.answers import ANSWERS, PageReader
from de_classes.api.auth.scheme import StaticScheme, with_header
from de_classes.api.messages import HttpRequest, origin, without_secrets
from de_classes.api.pace import RateRules
from de_classes.api.pagination.by_number import OffsetPagination, PageNumberPagination
from de_classes.api.pagination.followed import CursorPagination, LinkHeaderPagination
from de_classes.api.retry import answered_at, parse_retry_after
from de_classes.api.status import NO_CONTENT, OK, PARTIAL_CONTENT, ContentRange, raise_for_status, verdict
from de_classes.api.templates import Into, Path, as_text, fill, fill_address, names_in
from de_classes.errors import (
    ConfigurationError,
    CorruptResponseError,
    ForeignOriginError,
    ProtocolError,
    RequestRejectedError,
)
from de_classes.utils.digests import digest
from de_classes.utils.paths import MISSING, find, placed, standing_there
from de_classes.utils.values import Described, DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from de_classes.api.auth.scheme import AuthScheme
    from de_classes.api.jobs import BoundJob, JobRequest
    from de_classes.api.messages import HttpResponse
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
    from de_classes.api.status import ErrorRule

_FILLED_PER_PAGE: Final = frozenset({"token", "opening", "job", "parent", "size"})
_ANYWHERE: Final = ("${token.", "${job.")
"""What an address may begin with that is known only when it is asked: it must be where tokens may go."""

_FILLED_LATER: Final = _FILLED_PER_PAGE | {"secret", "incremental"}
_READ_IF_IGNORED: Final = range(201, 300)
"""Statuses of answers that are read like 200 where an error rule says ``ignore``."""

_NO_SUCH_PAGE: Final = 404
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"

Text = Annotated[str, Meta(min_length=1)]

JSON = Any

LookBack = Literal["some", "all", "none"]


def unknown_name(name: str) -> Any:  # noqa: ANN401 - never returns
    """Refuse a name that nothing fills.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError(f"${{{name}}} stands for nothing here")


def no_auth() -> AuthScheme:
    """Adds nothing to a request."""
    return StaticScheme(lambda request: request)


class PageSize(Described, kw_only=True):
    """How many records a page is to have.

    Attributes:
        into: Where the size goes.
        value: What goes there; ``${size}`` is the number.
        default: What is asked for unless the caller says; ``max`` if there is one, else 100.
        max: The most that the source gives.
        values: The only sizes that it allows.
    """

    into: Into
    value: Text = "${size}"
    default: Annotated[int, Meta(ge=1)] | None = None
    max: Annotated[int, Meta(ge=1)] | None = None
    values: tuple[Annotated[int, Meta(ge=1)], ...] = ()


class Opening(Described, kw_only=True):
    """A request made once, before the first page; its answer fills ``${opening.FIELD}``.

    Attributes:
        method: Of the request.
        path: Below ``base_url``.
        params: Of its query.
        headers: Of the request.
        json: Its body.
        fields: Names to paths in the answer.
    """

    method: Literal["GET", "POST"] = "GET"
    path: Text
    params: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    json: JSON = None
    fields: dict[str, Path]


class Endpoint(DiscreetValue, dict=True):
    """What is asked of a resource, and how its answers are read.

    Texts may still hold ``${names}``; ``lookup`` knows those of parameters and secrets.

    Example:
        >>> orders = Endpoint.at(f"{api.base_url}/data", look_back="none")
        >>> [number for number, _ in UnstableAPIClient(orders, auth).iterate_all_pages(limit=2)]
        [1, 2, 3]

    Attributes:
        url: The resource's address.
        pagination: What leads from page to page.
        reader: Where records and totals stand.
        auth: Adds what the source wants to see.
        method: GET or POST.
        params: Of the query.
        headers: Of every request.
        json: The body as JSON, or None.
        form: The body as a form, or None.
        page_size: Where the size of a page goes, and what it may be; None if it cannot be said.
        errors: What answers mean, the first that fits.
        opening: A request made before the first page, or None.
        job: What makes the pages, or None.
        origins: Where tokens may go, besides the address's own origin.
        lookup: The value of a parameter or secret by its name, such as ``secret.token``.
        kind_of: What a parameter stands for in an address, see ``fill_address``.
        include: Fields of the parent that are added to every record: names to paths.
        rate_limit: How often it may be asked.
        window: The most records that the source gives, or None.
        key: The fields that tell records apart; none if that is not described.
        look_back: How many pages are asked for again at the end: some, all or none.
        count: What is asked for the number of records, or None.
        name: What the resource is called, such as ``stripe.charges``; None if nothing describes it.
    """

    shown = ("url", "pagination")

    url: str
    pagination: PaginationStrategy = PageNumberPagination()
    reader: PageReader = PageReader()
    auth: AuthScheme = msgspec.field(default_factory=no_auth)
    method: str = "GET"
    params: Mapping[str, Any] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] | None = None
    page_size: PageSize | None = None
    errors: tuple[ErrorRule, ...] = ()
    opening: Opening | None = None
    job: BoundJob | None = None
    origins: frozenset[tuple[str, str, int | None]] = frozenset()
    lookup: Callable[[str], Any] = unknown_name
    kind_of: Callable[[str], str] = lambda _: "text"
    include: Mapping[str, str] = msgspec.field(default_factory=dict)
    rate_limit: RateRules = RateRules()
    window: int | None = None
    key: tuple[str, ...] = ()
    look_back: LookBack = "some"
    count: Endpoint | None = None
    name: str | None = None

    @classmethod
    def at(
        cls,
        url: str,
        *,
        pagination: PaginationStrategy | None = None,
        reader: PageReader | None = None,
        headers: Mapping[str, str] | None = None,
        rate_limit: RateRules | None = None,
        look_back: LookBack = "some",
    ) -> Endpoint:
        """What is asked at an address whose API takes ``page`` and ``limit``, unless said otherwise.

        Args:
            url: The whole address of the resource.
            pagination: How pages are numbered; by ``page``, which the answer repeats.
            reader: Where records and totals stand in an answer.
            headers: Sent with every request. Where a name is that of a credential, such as ``X-Api-Key``, the
                value is masked in logs and errors like a token.
            rate_limit: How often it may be asked.
            look_back: How many pages are asked for again at the end, see ``ResourceDescription``.
        """
        return cls(
            url,
            pagination=pagination or PageNumberPagination(echo_path="page"),
            reader=reader or PageReader(),
            headers=headers or {},
            page_size=PageSize(into="query.limit"),
            rate_limit=rate_limit or RateRules(),
            look_back=look_back,
        )

    def signed_by(self, auth: AuthScheme) -> Endpoint:
        """The same with another auth, for the request that counts too."""
        return replace(self, auth=auth, count=self.count and self.count.signed_by(auth))

    @property
    def fingerprint(self) -> str:
        """A hash of all that changes what comes, secrets aside: two endpoints of one get the same pages."""
        templates = [
            self.url,
            self.method,
            dict(self.params),
            self._headers,
            self.json,
            self.form and dict(self.form),
            *([] if self.job is None else [msgspec.to_builtins(self.job.described)]),
        ]
        names = sorted(set(names_in(templates)))
        filled = {name: self.lookup(name) for name in names if name.partition(".")[0] not in _FILLED_LATER}
        how = [self.pagination.described(), msgspec.to_builtins(self.reader)]
        return f"2:{digest([templates, filled, how], 12).hex()}"

    @property
    def pagination_hash(self) -> str:
        """A hash of what leads from page to page, whatever the parameters are, and secrets and windows."""
        how = [self.pagination.described(), msgspec.to_builtins(self.reader), self.page_size]
        return digest([self.url, self.method, msgspec.to_builtins(how)], 12).hex()

    @property
    def shown_url(self) -> str:
        """The address as it may be written down: parameters filled in, no secret, no query."""

        def show(name: str) -> Any:  # noqa: ANN401 - a JSON value
            first = name.partition(".")[0]
            return f"${{{name}}}" if first in _FILLED_LATER else self.lookup(name)

        if self.job is not None and self.url.startswith("${job."):  # where it lies is known only then
            made_at = fill_address(self.job.described.create.path, show, self.kind_of)
            return without_secrets(unquote(made_at))
        return without_secrets(unquote(self.address(show)))

    @property
    def may_tie(self) -> bool:
        """Whether records are left for the next page: others may share what pages go by, or come late."""
        path = self.pagination.tied_by
        return path is not None and (self.key != (path,) or self.pagination.holds_back)

    @property
    def goes_by_key(self) -> bool:
        """Whether each page begins behind the last record's unique key: no change moves a record past it."""
        return self.pagination.tied_by is not None and not self.may_tie

    def limit(self, asked: int) -> int:
        """The size of a page that is asked for, cut to what the source gives."""
        size = self.page_size
        if size is None:
            return asked
        if size.values:
            return max((value for value in size.values if value <= asked), default=min(size.values))
        return asked if size.max is None else min(asked, size.max)

    def largest_below(self, records: int) -> int | None:
        """The largest page below so many records that may be asked for; None if there is none."""
        if self.page_size is None or records <= 1:
            return None
        size = self.limit(records - 1)
        return size if size < records else None

    def request(self, asked: PageRequest, lookup: Callable[[str], Any]) -> HttpRequest:
        """What to send for a page, without what auth adds.

        Args:
            asked: The page's place.
            lookup: Gives what is filled at the last moment: ``token.FIELD``, ``opening.FIELD``.

        Raises:
            ForeignOriginError: The page is said to be where no token may go.
        """
        know = self._knowing(asked, lookup)
        own_address = self._filled("url", know)
        url = own_address if asked.url is None else asked.url
        if url is not own_address or self.url.startswith(_ANYWHERE):
            self._check_origin(url, asked.number, own_address)
        params = {} if asked.url is not None else dict(self._filled("params", know))
        headers, body, form = (self._filled(each, know) for each in ("headers", "json", "form"))
        if asked.keeps is not None:
            params = {name: value for name, value in params.items() if name in asked.keeps}
        for into, value in self._placed(asked, know):
            place, _, name = into.partition(".")
            if place == "query":
                params[name] = value
            elif place == "header":
                headers = with_header(headers, name, as_text(value))
            elif place == "form":
                form = {**(form or {}), name: value}
            elif place == "json":
                body = placed(body or {}, name, value)
        content, kind = _encoded(body, form)
        if kind:
            headers = {"Content-Type": kind, **headers}
        texts = {name: _param(value) for name, value in params.items()}
        return HttpRequest(self.method, url, params=texts, headers=headers, body=content)

    def opening_request(self, opening: Opening | JobRequest, lookup: Callable[[str], Any]) -> HttpRequest:
        """A request beside those for pages: made once, before the first, or for a job."""

        def know(name: str) -> Any:  # noqa: ANN401 - a JSON value
            return lookup(name) if name.startswith(("token.", "job.")) else self.lookup(name)

        content, kind = _encoded(fill(opening.json, know), None)
        headers = {
            **fill(dict(self._headers), know),
            **fill(opening.headers, know),
            **({"Content-Type": kind} if kind else {}),
        }
        params = {name: _param(fill(value, know)) for name, value in opening.params.items()}
        url = fill_address(opening.path, know, self.kind_of)
        # where a job's pages are is not known before it is done
        self._check_origin(url, 1, self.address(know) if self.job is None else None)
        return HttpRequest(opening.method, url, params=params, headers=headers, body=content)

    def opening_fields(self, opening: Opening, response: HttpResponse) -> dict[str, Any]:
        """What the opening's answer holds for the requests that follow."""
        answer = self.reader.answer_of(response)
        fields = {name: find(answer, path) for name, path in opening.fields.items()}
        for name, value in fields.items():
            if value is MISSING:
                raise ProtocolError(
                    f"the opening's answer has no {opening.fields[name]!r}: it has {standing_there(answer)}"
                )
        return fields

    def address(self, lookup: Callable[[str], Any]) -> str:
        """The resource's address."""
        return fill_address(self.url, lookup, self.kind_of) if "${" in self.url else self.url

    def page(
        self,
        response: HttpResponse,
        asked: PageRequest,
        *,
        url: str,
        now: float,
        leaves_text: bool = False,
    ) -> Page:
        """The page in an answer.

        Args:
            response: The answer.
            asked: The page's place.
            url: Where it came from.
            now: Seconds since the epoch.
            leaves_text: Whether records may be left as text, see ``PageReader.read``.

        Raises:
            RetryableError: It is worth another try.
            FatalError: It is not.
        """
        part = None
        response = self.pagination.piece_of(response, asked, url=url)
        if response.status != OK:
            answer = self.reader.answer_of(response) if self.errors else None
            verdict = self._verdict(response, answer, url, now)
            if verdict == "empty" or (verdict is None and response.status == NO_CONTENT):
                return self.reader.empty(response, asked.number)
            if verdict is None and response.status == PARTIAL_CONTENT:
                part = ContentRange.of(response)
            is_whole = part is not None and part.may_be_read(response)
            if not is_whole and (verdict is None or response.status not in _READ_IF_IGNORED):
                raise_for_status(response, url=url, now=now, limits=self.rate_limit)
        leaves_text = leaves_text and not (self.may_tie or self.include or part)
        try:
            page = self.reader.read(response, asked.number, leaves_text=leaves_text, url=url)
        except (CorruptResponseError, ProtocolError) as error:
            if isinstance(error, CorruptResponseError):
                moment = answered_at(response.headers, now)
                error.retry_after = parse_retry_after(response.header("retry-after"), now=moment)
            if self.errors and self._verdict(response, self.reader.answer_of(response), url, now) == "empty":
                return self.reader.empty(response, asked.number)
            raise
        if self.errors and self._verdict(response, page.answer, url, now) == "empty":
            return self.reader.empty(response, asked.number)
        if part is not None:
            part.check(len(page.records), asked.size if self.page_size else None, url=without_secrets(url))
        page = self.pagination.with_totals(self._as_written(page, response))
        page = self._as_asked_for(page)
        page = self.pagination.without_ties(page) if self.may_tie else page
        return self._with_parent(page, asked)

    def _verdict(self, response: HttpResponse, answer: Any, url: str, now: float) -> str | None:  # noqa: ANN401 - a JSON value
        return verdict(self.errors, response, answer, url=url, now=now, default_wait=self.rate_limit.wait)

    def _as_written(self, page: Page, response: HttpResponse) -> Page:
        """Keep the text of numbers that are sent on."""
        path = self.pagination.sent_on
        if path is None or self.reader.kind != "json":
            return page
        found = find(page.answer, path)
        values = found.values() if isinstance(found, dict) else [found]
        if any(isinstance(value, float) for value in values):
            page.note_written(path, self.reader.as_written(response, path))
        return page

    def _as_asked_for(self, page: Page) -> Page:
        """Make sure that the answer is for this page; a source may serve its last page again past its end."""
        if self.pagination.echo is None:
            return page
        echoed = find(page.answer, self.pagination.echo)
        if isinstance(echoed, bool) or not isinstance(echoed, int):
            return page
        if echoed == page.number - 1 + self.pagination.first_number:
            return page
        if page.total_pages is not None and page.number > page.total_pages:
            return page.with_records([])
        words = f"page {page.number} was asked for, but the answer is page {echoed}"
        if page.total_pages is None and echoed < page.number - 1 + self.pagination.first_number:
            raise RequestRejectedError(
                words, status=_NO_SUCH_PAGE
            )  # so a source says it that counts no pages
        raise CorruptResponseError(words)

    def _with_parent(self, page: Page, asked: PageRequest) -> Page:
        if not self.include or asked.parent is None:
            return page
        added = {
            name: None if (value := find(asked.parent, path)) is MISSING else value
            for name, path in self.include.items()
        }
        for record in page.records:
            if taken := [name for name in added if name in record and record[name] != added[name]]:
                raise ProtocolError(
                    f"the records have {', '.join(taken)} of their own, other than the parent's: name it "
                    "otherwise in for_each.include"
                )
        return page.with_records([{**added, **record} for record in page.records])

    def _knowing(self, asked: PageRequest, lookup: Callable[[str], Any]) -> Callable[[str], Any]:
        def know(name: str) -> Any:  # noqa: ANN401 - a JSON value
            first, _, rest = name.partition(".")
            if name == "size":
                return asked.size
            if first == "parent" and asked.parent is not None:
                return _of_parent(asked.parent, rest)
            if first in self.pagination.fills and asked.parent is not None:
                return _of_parent(asked.parent, name)
            return lookup(name) if first in {"token", "opening", "job"} else self.lookup(name)

        return know

    def _placed(self, asked: PageRequest, know: Callable[[str], Any]) -> list[tuple[str, Any]]:
        size = self.page_size
        placed_values = [(into, value) for into, value in asked.values.items() if "." in into]
        if size is None or asked.size is None or (asked.url is not None and size.into.startswith("query.")):
            return placed_values
        return [(size.into, fill(size.value, know)), *placed_values]

    def _filled(self, what: str, know: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a JSON value
        """One of the templates; not to be changed by whoever gets it."""
        return self._same[what] if what in self._same else self._filled_anew(what, know)

    def _filled_anew(self, what: str, know: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a JSON value
        return self.address(know) if what == "url" else fill(self._templates[what], know)

    @cached_property
    def _same(self) -> dict[str, Any]:
        """What is the same for every page, filled once: it names nothing of a page, a login or an opening."""
        per_page = {
            what
            for what, template in self._templates.items()
            for name in names_in(template)
            if name.partition(".")[0] in _FILLED_PER_PAGE | self.pagination.fills
        }
        return {
            what: self._filled_anew(what, self.lookup) for what in self._templates if what not in per_page
        }

    @cached_property
    def _templates(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "params": dict(self.params),
            "headers": self._headers,
            "json": self.json,
            "form": self.form and dict(self.form),
        }

    @cached_property
    def _headers(self) -> dict[str, str]:
        own = {name.lower() for name in self.headers}
        accept = {} if "accept" in own else {"Accept": ANSWERS[self.reader.kind].accept}
        return {**accept, **self.headers}

    def _check_origin(self, url: str, number: int, own_address: str | None) -> None:
        where = origin(url)
        is_fixed = own_address is not None and not self.url.startswith(_ANYWHERE)
        is_own = is_fixed and where == origin(own_address or "")
        if not is_own and where not in self.origins:
            raise ForeignOriginError(
                f"page {number} is said to be at {without_secrets(url)}: no token is sent there"
            )


def _param(value: Any) -> str | list[str]:  # noqa: ANN401 - a JSON value
    return [as_text(item) for item in value] if isinstance(value, list | tuple) else as_text(value)


def _encoded(body: Any, form: Any) -> tuple[bytes | None, str | None]:  # noqa: ANN401 - JSON values
    if body is not None:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), _JSON
    if form is not None:
        return urlencode({name: _param(value) for name, value in form.items()}, doseq=True).encode(), _FORM
    return None, None


def _of_parent(parent: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - a JSON value
    if name not in parent:
        raise ProtocolError(
            f"a parent has no {name!r}, which ${{parent.{name}}} stands for; it has {standing_there(parent)}"
            ": name a field that all have, or leave out by a filter in its records_path which has none"
        )
    return parent[name]


def first_fingerprint(endpoint: Endpoint) -> str | None:
    """The hash of an endpoint's address, pagination and fields, by the texts that version 0.1 made of them.

    Returns:
        The hash; None if version 0.1 could not read such a source.
    """
    pagination = _pagination(endpoint)
    if pagination is None or endpoint.method != "GET" or endpoint.params or endpoint.reader.kind != "json":
        return None
    if any(name.partition(".")[0] in _FILLED_PER_PAGE for name in names_in(endpoint.url)):
        return None
    reader = endpoint.reader
    fields = (
        f"PageReader(records_field={reader.records_field!r}, total_pages_field={reader.total_pages_field!r}, "
        f"total_records_field={reader.total_records_field!r})"
    )
    return digest([endpoint.address(endpoint.lookup), pagination, fields], 12).hex()


def _pagination(endpoint: Endpoint) -> str | None:
    size = endpoint.page_size.into.partition(".")[2] if endpoint.page_size else "limit"
    match endpoint.pagination:
        case PageNumberPagination(into=into, echo_path=echo):
            page = into.partition(".")[2]
            return f"PageNumberPagination(page_param={page!r}, limit_param={size!r}, echo_field={echo!r})"
        case OffsetPagination(into=into):
            return f"OffsetPagination(offset_param={into.partition('.')[2]!r}, limit_param={size!r})"
        case CursorPagination(into=into, path=path):
            cursor = into.partition(".")[2]
            return f"CursorPagination(cursor_param={cursor!r}, cursor_field={path!r}, limit_param={size!r})"
        case LinkHeaderPagination():
            return f"LinkHeaderPagination(limit_param={size!r})"
    return None
