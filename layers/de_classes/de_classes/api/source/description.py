"""What a source is, said once: read from one file by the command line, the library and the worker.

    SourceDescription              an API: where it is, how one logs in, what it limits, how it says no
    |-- auth                     one of AUTH: what is added to every request
    |-- errors                   what an answer means that HTTP's own statuses do not say
    |-- rate_limit               how often it may be asked
    `-- resources                by name, each a collection of records
        |-- request              method, path, params, headers, json or form
        |-- answer               how it is encoded, and where in it the records stand
        |-- pagination           one of PAGINATION: what leads from page to page, and what marks the end
        |-- page_size            where it is asked for, and how much the source gives at the most
        |-- for_each             one collection for each of a list, or for each record of another resource
        `-- schedule             when it is pulled by itself, once it is deployed

A description holds no secret: ``${secret.NAME}`` stands where one goes. Text may name ``${parameter}``,
``${secret.NAME}``, ``${token.FIELD}`` (of the answer to the login), ``${size}`` (the page's),
``${parent.FIELD}``, ``${opening.FIELD}``, ``${job.id}``, ``${job.FIELD}``, ``${incremental.from}`` and
``${incremental.until}``; ``$${`` is a literal ``${``. Paths are JMESPath; one that is only names and dots
costs nothing. ``into`` says where a value goes: ``query.NAME``, ``header.NAME``, ``form.NAME``, or
``json.NAME.NAME``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta

from de_classes.api.answers import AnswerName
from de_classes.api.auth import AUTHS
from de_classes.api.auth.plain import NoAuth
from de_classes.api.endpoint import LookBack, Opening, PageSize
from de_classes.api.increments import Incremental
from de_classes.api.jobs import Job
from de_classes.api.pace import RateRules
from de_classes.api.pagination import PAGINATIONS
from de_classes.api.schedules import Schedule
from de_classes.api.status import ErrorRule
from de_classes.api.templates import Path, names_in
from de_classes.pipelines.described import AnyTransform
from de_classes.utils.values import Described

Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[
    str,
    Meta(pattern=r"\A[A-Za-z_][A-Za-z0-9_-]{0,63}\Z", description="letters, digits, _ and -, 64 at the most"),
]
ResourceName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z_][A-Za-z0-9_-]{0,63}\.[A-Za-z_][A-Za-z0-9_-]{0,63}\Z",
        description="a source and a resource with a dot between them, such as github.issues",
    ),
]
JSON = Any

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthDescription
    from de_classes.api.pagination.strategy import PaginationStrategy

    AnyAuth = AuthDescription
    AnyPagination = PaginationStrategy
else:
    AnyAuth = Union[AUTHS]  # noqa: UP007 - made of the registries, so that a new kind is one line there
    AnyPagination = Union[PAGINATIONS]  # noqa: UP007 - as above


class Parameter(Described, kw_only=True):
    """Something that the caller says: ``parameters = { owner = { help = "of the repository" } }``.

    In a host it is one DNS label, in a path one encoded segment.

    Attributes:
        help: What it is.
        default: Its value where none is given; without one it must be given.
        kind: ``text``; ``host``: a whole host name, dots and all; ``address``: a URL that others are below.
    """

    help: str = ""
    default: str | int | float | bool | None = None
    kind: Literal["text", "host", "address"] = "text"


class Count(Described, kw_only=True):
    """A request of its own that counts the records.

    Attributes:
        path: Below ``base_url``; the resource's own unless given.
        params: Of its query, in place of the resource's.
        total_path: Where the count stands.
    """

    path: Text | None = None
    params: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    total_path: Path


class ForEach(Described, kw_only=True):
    """One collection for each value: of a list, or of another resource's records.

    Attributes:
        values: The list, each value an object of fields, or plain text, which is then ``${parent.value}``.
        resource: The parent resource, of the same source; each of its records fills ``${parent.FIELD}``.
        include: Fields of the parent that are added to every record, under these names.
    """

    values: tuple[str | int | dict[str, str | int], ...] = ()
    resource: Name | None = None
    include: dict[Name, Path] = msgspec.field(default_factory=dict)


class ResourceDescription(Described, kw_only=True):
    """A collection of records: what a description says below ``resources``, as an object.

    Example:
        >>> charges = ResourceDescription(path="/v1/charges", pagination=OffsetPagination())
        >>> charges.method, charges.pagination.into
        ('GET', 'query.offset')

    Attributes:
        method: GET, or POST where the question is in the body.
        path: Below ``base_url``, or a whole address on one of the source's hosts.
        params: Of the query.
        headers: Of this resource, over those of the source.
        json: The body, as JSON; or
        form: the body, as a form.
        opening: A request made before the first page.
        job: How the source makes the records first, where it gives so many that it does.
        answer: How it is encoded.
        compression: Of a file that is served as it is; HTTP's own Content-Encoding needs no word.
        records_path: Where the records are; ``@`` for the answer itself.
        records_are: ``list``; ``object``: the one object there is the record; ``values``: an object of
            objects.
        key_into: For ``values``: the field that gets each object's name.
        names: For a list of lists: the name of each place.
        delimiter: Of CSV.
        xml_record: For XML: the name of a record's element.
        total_path: Where the answer says how many records there are.
        total_is: Whether that is ``exact``, a ``lower_bound``, or ``capped`` at the window.
        window: The most records that a query gives at all.
        count: A request that counts.
        page_size: Where it is asked for.
        auth: In place of the source's.
        pagination: What leads from page to page; a collection of one answer says ``{ type = "none" }``.
        errors: Over those of the source.
        for_each: One collection for each of a list, or of a parent's records.
        primary_key: The fields that tell records apart.
        look_back: How many pages are asked for again at the end, to see that the source stood still:
            ``some``, one in a hundred and five at the least; ``all``; or ``none``, where it cannot be asked
            again.
        transforms: What becomes of the records before they are written, in order. The fields of
            ``primary_key`` are the source's; ``columns`` are what the last of them leaves.
        columns: Names to types that every record must fit.
        on_violation: What becomes of a record that does not: ``refuse`` ends the run, ``quarantine`` sets it
            aside.
        incremental: How it is asked only for what is new.
        only_by_name: Whether it is left out where all of a source is ingested, as another way to records that
            are in it already.
        write: How a dataset takes more runs than one: ``append`` adds what each brings, ``upsert`` puts it in
            the place of records of the same ``primary_key``, ``snapshot`` replaces what was there. Unless it
            is said, each run has a dataset of its own.
        schedule: When it is pulled by itself, once it is deployed.
    """

    method: Literal["GET", "POST"] = "GET"
    path: str
    params: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    json: JSON = None
    form: dict[str, str] | None = None
    opening: Opening | None = None
    job: Job | None = None
    answer: AnswerName = "json"
    compression: Literal["gzip", "zip"] | None = None
    records_path: Path = "@"
    records_are: Literal["list", "object", "values"] = "list"
    key_into: Text | None = None
    names: tuple[Text, ...] = ()
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    xml_record: Text | None = None
    total_path: Path | None = None
    total_is: Literal["exact", "lower_bound", "capped"] = "exact"
    window: Annotated[int, Meta(ge=1)] | None = None
    count: Count | None = None
    page_size: PageSize | None = None
    auth: AnyAuth | None = None
    pagination: AnyPagination
    errors: tuple[ErrorRule, ...] = ()
    for_each: ForEach | None = None
    primary_key: tuple[Text, ...] = ()
    look_back: LookBack = "some"
    transforms: tuple[AnyTransform, ...] = ()
    columns: dict[str, str] | None = None
    on_violation: Literal["refuse", "quarantine"] = "refuse"
    incremental: Incremental | None = None
    only_by_name: bool = False
    write: Literal["append", "upsert", "snapshot"] | None = None
    schedule: Schedule | None = None

    @property
    def is_each(self) -> bool:
        """Whether what is new is asked for behind a place of its own for each parent."""
        return self.incremental is not None and self.for_each is not None

    @property
    def is_sliced(self) -> bool:
        """Whether what is new is asked for in slices of time, none of which has more than the window."""
        said = [self.path, self.params, self.headers, self.json, self.form]
        return (
            self.incremental is not None
            and self.window is not None
            and self.for_each is None
            and (self.count is not None or self.total_path is not None)
            and "incremental.until" in names_in(said)
        )


class SourceDescription(Described, kw_only=True):
    """An API: what a description says below ``sources``, as an object, for those built in Python.

    Example:
        >>> rows = ResourceDescription(path="/rows", pagination=PageNumberPagination())
        >>> described = SourceDescription(base_url="https://api.shop.example", resources={"rows": rows})
        >>> Source({"shop": described})["shop.rows"].client().url
        'https://api.shop.example/rows'

    Attributes:
        base_url: What every path is below.
        allowed_hosts: Hosts beyond its own that a token may go to.
        parameters: What the caller says, by name.
        auth: What is added to every request.
        headers: Sent with every request.
        rate_limit: How often it may be asked.
        errors: What its answers mean.
        resources: Its collections, by name.
        docs: Where its documentation is.
    """

    base_url: Text
    allowed_hosts: tuple[Text, ...] = ()
    parameters: dict[Name, Parameter] = msgspec.field(default_factory=dict)
    auth: AnyAuth = NoAuth()
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    rate_limit: RateRules = RateRules()
    errors: tuple[ErrorRule, ...] = ()
    resources: Annotated[dict[Name, ResourceDescription], Meta(min_length=1)]
    docs: str = ""


class SourceFile(Described, kw_only=True):
    """One file of descriptions, decoded; ``Source.load`` reads files and checks them.

    Example:
        >>> text = pathlib.Path("shop.toml").read_bytes()
        >>> list(msgspec.toml.decode(text, type=SourceFile).sources["shop"].resources)
        ['orders']

    Attributes:
        values: Values of parameters by source, in place of their defaults: also of sources that come with the
            package, and so what a deployment says of addresses.
        schedules: When resources of sources that come with the package are pulled by themselves, by name, as
            ``"github.issues"``; a source's own says it where it is described.
        version: Of this format: 1.
        sources: By name.
    """

    version: Literal[1]
    sources: dict[Name, SourceDescription] = msgspec.field(default_factory=dict)
    values: dict[Name, dict[Name, str | int | float | bool]] = msgspec.field(default_factory=dict)
    schedules: dict[ResourceName, Schedule] = msgspec.field(default_factory=dict)
