"""What the ingestion worker is told: by its deployment, and by each request."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.utils.formats import FormatName
from de_classes.utils.limits import MAX_CONCURRENCY, key_problem
from de_classes.utils.page_range import PageRange

OnViolation = Literal["refuse", "quarantine"]
Write = Literal["append", "upsert", "snapshot"]
MAX_PAGE_LIMIT = 1000
MAX_REQUEST_LIMIT = 100_000
MAX_REQUESTS_PER_SECOND = 10_000

PageLimit = Annotated[int, Meta(ge=1, le=MAX_REQUEST_LIMIT)]
Workers = Annotated[int, Meta(ge=1, le=1000)]
RequestsPerSecond = Annotated[float, Meta(gt=0, le=MAX_REQUESTS_PER_SECOND)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
RunId = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z",
        description="1 to 80 letters, digits, dots, underscores and hyphens, the first a letter or digit",
    ),
]


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """The ingestion worker's settings, read from the environment variables of the same names.

    Args:
        bucket: Where objects are written.
        key_prefix: What every key begins with; no slash at either end.
        default_format: For requests that name none.
        sources_path: The folder of descriptions; None for the packaged one, ``de_classes_sources`` on
            the import path, if there is one.
        source_parameters: Values of parameters by source, which no request may change: addresses above all.
            In the environment: a JSON object.
        secrets_prefix: What the names of the sources' secrets begin with, before ``/SOURCE``.
        source_secrets: The secret's id for sources whose secret is not there, by source. JSON again.
        allow_insecure: Whether an address may be plain http to another machine: for a trusted network only.
        default_source: For requests that name none: a source, whose first resource is meant, or a resource.
        page_limit: Records a page, 1 to 1000, where a request names none; 0 for what the source gives.
        concurrency: Pages fetched at once, 1 to 64.
        max_attempts: Tries of one request, 1 to 100.
        max_elapsed_seconds: The time one invocation may work on a run, retries included, in seconds; by
            default all that Lambda leaves, but for the reserve.
        reserve_seconds: The time kept back to seal what is there before the function is stopped.
        escape_formulas: Whether CSV is written for spreadsheets: text that looks like a formula gets an
            apostrophe in front, and keeps it when it is read back.
        glue_database: The database of the Glue catalog whose tables show datasets that take more runs than
            one; empty for none.
        part_pages: Pages in one part of a dataset at the most, 1 to 100,000.
        part_seconds: Seconds after which a part is sealed, however small: what a crash may cost.
        schedule_group: The schedule group that ticks are put off in, where a schedule says ``wait``.
        schedule_role: The ARN of the role that a tick is delivered by.
        failed_ticks: The ARN of the queue for ticks that cannot be delivered.
        workers: Of a run that a state machine carries out, how many ranges at once, 1 to 1000.
        range_pages: Pages in one of its ranges at the most, 10 to 1,000,000.
        alias: The alias by which the worker invokes itself for a caller who does not wait.
        run_state_machine: The ARN of the state machine that carries such runs out instead; empty for none.

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
    sources_path: Annotated[str, Meta(min_length=1)] | None = None
    source_parameters: dict[str, dict[str, str | int | float | bool]] = {}
    secrets_prefix: Annotated[str, Meta(max_length=400)] = ""
    source_secrets: dict[str, str] = {}
    allow_insecure: bool = False
    default_source: Name = "unstable"
    page_limit: Annotated[int, Meta(ge=0, le=MAX_PAGE_LIMIT)] = 0
    concurrency: Annotated[int, Meta(ge=1, le=MAX_CONCURRENCY)] = 4
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 50
    max_elapsed_seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    reserve_seconds: Annotated[float, Meta(ge=0, le=300)] = 10.0
    escape_formulas: bool = False
    glue_database: Annotated[str, Meta(pattern=r"\A[a-z0-9_-]{0,255}\Z")] = ""
    part_pages: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    part_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 120.0
    schedule_group: Annotated[str, Meta(max_length=64)] = ""
    schedule_role: Annotated[str, Meta(max_length=2_048)] = ""
    failed_ticks: Annotated[str, Meta(max_length=2_048)] = ""
    workers: Workers = 4
    range_pages: Annotated[int, Meta(ge=10, le=1_000_000)] = 1_000
    alias: Annotated[str, Meta(max_length=128)] = ""
    run_state_machine: Annotated[str, Meta(max_length=2048)] = ""

    def __post_init__(self) -> None:
        problems = []
        if self.key_prefix.strip("/") != self.key_prefix or ".." in self.key_prefix.split("/"):
            problems.append("key_prefix must not begin or end with a slash, nor climb with ..")
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)


