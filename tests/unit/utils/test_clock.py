from __future__ import annotations

import threading

import pytest

from de_classes.utils.clock import ManualClock, SystemClock, WatchedClock


def test_a_manual_clock_moves_when_slept_on() -> None:
    clock = ManualClock(now=100.0)
    clock.sleep(2.5)
    clock.advance(1.0)
    assert (clock.monotonic(), clock.now(), clock.sleeps) == (3.5, 103.5, [2.5])


def test_F38_a_jump_of_the_wall_clock_leaves_the_monotonic_one_alone() -> None:
    clock = ManualClock(now=100.0)
    clock.jump_wall_clock(-3600)
    assert (clock.monotonic(), clock.now()) == (0.0, -3500.0)


def test_the_system_clock_goes_forward() -> None:
    clock = SystemClock()
    before = clock.monotonic(), clock.now()
    clock.sleep(0)
    assert clock.monotonic() >= before[0]
    assert clock.now() > 1_700_000_000


def test_waiting_ends_with_the_event() -> None:
    event = threading.Event()
    clock = ManualClock()
    assert not clock.wait(event, 5.0)
    event.set()
    assert clock.wait(event, 5.0)
    assert clock.sleeps == [5.0]
    assert SystemClock().wait(event, 60.0)


def test_somebody_looks_around_while_others_wait() -> None:
    inner = ManualClock()
    clock, looks = WatchedClock(inner, every=5), []
    assert clock.wait(threading.Event(), 12) is False
    assert inner.sleeps == [12]  # nobody looks yet
    with clock.watched(lambda: looks.append(clock.monotonic())):
        assert clock.wait(threading.Event(), 12) is False
        assert clock.wait(threading.Event(), 5) is False
    assert (looks, clock.monotonic(), inner.sleeps) == ([17.0, 22.0], 29.0, [12, 5, 5, 2, 5])
    clock.sleep(60)
    assert (len(looks), clock.now()) == (2, inner.now())


def test_what_the_look_finds_ends_the_wait() -> None:
    clock = WatchedClock(ManualClock(), every=5)

    def look() -> None:
        raise LookupError

    with clock.watched(look), pytest.raises(LookupError):
        clock.wait(threading.Event(), 60)
    assert clock.monotonic() == 5.0
    assert clock.wait(threading.Event(), 60) is False


def test_an_event_that_is_set_ends_a_watched_wait_at_once() -> None:
    clock, looks, event = WatchedClock(ManualClock()), [], threading.Event()
    event.set()
    with clock.watched(lambda: looks.append(1)):
        assert clock.wait(event, 60) is True
    assert (looks, clock.monotonic()) == ([], 0.0)
