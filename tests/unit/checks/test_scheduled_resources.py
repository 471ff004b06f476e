from __future__ import annotations

from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.checks.checking import ResourceCheck, description_hash
from de_classes.checks.probe import Probe
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakePagedApi

SHOP = """version = 1
[sources.shop]
base_url = "https://api.example"
[sources.shop.resources.orders]
path = "/data"
records_path = "data"
total_path = "total_records"
page_size = {{ into = "query.limit", default = 10 }}
pagination = {{ type = "page" }}
primary_key = ["id"]
{}
"""
NOON = 1_796_040_000.0  # 2026-11-30 12:00 UTC


def told(schedule: str, *, records: int = 25, per_second: float | None = None) -> list[tuple[str, str]]:
    text = SHOP.format(f"schedule = {schedule}" if schedule else "")
    if per_second:
        text = text.replace(
            "[sources.shop.res", f"rate_limit = {{ per_second = {per_second} }}\n[sources.shop.res", 1
        )
    resource = Source(parse_sources(text.encode(), ".toml", name="shop.toml"))["shop.orders"]
    probe = Probe(resource, transport=FakePagedApi(records), clock=ManualClock(now=NOON))
    return [
        (each.verdict, each.said) for each in ResourceCheck(probe).run().findings if each.name == "schedule"
    ]


def test_when_it_is_pulled_by_itself_is_said_as_eventbridge_has_it() -> None:
    assert told("") == []
    assert told('{ rate = "1 hour" }') == [
        ("ok", "rate(1 hour), then in 3600 s; a tick during a run is left out")
    ]
    assert told('{ cron = "0 6 * * mon-fri", zone = "Europe/Berlin", overlap = "wait" }') == [
        ("ok", "cron(0 6 ? * 2-6 *) Europe/Berlin, then in 86400 s; a tick during a run is put off")
    ]


def test_a_run_that_takes_longer_than_its_period_is_a_warning() -> None:
    ((verdict, said),) = told('{ rate = "1 minute" }', records=2_000, per_second=1)
    assert verdict == "warning"
    assert said.endswith("s, which is longer")


def test_a_schedule_is_no_part_of_how_pages_are_found() -> None:
    with_and_without = [
        Source(parse_sources(SHOP.format(line).encode(), ".toml", name="x"))["shop.orders"]
        for line in ("", 'schedule = { rate = "1 hour" }')
    ]
    assert len({description_hash(each) for each in with_and_without}) == 1
    assert len({each.client().fingerprint for each in with_and_without}) == 1
