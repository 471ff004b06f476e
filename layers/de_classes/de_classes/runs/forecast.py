"""What a run will take, told from its first page; and what it took, in the same figures.

    seconds = latency + cpu a page + (pages - 1) * max(latency / at once, cpu a page, 1 / requests a second)
              + requests for proof * max(latency + cpu a page, 1 / requests a second)
    cpu a page = records a page * cpu a record / vCPUs, of which 1,769 MB have one and less has less
    gigabyte-seconds = (seconds + invocations * startup) * memory
    dollars = gigabyte-seconds * price + invocations * price + requests to the store * price

A page waits for the network while others do, so latency is divided by how many are under way at once; what
is asked for as a proof goes one after the other. Decoding and encoding share one processor, so their time is
not divided: more than one vCPU is of no use to them, and less than one takes longer. A limit on requests
holds whatever else would be possible. Prices are AWS's published ones for us-east-1 on arm64, in USD; retries
are not foreseen, since a first page says nothing of them.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from de_classes.api.evidence import LEAST_LOOKS_BY_NUMBERS, most_requests
from de_classes.api.prefetch import MOST_BYTES
from de_classes.api.receipt import Figures
from de_classes.utils.formats import FORMATS
from de_classes.utils.limits import MAX_CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.counters import Counts
    from de_classes.api.endpoint import Endpoint
    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page

MEBIBYTE: Final = 2**20
MEGABYTES_A_VCPU: Final = 1769  # by AWS's documentation of memory and computing power
_STORE_REQUESTS_A_RUN: Final = 12  # the plan, checks, signs of life, the manifest, the receipt, the list
_STORE_REQUESTS_A_PART: Final = 4  # the part, its journal entry, reading that back, proving the part
_NOTED_OF_A_PAGE: Final = 700 / 1e6  # megabytes that stay: its hash, its edges, its counts; measured
_MOST_FOR_AN_END: Final = 4  # the last page again, and what lies around the pages, or is counted
_BATCH_RECORDS: Final = (
    1_000  # are encoded together, see SegmentedWriter: of wide ones that is more than a page
)
_COPIES_OF_A_PAGE: Final = 12  # its bytes as text, as columns, and what the allocator keeps; measured
PARQUET_MEGABYTES: Final = 108.0
"""What a process that writes Parquet needs besides its pages, at the most: Arrow, a row group; measured."""

TEXT_MEGABYTES: Final = 36.0
"""The same for formats that need nothing installed, such as CSV, JSON and JSON Lines."""

SDK_MEGABYTES: Final = 45.0
"""What boto3 needs, where the destination is S3; measured."""


class RunCounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was spent, as far as it is known when a part is sealed.

    Attributes:
        requests_by_outcome: Requests for pages, by status or kind of failure.
        retries_by_cause: Attempts that were made again, by status or kind of error.
        logins: Requests to log in.
        seconds: On the clock.
        seconds_waited: Of waiting that retries asked for, added over threads.
        seconds_working: With requests under way, added over threads.
    """

    requests_by_outcome: dict[str, int] = {}
    retries_by_cause: dict[str, int] = {}
    logins: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0
    seconds_working: float = 0.0

    @classmethod
    def of(cls, counts: Counts, seconds: float) -> RunCounts:
        """A client's counters, and the time on the clock."""
        return cls(
            requests_by_outcome=dict(counts.requests_by_outcome),
            retries_by_cause=dict(counts.retries_by_cause),
            logins=counts.logins,
            seconds=round(seconds, 3),
            seconds_waited=counts.seconds_waited,
            seconds_working=counts.seconds_working,
        )

    @classmethod
    def total(cls, all_counts: Iterable[RunCounts]) -> RunCounts:
        """Several, added up."""
        outcomes: Counter[str] = Counter()
        causes: Counter[str] = Counter()
        logins, seconds, waited, working = 0, 0.0, 0.0, 0.0
        for counts in all_counts:
            outcomes.update(counts.requests_by_outcome)
            causes.update(counts.retries_by_cause)
            logins += counts.logins
            seconds += counts.seconds
            waited += counts.seconds_waited
            working += counts.seconds_working
        return cls(
            requests_by_outcome=_told(outcomes),
            retries_by_cause=_told(causes),
            logins=logins,
            seconds=round(seconds, 3),
            seconds_waited=round(waited, 3),
            seconds_working=round(working, 3),
        )


