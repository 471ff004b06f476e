"""What the words of ``ingest`` say, checked as a whole before anything is sent or made."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, cast

from msgspec import Meta, Struct

from de_classes.api.page import PageReader
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.cli.headers import header_problems
from de_classes.cli.ingest_options import FIELD_OPTIONS, NO_FIELD
from de_classes.configs.ingest import RequestsPerSecond, RunId
from de_classes.configs.settings import load
from de_classes.configs.urls import path_problems, url_problems
from de_classes.errors import (
    ConfigurationError,
    InvalidInputError,
    MalformedDataError,
    UnsupportedFormatError,
)
from de_classes.runs.plan import RunPlan, new_run_id
from de_classes.storage.datasets.keys import is_reserved
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.storage.format.registry import canonical_format
from de_classes.utils import strict_json
from de_classes.utils.limits import MAX_CONCURRENCY
from de_classes.utils.object_keys import key_problem
from de_classes.utils.page_range import PageRange, parse_pages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from de_classes.api.pagination import PaginationStrategy
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.configs.ingest import FormatName

DEFAULT_FORMAT = "parquet"
_PAGINATIONS: dict[str, type[Any]] = {
    "page": PageNumberPagination,
    "offset": OffsetPagination,
    "cursor": CursorPagination,
    "link": LinkHeaderPagination,
}

FieldName = Annotated[str, Meta(min_length=1)]


class IngestSettings(Struct, frozen=True, kw_only=True):
    """The command line's options of the same names.

    Raises:
        ConfigurationError: Its ``problems`` name what cannot be, each beginning with the option's name.
    """

    base_url: str
    to: FieldName
    auth_url: str | None = None
    allow_insecure: bool = False
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
    limit: Annotated[int, Meta(ge=1)] = 100
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
            *self._source_problems(),
            *self._pagination_problems(),
            *self._target_problems(),
            *self._dataset_problems(),
        ]
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)

    @property
    def login_url(self) -> str:
        """Where to log in."""
        return self.auth_url or self.base_url.rstrip("/") + "/login"

    @property
    def page_range(self) -> PageRange:
        """Which pages."""
        return PageRange() if self.pages is None else parse_pages(self.pages)

    @property
    def format_name(self) -> str:
        """How the object is written: as ``format`` says, else as the key's extension does."""
        return canonical_format(self.format or self._extension() or DEFAULT_FORMAT)

    @property
    def object_name(self) -> str:
        """The object's key below the destination."""
        return self.key or f"records.{self.format_name}"

    def plan(self, client: UnstableAPIClient, key_of: Callable[[str], str]) -> RunPlan:
        """The run that is asked for, where a dataset is.

        Args:
            client: Reads the source.
            key_of: Puts a name below the destination.
        """
        return RunPlan(
            run_id=self.run_id or new_run_id(),
            source=client.url,
            fingerprint=client.fingerprint,
            dataset=key_of((self.dataset or "").strip("/")),
            format=cast("FormatName", self.format_name),
            limit=self.limit,
            pages=str(self.page_range),
            key_fields=tuple(self.key_field),
            pinned=self._pinned(),
            on_violation="quarantine" if self.quarantine else "refuse",
        )

    def strategy(self) -> PaginationStrategy:
        """How pages are asked for."""
        strategy: PaginationStrategy = _PAGINATIONS[self.pagination](**self._named_fields())
        return strategy

    def reader(self) -> PageReader:
        """Where records and totals stand in an answer."""
        pages, records = self.total_pages_field, self.total_records_field
        return PageReader(
            self.records_field,
            None if pages == NO_FIELD else pages,
            None if records == NO_FIELD else records,
        )

    def _extension(self) -> str:
        return PurePosixPath(self.key or "").suffix.removeprefix(".")

    def _named_fields(self) -> dict[str, str]:
        return {name: value for name in FIELD_OPTIONS if (value := getattr(self, name)) is not None}

    def _source_problems(self) -> Iterator[str]:
        yield from url_problems("base_url", self.base_url, allow_insecure=self.allow_insecure)
        if self.auth_url is not None:
            yield from url_problems("auth_url", self.auth_url, allow_insecure=self.allow_insecure)
        yield from path_problems("data_path", self.data_path)
        yield from header_problems(self.header)

    def _pagination_problems(self) -> Iterator[str]:
        known = {each.name for each in fields(_PAGINATIONS[self.pagination])}
        for name in self._named_fields().keys() - known:
            yield f"{name} does not go with --pagination {self.pagination}"
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
            yield f"format cannot be told: {error}"
        else:
            if told and told != written:
                yield f"format is {written}, but the key ends like {told}: leave one out, or let them agree"

    def _dataset_problems(self) -> Iterator[str]:
        if self.replay and (self.dataset is None or self.run_id is None):
            yield "run_id and --dataset are what a replay is told its run by: give both"
            return
        if self.dataset is None:
            given = {"run_id": self.run_id, "key_field": self.key_field, "columns": self.columns}
            yield from (f"{name} goes with --dataset alone" for name, value in given.items() if value)
            return
        problem = key_problem(self.dataset.strip("/"))
        if problem:
            yield f"dataset cannot be a key's beginning: {problem}"
        if self.key is not None:
            yield "key asks for one object, and --dataset for many: leave one out"
        if self.quarantine and self.columns is None:
            yield "quarantine needs --columns to tell what does not fit"
        try:
            self._pinned()
        except ConfigurationError as error:
            yield f"columns cannot be used: {error}"

    def _pinned(self) -> dict[str, str] | None:
        if self.columns is None:
            return None
        try:
            return PinnedSchema.parse(strict_json.loads(Path(self.columns).read_bytes())).describe()
        except (OSError, MalformedDataError) as error:
            raise ConfigurationError(
                f"{self.columns} does not hold a JSON object of columns: {error}"
            ) from error

    def _told_by_key(self) -> str | None:
        try:
            return canonical_format(self._extension())
        except UnsupportedFormatError:
            return None


def read_settings(args: argparse.Namespace) -> IngestSettings:
    """Check what ``ingest_options`` parsed.

    Raises:
        ConfigurationError: Its ``problems`` name every wrong option, as the user wrote it.
    """
    names = IngestSettings.__struct_fields__
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    try:
        return load(IngestSettings, given, source="command line")
    except ConfigurationError as error:
        problems = [_as_options(problem) for problem in error.problems]
        raise ConfigurationError("; ".join(problems), problems=problems) from error


def _as_options(problem: str) -> str:
    setting, space, rest = problem.partition(" ")
    option = "URL" if setting == "base_url" else f"--{setting.replace('_', '-')}"
    return f"{option}{space}{rest}".replace("allow_insecure", "--allow-insecure")
