from __future__ import annotations

import threading

from de_classes.utils.clock import ManualClock, SystemClock


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
