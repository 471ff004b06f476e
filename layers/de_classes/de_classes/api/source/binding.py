"""From what is described to what can be asked: parameters and secrets filled in, addresses checked."""

from __future__ import annotations

import re
import time
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from de_classes.api.answers import PageReader
from de_classes.api.auth.scheme import AuthRuntime
from de_classes.api.endpoint import Endpoint
from de_classes.api.increments import EachParent
from de_classes.api.jobs import BoundJob
from de_classes.api.messages import origin
from de_classes.api.pagination.by_number import PageNumberPagination
from de_classes.api.pagination.followed import OnePagePagination
from de_classes.api.pagination.per_parent import Parents, PerParentPagination
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source.loading import load_sources, pick
from de_classes.api.source.secrets import EnvironmentSecrets
from de_classes.api.templates import fill, fill_address, fill_host, names_in
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.configs.settings import environment
from de_classes.configs.urls import is_loopback, url_problems
from de_classes.errors import ConfigurationError, InvalidInputError, ProtocolError
from de_classes.redaction import redact
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.page_range import PageRange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from de_classes.api.auth.kept_secrets import Secrets
    from de_classes.api.auth.scheme import AuthScheme
    from de_classes.api.jobs import Job
    from de_classes.api.source.description import ResourceDescription, SourceDescription
    from de_classes.utils.run_records import Increment

DEFAULT_LIMIT = 100
LARGEST_DEFAULT = 1000
_ADDRESS = re.compile(r"(https?)://([^/?#]+)(.*)", re.DOTALL)
_FIRST_NAME = re.compile(r"\$\{([^}]+)\}")
_REQUEST_NAMES = frozenset({"size", "method", "path", "query", "target", "body", "timestamp"})


class Source:
    """Sources by name: those of a file or a folder, and those that come with the package.

    ``Source.load("sources")["stripe.charges"].client()`` is a client of one resource.

    Example:
        >>> Source.load("shop.toml").names
        ['shop']
        >>> Source.shipped()["stripe.charges"].name
        'stripe.charges'

    Args:
        described: The descriptions, built in Python.
    """

    def __init__(self, described: Mapping[str, SourceDescription]) -> None:
        self._described = dict(described)

    @classmethod
    def load(cls, path: str | Path, *, allow_functions: bool = False) -> Source:
        """The sources of a ``.toml`` or ``.json`` file, or of a folder of them.

        Args:
            path: The file or the folder.
            allow_functions: Whether its ``transforms`` may name functions, which are imported and called: for
                files that are as much part of a program as its code is.

        Raises:
            ConfigurationError: Its ``problems`` name every mistake, with file and line.
        """
        return cls(load_sources(path, allow_functions=allow_functions))

    @classmethod
    def shipped(cls) -> Source:
        """Only those that come with the package."""
        return cls({})

    def __getitem__(self, name: str) -> Resource:
        """A resource, such as ``stripe.charges``.

        Raises:
            InvalidInputError: There is no such source or resource; says what there is, and the nearest.
        """
        source_name, dot, resource_name = name.partition(".")
        found_name, source = pick(self._described, source_name)
        if not dot or resource_name not in source.resources:
            known = ", ".join(f"{found_name}.{each}" for each in sorted(source.resources))
            raise InvalidInputError(f"{name[:80]!r} names no resource: known are {known}")
        return Resource(name, source, source.resources[resource_name])

    def resources(self, source_name: str, *, in_order: bool = False) -> list[Resource]:
        """All resources of a source, those first that others read their parents from.

        Args:
            source_name: The source.
            in_order: As they stand in the description instead.

        Raises:
            InvalidInputError: There is no such source.
        """
        name, source = pick(self._described, source_name)
        ordered = (
            list(source.resources)
            if in_order
            else sorted(
                source.resources, key=lambda each: (source.resources[each].for_each is not None, each)
            )
        )
        return [Resource(f"{name}.{each}", source, source.resources[each]) for each in ordered]

    @property
    def names(self) -> list[str]:
        """The names of the sources that were loaded."""
        return sorted(self._described)

    @property
    def scheduled(self) -> list[Resource]:
        """The resources of those that are pulled by themselves."""
        each = (resource for name in self.names for resource in self.resources(name, in_order=True))
        return [resource for resource in each if resource.described.schedule is not None]


