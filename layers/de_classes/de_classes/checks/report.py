"""What a check of a source found, as a value: what it says for people, and what it proves."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from de_classes.api.receipt import Figures

Verdict = Literal["ok", "warning", "wrong"]
FindingName = Literal[
    "connection",
    "auth",
    "job",
    "answer",
    "records",
    "pagination",
    "first",
    "page_size",
    "total",
    "marker",
    "end",
    "limits",
    "key",
    "transforms",
    "updated",
    "costs",
    "schedule",
]
_SEVERITY: tuple[Verdict, ...] = ("ok", "warning", "wrong")


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        verdict: ``ok``; ``warning``: it works, and something should be known; ``wrong``: a run would fail, or
            be short.
        said: What was found; where it is wrong, what stands in the answer instead.
    """

    name: FindingName
    verdict: Verdict
    said: str


class FieldSeen(Struct, frozen=True, kw_only=True):
    """A field of the records that came.

    Attributes:
        name: Of the field.
        types: Of its values in JSON, such as ``integer`` and ``null``.
    """

    name: str
    types: tuple[str, ...]


class PaginationEvidence(Struct, frozen=True, kw_only=True):
    """What a check proves of how pages are found by a description. A run proves its own end all the same.

    Attributes:
        description: A hash of the description, without parameters, secrets and windows.
        is_rehearsal: Whether another server stood in for the source: then it proves nothing of the source.
        way_on: Whether what leads to the next page was followed, and led to other records.
        end: How an end was seen, or None: ``marker``, ``total``, ``way_on`` (it was not there any more),
            ``empty`` (a page without records), or ``refused``.
        marker: Whether the end marker was seen to be right both where more followed and at the end.
        total: Whether the total stayed when fewer records were asked for.
        page_size: Whether the size of a page is ``heeded`` or ``ignored``; None if that could not be seen.
        cap: The most records that the source gives in a page, where that is less than was asked for.
    """

    description: str
    is_rehearsal: bool
    way_on: bool = False
    end: Literal["marker", "total", "way_on", "empty", "refused"] | None = None
    marker: bool = False
    total: bool = False
    page_size: Literal["heeded", "ignored"] | None = None
    cap: int | None = None


class CheckReport(Struct, frozen=True, kw_only=True):
    """What a check of a resource found.

    Attributes:
        resource: Such as ``stripe.charges``.
        verdict: The worst of the findings.
        findings: What was looked at, in order.
        requests: How many were sent, logins among them.
        records: How many records came on the first page.
        fields: What they hold, in the source's order; 100 at the most.
        total: How many records the source says there are; None if it does not say.
        keys: Fields that look like a key: never null, and no value twice.
        update_times: Fields that look like the moment of the last change.
        limit_headers: The headers that told of a limit, and what they said last.
        costs: What a run would take; None if no page came.
        evidence: What it proves.
    """

    resource: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    requests: int
    records: int
    fields: tuple[FieldSeen, ...] = ()
    total: int | None = None
    keys: tuple[str, ...] = ()
    update_times: tuple[str, ...] = ()
    limit_headers: dict[str, str] = {}
    costs: Figures | None = None
    evidence: PaginationEvidence


def worst(findings: tuple[Finding, ...]) -> Verdict:
    """The worst of their verdicts."""
    return max((finding.verdict for finding in findings), key=_SEVERITY.index, default="ok")
