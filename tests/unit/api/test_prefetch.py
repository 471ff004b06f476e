from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from de_classes.api.page import Page
from de_classes.api.prefetch import TOGETHER, Prefetcher
from de_classes.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Sequence


PATIENCE = 60.0  # seconds, for what happens at once unless it never does


def page(number: int) -> Page:
    return Page(number, [{"id": number}], {})


def test_alone_nothing_is_fetched_ahead() -> None:
    asked: list[int] = []

    def get(number: int) -> Page:
        asked.append(number)
        return page(number)

    with Prefetcher(get, 1) as window:
        window.take(1)
        window.fill(9)
        assert asked == [1]
        assert window.take(2).number == 2


def test_pages_are_fetched_at_once_and_taken_in_order() -> None:
    together = threading.Barrier(4)

    def get(number: int) -> Page:
        if number > 1:
            together.wait(PATIENCE)
        return page(number)

    with Prefetcher(get, 4) as window:
        window.take(1)
        window.fill(5)
        assert [window.take(number).number for number in (2, 3, 4, 5)] == [2, 3, 4, 5]


def test_a_failure_is_raised_where_its_page_is_taken() -> None:
    def get(number: int) -> Page:
        if number == 3:
            raise NetworkError("gone")
        return page(number)

    with Prefetcher(get, 4) as window:
        window.take(1)
        window.fill(4)
        assert window.take(2).number == 2
        with pytest.raises(NetworkError):
            window.take(3)


def test_its_threads_are_daemons_and_end_with_it() -> None:
    threads: set[threading.Thread] = set()

    def get(number: int) -> Page:
        threads.add(threading.current_thread())
        return page(number)

    with Prefetcher(get, 3) as window:
        window.take(1)
        window.fill(9)
        window.take(2)
    workers = threads - {threading.current_thread()}
    assert workers
    assert all(worker.daemon for worker in workers)
    for worker in workers:
        worker.join(PATIENCE)
    assert not any(worker.is_alive() for worker in workers)


def test_where_the_pages_are_known_beforehand_the_first_need_not_go_alone() -> None:
    together = threading.Barrier(3)

    def get(number: int) -> Page:
        together.wait(PATIENCE)
        return page(number)

    with Prefetcher(get, 3, start=7) as window:
        window.fill(9)
        assert [window.take(number).number for number in (7, 8, 9)] == [7, 8, 9]


def test_nothing_is_fetched_ahead_before_the_first_page_says_how_many_there_are() -> None:
    asked: list[int] = []

    def get(number: int) -> Page:
        asked.append(number)
        return page(number)

    with Prefetcher(get, 4) as window:
        window.fill(3)
        window.take(5)
        assert asked == [5]


def test_two_at_a_time_are_two() -> None:
    together = threading.Barrier(2)

    def get(number: int) -> Page:
        together.wait(PATIENCE)
        return page(number)

    with Prefetcher(get, 2, start=1) as window:
        window.fill(9)
        assert [window.take(number).number for number in (1, 2)] == [1, 2]


def test_no_page_beyond_the_width_is_fetched_ahead() -> None:
    begun = [threading.Event() for _ in range(9)]
    gate = threading.Event()

    def get(number: int) -> Page:
        begun[number].set()
        assert gate.wait(10)
        return page(number)

    with Prefetcher(get, 2, start=1) as window:
        window.fill(8)
        assert all(each.wait(10) for each in begun[1:3])
        assert not any(each.wait(0.05) for each in begun[3:])
        gate.set()
        assert [window.take(number).number for number in range(1, 9)] == list(range(1, 9))


def test_a_page_that_is_handed_out_makes_room_for_another_at_once() -> None:
    begun = [threading.Event() for _ in range(4)]

    def get(number: int) -> Page:
        begun[number].set()
        return sized(number, 60)

    with Prefetcher(get, 2, start=1, most_bytes=100) as window:
        window.fill(3)
        window.take(1)
        assert begun[2].wait(10)
        window.take(2)
        assert begun[3].wait(10)


def test_there_are_no_more_threads_than_pages_were_ever_under_way() -> None:
    names: set[str] = set()

    def get(number: int) -> Page:
        names.add(threading.current_thread().name)
        return page(number)

    with Prefetcher(get, 4, start=1) as window:
        for number in range(1, 30):
            window.fill(number)
            window.take(number)
    assert names == {"page-1"}


def sized(number: int, size: int) -> Page:
    return Page(number, [{"id": number}], {}, size=size)


