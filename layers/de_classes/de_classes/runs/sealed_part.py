"""What is remembered of a part once it is sealed: enough to go on from there, on any machine."""

from __future__ import annotations

from msgspec import Struct

from de_classes.runs.forecast import FirstPage, RunCounts
from de_classes.storage.datasets.manifest import ManifestPart
from de_classes.storage.format.schema import Schema
from de_classes.utils import layouts
from de_classes.utils.run_records import PageEntry, RunPlace


class StepCounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went through one transform on the way into a part.

    Attributes:
        rows_in: Records that went in.
        rows_out: Records that came out.
        repeats: How many of those between were left out because they had come before.
        keys: Where the hashes of what came for the first time are, as the keys of records are kept; None if
            there are none.
    """

    rows_in: int = 0
    rows_out: int = 0
    repeats: int = 0
    keys: str | None = None


class SealedPart(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="version", tag=layouts.JOURNAL
):
    """One part of a run, and the place where the run goes on after it.

    Attributes:
        pass_: On which pass over the source, from 1.
        sequence: Its place in the order of sealing, from 1: its maker knew all those before it.
        invocation: Which go of the run sealed it.
        entries: The pages in it, consecutive, in order.
        gaps: Pages before it that were given up.
        place: Where the walk goes on; None where it is over.
        part: The object; None if the pages brought no record that is kept.
        quarantine: The object with the records that were set aside; None if there are none.
        schema: The columns known when it was sealed.
        widenings: Columns whose type had to widen in it.
        rounded: By column, how many numbers had more digits than its format keeps.
        values: By column, how many values are not null; Parquet alone counts them.
        duplicates: Records dropped because their key had come before.
        drift: How the source changed on the passes before, a sentence each.
        transforms: What went through each transform of the run, in order.
        keys: Where the keys of its records are; None if they are not told apart.
        first: What the first page of the run showed; only in the part that holds it.
        counts: What was spent since the part before, or since the invocation began.
    """

    pass_: int = 1
    sequence: int
    invocation: str
    entries: tuple[PageEntry, ...]
    gaps: tuple[int, ...] = ()
    place: RunPlace | None = None
    part: ManifestPart | None = None
    quarantine: ManifestPart | None = None
    schema: Schema = Schema()
    widenings: tuple[str, ...] = ()
    rounded: dict[str, int] = {}
    values: dict[str, int] = {}
    duplicates: int = 0
    drift: tuple[str, ...] = ()
    transforms: tuple[StepCounts, ...] = ()
    keys: str | None = None
    first: FirstPage | None = None
    counts: RunCounts = RunCounts()

    @property
    def came(self) -> int:
        """How many records its pages brought, but for those whose key had come before."""
        if self.transforms:
            return self.transforms[0].rows_in
        return sum(each.records for each in (self.part, self.quarantine) if each)

    @property
    def repeats(self) -> bool:
        """Whether records were left out of it because they had come before, perhaps with another part."""
        return self.duplicates > 0 or any(step.repeats for step in self.transforms)

    @property
    def first_page(self) -> int:
        """The first page in it."""
        return self.entries[0].number

    @property
    def last_page(self) -> int:
        """The last page in it."""
        return self.entries[-1].number