class FirstPage(Struct, frozen=True, kw_only=True):
    """What the first page of a run showed.

    Example:
        >>> first = FirstPage(latency=0.2, size=250_000, records=1_000, pages=1_000)
        >>> forecast(first, LambdaTerms(concurrency=8)).requests
        1000

    Attributes:
        latency: Seconds that its request took, the successful one.
        size: Bytes of the answer, decoded.
        records: Records on it.
        pages: Pages that the run will have; None if the source does not say.
        proof: Requests that will bring nothing, but prove the end and that the source stood still: at the
            most, of one that does, and whose pages are full.
    """

    latency: float
    size: int
    records: int
    pages: int | None
    proof: int = 0

    @classmethod
    def of(
        cls, page: Page, ledger: RunLedger, spent: RunCounts, *, endpoint: Endpoint, strict: bool
    ) -> FirstPage:
        """A first page, with what was spent until it was there.

        Args:
            page: The page.
            ledger: That of the run.
            spent: Until the page was there.
            endpoint: What is read.
            strict: Whether every page is asked for twice.
        """
        requests = sum(spent.requests_by_outcome.values())
        pages = ledger.pages_to_come
        return cls(
            latency=round(spent.seconds_working / max(requests, 1), 6),
            size=page.size,
            records=len(page.records),
            pages=pages,
            proof=proof_requests(endpoint, pages, is_counted=page.total_records is not None, strict=strict),
        )


class LambdaTerms(Struct, frozen=True, kw_only=True):
    """What a function is given, and what it costs.

    Example:
        >>> first = FirstPage(latency=0.2, size=250_000, records=1_000, pages=1_000)
        >>> [forecast(first, LambdaTerms(concurrency=n)).seconds < 60 for n in (1, 8)]
        [False, True]

    Attributes:
        memory_megabytes: Of the function.
        seconds_per_invocation: That one invocation can use: the time limit less the reserve.
        concurrency: Pages under way at once.
        requests_per_second: A limit on requests for pages; None for none.
        part_pages: Pages in a part.
        startup_seconds: Of each invocation, before its first page is asked for.
        cpu_seconds_a_record: To decode, check and encode one, on one whole vCPU; measured.
        base_megabytes: What a process needs besides its pages, see ``base_megabytes``.
        dollars_a_gigabyte_second: Price of the time.
        dollars_an_invocation: Price of each call.
        dollars_a_store_request: Price of a PUT or a LIST.
    """

    memory_megabytes: float = 1024.0
    seconds_per_invocation: float = 890.0
    concurrency: int = 4
    requests_per_second: float | None = None
    part_pages: int = 1_000
    startup_seconds: float = 0.5
    cpu_seconds_a_record: float = 5e-6
    base_megabytes: float = PARQUET_MEGABYTES + SDK_MEGABYTES
    dollars_a_gigabyte_second: float = 0.0000133334
    dollars_an_invocation: float = 0.20 / 1e6
    dollars_a_store_request: float = 0.005 / 1e3

    @property
    def vcpus(self) -> float:
        """How much of a vCPU one thread gets: Lambda gives as much as the memory, and a thread uses one."""
        return min(1.0, self.memory_megabytes / MEGABYTES_A_VCPU)

    def cpu_seconds(self, records: int) -> float:
        """To decode, check and encode so many records."""
        return records * self.cpu_seconds_a_record / self.vcpus

    def seconds_between_pages(self, records: int) -> float:
        """At the least, however many are under way at once: by the processor, or by the limit on requests."""
        interval = 1 / self.requests_per_second if self.requests_per_second else 0.0
        return max(self.cpu_seconds(records), interval)


def proof_requests(endpoint: Endpoint, pages: int | None, *, is_counted: bool, strict: bool = False) -> int:
    """The most requests that prove a run, of a source that stands still, and whose pages are full.

    Args:
        endpoint: What is read.
        pages: Pages that the run will have; None if the source does not say.
        is_counted: Whether the source says how many records there are.
        strict: Whether every page is asked for twice.
    """
    pagination, count = endpoint.pagination, 1 if pages is None else pages
    is_known = is_counted and pages is not None and pagination.random_access and endpoint.count is None
    end = int(count == 1) if is_known else _MOST_FOR_AN_END  # a single page's total may be its own count
    if pagination.declared_end is not None:
        end = 0
    if endpoint.look_back == "none" or endpoint.goes_by_key:
        return end
    if strict or endpoint.look_back == "all":
        return end + count
    most = most_requests(count)
    has_numbers = pagination.random_access and not pagination.counts_records
    if has_numbers and not is_known and endpoint.count is None:
        # the last page is looked at by what proves the end
        most = max(most, end + LEAST_LOOKS_BY_NUMBERS - 1)
    return most if pages is None else min(end + count, most)