class IngestRequest(Struct, frozen=True, kw_only=True):
    """What a caller may ask of the worker; everything is optional.

    Example:
        >>> request = IngestRequest(source="github.issues", format="parquet", limit=100)
        >>> request.format, request.allow_partial
        ('parquet', False)

    Args:
        format: How the object is written.
        key: Where it is written, at most 1024 bytes; the worker's partitioned key by default.
        limit: Records a page, 1 to 100,000; the source gives no more than its description says.
        pages: Which pages; all by default. In a request ``5``, ``"3-7"``, ``"3-"`` or
            ``{"start": 3, "stop": 7}``.
        source: A resource of a packaged source, such as ``github.issues``, never a URL; a source alone stands
            for its first.
        parameters: Of the source, by name; none that stands in an address.
        run_id: The run to go on with, or a name for a new one: asking twice by the same name is one run.
        allow_partial: Whether to commit without the pages that cannot be had; asking again by the run's id
            fetches only those, and commits anew.
        strict: Whether to take nothing for complete that is not proved: every page is asked for twice.
        accept_shrink: Whether to commit although the dataset becomes much smaller by it.
        dataset: Where the dataset is, below the worker's prefix; named after source and resource by default.
        from_: Of what is incremental, where to begin in place of where the dataset ends. In JSON: ``from``.
        until: The same, where to end in place of now.
        workers: Of a run that a state machine carries out, how many ranges at once, 1 to 1000.
        wait: Whether to answer with the receipt; otherwise at once, with the run's id to ask for.
        resume: Whether to go on with the run although somebody cancelled it.

    Raises:
        InvalidInputError: The key is not valid.
    """

    format: FormatName | None = None
    key: Annotated[str, Meta(min_length=1)] | None = None
    limit: PageLimit | None = None
    pages: PageRange | None = None
    source: Name | None = None
    parameters: dict[str, str | int | float | bool] = {}
    run_id: RunId | None = None
    allow_partial: bool = False
    strict: bool = False
    accept_shrink: bool = False
    dataset: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    from_: str | None = field(default=None, name="from")
    until: str | None = None
    workers: Workers | None = None
    wait: bool = True
    resume: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.key is not None and (self.run_id is not None or self.allow_partial or self.dataset):
            problems.append(
                "run_id, allow_partial and dataset are for datasets: leave out the key, which asks for one "
                "object"
            )
        if self.dataset is not None and _problem_of(f"{self.dataset}/part"):
            problems.append(f"dataset cannot begin keys: {_problem_of(f'{self.dataset}/part')}")
        if self.key is not None and not self.wait:
            problems.append("wait: false is for datasets: leave out the key, since nothing tells of its run")
        if self.resume and self.run_id is None:
            problems.append("resume goes with the run_id of the run that was cancelled")
        key_is_wrong = _problem_of(self.key)
        if key_is_wrong:
            problems.append(f"key cannot be an object's key: {key_is_wrong}")
        if problems:
            raise InvalidInputError("; ".join(problems), problems=problems)


def _problem_of(key: str | None) -> str | None:
    if key is None:
        return None
    return key_problem(key) or ("it ends with '/', as a folder's would" if key.endswith("/") else None)
