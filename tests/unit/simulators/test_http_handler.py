from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from de_classes.simulators.http_handler import LogEntry, RequestLog, foreign_part
from de_classes.simulators.messages import Outcome

PAGE = "http://127.0.0.1:8765"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8765", "localhost:8765", "LOCALHOST:1", "localhost", "[::1]:8765", "[::1]", "127.8.8.8:9"],
)
def test_a_program_on_this_machine_is_none_of_elsewhere(host: str) -> None:
    assert foreign_part([host], [], []) is None


def test_an_old_client_that_names_no_host_is_let_in() -> None:
    assert foreign_part([], [], []) is None


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example:8765",
        "rebound.example",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "localhost.",
        "127.0.0.1@rebound.example",
        "10.0.0.1:8765",
        "0.0.0.0:8765",
        "[::1",
        "[::ffff:10.0.0.1]",
        "",
        "127.0.0.1, rebound.example",
    ],
)
def test_a_name_that_is_pointed_here_is_foreign(host: str) -> None:
    assert foreign_part([host], [], []) == "Host"


def test_one_foreign_host_of_two_is_enough() -> None:
    assert foreign_part(["127.0.0.1:8765", "rebound.example"], [], []) == "Host"


@pytest.mark.parametrize(
    "origin",
    [
        "https://page.example",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:8766",
        "http://localhost:8765",
        "http://127.0.0.1:8765.page.example",
        "127.0.0.1:8765",
    ],
)
def test_a_page_of_another_origin_is_foreign(origin: str) -> None:
    assert foreign_part(["127.0.0.1:8765"], [origin], []) == "Origin"


def test_an_origin_without_a_host_to_compare_is_foreign() -> None:
    assert foreign_part([], [PAGE], []) == "Origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "None"])
def test_a_page_of_another_site_is_foreign(site: str) -> None:
    assert foreign_part(["127.0.0.1:8765"], [], [site]) == "Sec-Fetch-Site"


def test_its_own_page_and_an_address_typed_by_the_user_are_let_in() -> None:
    assert foreign_part(["127.0.0.1:8765"], [PAGE], ["same-origin"]) is None
    assert foreign_part(["localhost:8765"], ["http://LOCALHOST:8765"], ["same-origin"]) is None
    assert foreign_part(["127.0.0.1:8765"], [], ["none"]) is None


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
