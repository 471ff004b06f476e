"""Faults of logins and tokens, and records that change while they are read, as they go over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from de_classes.simulators.catalogue import CATALOGUE
from tests.fakes.fault_clients import client

if TYPE_CHECKING:
    from tests.fakes.fault_clients import Client

MISSING = object()


def ids(page: dict[str, list[dict[str, int]]]) -> list[int]:
    return [record["id"] for record in page["data"]]


def walk(api: Client, limit: int = 10) -> list[int]:
    """The ids of every page, from the first to the last one that the last answer speaks of."""
    found: list[int] = []
    number = total = 1
    while number <= total:
        page = api.page(number, limit=limit).json
        found, total, number = found + ids(page), page["total_pages"], number + 1
    return found


def truth(api: Client) -> list[int]:
    return [json.loads(record)["id"] for record in api.server.truth()]


def steady(api: Client) -> list[int]:
    return [json.loads(record)["id"] for record in api.server.steady_truth()]


def test_F25_records_inserted_in_front_come_twice() -> None:
    with client("records-inserted", drift_every=4, drift_changes=3) as api:
        found = walk(api)
        totals = [api.page(1).json["total_records"] for _ in range(3)]

        assert truth(api) == list(range(1, 101))
        assert steady(api) == list(range(4, 101))
    assert found[0] == 4
    assert api.server.log.by_fault == {"records-inserted": 13}
    assert len(found) - len(set(found)) == 2
    assert set(steady(api)) <= set(found)
    assert totals == [99, 99, 100]


def test_F26_records_deleted_in_front_make_others_be_missed() -> None:
    with client("records-deleted", drift_every=4, drift_changes=3) as api:
        found = walk(api)
        rest = [api.page(1).json["total_records"] for _ in range(3)]

    lost = set(truth(api)) - set(found)
    assert truth(api) == steady(api) == list(range(4, 101))
    assert lost == {41, 82}
    assert rest == [98, 98, 97]


def test_F25_F26_drift_is_the_same_again_and_ends() -> None:
    def drifted() -> tuple[list[int], list[int]]:
        with client("F25,F26", drift_every=2, drift_changes=2) as api:
            return walk(api), walk(api)

    first, second = drifted()
    assert (first, second) == drifted()
    assert first != second == [1, 2, *range(5, 101)]


def test_F29_short_tokens_say_so_and_die_so() -> None:
    with client("short-token") as api:
        grant = api.login().json
        fresh = api.page(token=grant["access_token"])
        api.clock.advance(2)
        stale = api.page(token=grant["access_token"])

    assert grant["expires_in"] == 2
    assert api.server.log.by_fault == {"short-token": 1}
    assert (fresh.status, stale.status) == (200, 401)
    assert stale.headers["WWW-Authenticate"].endswith('error="invalid_token"')


def test_F30_a_token_is_revoked_early_and_a_new_one_works_at_once() -> None:
    with client("revoked-token", token_uses=3) as api:
        statuses = [api.page(1).status for _ in range(5)]
        grant = api.login().json
        after = api.page(1, token=grant["access_token"])

    assert statuses == [200, 200, 200, 401, 401]
    assert (grant["expires_in"], after.status) == (300, 200)
    assert api.server.log.by_fault == {"revoked-token": 2}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param("expires-null", None, id="F32-null"),
        pytest.param("expires-text", "300", id="F32-text"),
        pytest.param("expires-soon", "soon", id="F32-soon"),
        pytest.param("expires-absent", MISSING, id="F32-absent"),
        pytest.param("expires-zero", 0, id="F33-zero"),
        pytest.param("expires-negative", -1, id="F33-negative"),
        pytest.param("expires-one", 1, id="F33-one"),
    ],
)
def test_F32_F33_an_odd_life_is_said_of_a_token_that_works(fault: str, said: object) -> None:
    with client(fault) as api:
        grant = api.login().json
        answer = api.page(token=grant["access_token"])

    assert grant.get("expires_in", MISSING) == said
    assert type(grant.get("expires_in", MISSING)) is type(said)
    assert answer.status == 200
    assert api.server.log.by_fault == {fault: 1}


@pytest.mark.parametrize(
    ("fault", "said"), [("token-missing", MISSING), ("token-null", None), ("token-empty", "")]
)
def test_F34_a_login_succeeds_without_a_token(fault: str, said: object) -> None:
    with client(fault) as api:
        answer = api.login()

    assert answer.status == 200
    assert answer.json.get("access_token", MISSING) == said
    assert answer.json["expires_in"] == 300


def test_F34_a_bearer_of_nothing_opens_no_page() -> None:
    with client("F34") as api:
        assert [api.page(token=token).status for token in ("None", "null", "undefined")] == [401] * 3


def test_F35_a_login_is_answered_503() -> None:
    with client("login-503") as api:
        assert (api.login().status, api.page().status) == (503, 200)


def test_F35_a_login_is_answered_429() -> None:
    with client("login-429") as api:
        answer = api.login()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


def test_F35_a_login_is_silent_and_hangs_up() -> None:
    with client("login-timeout", hang_seconds=2.5) as api:
        answer = api.login()

    assert (answer.raw, answer.reset) == (b"", False)
    assert api.clock.sleeps == [1.0, 1.0, 0.5]
    assert api.server.log.by_status == {None: 1}


def test_F35_flaky_logins_fail_alike_in_every_run_and_succeed_in_the_end() -> None:
    def statuses() -> list[int]:
        with client("login-503=0.4,login-429=0.2") as api:
            return [api.login().status for _ in range(30)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 429, 503}


def test_F36_a_right_password_is_refused_like_a_wrong_one() -> None:
    with client("wrong-password") as api:
        answers = [api.login() for _ in range(3)]

    assert [answer.status for answer in answers] == [401] * 3
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="de-classes"'
    assert api.server.log.logins == 0


def test_every_fault_there_is_is_shown_over_http() -> None:
    folder = Path(__file__).parent
    shown = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_faults_of_*.py"))
    assert [fault.name for fault in CATALOGUE if f'"{fault.name}' not in shown] == []


def test_every_row_of_the_catalogue_that_an_api_can_commit_is_there() -> None:
    until_56 = [*range(1, 9), *range(10, 31), *range(32, 38), 39, 40, *range(50, 55)]
    since = [*range(57, 69), 70, 71, *range(78, 89), 91, 92, 94, 96, 98, 101]
    assert {each for fault in CATALOGUE for each in fault.catalogue_ids} == {
        f"F{n:02d}" for n in (*until_56, *since)
    }