def test_as_many_pages_are_under_way_as_their_bytes_allow() -> None:
    begun = [threading.Event() for _ in range(30)]
    gate = threading.Event()

    def get(number: int) -> Page:
        begun[number].set()
        assert number == 1 or gate.wait(PATIENCE)
        return sized(number, 30)

    with Prefetcher(get, 8, most_bytes=100) as window:
        window.take(1)
        window.fill(20)
        assert all(each.wait(PATIENCE) for each in begun[2:5])
        assert not any(each.wait(0.05) for each in begun[5:10])  # three of 30 bytes, and not four
        gate.set()
        for number in range(2, 21):
            window.fill(20)
            assert window.take(number).number == number


def test_a_page_larger_than_all_that_may_be_is_fetched_alone() -> None:
    with Prefetcher(lambda number: sized(number, 1_000), 8, most_bytes=10, start=1) as window:
        for number in range(1, 5):
            window.fill(9)
            assert window.take(number).number == number


def test_pages_that_are_there_are_decoded_together_up_to_a_size() -> None:
    decoded: list[list[int]] = []
    here = [threading.Event() for _ in range(9)]

    def get(number: int) -> Page:
        here[number].set()
        return sized(number, TOGETHER // 2)

    def decode(pages: Sequence[Page]) -> Sequence[Page]:
        decoded.append([page.number for page in pages])
        return pages

    with Prefetcher(get, 1, start=1, decode=decode) as window:
        window.take(1)
    assert decoded == []  # nothing is fetched ahead, so that its page is decoded where it is taken
    with Prefetcher(get, 8, start=1, decode=decode) as window:
        window.fill(8)
        assert all(each.wait(PATIENCE) for each in here[1:])
        taken = [window.take(number).number for number in range(1, 9)]
    assert taken == list(range(1, 9))
    assert [number for group in decoded for number in group] == taken
    assert max(map(len, decoded)) <= 2


def test_a_failure_among_pages_that_are_there_spoils_none_before_it() -> None:
    def get(number: int) -> Page:
        if number == 2:
            raise NetworkError("gone")
        return page(number)

    decoded: list[int] = []

    def decode(pages: Sequence[Page]) -> Sequence[Page]:
        decoded.extend(each.number for each in pages)
        return pages

    with Prefetcher(get, 4, start=1, decode=decode) as window:
        window.fill(4)
        assert window.take(1).number == 1
        with pytest.raises(NetworkError):
            window.take(2)
        assert window.take(3).number == 3
    assert 2 not in decoded


@pytest.mark.parametrize(("size", "ahead"), [(1_000, 8), (TOGETHER // 5, 5), (TOGETHER, 2)])
def test_small_pages_are_fetched_further_ahead_but_no_more_of_them_at_once(size: int, ahead: int) -> None:
    asked: list[int] = []
    here = [threading.Event() for _ in range(20)]
    names: set[str] = set()

    def get(number: int) -> Page:
        asked.append(number)
        names.add(threading.current_thread().name)
        here[number].set()
        return sized(number, size)

    with Prefetcher(get, 2) as window:
        window.take(1)
        window.fill(19)
        assert all(each.wait(PATIENCE) for each in here[2 : ahead + 2])
        assert [window.take(number).number for number in range(2, ahead + 2)] == list(range(2, ahead + 2))
        assert len(asked) == ahead + 1
    assert names <= {threading.current_thread().name, "page-1", "page-2"}


def test_pages_that_turn_out_large_are_not_fetched_further_ahead() -> None:
    sizes = {number: 10 if number < 20 else 400 for number in range(1, 60)}
    held: set[int] = set()
    most = 0
    lock = threading.Lock()

    def get(number: int) -> Page:
        nonlocal most
        with lock:
            held.add(number)
            most = max(most, sum(sizes[each] for each in held))
        return sized(number, sizes[number])

    with Prefetcher(get, 4, most_bytes=1_000) as window:
        for number in range(1, 60):
            window.fill(59)
            assert window.take(number).number == number
            with lock:
                held.discard(number)
    # Four were asked for while nobody could know; after that no more than fit.
    assert most <= 4 * 400 + 1_000


def test_a_large_page_behind_one_that_failed_is_let_through() -> None:
    def get(number: int) -> Page:
        if number in {2, 3}:
            raise NetworkError("gone")
        return sized(number, 5_000)

    with Prefetcher(get, 2, most_bytes=1_000, start=1) as window:
        for number in range(1, 8):
            window.fill(9)
            if number in {2, 3}:
                with pytest.raises(NetworkError):
                    window.take(number)
            else:
                assert window.take(number).number == number
