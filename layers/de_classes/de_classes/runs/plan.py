"""What a run is: written down before its first page, and never changed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, structs

from de_classes.configs.ingest import OnViolation, RunId
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.pipelines.described import AnyTransform, plain
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.utils import layouts
from de_classes.utils.digests import digest
from de_classes.utils.page_range import PageRange, parse_pages

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt

_SOURCE_DIFFERS = (
    "the source's address, its pagination or its fields are not those that the run was begun with"
)
_STEPS_MARK = "+"
_STEPS_BYTES = 8
_MAY_DIFFER = frozenset({"dataset"})
_SAID_ELSEWHERE = frozenset({"version", "run_id", "source", "fingerprint", "source_name", "dataset"})


class RunPlan(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="version", tag=layouts.PLAN):
    """What a run was asked for. A run that goes on must have been asked for the same.

    Example:
        >>> plan = RunPlan(run_id="monday", source=client.url, dataset="orders", format="csv", limit=2)
        >>> RunService(client, DatasetDestination(store, "lake")).carry_out(plan).records
        5

    Attributes:
        run_id: What the run is called by.
        source: The endpoint, without anything secret.
        fingerprint: A hash of the source's whole address and of how it is read, see ``UnstableAPIClient``.
        source_name: What the source is called in the settings; None where there are none.
        dataset: The key prefix of its parts and manifests, without a slash at the end.
        format: The format's name, such as parquet.
        limit: Records a page.
        pages: Which pages.
        columns: Columns known beforehand; they come first.
        key_fields: The fields that tell records apart; none if duplicates are not looked for.
        transforms: What becomes of the records that are new by their key, before they are written.
        pinned: The schema that every record must fit then; None if it follows the records.
        on_violation: What becomes of a record that does not fit it.
        source_parameters: What the request said of the source, by name; no secret is among them.
    """

    run_id: RunId
    source: str
    fingerprint: str = ""
    source_name: str | None = None
    dataset: str
    format: str
    limit: int
    pages: PageRange = PageRange()
    columns: tuple[str, ...] = ()
    key_fields: tuple[str, ...] = ()
    transforms: tuple[AnyTransform, ...] = ()
    pinned: PinnedSchema | None = None
    on_violation: OnViolation = "refuse"
    source_parameters: dict[str, str | int | float | bool] = {}

    def as_written(self) -> RunPlan:
        """The plan as the journal has it: its transforms are in the fingerprint, too.

        Code of before there were transforms ignores them. It takes such a plan for that of another source
        and stops, where it would go on and store the rest as it came.
        """
        if not self.transforms:
            return self
        steps = digest(plain(self.transforms), _STEPS_BYTES).hex()
        return structs.replace(self, fingerprint=f"{_source_of(self)}{_STEPS_MARK}{steps}")

    def parameters(self) -> dict[str, Any]:
        """What was asked for, as the receipt says it."""
        # By way of JSON, so that a receipt says the same before it is stored and after it is read back.
        said: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self, enc_hook=as_text))
        return {name: said[name] for name in said if name not in _SAID_ELSEWHERE}

    def check_receipt(self, receipt: IngestReceipt) -> None:
        """Make sure that a run which was committed before, and of which no plan is left, is this one.

        Raises:
            InvalidInputError: It was asked for something else.
        """
        said = dict(receipt.parameters)
        if "pinned" in said:  # as a description had it, spaces and all, where older code wrote it
            said["pinned"] = PinnedSchema.parse(said["pinned"]).describe()
        if (receipt.source, said) != (self.source, self.parameters()):
            raise InvalidInputError(
                f"a run {self.run_id!r} was committed with another request: choose another run id"
            )

    def check_same(self, asked: RunPlan) -> None:
        """Make sure that a run which goes on was begun with the same request.

        Raises:
            InvalidInputError: It was not; every difference is named.
        """
        stored, wanted = _terms(self), _terms(asked)
        problems = [
            _SOURCE_DIFFERS
            if name == "fingerprint"
            else f"{name} is {wanted[name]!r}, but the run was begun with {stored[name]!r}"
            for name in stored
            if stored[name] != wanted[name]
        ]
        if problems:
            problems.append(f"ask for the same, or leave out the run id {self.run_id!r} for a new run")
            raise InvalidInputError("; ".join(problems), problems=problems)


def new_run_id() -> str:
    """A name that no other run has: it sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def as_text(value: object) -> object:
    """How a plan is written: its pages as ``"3-7"``, a pinned schema as names and types; for msgspec.

    Raises:
        NotImplementedError: It is neither.
    """
    if isinstance(value, PageRange):
        return str(value)
    if isinstance(value, PinnedSchema):
        return value.describe()
    raise NotImplementedError(f"a {type(value).__name__} is not written down")


def of_text(kind: type, written: Any) -> object:  # noqa: ANN401 - what JSON holds
    """Read what ``as_text`` wrote; for msgspec.

    Raises:
        ValueError: It is not what was written.
    """
    try:
        return parse_pages(written) if kind is PageRange else PinnedSchema.parse(written)
    except (ConfigurationError, AttributeError) as error:
        raise ValueError(error) from error


def _terms(plan: RunPlan) -> dict[str, Any]:
    """What two plans are compared by, as a message shows it: of a schema the order says nothing."""
    terms = {name: getattr(plan, name) for name in plan.__struct_fields__ if name not in _MAY_DIFFER}
    pinned = None if plan.pinned is None else plan.pinned.describe()
    said = {"fingerprint": _source_of(plan), "pages": str(plan.pages), "pinned": pinned}
    return {**terms, **said, "transforms": plain(plan.transforms)}


def _source_of(plan: RunPlan) -> str:
    """The fingerprint of the source alone."""
    return plan.fingerprint.partition(_STEPS_MARK)[0]
