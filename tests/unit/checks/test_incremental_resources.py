"""Whether what is new can be asked for as it is described: looked at before anybody relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.checks.checking import ResourceCheck, description_hash
from de_classes.checks.probe import Probe
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.source import Resource

DESK = """
version = 1
[sources.desk]
base_url = "https://desk.example"
[sources.desk.resources.tickets]
path = "/tickets"
params = { since = "${incremental.from}" }
records_path = "data"
total_path = "total"
page_size = { into = "query.limit", default = 4 }
pagination = { type = "page" }
primary_key = ["id"]
write = "upsert"
incremental = { field = "changed", start = "2026-01-01" }
"""
NOW = 1_795_000_000.0


def resource(old: str = "", new: str = "") -> Resource:
    text = DESK.replace(old, new) if old else DESK
    return Source(parse_sources(text.encode(), ".toml", name="desk.toml"))["desk.tickets"]


def desk(*, takes: bool = True, refuses: bool = False, by_number: bool = False) -> FakeTransport:
    rows: list[dict[str, Any]] = [
        {"id": n, "changed": n if by_number else f"2026-02-{n:02d}T12:00:00Z"} for n in range(1, 11)
    ]

    def answer(request: HttpRequest) -> HttpResponse:
        since: Any = request.params["since"]
        since = int(since) if by_number else since
        if refuses and since > "2026-01-02":
            return json_response({"message": "no such time"}, 400)
        found = [row for row in rows if not takes or row["changed"] >= since]
        size, page = int(request.params["limit"]), int(request.params["page"])
        return json_response({"data": found[(page - 1) * size : page * size], "total": len(found)})

    return FakeTransport(answer)


def updated(found: Resource, transport: FakeTransport) -> list[tuple[str, str]]:
    report = ResourceCheck(Probe(found, transport=transport, clock=ManualClock(now=NOW))).run()
    return [(each.verdict, each.said) for each in report.findings if each.name == "updated"]


def test_a_source_that_takes_the_time_is_ok() -> None:
    ((verdict, said),) = updated(resource(), desk())
    assert (verdict, "none of them older" in said) == ("ok", True)


def test_a_source_that_takes_a_number_is_ok() -> None:
    counted = resource('start = "2026-01-01"', 'start = 1, format = "integer"')
    ((verdict, _),) = updated(counted, desk(by_number=True))
    assert verdict == "ok"


def test_a_parameter_that_has_no_effect_is_wrong() -> None:
    ((verdict, said),) = updated(resource(), desk(takes=False))
    assert verdict == "wrong"
    assert "records changed before: the source takes ${incremental.from} in another form or zone" in said


def test_a_field_that_no_record_has_is_wrong() -> None:
    ((verdict, said),) = updated(resource('field = "changed"', 'field = "modified"'), desk())
    assert (verdict, "no record has incremental.field 'modified'" in said) == ("wrong", True)


def test_what_is_refused_is_a_warning() -> None:
    ((verdict, said),) = updated(resource(), desk(refuses=True))
    assert (verdict, "was not given" in said) == ("warning", True)


def test_what_is_proved_of_the_pages_holds_whatever_the_lag_is() -> None:
    assert description_hash(resource("start = ", "lag = 5, start = ")) == description_hash(resource())
