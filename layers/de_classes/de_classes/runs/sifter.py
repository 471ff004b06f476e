"""Which of a page's records are kept, and as what: not those that came before, nor those that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.storage.format.pinned import violation_error
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.page import Page
    from de_classes.pipelines.described import DescribedTransforms, StepRows
    from de_classes.storage.format.pinned import PinnedSchema, Violation
    from de_classes.storage.format.schema import Record
    from de_classes.utils.key_set import KeySet


class Sifted(Value):
    """A page's records, told apart.

    Attributes:
        kept: Those that are written.
        aside: Those that do not fit the pinned schema, as quarantine keeps them.
        duplicates: How many were dropped because their key had come before.
    """

    kept: Sequence[Record]
    aside: list[Record]
    duplicates: int


class Sifter(Value):
    """Tells records apart, page by page.

    Attributes:
        keys: The keys that came before; None if records are not told apart by key.
        transforms: What becomes of the records that are new; None if they are stored as they came.
        pinned: The schema to fit after that; None if it follows the records.
        quarantines: Whether a record that does not fit is set aside; otherwise it ends the run.
    """

    keys: KeySet | None = None
    transforms: DescribedTransforms | None = None
    pinned: PinnedSchema | None = None
    quarantines: bool = False

    def fresh_keys(self) -> bytes:
        """The hashed keys of the records since this was asked last."""
        return b"" if self.keys is None else self.keys.take_fresh()

    def step_rows(self) -> tuple[StepRows, ...]:
        """What went through each transform since this was asked last."""
        return () if self.transforms is None else self.transforms.take_rows()

    @property
    def conflicts(self) -> int:
        """How many records had the key of another, where they are compared."""
        return 0 if self.keys is None else self.keys.conflicts

    def sift(self, page: Page) -> Sifted:
        """Tell a page's records apart.

        Raises:
            MalformedDataError: A record lacks a key field.
            TransformError: A transform cannot be applied to a record.
            SchemaViolationError: A record does not fit the pinned schema, and is not to be set aside.
        """
        records = page.records if self.keys is None else self.keys.new_among(page.records)
        duplicates = len(page.records) - len(records)
        if self.transforms is not None:
            records = self.transforms.apply(records, page.number)
        if self.pinned is None:
            return Sifted(records, [], duplicates)
        kept, violations = self.pinned.split(records)
        if violations and not self.quarantines:
            raise violation_error(violations, page.number)
        return Sifted(kept, [_set_aside(each, page.number) for each in violations], duplicates)


def _set_aside(violation: Violation, page: int) -> Record:
    """A record that does not fit, together with where it came and why it does not."""
    return {
        "page": page,
        "row": violation.row,
        "column": violation.column,
        "expected": violation.expected,
        "found": violation.found,
        "record": violation.record,
    }
