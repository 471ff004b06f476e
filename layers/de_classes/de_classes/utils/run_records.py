"""What is written down of a run, so that another process can go on with it: plain records, ready for JSON.

None of them holds a record of the source, a token or a password: only numbers, hashes and the way on.
"""

from __future__ import annotations

from typing import Any

import msgspec


class RunPlace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a run goes on.

    Attributes:
        number: The next page, from 1.
        params: Its query parameters, as layout 1 wrote them; now they are among ``values``.
        values: What leads there, for pages that are followed, by where it goes: ``{"query.cursor": "abc"}``.
            None where the source handed out as a cursor what it was sent as a secret.
        url: Its address, for pagination that follows links; left out if it seems to hold a credential.
        tail: Short hashes of the last page's records, so that an overlap is seen across a resume.
    """

    number: int
    params: dict[str, str] = {}
    values: dict[str, Any] = {}
    url: str | None = None
    tail: tuple[str, ...] = ()


class PageEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One page that was taken.

    Attributes:
        number: Its place in the run, from 1.
        records: How many of its records were taken, as the source sent them.
        left: How many more it held, which were left for the page behind it.
        sha256: Of the answer's body, hexadecimal; the same as ``Page.digest``.
        total_pages: How many pages the source said it has, or None if it did not say.
        total_records: How many records it said it has, or None.
        mark: The loop guard's fingerprint of the records, hexadecimal, or None where the page is not telling.
        edges: Short hashes of its first and its last record; nothing where it holds none.
        repeats: Whether a record at its seam with the page before it is on both; of a page that came late,
            at either seam.
        slid: Whether that shows that rows slid from page to page, see ``Seam``.
        at: What it was asked for by, if each page is found through the one before it and it is not the first;
            or if it is the first, and pages are counted from another number than described.
        doubt: What the answer said beside its records that makes them doubtful, see ``Page.doubt``.
        said_at: When it came, in seconds since the epoch, where several workers read at once: only of the
            first page of a part, and of one whose total is another than that of the page before it.
    """

    number: int
    records: int
    left: int = 0
    sha256: str
    total_pages: int | None = None
    total_records: int | None = None
    mark: str | None = None
    edges: tuple[str, ...] = ()
    repeats: bool = False
    slid: bool = False
    at: RunPlace | None = None
    doubt: str | None = None
    said_at: float | None = None


class KeptPlaces(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the places that are reached for each parent are kept: thousands would fill a manifest.

    Attributes:
        key: Of the document, relative to the dataset.
        sha256: SHA-256 of its bytes, in hex.
        parents: How many parents it has.
        new: How many of them were read for the first time.
        gone: How many that were there before were not any more; their children stay.
    """

    key: str
    sha256: str
    parents: int
    new: int = 0
    gone: int = 0


class Increment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run asks for of a source that is read only as far as it is new: part of what the run is.

    Attributes:
        field: Where a record says when it changed last.
        form: How records say it; None if that is to be told by its look.
        zone: The time zone of times that name none.
        from_: Where it begins: a moment of UTC as ISO 8601, or a whole number. In JSON: ``from``.
        until: Where it ends; None for as far as there is anything. Nothing behind it moves the place.
        since: How far the dataset was read when the run began; None if it was not.
        is_asked: Whether somebody said where it begins, in place of the dataset.
        slices: Where it is cut, so that no query has more than the source gives of one; None if it is not
            cut, or not yet.
        is_each: Whether each parent's children are asked for from a place of their own; ``from_`` is then the
            first of them.
        places: Where those are that were reached before; None if there are none.
    """

    field: str
    form: str | None = None
    zone: str = "UTC"
    from_: str | int = msgspec.field(name="from")
    until: str | int | None = None
    since: str | int | None = None
    is_asked: bool = False
    slices: tuple[str | int, ...] | None = None
    is_after: bool = False
    is_each: bool = False
    places: KeptPlaces | None = None


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far a dataset is read, by its latest commit: the next run begins there.

    Attributes:
        field: Where a record says when it changed last.
        from_: Where the run that committed began. In JSON: ``from``.
        to: The place that is reached; None if nothing was.
        source: A hash of what was read, so that the place is not taken for that of another source.
        places: Where the places of each parent are, of which ``to`` is the first; not said where all records
            are one collection.
    """

    field: str
    from_: str | int = msgspec.field(name="from")
    to: str | int | None
    source: str = ""
    places: KeptPlaces | msgspec.UnsetType = msgspec.UNSET


class RunState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run as far as it got.

    Attributes:
        entries: The pages taken, in the order in which they were taken.
        gaps: Pages that were skipped and are still missing.
        place: Where the run goes on, or None if it knows of no other page.
    """

    entries: tuple[PageEntry, ...] = ()
    gaps: tuple[int, ...] = ()
    place: RunPlace | None = None
