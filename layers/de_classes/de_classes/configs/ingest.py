"""What the ingestion worker is told: by its deployment, and by each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from de_classes.configs.urls import path_problems, url_problems
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.utils.limits import MAX_CONCURRENCY
from de_classes.utils.object_keys import key_problem
from de_classes.utils.page_range import PageRange, parse_pages

if TYPE_CHECKING:
    from collections.abc import Mapping

FormatName = Literal["csv", "json", "jsonl", "parquet"]
OnViolation = Literal["refuse", "quarantine"]
MAX_PAGE_LIMIT = 1000
MAX_REQUESTS_PER_SECOND = 10_000

PageLimit = Annotated[int, Meta(ge=1, le=MAX_PAGE_LIMIT)]
RequestsPerSecond = Annotated[float, Meta(gt=0, le=MAX_REQUESTS_PER_SECOND)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
RunId = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z",
        description="1 to 80 letters, digits, dots, underscores and hyphens, the first a letter or digit",
    ),
]


class SourceSettings(Struct, frozen=True, kw_only=True):
    """An API to ingest from.

    Args:
        base_url: Where it is; https, or http on this machine.
        auth_url: Where to log in; the same rules.
        credentials_secret_id: The Secrets Manager secret with username and password, None for no secret.
        data_path: The path of the paginated endpoint, below ``base_url``.
        allow_insecure: Whether plain http to another machine is accepted: for a trusted network only.
        requests_per_second: How often it may be asked for pages, by each run; None for no limit.
        key_fields: The fields that tell its records apart. With them duplicates are dropped, and a source
            that changes while it is read is gone over again; without them that is only reported.
        columns: The columns that every record must fit, by type; None if the schema follows the records.
        on_violation: What becomes of a record that does not fit: ``refuse`` ends the run, ``quarantine`` sets
            it aside.

    Raises:
        ConfigurationError: A URL or the path is unfit for use.
    """

    base_url: str
    auth_url: str
    credentials_secret_id: Name | None = None
    data_path: str = "/data"
    allow_insecure: bool = False
    requests_per_second: RequestsPerSecond | None = None
    key_fields: tuple[Name, ...] = ()
    columns: dict[str, str] | None = None
    on_violation: OnViolation = "refuse"

    def __post_init__(self) -> None:
        problems = url_problems("base_url", self.base_url, allow_insecure=self.allow_insecure)
        problems += url_problems("auth_url", self.auth_url, allow_insecure=self.allow_insecure)
        problems += path_problems("data_path", self.data_path)
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """The ingestion worker's settings, read from the environment variables of the same names.

    Args:
        bucket: Where objects are written.
        key_prefix: What every key begins with; no slash at either end.
        default_format: For requests that name none.
        sources: The APIs that a request may name. In the environment: a JSON object.
        default_source: For requests that name none; one of ``sources``.
        page_limit: Records a page, 1 to 1000.
        concurrency: Pages fetched at once, 1 to 64.
        max_attempts: Tries of one request, 1 to 100.
        max_elapsed_seconds: The time one invocation may work on a run, retries included, in seconds; by
            default all that Lambda leaves, but for the reserve.
        reserve_seconds: The time kept back to seal what is there before the function is stopped.
        escape_formulas: Whether CSV is written for spreadsheets: text that looks like a formula gets an
            apostrophe in front, and keeps it when it is read back.
        part_pages: Pages in one part of a dataset at the most, 1 to 100,000.
        part_seconds: Seconds after which a part is sealed, however small: what a crash may cost.

    Raises:
        ConfigurationError: The settings contradict each other.
    """

    bucket: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$",
            description="a bucket's name: 3 to 63 letters, digits, dots and hyphens",
        ),
    ]
    key_prefix: Annotated[str, Meta(max_length=512)] = "raw"
    default_format: FormatName = "parquet"
    sources: Annotated[dict[str, SourceSettings], Meta(min_length=1)]
    default_source: Name = "unstable"
    page_limit: PageLimit = 100
    concurrency: Annotated[int, Meta(ge=1, le=MAX_CONCURRENCY)] = 4
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 50
    max_elapsed_seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    reserve_seconds: Annotated[float, Meta(ge=0, le=300)] = 10.0
    escape_formulas: bool = False
    part_pages: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    part_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 120.0

    def __post_init__(self) -> None:
        problems = []
        if self.default_source not in self.sources:
            problems.append(f"default_source must be one of {', '.join(sorted(self.sources))}")
        if self.key_prefix.strip("/") != self.key_prefix or ".." in self.key_prefix.split("/"):
            problems.append("key_prefix must not begin or end with a slash, nor climb with ..")
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)

    def source(self, name: str | None = None) -> SourceSettings:
        """The source of that name, or the default one.

        Raises:
            InvalidInputError: No source is configured under that name.
        """
        wanted = name or self.default_source
        if wanted not in self.sources:
            raise InvalidInputError(self._source_must_be_known())
        return self.sources[wanted]

    def problems_of(self, request: Mapping[str, object]) -> list[str]:
        """What is wrong with a request here, though it might be right elsewhere: an unknown source.

        Args:
            request: As it came, before it was checked for anything else.
        """
        name = request.get("source")
        is_wrong = isinstance(name, str) and name and name not in self.sources
        return [self._source_must_be_known()] if is_wrong else []

    def _source_must_be_known(self) -> str:
        return f"source must be one of {', '.join(sorted(self.sources))}"


class IngestRequest(Struct, frozen=True, kw_only=True):
    """What a caller may ask of the worker; everything is optional.

    Args:
        format: How the object is written.
        key: Where it is written, at most 1024 bytes; the worker's partitioned key by default.
        limit: Records a page, 1 to 1000.
        pages: Which pages: ``5``, ``"3-7"``, ``"3-"`` or ``{"start": 3, "stop": 7}``; all by default.
        source: The name of a configured source, never a URL.
        run_id: The run to go on with, or a name for a new one: asking twice by the same name is one run.
        allow_partial: Whether to commit without the pages that cannot be had; asking again by the run's id
            fetches only those, and commits anew.

    Raises:
        InvalidInputError: The pages or the key are not valid.
    """

    format: FormatName | None = None
    key: Annotated[str, Meta(min_length=1)] | None = None
    limit: PageLimit | None = None
    pages: str | int | dict[str, int | None] | None = None
    source: Name | None = None
    run_id: RunId | None = None
    allow_partial: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.key is not None and (self.run_id is not None or self.allow_partial):
            problems.append(
                "run_id and allow_partial are for datasets: leave out the key, which asks for one object"
            )
        key_is_wrong = _problem_of(self.key)
        if key_is_wrong:
            problems.append(f"key cannot be an object's key: {key_is_wrong}")
        try:
            self.page_range()
        except InvalidInputError as error:
            problems.append(f"pages cannot be read: {error}")
        if problems:
            raise InvalidInputError("; ".join(problems), problems=problems)

    def page_range(self) -> PageRange:
        """The pages asked for; all of them when the request names none."""
        return PageRange() if self.pages is None else parse_pages(self.pages)


def _problem_of(key: str | None) -> str | None:
    if key is None:
        return None
    return key_problem(key) or ("it ends with '/', as a folder's would" if key.endswith("/") else None)
