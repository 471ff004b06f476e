from __future__ import annotations

from datetime import UTC, datetime

import pytest

from de_classes.api.schedules import Cron, Schedule, name_of, run_id_of
from de_classes.errors import InvalidInputError
from tests.fakes.every import every

MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC).timestamp()
HOUR = 3_600.0


def local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


@every(
    "schedule, expression",
    [
        (Schedule(rate="1 hour"), "rate(1 hour)"),
        (Schedule(rate="1 minutes"), "rate(1 minute)"),
        (Schedule(rate="15 minute"), "rate(15 minutes)"),
        (Schedule(cron="0 6 * * *"), "cron(0 6 * * ? *)"),
        (Schedule(cron="*/15 * * * *"), "cron(0,15,30,45 * * * ? *)"),
        (Schedule(cron="30 6 * * mon-fri"), "cron(30 6 ? * 2-6 *)"),
        (Schedule(cron="0 0 * * 0,7"), "cron(0 0 ? * 1 *)"),
        (Schedule(cron="5,35 1-5/2 1,15 JAN,jul *"), "cron(5,35 1,3,5 1,15 1,7 ? *)"),
        (Schedule(cron="10/20 8-18 * * *"), "cron(10,30,50 8-18 * * ? *)"),
    ],
)
def test_a_schedule_is_said_as_eventbridge_takes_it(schedule: Schedule, expression: str) -> None:
    assert schedule.problems() == []
    assert schedule.expression() == expression


def test_the_longest_expression_is_one_that_eventbridge_takes() -> None:
    every_other = Schedule(cron="*/2 */2 1-31/2 * *")
    assert len(every_other.expression()) < 256


@every(
    "schedule, said",
    [
        (Schedule(), "rate or cron is needed"),
        (Schedule(rate="1 hour", cron="0 6 * * *"), "rate or cron is needed"),
        (Schedule(rate="1 hour", zone="Europe/Berlin"), "zone goes with cron"),
        (Schedule(cron="0 6 * * *", zone="Europe/Bärlin"), "is no time zone that is known here"),
        (Schedule(cron="0 6 * *"), "has 4 fields, and needs five: minute, hour, day, month, weekday"),
        (Schedule(cron="0 6 * * ? *"), "has 6 fields"),
        (Schedule(cron="60 6 * * *"), "has the minute '60', which may be * or 0 to 59"),
        (Schedule(cron="0 24 * * *"), "has the hour '24'"),
        (Schedule(cron="0 0 0 * *"), "has the day '0'"),
        (Schedule(cron="0 0 * 13 *"), "has the month '13', which may be * or 1 to 12 or jan to dec"),
        (Schedule(cron="0 0 * * 8"), "has the weekday '8'"),
        (Schedule(cron="*/0 * * * *"), "has the minute"),
        (Schedule(cron="*-5 * * * *"), "has the minute"),
        (Schedule(cron="5-1 * * * *"), "has the minute"),
        (Schedule(cron="1-2-3 * * * *"), "has the minute"),
        (Schedule(cron="0 0 ٣ * *"), "has the day"),
        (Schedule(cron="@daily"), "has 1 fields"),
        (Schedule(cron="0 0 1 * mon"), "of which EventBridge takes one"),
        (Schedule(cron="0 0 30 feb *"), "names a day that never comes"),
    ],
)
def test_what_cannot_be_is_named_with_what_may_be(schedule: Schedule, said: str) -> None:
    (problem,) = schedule.problems()
    assert problem.split()[0] in {"rate", "cron", "zone"}
    assert said in problem


@every(
    "cron, zone, after, expected",
    [
        ("0 6 * * *", "UTC", "2026-11-30 05:59", "2026-11-30 06:00"),
        ("0 6 * * *", "UTC", "2026-11-30 06:00", "2026-12-01 06:00"),
        ("0 6 * * *", "Europe/Berlin", "2026-11-30 06:00", "2026-12-01 05:00"),
        ("0 6 * * *", "Pacific/Auckland", "2026-11-30 12:00", "2026-11-30 17:00"),
        ("30 6 * * mon-fri", "UTC", "2026-11-27 07:00", "2026-11-30 06:30"),
        ("0 0 29 2 *", "UTC", "2026-11-30 06:00", "2028-02-29 00:00"),
        # The clocks of Berlin go from 02:00 to 03:00 on March 29, and from 03:00 back to 02:00 on October 25.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28 02:00", "2026-03-30 00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", "2026-10-25 00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 00:30", "2026-10-26 01:30"),
    ],
)
def test_the_next_tick_is_by_the_clocks_of_the_zone(cron: str, zone: str, after: str, expected: str) -> None:
    moment = datetime.fromisoformat(f"{after}+00:00").timestamp()
    tick = Schedule(cron=cron, zone=zone).next_tick(moment)
    assert local(tick) == expected
    assert Cron.parse(cron).last_tick(tick, zone) == tick
    assert Cron.parse(cron).last_tick(tick - 1, zone) <= moment


def test_a_tick_is_the_moment_that_the_scheduler_says() -> None:
    schedule = Schedule(rate="1 hour")
    for said in ("2026-11-30T06:00:00Z", "2026-11-30T06:00:00", "2026-11-30T07:00:00+01:00"):
        assert schedule.tick(said, now=0.0) == MONDAY
    with pytest.raises(
        InvalidInputError, match="at is 'noon', and must be a time such as 2026-11-30T06:00:00Z"
    ):
        schedule.tick("noon", now=0.0)


def test_where_the_scheduler_says_nothing_it_is_the_time_rounded_down_to_the_period() -> None:
    for at in ("<aws.scheduler.scheduled-time>", ""):
        assert Schedule(rate="1 hour").tick(at, now=MONDAY + 1_234.5) == MONDAY
        assert Schedule(rate="5 minutes").tick(at, now=MONDAY + 601) == MONDAY + 600
        assert Schedule(cron="0 6 * * *").tick(at, now=MONDAY + 7 * HOUR) == MONDAY
        assert Schedule(cron="0 6 * * *").tick(at, now=MONDAY) == MONDAY


def test_a_commit_is_late_once_the_period_and_the_allowance_are_over() -> None:
    hourly = Schedule(rate="1 hour", allowance="30 minutes")
    assert not hourly.is_late(MONDAY, MONDAY + 1.5 * HOUR)
    assert hourly.is_late(MONDAY, MONDAY + 1.5 * HOUR + 1)
    workdays = Schedule(cron="0 6 * * mon-fri")
    friday = MONDAY - 72 * HOUR
    assert not workdays.is_late(friday + HOUR / 2, MONDAY + HOUR)  # nothing was to come at the weekend
    assert workdays.is_late(friday + HOUR / 2, MONDAY + HOUR + 1)


def test_a_runs_id_is_made_of_the_resource_and_the_tick_and_is_a_valid_one() -> None:
    assert run_id_of("shop.orders", MONDAY) == "shop.orders-20261130T060000Z"
    long, other = f"{'a' * 64}.{'b' * 64}", f"{'a' * 64}.{'b' * 63}c"
    ids = {run_id_of(name, MONDAY) for name in (long, other, "_shop.orders", "shop.orders")}
    assert len(ids) == 4
    assert all(len(each) <= 80 and each[0].isalnum() for each in ids)
    assert all(len(name_of(name)) <= 64 for name in (long, other))
