"""Where runs stand, told from the bucket alone: nobody need be at them, and no source is asked.

It is put together of what a run writes down anyway, see ``journal``: parts tell what came and what it took,
invocations when somebody was at it last and how that ended, and the manifest whether it is committed. A run
that several carry out has such a journal for each of its ranges. The documents are read some at a time, and
of them no more is kept than what is told.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct

from de_classes.api.receipt import COMPLETE
from de_classes.errors import BucketNotFoundError, MalformedDataError, ObjectNotFoundError, RunNotFoundError
from de_classes.runs.dataset import commit_of
from de_classes.runs.forecast import RunCounts
from de_classes.runs.journal import RUNS, Documents, Invocation, run_folder
from de_classes.runs.liveness import Cancellation
from de_classes.runs.plan import RunPlan
from de_classes.runs.progress import SealedPart
from de_classes.storage.datasets.manifest import commit_receipt_key
from de_classes.utils import layouts
from de_classes.utils.page_range import PageRange
from de_classes.utils.values import Mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.datasets.manifest import Manifest

State = Literal["queued", "running", "stopped", "cancelled", "incomplete", "partial", "complete"]
"""What a run can be; ``RunStatus`` says what each means."""

RangeState = Literal["waiting", "running", "stopped", "incomplete", "done"]

ALIVE_SECONDS: Final = 300.0
"""Who gave no sign of life for so long is not at it any more: there is one a minute."""

_AT_ONCE: Final = 16
_RECENT_PARTS: Final = 5
_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_NAME: Final = re.compile(
    r"(?:range-(?P<range>\d{8,})/)?"
    r"(?:(?P<only>plan|started|cancelled)\.json|(?P<ranges>ranges)\.jsonl"
    r"|invocation-(?P<invocation>[0-9a-f]+)\.json|(?P<kind>part|struck)-(?P<number>\d{8,})\.json)"
)


class RangeStatus(Struct, frozen=True, kw_only=True):
    """Where one range of a run stands, which one worker carries out.

    Attributes:
        range: Its number, from 1.
        first: Its first page.
        last: Its last page; None if it goes as far as the source does.
        state: ``waiting`` if nobody has begun, ``running``, ``stopped``, ``incomplete``, or ``done``.
        pages: Pages that came.
        at: The furthest of them; None if none came.
        records: Records on them.
    """

    range: int
    first: int
    last: int | None
    state: RangeState
    pages: int
    at: int | None
    records: int


class RunStatus(Struct, frozen=True, kw_only=True):
    """Where a run stands.

    Example:
        >>> import time
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> status = read_status(store, "lake", "", plan.run_id, now=time.time())
        >>> status.state, status.pages, status.expected_pages, status.records
        ('complete', 3, 3, 5)

    Attributes:
        run_id: What it is called by.
        state: ``queued``: asked for, and nobody has begun. ``running``: somebody gave a sign of life within
            five minutes. ``stopped``: nobody did, or it was interrupted. ``cancelled``: it is to stop, and
            goes on only if that is asked for. ``incomplete``: it ended so, and ``error`` says how;
            nothing is committed. ``partial``: committed without pages. ``complete``.
        source: The endpoint; None as long as it is queued, and so are the next three.
        source_name: What it is called in the settings; None where there are none.
        dataset: The key prefix of its parts.
        format: The format's name.
        began: When, as ISO 8601 in UTC.
        last_sign: When somebody was last at it.
        quiet_seconds: Seconds since then.
        at_work: How many invocations are at it now.
        invocations: How many there were.
        pages: Pages that came, on the pass that is under way.
        expected_pages: How many there are; None if the source does not say.
        missing_pages: How many were given up until now, and come later or not.
        records: Records on them, as the source sent them; of a run that is committed, those that it wrote.
        expected_records: How many the source says it has; None if it does not, or for some of its pages.
        records_per_second: Lately; over all of it where nobody is at it. None if nothing tells.
        parts: Parts that are sealed.
        passes: Passes over the source.
        ranges_done: How many ranges are.
        ranges: Where each stands; none if one worker carries the run out.
        requests: Requests for pages that were sent.
        requests_by_outcome: The same by status or kind of failure.
        logins: Requests to log in.
        retries: Attempts that failed and were made again.
        retries_by_cause: The same by status or kind of error.
        failures: How invocations ended, by kind of error.
        error: The kind of error that the run ended with, where it is incomplete, or stopped by one.
        message: What that said.
        seconds: On the clock, over all invocations.
        seconds_waited: Of waiting that retries asked for, added over threads.
        seconds_left: What the rest takes at the present rate; None if nothing tells.
        receipt: Where the receipt is, once it is committed.
    """

    run_id: str
    state: State
    source: str | None = None
    source_name: str | None = None
    dataset: str | None = None
    format: str | None = None
    began: str | None = None
    last_sign: str | None = None
    quiet_seconds: float | None = None
    at_work: int = 0
    invocations: int = 0
    pages: int = 0
    expected_pages: int | None = None
    missing_pages: int = 0
    records: int = 0
    expected_records: int | None = None
    records_per_second: float | None = None
    parts: int = 0
    passes: int = 1
    ranges_done: int = 0
    ranges: list[RangeStatus] = []
    requests: int = 0
    requests_by_outcome: dict[str, int] = {}
    logins: int = 0
    retries: int = 0
    retries_by_cause: dict[str, int] = {}
    failures: dict[str, int] = {}
    error: str | None = None
    message: str | None = None
    seconds: float = 0.0
    seconds_waited: float = 0.0
    seconds_left: float | None = None
    receipt: str | None = None


class ListedRun(Struct, frozen=True, kw_only=True):
    """A run, as a list of them has it.

    Attributes:
        run_id: What it is called by.
        state: As that of ``RunStatus``.
        source: The endpoint; None as long as it is queued, and so is the next.
        dataset: The key prefix of its parts.
        began: When, as ISO 8601 in UTC.
        last_sign: When somebody was last at it.
        parts: Parts that are sealed.
        ranges: How many ranges have a journal.
        records: Records that it committed; None if it is not committed.
    """

    run_id: str
    state: State
    source: str | None = None
    dataset: str | None = None
    began: str | None = None
    last_sign: str | None = None
    parts: int = 0
    ranges: int = 0
    records: int | None = None


class RunList(Struct, frozen=True, kw_only=True):
    """The runs that there are.

    Attributes:
        runs: Those whose progress is there, by their ids.
    """

    runs: list[ListedRun]


class StartedRun(Struct, frozen=True, kw_only=True, tag_field="version", tag=layouts.JOURNAL):
    """That a run was asked for by a caller who does not wait, before anybody has begun.

    Attributes:
        request: What was asked, as it is handed on.
    """

    request: dict[str, Any]


def started_key(prefix: str, run_id: str) -> str:
    """Where it is written that a run was asked for."""
    return f"{run_folder(prefix, run_id)}started.json"


def is_run_id(run_id: str) -> bool:
    """Whether a run can be called so."""
    return _RUN_ID.fullmatch(run_id) is not None


def read_status(store: ObjectStore, bucket: str, prefix: str, run_id: str, *, now: float) -> RunStatus:
    """Where a run stands.

    Args:
        store: Where it writes to.
        bucket: The bucket.
        prefix: What the keys of journals begin with, without a slash at the end; may be empty.
        run_id: Which run.
        now: The time, in seconds since the epoch.

    Raises:
        RunNotFoundError: No such run was begun there, or its progress was cleaned away.
        MalformedDataError: A document is not what its key promises.
        NewerLayoutError: It is of a layout that came after this code.
    """
    folders: dict[int | None, _Folder] = defaultdict(_Folder)
    if is_run_id(run_id):
        with suppress(BucketNotFoundError):
            _sort(folders, store.list_objects(bucket, run_folder(prefix, run_id)), run_folder(prefix, run_id))
    own = folders[None]
    if own.plan is None and own.started is None:
        raise RunNotFoundError(
            f"no run {run_id!r} was begun there: check its id, and the place, which is what runs were given "
            "as --to; progress is cleaned away in time, and `show DATASET` tells what was committed"
        )
    return _Reading(store, bucket, now).status(run_id, folders)


def list_runs(store: ObjectStore, bucket: str, prefix: str, *, now: float) -> Iterator[ListedRun]:
    """Every run below a prefix whose progress is there, by its id.

    Args:
        store: Where they write to.
        bucket: The bucket.
        prefix: What the keys of journals begin with, without a slash at the end; may be empty.
        now: The time, in seconds since the epoch.

    Raises:
        MalformedDataError: A document is not what its key promises.
        NewerLayoutError: It is of a layout that came after this code.
    """
    below = f"{prefix}/{RUNS}/" if prefix else f"{RUNS}/"
    listed = store.list_objects(bucket, below)
    reading = _Reading(store, bucket, now)
    for run_id, infos in groupby(listed, key=lambda info: info.key.removeprefix(below).partition("/")[0]):
        folders: dict[int | None, _Folder] = defaultdict(_Folder)
        _sort(folders, infos, f"{below}{run_id}/")
        if folders[None].plan or folders[None].started:
            yield reading.listed(run_id, folders)


class _Folder(Mutable):
    """The documents of one journal, by kind."""

    plan: ObjectInfo | None = None
    started: ObjectInfo | None = None
    cancelled: ObjectInfo | None = None
    ranges: ObjectInfo | None = None
    invocations: list[ObjectInfo] = msgspec.field(default_factory=list)
    parts: dict[int, ObjectInfo] = msgspec.field(default_factory=dict)
    struck: set[int] = msgspec.field(default_factory=set)

    @property
    def last_part(self) -> float:
        """When a part was sealed last."""
        return max((_at(info) for info in self.parts.values()), default=0.0)

    @property
    def last_sign(self) -> float:
        """When anything was written down last."""
        noted = (self.plan, self.started, *self.invocations)
        return max((self.last_part, *(_at(info) for info in noted if info)))


class _Sign(Mutable):
    """One invocation, with the time of its note."""

    at: float
    said: Invocation


class _Tally(Mutable):
    """What the parts of one journal come to."""

    pages: int = 0
    records: int = 0
    parts: int = 0
    pass_: int = 1
    furthest: int | None = None
    is_over: bool = False
    gaps: set[int] = msgspec.field(default_factory=set)
    expected_pages: int | None = None
    expected_records: int | None = None
    counts: RunCounts = RunCounts()
    recent: deque[tuple[int, int, float]] = msgspec.field(default_factory=lambda: deque(maxlen=_RECENT_PARTS))

    def add(self, part: SealedPart, *, counts: bool) -> None:
        """Take the next part, in the order of sealing.

        Args:
            part: The part.
            counts: Whether it does; otherwise it was struck, and its pages come again.
        """
        self.counts = RunCounts.total((self.counts, part.counts))
        if part.first is not None:
            self.expected_pages = part.first.pages
        numbers = {entry.number for entry in part.entries}
        if not counts:
            self.gaps |= numbers
            return
        if part.pass_ > self.pass_:
            self.pass_, self.pages, self.records, self.furthest = part.pass_, 0, 0, None
            self.gaps.clear()
        records = sum(entry.records for entry in part.entries)
        self.parts += 1
        self.pages += len(numbers)
        self.records += records
        self.gaps = (self.gaps | {*part.gaps}) - numbers
        if self.furthest is None or part.last_page > self.furthest:
            self.furthest, self.is_over = part.last_page, part.place is None
            self.expected_records = part.entries[-1].total_records
        self.recent.append((len(numbers), records, part.counts.seconds))

    def has_all_of(self, planned: _PlannedRange) -> bool:
        """Whether a range is done: its last page may lead on, to the next range."""
        if planned.last is None:
            return self.is_over and not self.gaps
        return self.pages == planned.last - planned.first + 1

    @property
    def rate(self) -> tuple[float, float] | None:
        """Pages and records a second, lately; None if nothing tells."""
        seconds = sum(part[2] for part in self.recent)
        if seconds <= 0:
            return None
        return sum(part[0] for part in self.recent) / seconds, sum(part[1] for part in self.recent) / seconds


class _Journal(Mutable):
    """One journal, read."""

    tally: _Tally
    signs: list[_Sign]
    at_work: int


class _PlannedRange(Struct, frozen=True):
    """A line of ``ranges.jsonl``."""

    range: int
    first: int
    last: int | None = None


class _Told(Struct, frozen=True):
    """What is needed of a receipt; the rest of it may be long, and is passed over."""

    pages: int
    records: int
    expected_records: int | None = None
    passes: int = 1
    invocations: int = 1
    requests_by_outcome: dict[str, int] = {}
    retries_by_cause: dict[str, int] = {}
    logins: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0


_RANGE: Final = msgspec.json.Decoder(_PlannedRange)
_RECEIPT: Final = msgspec.json.Decoder(_Told)


class _Reading:
    """Reads what is needed of runs, at one moment."""

    def __init__(self, store: ObjectStore, bucket: str, now: float) -> None:
        self._store = store
        self._bucket = bucket
        self._documents = Documents(store, bucket)
        self._now = now

    def status(self, run_id: str, folders: dict[int | None, _Folder]) -> RunStatus:
        own = folders[None]
        plan = self._documents.get(own.plan.key, RunPlan) if own.plan else None
        planned = list(self._planned(own))
        journals = {each: self._journal(folder) for each, folder in folders.items()}
        manifest = commit_of(self._store, self._bucket, plan) if plan else None
        signs = [sign for journal in journals.values() for sign in journal.signs]
        at_work = sum(journal.at_work for journal in journals.values())
        state = self._state(own, manifest, signs, at_work)
        came = self._came(journals, planned, plan)
        last_sign = max(folder.last_sign for folder in folders.values())
        status = RunStatus(
            run_id=run_id,
            state=state,
            began=_iso(_at(own.started or own.plan)),
            last_sign=_iso(last_sign),
            quiet_seconds=round(max(0.0, self._now - last_sign), 1),
            at_work=0 if state == COMPLETE else at_work,
            invocations=len(signs),
            ranges=[self._range(each, folders, journals) for each in planned],
            failures=dict(Counter(sign.said.error for sign in signs if sign.said.error)),
            **came,
        )
        if plan is not None:
            status = msgspec.structs.replace(
                status,
                source=plan.source,
                source_name=plan.source_name,
                dataset=plan.dataset,
                format=plan.format,
            )
        if state in {"incomplete", "stopped"} and signs:
            ended = max(signs, key=lambda sign: sign.at).said
            status = msgspec.structs.replace(status, error=ended.error, message=ended.message)
        done = sum(each.state == "done" for each in status.ranges)
        status = msgspec.structs.replace(status, ranges_done=done, **self._pace(journals, status))
        return self._committed(status, plan, manifest) if plan and manifest else status

    def listed(self, run_id: str, folders: dict[int | None, _Folder]) -> ListedRun:
        own = folders[None]
        plan = self._documents.get(own.plan.key, RunPlan) if own.plan else None
        manifest = commit_of(self._store, self._bucket, plan) if plan else None
        signs, at_work = [], 0
        if manifest is None or manifest.status != COMPLETE:
            for folder in folders.values():
                found = self._signs(folder, young_or_last=True)
                signs += found
                at_work += self._at_work(folder, found)
        return ListedRun(
            run_id=run_id,
            state=self._state(own, manifest, signs, at_work),
            source=plan.source if plan else None,
            dataset=plan.dataset if plan else None,
            began=_iso(_at(own.started or own.plan)),
            last_sign=_iso(max(folder.last_sign for folder in folders.values())),
            parts=sum(len(folder.parts.keys() - folder.struck) for folder in folders.values()),
            ranges=sum(each is not None for each in folders),
            records=sum(part.records for part in manifest.parts_of(run_id)) if manifest else None,
        )

    def _planned(self, own: _Folder) -> Iterator[_PlannedRange]:
        if own.ranges is None:
            return
        with self._store.open_object(self._bucket, own.ranges.key) as lines:
            for line in lines:
                try:
                    yield _RANGE.decode(line)
                except msgspec.MsgspecError as error:
                    raise MalformedDataError(f"{own.ranges.key} is no list of ranges: {error}") from error

    def _journal(self, folder: _Folder) -> _Journal:
        tally = _Tally()
        numbers = sorted(folder.parts)
        for number, part in zip(
            numbers, self._read([folder.parts[each].key for each in numbers], SealedPart), strict=True
        ):
            if part is not None:
                tally.add(part, counts=number not in folder.struck)
        signs = self._signs(folder)
        for sign in signs:
            unsealed = sign.said.unsealed
            if sign.said.outcome is None and sign.at <= folder.last_part:
                continue  # a part may tell it by now
            tally.pages += unsealed.pages
            tally.records += unsealed.records
            tally.counts = RunCounts.total((tally.counts, unsealed.counts))
        return _Journal(tally, signs, self._at_work(folder, signs))

    def _signs(self, folder: _Folder, *, young_or_last: bool = False) -> list[_Sign]:
        infos = sorted(folder.invocations, key=_at)
        if young_or_last:
            infos = [info for info in infos if info is infos[-1] or self._now - _at(info) <= ALIVE_SECONDS]
        found = zip(infos, self._read([info.key for info in infos], Invocation), strict=True)
        return [_Sign(_at(info), said) for info, said in found if said is not None]

    def _at_work(self, folder: _Folder, signs: Sequence[_Sign]) -> int:
        """How many are at it: those that have not ended, and whose note, or last part, is young."""
        open_ended = [sign for sign in signs if sign.said.outcome is None]
        if not open_ended:
            return 0
        youngest = max(open_ended, key=lambda sign: sign.at)
        signs_at = [max(sign.at, folder.last_part) if sign is youngest else sign.at for sign in open_ended]
        return sum(self._now - at <= ALIVE_SECONDS for at in signs_at)

    def _state(self, own: _Folder, manifest: Manifest | None, signs: Sequence[_Sign], at_work: int) -> State:
        if manifest is not None and manifest.status == COMPLETE:
            return "complete"
        if own.cancelled is not None:
            cancellation = self._documents.find(own.cancelled.key, Cancellation)
            if cancellation is not None and not cancellation.lifted:
                return "cancelled"
        if at_work:
            return "running"
        if manifest is not None:
            return "partial"
        if not signs:
            return "queued" if own.plan is None else "stopped"
        last = max(signs, key=lambda sign: sign.at).said
        return "incomplete" if last.outcome == "incomplete" else "stopped"

    def _range(
        self,
        planned: _PlannedRange,
        folders: dict[int | None, _Folder],
        journals: dict[int | None, _Journal],
    ) -> RangeStatus:
        state: RangeState = "waiting"
        tally = _Tally()
        if planned.range in journals:
            journal = journals[planned.range]
            tally = journal.tally
            last = max(journal.signs, key=lambda sign: sign.at, default=None)
            if tally.has_all_of(planned):
                state = "done"
            elif journal.at_work:
                state = "running"
            elif last is not None and last.said.outcome in {"incomplete", "done"}:
                state = "incomplete"  # it is done with what it can have: whoever commits asks for the rest
            elif folders[planned.range].parts or last is not None:
                state = "stopped"
        return RangeStatus(
            range=planned.range,
            first=planned.first,
            last=planned.last,
            state=state,
            pages=tally.pages,
            at=tally.furthest,
            records=tally.records,
        )

    def _came(
        self,
        journals: dict[int | None, _Journal],
        planned: Sequence[_PlannedRange],
        plan: RunPlan | None,
    ) -> dict[str, Any]:
        tallies = [journal.tally for journal in journals.values()]
        counts = RunCounts.total(tally.counts for tally in tallies)
        told = [tally.expected_pages for tally in tallies if tally.expected_pages is not None]
        expected = max(told, default=None)
        if planned and planned[-1].last is not None:
            expected = planned[-1].last - (plan.pages.start if plan else planned[0].first) + 1
        pass_ = max(tally.pass_ for tally in tallies)
        of_pass = [tally for tally in tallies if tally.pass_ == pass_]
        pages = sum(tally.pages for tally in of_pass)
        reads_all = plan is not None and plan.pages == PageRange()
        totals = [tally.expected_records for tally in tallies if tally.expected_records is not None]
        return {
            "pages": pages,
            "expected_pages": None if expected is None else max(expected, pages),
            "missing_pages": sum(len(tally.gaps) for tally in of_pass),
            "records": sum(tally.records for tally in of_pass),
            "expected_records": max(totals, default=None) if reads_all else None,
            "parts": sum(tally.parts for tally in tallies),
            "passes": pass_,
            **_spent(counts.requests_by_outcome, counts.retries_by_cause),
            "logins": counts.logins,
            "seconds": counts.seconds,
            "seconds_waited": counts.seconds_waited,
        }

    def _pace(self, journals: dict[int | None, _Journal], status: RunStatus) -> dict[str, Any]:
        """The rate, and what is left at it: of all that are at it, or as it was over all of it."""
        rates = [journal.tally.rate for journal in journals.values() if journal.at_work]
        lately = [rate for rate in rates if rate is not None]
        if lately:
            pages, records = (sum(each) for each in zip(*lately, strict=True))
        elif status.seconds > 0:
            pages, records = status.pages / status.seconds, status.records / status.seconds
        else:
            return {}
        left = None
        if status.state != COMPLETE and status.expected_pages is not None and pages > 0:
            left = round((status.expected_pages - status.pages) / pages, 1)
        return {"records_per_second": round(records, 1), "seconds_left": left}

    def _committed(self, status: RunStatus, plan: RunPlan, manifest: Manifest) -> RunStatus:
        """With what the receipt says, which counts all that it took."""
        key = commit_receipt_key(plan.dataset, manifest)
        uri = self._store.uri(self._bucket, key)
        if status.state not in {COMPLETE, "partial"}:  # it goes on by now
            return msgspec.structs.replace(status, receipt=uri)
        try:
            told = _RECEIPT.decode(self._store.get_object(self._bucket, key))
        except ObjectNotFoundError:
            return status
        except msgspec.MsgspecError as error:
            raise MalformedDataError(f"{key} is no receipt that this version can read: {error}") from error
        return msgspec.structs.replace(
            status,
            pages=told.pages,
            records=told.records,
            expected_pages=told.pages if status.state == COMPLETE else status.expected_pages,
            expected_records=told.expected_records,
            passes=told.passes,
            invocations=max(told.invocations, status.invocations),
            records_per_second=round(told.records / told.seconds, 1) if told.seconds > 0 else None,
            logins=told.logins,
            seconds=told.seconds,
            seconds_waited=told.seconds_waited,
            seconds_left=None,
            receipt=uri,
            **_spent(told.requests_by_outcome, told.retries_by_cause),
        )

    def _read(self, keys: Sequence[str], kind: type[Any]) -> Iterator[Any]:
        """The documents, in order, some at a time; None for one that was deleted since it was listed."""
        if len(keys) <= 1:
            yield from (self._documents.find(key, kind) for key in keys)
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for start in range(0, len(keys), _AT_ONCE):
                chosen = keys[start : start + _AT_ONCE]
                yield from pool.map(lambda key: self._documents.find(key, kind), chosen)


def _sort(folders: dict[int | None, _Folder], infos: Iterable[ObjectInfo], below: str) -> None:
    """Put the documents of a run into the journals they belong to; other names are nobody's."""
    for info in infos:
        match = _NAME.fullmatch(info.key.removeprefix(below))
        if match is None:
            continue
        folder = folders[int(match["range"]) if match["range"] else None]
        if only := match["only"] or match["ranges"]:
            setattr(folder, only, info)
        elif match["invocation"]:
            folder.invocations.append(info)
        elif match["kind"] == "part":
            folder.parts[int(match["number"])] = info
        else:
            folder.struck.add(int(match["number"]))


def _spent(outcomes: dict[str, int], causes: dict[str, int]) -> dict[str, Any]:
    return {
        "requests": sum(outcomes.values()),
        "requests_by_outcome": outcomes,
        "retries": sum(causes.values()),
        "retries_by_cause": causes,
    }


def _at(info: ObjectInfo | None) -> float:
    return 0.0 if info is None or info.modified is None else info.modified


def _iso(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