class Resource:
    """One resource of a source, as it is described.

    Example:
        >>> client = Source.load("shop.toml")["shop.orders"].client(secrets=FileSecrets("shop.json"))
        >>> [len(page.records) for _, page in client.iterate_all_pages(limit=2)]
        [2, 2, 1]

    Args:
        name: Such as ``stripe.charges``.
        source: Its source.
        described: Itself.
    """

    def __init__(self, name: str, source: SourceDescription, described: ResourceDescription) -> None:
        self.name = name
        self.source_name = name.partition(".")[0]
        self.source = source
        self.described = described

    @property
    def default_limit(self) -> int:
        """Records a page where nobody says how many."""
        size = self.described.page_size
        if size is None:
            return DEFAULT_LIMIT
        if size.default is not None:
            return size.default
        most = max(size.values) if size.values else size.max
        return DEFAULT_LIMIT if most is None else min(most, LARGEST_DEFAULT)

    @property
    def pinned(self) -> PinnedSchema | None:
        """The schema that every record must fit, made of the description's columns; None if it names none."""
        columns = self.described.columns
        return None if columns is None else PinnedSchema.parse(columns)

    def address_parameters(self) -> set[str]:
        """The parameters that stand in a host: on a deployment they are never the caller's to say."""
        declared = self.source.parameters
        hosts = [match[2] for address in self._addresses() if (match := _ADDRESS.fullmatch(address))]
        named = {name for name in names_in([*hosts, *self.source.allowed_hosts]) if name in declared}
        return named | {name for name in declared if declared[name].kind != "text"}

    def client(
        self,
        *,
        parameters: Mapping[str, Any] | None = None,
        secrets: Secrets | None = None,
        base_url: str | None = None,
        allow_insecure: bool = False,
        pages: PageRange | None = None,
        auth: AuthScheme | None = None,
        limits: ClientLimits | None = None,
        runtime: ClientRuntime | None = None,
        increment: Increment | None = None,
        places: Mapping[str, str | int] | None = None,
    ) -> UnstableAPIClient:
        """A client of this resource.

        Args:
            parameters: By name; what has a default may be left out.
            secrets: Where secrets come from; the variables ``DE_CLASSES_SECRET_NAME`` if not given.
            base_url: Another origin for every address of the source, for rehearsals: this machine's, unless
                ``allow_insecure``.
            allow_insecure: Whether ``base_url`` may be another machine's.
            pages: Which pages.
            auth: In place of what the description says: one that another client has logged in by.
            limits: Pages at once, time, attempts; of logins too.
            runtime: Network, clock and logger; of logins too.
            increment: What is asked for where the resource is read only as far as it is new; from its start
                until now unless given.
            places: The places that were reached for each parent, by its hashed key; see ``EachParent``.

        Raises:
            ConfigurationError: Its ``problems`` name every parameter that is missing, unknown or unfit.
        """
        binding = _Binding(
            self,
            dict(parameters or {}),
            secrets or EnvironmentSecrets(environment()),
            base_url,
            allow_insecure=allow_insecure,
            increment=increment,
        )
        limits, runtime = limits or ClientLimits(), runtime or ClientRuntime()
        terms = AuthRuntime(
            binding.fill,
            binding.address,
            binding.secrets,
            runtime.transport,
            limits.retry_policy,
            runtime.clock,
            runtime.logger,
            limits.timeout,
        )
        endpoint = binding.endpoint(auth or (self.described.auth or self.source.auth).scheme(terms))
        if self.described.job is not None:
            is_same = auth is not None or self.described.auth is None
            signs = endpoint.auth if is_same else self.source.auth.scheme(terms)
            endpoint = structs.replace(endpoint, job=binding.job(self.described.job, signs))
        if binding.slices is not None:
            endpoint = structs.replace(
                endpoint,
                pagination=_per_parent(self.described, Parents(binding.slices, None, DEFAULT_LIMIT)),
                count=None,
            )
        each = self.described.for_each
        if each is not None:
            parent = None
            if each.resource is not None:
                described = self.source.resources[each.resource]
                sibling = Resource(f"{self.name.partition('.')[0]}.{each.resource}", self.source, described)
                parent = UnstableAPIClient(
                    binding.of(sibling).endpoint(endpoint.auth), limits=limits, runtime=runtime
                )
            parents = Parents(
                each.values,
                parent,
                DEFAULT_LIMIT if each.resource is None else sibling.default_limit,
                _named_of_parent(self.described),
            )
            pagination = structs.replace(
                _per_parent(self.described, parents), each_from=binding.each_from(places or {})
            )
            endpoint = structs.replace(endpoint, pagination=pagination, include=each.include)
        return UnstableAPIClient(endpoint, pages=pages, limits=limits, runtime=runtime)

    def cut(self, increment: Increment, client: UnstableAPIClient, **options: Any) -> Increment:  # noqa: ANN401 - as ``client`` takes them
        """The same in slices, if the source gives no more than a window of any query, and counts them.

        A run that was begun keeps its own.

        Args:
            increment: What is asked for.
            client: One of this resource, whose login is used.
            **options: Those by which that was made.

        Raises:
            ProtocolError: A slice cannot be made small enough, or has no total.
            DeClassesError: The source does not answer.
        """
        said, window = self.described.incremental, self.described.window
        if said is None or window is None or not self.described.is_sliced or increment.slices is not None:
            return increment
        whole = structs.replace(self.described, window=None, total_is="exact", look_back="none")
        counted = Resource(self.name, self.source, whole)

        def total_of(each: Increment) -> int:
            made = counted.client(**{**options, "increment": each, "auth": client.endpoint.auth})
            endpoint = made.endpoint.count or made.endpoint
            asks = UnstableAPIClient(
                endpoint, limits=options.get("limits"), runtime=options.get("runtime"), pages=PageRange(1, 1)
            )
            totals = [page.total_records for _, page in asks.iterate_all_pages(endpoint.limit(1))]
            if not totals or totals[0] is None:
                raise ProtocolError(f"{self.name} says of no slice how many records it has: name total_path")
            return totals[0]

        return said.cut(increment, total_of, window)

    def _addresses(self) -> list[str]:
        return [self.source.base_url, *self.source.auth.addresses().values(), self.described.path]