def forecast(first: FirstPage, terms: LambdaTerms) -> Figures:
    """What the whole run will take.

    Args:
        first: What its first page showed. Of a source that does not say how many pages it has, only the
            first is reckoned.
        terms: What it is carried out with.
    """
    pages = first.pages if first.pages is not None else 1
    between = terms.seconds_between_pages(first.records)
    # The first page goes alone: only it says how many there are.
    rest = max(pages - 1, 0) * max(first.latency / terms.concurrency, between)
    alone = first.latency + terms.cpu_seconds(first.records)
    seconds = alone + rest + first.proof * max(alone, between)
    return _figures(seconds, pages=pages, terms=terms, first=first)


def actual(spent: RunCounts, pages: int, proof: int, invocations: int, terms: LambdaTerms) -> Figures:
    """What a run took, in the figures of its forecast.

    Args:
        spent: Over all invocations.
        pages: Pages obtained.
        proof: Requests that proved something, of the invocation that committed.
        invocations: How often it was started: once, and again whenever it went on.
        terms: What it was carried out with.
    """
    gigabyte_seconds = _gigabyte_seconds(spent.seconds, invocations, terms)
    return Figures(
        seconds=round(spent.seconds, 3),
        invocations=invocations,
        requests=sum(spent.requests_by_outcome.values()),
        proof_requests=proof,
        gigabyte_seconds=round(gigabyte_seconds, 3),
        dollars=_dollars(gigabyte_seconds, invocations, pages, terms),
    )


def best_concurrency(first: FirstPage, terms: LambdaTerms) -> int:
    """Pages at once above which a run would not be faster: by the processor, or by the limit on requests."""
    between = terms.seconds_between_pages(first.records)
    if between <= 0:
        return MAX_CONCURRENCY
    return max(1, min(MAX_CONCURRENCY, math.ceil(first.latency / between)))


def base_megabytes(format_name: str, *, is_local: bool = False) -> float:
    """What a process needs besides its pages.

    Args:
        format_name: What it writes.
        is_local: To a directory, and not to S3.
    """
    base = PARQUET_MEGABYTES if FORMATS[format_name].extra else TEXT_MEGABYTES
    return base + (0.0 if is_local else SDK_MEGABYTES)


def memory_megabytes(first: FirstPage, terms: LambdaTerms) -> float:
    """What the process needs at the most: for itself, pages under way, the one in hand, and what is noted."""
    ahead = min(terms.concurrency * first.size, MOST_BYTES)
    batch = min(_BATCH_RECORDS, first.records * (first.pages or 1)) * first.size / max(first.records, 1)
    in_hand = _COPIES_OF_A_PAGE * (ahead + max(first.size, batch)) / MEBIBYTE
    return round(terms.base_megabytes + in_hand + _NOTED_OF_A_PAGE * (first.pages or 0), 1)


def _figures(seconds: float, *, pages: int, terms: LambdaTerms, first: FirstPage) -> Figures:
    invocations = max(1, math.ceil(seconds / terms.seconds_per_invocation))
    gigabyte_seconds = _gigabyte_seconds(seconds, invocations, terms)
    return Figures(
        seconds=round(seconds, 3),
        invocations=invocations,
        requests=pages + first.proof,
        proof_requests=first.proof,
        gigabyte_seconds=round(gigabyte_seconds, 3),
        dollars=_dollars(gigabyte_seconds, invocations, pages, terms),
        memory_megabytes=memory_megabytes(first, terms),
        best_concurrency=best_concurrency(first, terms),
    )


def _gigabyte_seconds(seconds: float, invocations: int, terms: LambdaTerms) -> float:
    return (seconds + invocations * terms.startup_seconds) * terms.memory_megabytes / 1024


def _dollars(gigabyte_seconds: float, invocations: int, pages: int, terms: LambdaTerms) -> float:
    parts = math.ceil(pages / terms.part_pages)
    store = _STORE_REQUESTS_A_RUN + parts * _STORE_REQUESTS_A_PART
    return round(
        gigabyte_seconds * terms.dollars_a_gigabyte_second
        + invocations * terms.dollars_an_invocation
        + store * terms.dollars_a_store_request,
        8,
    )


def _told(counter: Counter[str]) -> dict[str, int]:
    """In order, and without requests that were under way and have ended since."""
    return {name: number for name, number in sorted(counter.items()) if number}
