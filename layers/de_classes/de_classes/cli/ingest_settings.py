"""What the arguments of ``ingest`` say, checked as a whole before anything is sent or made.

A secret header comes from a file or a variable, never as an argument.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct, structs

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import PageSize
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.cli.parsers import NO_FIELD, is_described
from de_classes.configs.ingest import RequestsPerSecond, RunId
from de_classes.configs.secret_file import read_secret_lines
from de_classes.configs.settings import load
from de_classes.configs.urls import path_problems, url_problems
from de_classes.errors import (
    ConfigurationError,
    InvalidInputError,
    MalformedDataError,
    UnsupportedFormatError,
)
from de_classes.redaction import MASK, is_secret_header, redact_header, shared_filter
from de_classes.runs.plan import new_run_id
from de_classes.storage.datasets.manifest import is_reserved
from de_classes.storage.format.codec import canonical_format
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils import strict_json
from de_classes.utils.limits import MAX_CONCURRENCY, key_problem
from de_classes.utils.page_range import PageRange, parse_pages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from de_classes.api.pagination import PaginationStrategy

# RFC 9110: a name is a token, a value is on one line; what is not ASCII has no agreed meaning there.
_NAME = r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)"
_HEADER = re.compile(rf"{_NAME}[ \t]*:[ \t]*([\x20-\x7e\t]*)")
_FROM_VARIABLE = re.compile(rf"{_NAME}=@env:([A-Za-z_][A-Za-z0-9_]*)")


def header_problems(given: Sequence[str]) -> Iterator[str]:
    """What is wrong with what ``--header`` says; no sentence repeats a value."""
    for each in given:
        header = _HEADER.fullmatch(each)
        if header is None and not _FROM_VARIABLE.fullmatch(each):
            yield "header must be NAME: VALUE, both in ASCII and on one line, or NAME=@env:VARIABLE"
        elif header is not None and _is_secret(*header.groups()):
            yield (
                f"header {header[1]} looks like a credential, which every process of the machine could read: "
                f"give --header-file FILE, or --header {header[1]}=@env:VARIABLE"
            )


def read_headers(given: Sequence[str], file_name: str | None, variables: Mapping[str, str]) -> dict[str, str]:
    """Names to values. Those from the file and from variables are masked in all that is shown from now on.

    Args:
        given: What ``--header`` says, without problems; they win over the file.
        file_name: A file of lines ``NAME: VALUE``, or None.
        variables: The environment.

    Raises:
        ConfigurationError: The file or a variable does not hold what it should.
    """
    plain = dict(_pair(header) for each in given if (header := _HEADER.fullmatch(each)))
    secret = {**_in_file(file_name), **dict(_in_variables(given, variables))}
    for value in secret.values():
        redact_header(value)
    return {**secret, **plain}


def _is_secret(name: str, value: str) -> bool:
    return bool(value.strip()) and (is_secret_header(name) or MASK in shared_filter().text(value))


def _pair(header: re.Match[str]) -> tuple[str, str]:
    return header[1], header[2].strip()


def _in_file(name: str | None) -> dict[str, str]:
    if name is None:
        return {}
    headers: dict[str, str] = {}
    for number, line in enumerate(read_secret_lines("--header-file", name), start=1):
        header = _HEADER.fullmatch(line)
        if header is None and line.strip():
            raise ConfigurationError(
                f"--header-file: line {number} of {name} is not NAME: VALUE, both in ASCII"
            )
        headers.update([_pair(header)] if header else [])
    return headers


def _in_variables(given: Sequence[str], variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for each in given:
        if source := _FROM_VARIABLE.fullmatch(each):
            name, variable = source.groups()
            header = _HEADER.fullmatch(f"{name}: {variables.get(variable, '')}")
            if header is None or not header[2].strip():
                raise ConfigurationError(
                    f"--header {name}: the variable {variable} is not set, or is no header's value in ASCII"
                )
            yield _pair(header)


DEFAULT_FORMAT = "parquet"
_FROM_ZERO = re.compile(r"\s*0+\s*(?:(-)\s*([0-9]{1,10})?\s*)?", re.ASCII)
_PARAMETER = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)=(.*)", re.DOTALL)

FieldName = Annotated[str, Meta(min_length=1)]


class IngestSettings(Struct, frozen=True, kw_only=True):
    """The command line's options of the same names.

    Raises:
        ConfigurationError: Its ``problems`` name what cannot be, each beginning with the option's name.
    """

    source: FieldName
    to: FieldName
    base_url: str | None = None
    sources: str | None = None
    set: list[str] = []
    secrets: str | None = None
    auth_url: str | None = None
    allow_insecure: bool = False
    username: str | None = None
    password_file: str | None = None
    header_file: str | None = None
    data_path: str = "/data"
    header: list[str] = []
    pagination: str = "page"
    page_param: FieldName | None = None
    offset_param: FieldName | None = None
    cursor_param: FieldName | None = None
    cursor_field: FieldName | None = None
    limit_param: FieldName | None = None
    records_field: FieldName = "data"
    total_pages_field: FieldName = "total_pages"
    total_records_field: FieldName = "total_records"
    key: str | None = None
    format: str | None = None
    limit: Annotated[int, Meta(ge=1)] | None = None
    pages: str | None = None
    concurrency: Annotated[int, Meta(ge=1, le=MAX_CONCURRENCY)] = 4
    requests_per_second: RequestsPerSecond | None = None
    max_attempts: Annotated[int, Meta(ge=1, le=1000)] = 50
    timeout: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    dataset: str | None = None
    run_id: RunId | None = None
    key_field: list[FieldName] = []
    columns: str | None = None
    quarantine: bool = False
    part_pages: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    replay: bool = False

    def __post_init__(self) -> None:
        problems = [
            *(self._url_problems() if self.is_url else self._description_problems()),
            *self._pagination_problems(),
            *self._target_problems(),
            *self._dataset_problems(),
        ]
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)

    @property
    def is_url(self) -> bool:
        """Whether the source is an address, and not the name of one that is described."""
        return not is_described(self.source)

    @property
    def is_one_object(self) -> bool:
        """Whether one object is asked for, and not a dataset, or a dataset for each resource of a source."""
        return self.dataset is None and (self.is_url or "." in self.source)

    @property
    def login_url(self) -> str:
        """Where to log in."""
        return self.auth_url or self.source.rstrip("/") + "/login"

    @property
    def parameters(self) -> dict[str, str]:
        """What ``--set`` says, by name."""
        parsed = (_PARAMETER.fullmatch(given) for given in self.set)
        return {match[1]: match[2] for match in parsed if match}

    @property
    def page_range(self) -> PageRange:
        """Which pages, counted from 1 whatever the source calls its first."""
        from_zero = self._from_zero
        if from_zero is not None:
            last = int(from_zero[2] or 0) + 1
            return PageRange(1, None if from_zero[1] and not from_zero[2] else last)
        return PageRange() if self.pages is None else parse_pages(self.pages)

    @property
    def _from_zero(self) -> re.Match[str] | None:
        """The pages that are asked for, where they begin with page 0 of an address: so it counts them."""
        is_said = self.is_url and self.pagination == "page"
        return _FROM_ZERO.fullmatch(self.pages) if is_said and self.pages is not None else None

    @property
    def format_name(self) -> str:
        """How the object is written: as ``format`` says, else as the key's extension does."""
        return canonical_format(self.format or self._extension() or DEFAULT_FORMAT)

    @property
    def object_name(self) -> str:
        """The object's key below the destination."""
        return self.key or f"records.{self.format_name}"

    def strategy(self) -> PaginationStrategy:
        """How pages are asked for."""
        if self.pagination == "offset":
            return OffsetPagination(into=f"query.{self.offset_param or 'offset'}")
        if self.pagination == "cursor":
            path = self.cursor_field or "next_cursor"
            return CursorPagination(path=path, into=f"query.{self.cursor_param or 'cursor'}")
        if self.pagination == "link":
            return LinkHeaderPagination()
        first = 0 if self._from_zero else 1
        return PageNumberPagination(into=f"query.{self.page_param or 'page'}", first=first, echo_path="page")

    def page_size(self) -> PageSize:
        """Where the size of a page goes."""
        return PageSize(into=f"query.{self.limit_param or 'limit'}")

    def reader(self) -> PageReader:
        """Where records and totals stand in an answer."""
        pages, records = self.total_pages_field, self.total_records_field
        return PageReader(
            self.records_field,
            None if pages == NO_FIELD else pages,
            None if records == NO_FIELD else records,
        )

    def pinned(self) -> PinnedSchema | None:
        """The schema that every record must fit, of the file that was named; it is read each time.

        Raises:
            ConfigurationError: There is no such file, or no schema is in it.
        """
        if self.columns is None:
            return None
        try:
            return PinnedSchema.parse(strict_json.loads(Path(self.columns).read_bytes()))
        except (OSError, MalformedDataError) as error:
            raise ConfigurationError(
                f"--columns cannot be used: {self.columns} does not hold a JSON object of columns: {error}"
            ) from error
        except ConfigurationError as error:
            raise ConfigurationError(f"--columns cannot be used: {error}") from error

    def _extension(self) -> str:
        return PurePosixPath(self.key or "").suffix.removeprefix(".")

    def _description_problems(self) -> Iterator[str]:
        for given in self.set:
            if not _PARAMETER.fullmatch(given):
                yield "set must be NAME=VALUE"

    def _url_problems(self) -> Iterator[str]:
        yield from url_problems("source", self.source, allow_insecure=self.allow_insecure)
        if self.auth_url is not None:
            yield from url_problems("auth_url", self.auth_url, allow_insecure=self.allow_insecure)
        yield from path_problems("data_path", self.data_path)
        yield from header_problems(self.header)

    def _pagination_problems(self) -> Iterator[str]:
        try:
            _ = self.page_range
        except InvalidInputError as error:
            yield f"pages cannot be read: {error}"

    def _target_problems(self) -> Iterator[str]:
        problem = None if self.key is None else key_problem(self.key)
        if problem or (self.key or "").endswith("/"):
            yield f"key cannot be an object's key: {problem or 'it ends with a slash'}"
        elif is_reserved(self.key or ""):
            yield "key is one that runs and commits write under: choose another"
        try:
            told, written = self._told_by_key(), self.format_name
        except UnsupportedFormatError as error:
            yield f"format {error}" if self.format else f"key: its ending {error}, or give --format"
        else:
            if told and told != written:
                yield f"format is {written}, but the key ends like {told}: leave one out, or let them agree"

    def _dataset_problems(self) -> Iterator[str]:
        if self.dataset is None:
            return
        problem = key_problem(self.dataset.strip("/"))
        if problem:
            yield f"dataset cannot be a key's beginning: {problem}"

    def _told_by_key(self) -> str | None:
        try:
            return canonical_format(self._extension())
        except UnsupportedFormatError:
            return None


def read_settings(args: argparse.Namespace) -> IngestSettings:
    """Check what ``parsers`` parsed; a run that can be stopped gets an id, if it has none.

    Raises:
        ConfigurationError: Its ``problems`` name every wrong option, as the user wrote it.
    """
    names = IngestSettings.__struct_fields__
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    try:
        settings = load(IngestSettings, given, source="command line")
    except ConfigurationError as error:
        problems = [_as_options(problem) for problem in error.problems]
        raise ConfigurationError("; ".join(problems), problems=problems) from error
    has_no_id = settings.run_id is None and not settings.is_one_object
    return structs.replace(settings, run_id=new_run_id()) if has_no_id else settings


def _as_options(problem: str) -> str:
    setting, space, rest = problem.partition(" ")
    option = "URL" if setting == "source" else f"--{setting.replace('_', '-')}"
    return f"{option}{space}{rest}".replace("allow_insecure", "--allow-insecure")
