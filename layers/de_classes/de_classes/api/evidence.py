"""How it is known that a run brought everything: its end, and that the source stood still."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from de_classes.utils.values import Value

EndBy = Literal["total", "marker", "probed", "counted", "seen before", "declared", "unproven"]
StillBy = Literal["by key", "sampled", "read twice", "repaired", "begun anew", "unknown"]


class End(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the end of a collection is known.

    Attributes:
        by: ``total``: the source counts its records, the same in every answer, and as many came. ``marker``:
            a field that says whether more follows, or what leads on, was seen to say both. ``probed``: where
            the next record would be, nothing is. ``counted``: by a request that counts. ``seen before``: an
            earlier run by the same description followed what leads on, and nothing does here. ``declared``:
            nothing follows by what was asked for or described. ``unproven``: nothing tells.
        requests: How many requests it took, beyond those for the pages.
        saw: What was seen.
    """

    by: EndBy
    requests: int = 0
    saw: str = ""


class Still(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it is known that the source stood still while it was read.

    Attributes:
        by: ``by key``: each page begins behind the last record's unique key. ``sampled``: some pages were
            asked for again at the end, and began and ended as before. ``read twice``: all of them were.
            ``repaired``: it changed, and passes over it went on until one brought no new key. ``begun anew``:
            it changed, and what was kept comes from a later reading alone. ``unknown``: it was not asked.
        pages: How many pages were asked for again.
        of: How many there are.
        requests: How many requests that took.
    """

    by: StillBy
    pages: int = 0
    of: int = 0
    requests: int = 0


class Evidence(Value):
    """What "complete" rests on.

    Attributes:
        end: How the end is known.
        still: How it is known that the source stood still.
        warnings: What weakens it, a sentence each, with what to do about it.
    """

    end: End
    still: Still
    warnings: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        """Requests that proved something and brought nothing."""
        return self.end.requests + self.still.requests

    @property
    def weak(self) -> list[str]:
        """What ``--strict`` does not accept."""
        by = [
            f"end: {self.end.by}" if self.end.by == "unproven" else "",
            f"still: {self.still.by}" if self.still.by in {"sampled", "unknown"} else "",
        ]
        return [each for each in by if each]

    def __str__(self) -> str:
        saw = f" ({self.end.saw})" if self.end.saw else ""
        looked = f" {self.still.pages} of {self.still.of}" if self.still.pages else ""
        requests = f"{self.requests} request{'' if self.requests == 1 else 's'} for it"
        return f"end {self.end.by}{saw}, still {self.still.by}{looked}; {requests}"
