"""The part of a run that is under way: pages are taken until it is large enough, and then it is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from de_classes.api.page import Overlap
from de_classes.errors import InvalidInputError
from de_classes.utils.values import Mutable, Value

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.runs.sifter import Sifted
    from de_classes.storage.datasets.part_writer import PartWriter
    from de_classes.utils.run_records import PageEntry, RunPlace

MEBIBYTE = 2**20


class PartLimits(Value):
    """When a part is sealed: as soon as one of these is reached.

    Small parts lose less when a process is killed; large ones are faster to read.

    Example:
        >>> RunService(client, store, "lake", limits=PartLimits(pages=2)).carry_out(plan).parts[-1].first_page
        3

    Attributes:
        pages: Pages in a part.
        size: Bytes, as far as they are known before the part is complete.
        seconds: Seconds since its first page.
    """

    pages: int = 1_000
    size: int = 64 * MEBIBYTE
    seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.pages < 1 or self.size < 1 or self.seconds <= 0:
            raise InvalidInputError("a part needs at least one page, one byte and some time")


class OpenPart(Mutable):
    """Pages that follow one another, with their records on the way into one object.

    Attributes:
        writer: Takes the records that are kept.
        aside: Takes those that are set aside.
        began: The moment of its first page, on the clock's monotonic time.
        entries: The pages in it.
        last: The last of them.
        way_on: Where the walk goes on after that; None if it knows of no other page.
        duplicates: Records dropped because their key had come before.
    """

    writer: PartWriter
    aside: PartWriter
    began: float
    entries: list[PageEntry] = msgspec.field(default_factory=list)
    last: Page | None = None
    way_on: RunPlace | None = None
    duplicates: int = 0

    @property
    def place(self) -> RunPlace | None:
        """Where a walk goes on right behind it; None if no other page was known of."""
        if self.last is None or self.way_on is None:
            return None
        overlap = Overlap(self.last.number - 1)
        overlap.step(self.last)
        return structs.replace(self.way_on, tail=overlap.tail())

    def is_followed_by(self, number: int) -> bool:
        """Whether a page comes next: parts have no holes."""
        return not self.entries or number == self.entries[-1].number + 1

    def take(self, page: Page, entry: PageEntry, way_on: RunPlace | None, sifted: Sifted) -> None:
        """Add a page.

        Args:
            page: What came.
            entry: What is to be written down of it.
            way_on: Where the walk goes on after it.
            sifted: Its records.
        """
        self.writer.write(sifted.kept)
        if sifted.aside:
            self.aside.write(sifted.aside)
        self.duplicates += sifted.duplicates
        self.entries.append(entry)
        self.last, self.way_on = page, way_on

    def is_full(self, limits: PartLimits, now: float) -> bool:
        """Whether it is to be sealed."""
        return (
            len(self.entries) >= limits.pages
            or self.writer.size >= limits.size
            or now - self.began >= limits.seconds
        )

    def abort(self) -> None:
        """Let go of everything."""
        self.writer.abort()
        self.aside.abort()
