from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from de_classes.simulators.token_faults import Revocation


def test_F30_each_token_has_its_own_count() -> None:
    revocation = Revocation(2)
    assert [revocation.accepts("a") for _ in range(4)] == [True, True, False, False]
    assert revocation.accepts("b")


def test_F30_64_threads_get_no_use_more_than_there_are() -> None:
    revocation = Revocation(100)
    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(lambda _: revocation.accepts("a"), range(1000))) == 100


def test_F30_tokens_do_not_pile_up() -> None:
    revocation = Revocation(1, max_tokens=3)
    for number in range(10):
        revocation.accepts(str(number))

    assert not revocation.accepts("9")
    assert revocation.accepts("0")
