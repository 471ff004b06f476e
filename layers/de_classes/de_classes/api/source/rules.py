"""What is wrong with a description although each of its parts is well-formed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from de_classes.api.increments import NAMES
from de_classes.api.pagination.by_bytes import FilePagination
from de_classes.api.pagination.by_number import OffsetPagination, PageNumberPagination
from de_classes.api.pagination.followed import LastRecordPagination, OnePagePagination
from de_classes.api.templates import names_in
from de_classes.configs.urls import is_loopback
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.pipelines.described import FunctionStep
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils.paths import finder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.schedules import Schedule
    from de_classes.api.source.description import ResourceDescription, SourceDescription, SourceFile

_PATHS = re.compile(r"(.*_)?path|more|done|when|message|kind|path")
_NO_PATHS = frozenset({"path"})  # a resource's own: part of an address
_REQUEST = {"size", "method", "path", "query", "target", "body", "timestamp"}
_KINDS = {"secret", "token", "opening", "job", "parent", "incremental"}


def problems_of(file: SourceFile) -> Iterator[str]:
    """Every problem, each beginning with its place."""
    for name, source in file.sources.items():
        label = f"sources.{name}"
        yield from _source_problems(label, source)
        for resource_name, resource in source.resources.items():
            yield from _resource_problems(f"{label}.resources.{resource_name}", source, resource)
    for name, schedule in file.schedules.items():
        yield from (f"schedules.{name}.{problem}" for problem in schedule.problems())


def function_problems(file: SourceFile) -> Iterator[str]:
    """The steps of a file that name functions, where it may name none."""
    for name, source in file.sources.items():
        for resource_name, resource in source.resources.items():
            for place, step in enumerate(resource.transforms):
                if isinstance(step, FunctionStep):
                    label = f"sources.{name}.resources.{resource_name}.transforms[{place}]"
                    yield (
                        f"{label} names a function: only a packaged description may, or a program that says "
                        "so by Source.load(..., allow_functions=True)"
                    )


def _source_problems(label: str, source: SourceDescription) -> Iterator[str]:
    logins = {f"auth.{name}": address for name, address in source.auth.addresses().items()}
    addresses = {"base_url": source.base_url, **logins}
    for name, address in addresses.items():
        yield from _address_problems(f"{label}.{name}", address, source)
    if source.base_url.startswith("${token.") and not source.allowed_hosts:
        yield f"{label}.allowed_hosts is missing: base_url comes with the token, say which hosts it may name"
    for host in source.allowed_hosts:
        if "/" in host or ":" in host.partition("]")[2] or not host:
            yield f"{label}.allowed_hosts must be hosts alone, such as files.example.com"
    said = msgspec.to_builtins(source)
    said.pop("resources", None)
    for name in sorted(set(names_in(said))):
        yield from _name_problems(label, name, source, {"secret", "token", "opening"})
    yield from _path_problems(label, said)


def _resource_problems(label: str, source: SourceDescription, resource: ResourceDescription) -> Iterator[str]:
    said = msgspec.to_builtins(resource)
    said.pop("schedule", None)  # nothing is filled in there
    for name in sorted(set(names_in(said.pop("transforms", None)))):
        yield f"{label}.transforms: ${{{name}}} is not filled in there: they are the same for every caller"
    filled = {
        "opening": resource.opening,
        "job": resource.job,
        "parent": resource.for_each,
        "incremental": resource.incremental,
    }
    allowed = {"secret", "token", *(name for name, by in filled.items() if by is not None)}
    yield from _job_problems(label, resource)
    yield from _incremental_problems(label, resource, said)
    opening = resource.opening.fields if resource.opening else {}
    for name in sorted(set(names_in(said))):
        yield from _name_problems(label, name, source, allowed)
        first, _, rest = name.partition(".")
        if first == "opening" and opening and rest not in opening:
            yield f"{label}: ${{{name}}} is none of opening.fields, which are {', '.join(sorted(opening))}"
    yield from _path_problems(label, said)
    yield from _body_problems(label, resource)
    yield from _answer_problems(label, resource)
    yield from _parent_problems(label, source, resource)
    if resource.write == "upsert" and not resource.primary_key:
        yield f'{label}.primary_key is missing: write = "upsert" tells records apart by it'
    yield from _schedule_problems(f"{label}.schedule", source, resource.schedule)
    if resource.columns is not None:
        try:
            PinnedSchema.parse(resource.columns)
        except ConfigurationError as error:
            yield f"{label}.columns cannot be used: {error}"


def _schedule_problems(label: str, source: SourceDescription, schedule: Schedule | None) -> Iterator[str]:
    if schedule is None:
        return
    yield from (f"{label}.{problem}" for problem in schedule.problems())
    known = ", ".join(sorted(source.parameters)) or "none"
    for name in sorted(schedule.parameters.keys() - source.parameters.keys()):
        yield f"{label}.parameters.{name} is no parameter of the source: known are {known}"


def _incremental_problems(label: str, resource: ResourceDescription, said: Any) -> Iterator[str]:  # noqa: ANN401 - builtins
    if resource.incremental is None:
        return
    yield from (f"{label}.incremental.{problem}" for problem in resource.incremental.problems())
    named = [name for name in names_in(said) if name.startswith("incremental.")]
    if "incremental.from" not in named:
        yield f"{label}.incremental: no text names ${{incremental.from}}, so all would be asked for each time"
    for name in sorted({name for name in named if name.partition(".")[2] not in NAMES}):
        yield f"{label}: ${{{name}}} is none of {', '.join(f'incremental.{each}' for each in NAMES)}"
    if resource.incremental.is_counted and "incremental.until" in named:
        yield f"{label}: ${{incremental.until}} is a time, and what is counted has none: leave it out"
    if resource.write != "upsert":
        yield (
            f'{label}.write must be "upsert" with incremental: what changed since comes again, as does what '
            "lies at the edge"
        )


def _job_problems(label: str, resource: ResourceDescription) -> Iterator[str]:
    job = resource.job
    if job is None:
        return
    yield from (f"{label}.job: {problem}" for problem in job.problems())
    known = {f"job.{name}" for name in ("id", *job.fields)}
    pages = [resource.path, resource.params, resource.headers, resource.json, resource.form]
    named = {name for name in names_in(pages) if name.startswith("job.")}
    for name in sorted(named - known):
        yield f"{label}: ${{{name}}} is none of {', '.join(sorted(known))}, which pages of a job may name"
    if not named:
        yield f"{label}: no text names ${{job.id}}, or another of the job's fields: its pages have to"
    asked = {name for name in names_in(msgspec.to_builtins(job.requests())) if name.startswith("job.")}
    for name in sorted(asked - {"job.id", "job.token"}):
        yield f"{label}.job: ${{{name}}} is not known before it is done: its requests may name ${{job.id}}"
    if job.hosts and resource.auth is None:
        yield (
            f"{label}.auth is missing: no token may go to job.hosts, so say what signs the requests for "
            'pages, such as { type = "none" }'
        )
    for other in ("for_each", "opening", "count", "window"):
        if getattr(resource, other) is not None:
            yield f"{label}.{other} does not go with job: a run has one, which says how many there are"


def _parent_problems(label: str, source: SourceDescription, resource: ResourceDescription) -> Iterator[str]:
    each = resource.for_each
    if each is None:
        return
    if bool(each.values) == (each.resource is not None):
        yield f"{label}.for_each needs values or resource, one of the two"
    if len({repr(value) for value in each.values}) < len(each.values):
        yield f"{label}.for_each.values names one twice: what belongs to it would come twice"
    if each.resource is not None and each.resource not in source.resources:
        yield f"{label}.for_each.resource is unknown: known are {', '.join(sorted(source.resources))}"
    if resource.count is not None:
        yield f"{label}.count counts one collection, and for_each has many: leave one of the two out"


def _body_problems(label: str, resource: ResourceDescription) -> Iterator[str]:
    pagination = resource.pagination
    intos = [getattr(pagination, "into", None), resource.page_size.into if resource.page_size else None]
    places = {into.partition(".")[0] for into in intos if isinstance(into, str)}
    if resource.json is not None and resource.form is not None:
        yield f"{label}.json and form are two bodies: leave one out"
    if resource.method == "GET" and (
        resource.json is not None or resource.form is not None or places & {"json", "form"}
    ):
        yield f"{label}.method must be POST where something goes into the body"
    if resource.json is not None and not isinstance(resource.json, dict) and "json" in places:
        yield f"{label}.json must be an object where something goes into it"
    size = resource.page_size
    if size is not None and size.max is not None and size.default is not None and size.default > size.max:
        yield f"{label}.page_size.default is above max"
    if (
        isinstance(pagination, PageNumberPagination | OffsetPagination)
        and pagination.more
        and pagination.done
    ):
        yield f"{label}.pagination: more and done say the same, leave one out"


def _answer_problems(label: str, resource: ResourceDescription) -> Iterator[str]:
    if isinstance(resource.pagination, FilePagination):
        if resource.answer != "jsonl" or resource.compression is not None:
            yield f'{label}.pagination: a file is cut by its lines: say answer = "jsonl", and no compression'
        if resource.page_size is not None:
            yield f"{label}.page_size has no meaning for a file: say pagination.piece, in bytes"
    if resource.answer != "csv" and resource.delimiter != ",":
        yield f'{label}.delimiter is for answer = "csv"'
    if resource.answer != "xml" and resource.xml_record is not None:
        yield f'{label}.xml_record is for answer = "xml"'
    if resource.answer in {"jsonl", "csv"} and resource.records_path != "@":
        yield f"{label}.records_path must be @ for {resource.answer}, whose answers are nothing but records"
    if resource.key_into is not None and resource.records_are != "values":
        yield f'{label}.key_into is for records_are = "values"'
    if (
        resource.answer in {"jsonl", "csv"}
        and not isinstance(
            resource.pagination,
            OnePagePagination | LastRecordPagination | OffsetPagination | PageNumberPagination,
        )
        and resource.pagination.way_on
        and not _reads_headers(resource.pagination)
    ):
        yield f"{label}.pagination cannot be read from {resource.answer}: there is nothing but records in it"


def _reads_headers(pagination: Any) -> bool:  # noqa: ANN401 - any kind
    return getattr(pagination, "header", None) is not None or getattr(pagination, "path", None) is None


def _name_problems(label: str, name: str, source: SourceDescription, allowed: set[str]) -> Iterator[str]:
    first, dot, rest = name.partition(".")
    if dot and first in _KINDS:
        if first not in allowed:
            yield f"{label}: ${{{name}}} stands for nothing here"
        elif not rest:
            yield f"{label}: ${{{name}}} names no {first}"
    elif name not in source.parameters and name not in _REQUEST:
        known = ", ".join(sorted(source.parameters)) or "none"
        yield f"{label}: ${{{name}}} is no parameter of the source (known are {known}), and no secret.NAME"


def _path_problems(label: str, said: Any) -> Iterator[str]:  # noqa: ANN401 - builtins
    for place, path in _paths(said, ""):
        try:
            finder(path)
        except InvalidInputError as error:
            yield f"{label}{place} is no path: {error}"


def _paths(said: Any, place: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - builtins
    if isinstance(said, list):
        for index, item in enumerate(said):
            yield from _paths(item, f"{place}[{index}]")
    if not isinstance(said, dict):
        return
    is_pagination = place.endswith(".pagination")
    for name, item in said.items():
        if name in {"json", "form", "params", "headers", "header", "parameters", "values"}:
            continue
        if name in {"fields", "include"} and isinstance(item, dict):
            yield from (
                (f"{place}.{name}.{key}", path) for key, path in item.items() if isinstance(path, str)
            )
        elif isinstance(item, str) and _PATHS.fullmatch(name) and (name not in _NO_PATHS or is_pagination):
            yield f"{place}.{name}", item
        else:
            yield from _paths(item, f"{place}.{name}")


def _address_problems(label: str, address: str, source: SourceDescription) -> Iterator[str]:
    begins = next(iter(names_in(address)), "")
    is_address = begins in source.parameters and source.parameters[begins].kind == "address"
    if address.startswith("${token.") or (is_address and address.startswith(f"${{{begins}}}")):
        return
    match = re.fullmatch(r"(https?)://([^/?#@]+)([^?#]*)", address)
    if match is None:
        yield f"{label} must be an address that begins with https:// and ends with its path"
    elif match[1] == "http" and not is_loopback(match[2].rpartition(":")[0] or match[2]):
        yield f"{label} must be https, since tokens travel there; plain http is for this machine"
