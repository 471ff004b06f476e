from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from de_classes.simulators.messages import Outcome
from de_classes.simulators.request_log import LogEntry, RequestLog

SERVED = LogEntry(1.0, "GET", 200, Outcome("unstable", "/data", page=3, limit=100, attempt=2))
FAILED = LogEntry(2.0, "GET", 503, Outcome("unstable", "/data", 3, 100, 1, "unavailable-503"))
HUNG_UP = LogEntry(3.0, "GET", None, Outcome("unstable", "/data", 3, 100, 1, "empty-reply"))
LOGIN = LogEntry(4.0, "POST", 200, Outcome("auth", "/login"))
REFUSED = LogEntry(5.0, "POST", 401, Outcome("auth", "/login"))
ALL = (SERVED, FAILED, HUNG_UP, LOGIN, REFUSED)


def test_each_outcome_is_counted_where_it_belongs() -> None:
    log = RequestLog()
    for entry in ALL:
        log.record(entry)

    assert (log.requests, log.logins) == (5, 1)
    assert log.by_status == {200: 2, 503: 1, None: 1, 401: 1}
    assert log.by_fault == {"unavailable-503": 1, "empty-reply": 1}
    assert log.injected == 2
    assert log.served_pages == {3: 1}
    assert log.entries == ALL


def test_threads_lose_no_count() -> None:
    log = RequestLog()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log.record, ALL * 500))

    assert (log.requests, log.logins, log.served_pages) == (2500, 500, {3: 500})


def test_counts_cover_all_though_only_the_latest_are_kept() -> None:
    log = RequestLog(max_entries=2)
    for entry in ALL:
        log.record(entry)

    assert log.requests == 5
    assert log.entries == (LOGIN, REFUSED)


def test_a_lasting_fault_is_counted_and_the_page_is_served_all_the_same() -> None:
    log = RequestLog()
    outcome = Outcome("unstable", "/data", 3, 100, 1, modes=("total-grows", "foreign-next"))
    log.record(LogEntry(1.0, "GET", 200, outcome))

    assert log.by_fault == {"total-grows": 1, "foreign-next": 1}
    assert log.injected == 0
    assert log.served_pages == {3: 1}