class _Binding:
    """Parameters, secrets and addresses of one resource, filled in and checked."""

    def __init__(
        self,
        resource: Resource,
        parameters: dict[str, Any],
        secrets: Secrets,
        base_url: str | None,
        *,
        allow_insecure: bool,
        increment: Increment | None = None,
    ) -> None:
        self._increment = increment
        self.secrets = secrets
        self._resource = resource
        self._base_url = base_url
        self._allow_insecure = allow_insecure
        self._parameters = parameters
        self._secret = lru_cache(None)(self._read_secret)
        problems = [*self._parameter_problems(), *self._base_url_problems()]
        problems = problems or self._address_problems()
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)

    def of(self, resource: Resource) -> _Binding:
        """The same for another resource of the source."""
        return _Binding(
            resource, self._parameters, self.secrets, self._base_url, allow_insecure=self._allow_insecure
        )

    def endpoint(self, auth: Any) -> Endpoint:  # noqa: ANN401 - an AuthScheme
        """What is asked."""
        source, said = self._resource.source, self._resource.described
        if self.slices is not None:
            said = _in_slices(said)
        endpoint = Endpoint(
            self._template(
                said.path
                if _ADDRESS.fullmatch(said.path) or said.path.startswith("${job.")
                else source.base_url.rstrip("/") + said.path
            ),
            pagination=said.pagination,
            reader=_reader(said),
            auth=auth,
            method=said.method,
            params=said.params,
            headers={**source.headers, **said.headers},
            json=said.json,
            form=said.form,
            page_size=said.page_size,
            errors=(*said.errors, *source.errors),
            opening=said.opening
            and structs.replace(
                said.opening, path=self._template(source.base_url.rstrip("/") + said.opening.path)
            ),
            origins=self._origins() | self._job_origins(),
            lookup=self.lookup,
            kind_of=self.kind_of,
            rate_limit=source.rate_limit,
            window=said.window,
            key=said.primary_key,
            look_back=said.look_back,
            name=self._resource.name,
        )
        return endpoint if said.count is None else structs.replace(endpoint, count=self._count(endpoint))

    def _count(self, endpoint: Endpoint) -> Endpoint:
        """The request that counts, with all that the resource's own requests have but their query."""
        count = self._resource.described.count
        if count is None:
            raise LookupError("no request counts")
        own = self._template(self._resource.source.base_url.rstrip("/") + (count.path or ""))
        return structs.replace(
            endpoint,
            url=endpoint.url if count.path is None else own,
            params=count.params,
            page_size=None,
            pagination=OnePagePagination(),
            reader=PageReader("@", None, count.total_path, records_are="object", is_total_required=True),
        )

    def job(self, said: Job, auth: AuthScheme) -> BoundJob:
        """A job whose requests know where they go."""
        base = self._resource.source.base_url.rstrip("/")
        whole = {
            name: structs.replace(request, path=self._template(base + request.path))
            for name in ("create", "poll", "find")
            if (request := getattr(said, name)) is not None
        }
        return BoundJob(structs.replace(said, **whole), auth, self._origins())

    def _job_origins(self) -> frozenset[tuple[str, str, int | None]]:
        """Where a job's records may lie, besides where tokens may go."""
        job = self._resource.described.job
        if job is None or self._base_url is not None:
            return frozenset()
        hosts = [fill_host(host, self.lookup, self.kind_of) for host in job.hosts]
        return frozenset(origin(url) for host in hosts for url in _urls_of(host))

    def lookup(self, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """The value of a parameter or a secret."""
        first, _, rest = name.partition(".")
        if first == "secret" and rest:
            return self._secret(rest)
        if first == "incremental" and rest in self._bounds:
            return self._bounds[rest]
        declared = self._resource.source.parameters
        if name not in declared:
            raise ConfigurationError(f"${{{name}}} stands for nothing here")
        return self._parameters.get(name, declared[name].default)

    @cached_property
    def slices(self) -> list[dict[str, str | int]] | None:
        """What the requests of each slice say; None where a run is not asked for in slices."""
        said = self._resource.described.incremental
        if said is None or not self._resource.described.is_sliced:
            return None
        return said.slices(self._increment or said.begin(None, now=time.time()))

    def each_from(self, places: Mapping[str, str | int]) -> EachParent | None:
        """Where each parent's children are asked for; None where all are by one window."""
        described = self._resource.described
        if described.incremental is None or not described.is_each:
            return None
        said = described.incremental
        increment = self._increment or said.begin(None, now=time.time(), is_each=True)
        return EachParent(said, increment, places) if increment.is_each else None

    @cached_property
    def _bounds(self) -> dict[str, str | int]:
        """Where the run begins and ends, as the source is asked for it."""
        said = self._resource.described.incremental
        if said is None:
            return {}
        return said.bounds(self._increment or said.begin(None, now=time.time()))

    def fill(self, value: Any) -> Any:  # noqa: ANN401 - a JSON value
        """A text or a JSON value with its names replaced."""
        return fill(value, self.lookup)

    def address(self, address: str) -> str:
        """An address with its names replaced, on the other origin if there is one."""
        return fill_address(self._template(address), self.lookup, self.kind_of)

    def kind_of(self, name: str) -> str:
        """What a parameter stands for in an address."""
        declared = self._resource.source.parameters.get(name)
        return "text" if declared is None else declared.kind

    def _read_secret(self, name: str) -> str:
        value = self.secrets.get(name)
        redact(value)
        return value

    def _template(self, address: str) -> str:
        match = _ADDRESS.fullmatch(self._spelled_out(address))
        if self._base_url is None or match is None:
            return address
        main = _ADDRESS.fullmatch(self._spelled_out(self._resource.source.base_url))
        # One server stands in for several hosts: any but the main one is a folder, named by its first label.
        folder = "" if main is None or main[2] == match[2] else f"/{match[2].partition('.')[0]}"
        return f"{self._base_url.rstrip('/')}{folder}{match[3]}"

    def _spelled_out(self, address: str) -> str:
        """The address, with the value of the parameter that it begins with where that is a whole address."""
        first = _FIRST_NAME.match(address)
        if first is None or self.kind_of(first[1]) != "address":
            return address
        return f"{self.lookup(first[1])}{address[first.end() :]}"

    def _origins(self) -> frozenset[tuple[str, str, int | None]]:
        if self._base_url is not None:
            return frozenset({origin(self._base_url)})
        hosts = [fill_host(host, self.lookup, self.kind_of) for host in self._resource.source.allowed_hosts]
        static = (
            []
            if self._resource.source.base_url.startswith("${token.")
            else [self.address(self._resource.source.base_url)]
        )
        return frozenset(origin(url) for url in [*static, *(url for host in hosts for url in _urls_of(host))])

    def _parameter_problems(self) -> list[str]:
        source = self._resource.source
        unknown = sorted(self._parameters.keys() - source.parameters.keys())
        known = ", ".join(sorted(source.parameters)) or "none"
        problems = [
            f"--set {name} is no parameter of {self._resource.name}: known are {known}" for name in unknown
        ]
        said = [msgspec.to_builtins(each) for each in (source, self._resource.described)]
        said[0].pop("resources", None)
        if self._base_url is not None:
            said[0].pop("allowed_hosts", None)
            said[0]["base_url"] = _path_of(source.base_url)
            logins = {name: _path_of(url) for name, url in source.auth.addresses().items()}
            said[0]["auth"] = said[0].get("auth", {}) | logins
        used = set(names_in(said)) - _REQUEST_NAMES
        for name in sorted(used & source.parameters.keys()):
            if name not in self._parameters and source.parameters[name].default is None:
                about = f" ({source.parameters[name].help})" if source.parameters[name].help else ""
                problems.append(f"--set {name}=... is missing: {self._resource.name} needs it{about}")
        return problems

    def _address_problems(self) -> list[str]:
        declared = self._resource.source.parameters
        addresses = {name: self.lookup(name) for name in declared if declared[name].kind == "address"}
        given = {name: str(value) for name, value in addresses.items() if value is not None}
        return [
            problem
            for name, value in given.items()
            for problem in url_problems(f"--set {name}", value, allow_insecure=self._allow_insecure)
        ]

    def _base_url_problems(self) -> list[str]:
        if self._base_url is None:
            return []
        found = url_problems("--base-url", self._base_url, allow_insecure=self._allow_insecure)
        problems = [each.replace("allow_insecure", "--allow-insecure") for each in found]
        from urllib.parse import urlsplit  # noqa: PLC0415 - for rehearsals alone

        host = urlsplit(self._base_url).hostname or ""
        if not problems and not self._allow_insecure and not is_loopback(host):
            problems.append(
                "--base-url is for rehearsals on this machine, since secrets travel there: name 127.0.0.1 "
                "or say --allow-insecure"
            )
        return problems


def _urls_of(host: str) -> list[str]:
    """Where an allowed host is; this machine's may be asked in the clear, as everywhere."""
    schemes = ("https", "http") if is_loopback(host.rpartition(":")[0] or host) else ("https",)
    return [f"{scheme}://{host}" for scheme in schemes]


def _path_of(address: str) -> str:
    match = _ADDRESS.fullmatch(address)
    return match[3] if match else address


def _in_slices(said: ResourceDescription) -> ResourceDescription:
    """The same, whose texts name the bounds of a slice: each is a collection, as those of parents are."""

    def named(value: Any) -> Any:  # noqa: ANN401 - a JSON value
        if isinstance(value, str):
            return value.replace("${incremental.", "${parent.")
        if isinstance(value, dict):
            return {name: named(item) for name, item in value.items()}
        return [named(item) for item in value] if isinstance(value, list) else value

    texts = {name: named(getattr(said, name)) for name in ("path", "params", "headers", "json", "form")}
    return structs.replace(said, **texts, count=None)


def _reader(said: ResourceDescription) -> PageReader:
    pagination = said.pagination
    is_of_each = said.for_each is not None
    has_no_totals = is_of_each and _is_single(said)
    return PageReader(
        said.records_path,
        pagination.pages_path if isinstance(pagination, PageNumberPagination) and not is_of_each else None,
        said.total_path if said.total_is == "exact" and not has_no_totals else None,
        kind=said.answer,
        records_are=said.records_are,
        key_into=said.key_into,
        names=said.names,
        delimiter=said.delimiter,
        xml_record=said.xml_record,
        compression=said.compression,
        is_total_required=True,
    )


def _per_parent(said: ResourceDescription, parents: Parents) -> PerParentPagination:
    kind = PerParentPagination
    return kind(inner=said.pagination, parents=parents, said=said.for_each, is_single=_is_single(said))


def _named_of_parent(said: ResourceDescription) -> list[str]:
    """The fields of a parent that requests for its children name."""
    names = names_in([said.path, said.params, said.headers, said.json, said.form])
    return [name.partition(".")[2] for name in names if name.startswith("parent.")]


def _is_single(said: ResourceDescription) -> bool:
    return isinstance(said.pagination, OnePagePagination) and said.records_are == "object"
