"""A page on loopback: what is served, what goes wrong and how often it did; faults are switched on it."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec import Struct

from de_classes.errors import ConfigurationError
from de_classes.html.elements import document, element, table
from de_classes.html.figures import count, share
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.messages import PAGE, SimResponse, error_response, json_response, with_facts
from de_classes.simulators.page.viewer import viewer_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.html.elements import Html
    from de_classes.simulators.faults import FaultKind, FaultPlan
    from de_classes.simulators.http_handler import LogEntry, RequestLog
    from de_classes.simulators.messages import SimRequest, Simulator
    from de_classes.simulators.settings import SimulatorSettings

SWITCHES: Final = "/simulator/faults"
LAST_SHOWN: Final = 20
_COMMON_SHARE: Final = 0.1


class Shown(Protocol):
    """What the page shows, and switches."""

    settings: SimulatorSettings
    plan: FaultPlan
    log: RequestLog

    @property
    def record_count(self) -> int:
        """How many records there are now."""
        ...

    @property
    def base_url(self) -> str:
        """Where it answers."""
        ...

    @property
    def username(self) -> str:
        """Who may log in."""
        ...

    def switch(self, fault: str, share: float) -> None:
        """Have a fault strike, or no more."""
        ...


class _Switch(Struct, forbid_unknown_fields=True):
    fault: str
    share: float


class LocalPage:
    """``/``, its switches and ``/docs``; everything else is the simulator's.

    Args:
        server: What is shown.
        simulator: Answers everything else.
    """

    def __init__(self, server: Shown, simulator: Simulator) -> None:
        self._server = server
        self._simulator = simulator

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request."""
        answer = self._own(request)
        return self._simulator.handle(request) if answer is None else with_facts(answer, service=PAGE)

    def _own(self, request: SimRequest) -> SimResponse | None:
        if request.path == SWITCHES:
            if request.method != "POST":
                return error_response(405, "only POST is answered here", headers={"Allow": "POST"})
            return self._switched(request)
        if request.method not in {"GET", "HEAD"}:
            return None
        if request.path == "/":
            return SimResponse(200, _headers("text/html; charset=utf-8"), page_of(self._server).encode())
        found = viewer_file(request.path)
        if found is None:
            return None
        return SimResponse(found.status, _headers(found.content_type, found.policy), found.body)

    def _switched(self, request: SimRequest) -> SimResponse:
        if request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            return error_response(400, "a switch is JSON: send Content-Type: application/json")
        try:
            switch = msgspec.json.decode(request.body, type=_Switch)
            self._server.switch(switch.fault, switch.share)
        except msgspec.MsgspecError:
            return error_response(400, 'a switch is {"fault": NAME, "share": 0 to 1}')
        except ConfigurationError as error:
            return error_response(400, str(error), problems=error.problems)
        return json_response(200, {"rates": dict(self._server.plan.rates)})


def page_of(server: Shown) -> str:
    """The page as it is now.

    Args:
        server: What is shown.
    """
    script = files("de_classes.simulators.page").joinpath("live.js").read_text(encoding="utf-8")
    sections = {
        "served": _served(server),
        "on": _on(server),
        "counts": _counts(server.log),
        "last": _last(server.log.entries),
        "faults": _faults(server.plan),
    }
    return document(
        "The simulator",
        element(
            "header",
            element("h1", "The simulator"),
            element(
                "p",
                "An API that fails on purpose, on this machine: ",
                element("code", server.base_url),
                class_="soft",
            ),
            element("p", element("span", role="status", id="said")),
        ),
        element("main", *(element("section", *body, id=name) for name, body in sections.items())),
        element(
            "footer",
            element(
                "p",
                "Described at ",
                element("a", "/openapi.json", href="/openapi.json"),
                ", to read at ",
                element("a", "/docs", href="/docs"),
                ".",
            ),
        ),
        script=script,
    )


def _served(server: Shown) -> Iterator[Html]:
    records, limit = server.record_count, min(100, server.settings.max_limit)
    served = server.log.served_pages
    tiles = [
        ("Records there really are", count(records), "what a client must end up with"),
        ("Pages", count(-(-records // limit)), f"of {count(limit, 'record')}"),
        ("Pages served", count(sum(served.values())), f"{count(len(served))} different"),
        ("Requests", count(server.log.requests), f"{count(server.log.injected)} met a fault"),
        ("Logins", count(server.log.logins), f"as {server.username}"),
    ]
    yield element("h2", "What is served")
    yield element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", value, element("span", more, class_="soft")))
            for name, value, more in tiles
        ),
        class_="tiles",
    )


def _on(server: Shown) -> Iterator[Html]:
    yield element("h2", "Faults that are on", tabindex=-1)
    played = server.log.by_fault
    on = [(name, rate) for name, rate in server.plan.rates.items() if rate]
    if not on:
        yield element("p", "None: every answer is as it should be.", class_="soft")
        return
    yield table(
        "With their share of tries, logins or pages; seed and pages as the command said",
        ["Fault", "Share", "Played", "Switch"],
        [
            (element("code", name), share(rate, 1), count(played.get(name, 0)), _button(name, rate, 0))
            for name, rate in on
        ],
        numbers=(1, 2),
    )


def _counts(log: RequestLog) -> Iterator[Html]:
    yield element("h2", "Answers, by what they were")
    statuses = sorted(log.by_status.items(), key=lambda item: -item[1])
    if not statuses:
        yield element("p", "Nothing was asked for yet.", class_="soft")
        return
    yield table(
        "Since it was started",
        ["Answer", "Requests", "Share"],
        [
            (
                "connection taken by a fault" if status is None else status,
                count(number),
                share(number, log.requests),
            )
            for status, number in statuses
        ],
        numbers=(1, 2),
        class_="compact",
    )


def _last(entries: tuple[LogEntry, ...]) -> Iterator[Html]:
    yield element("h2", "The last requests")
    if not entries:
        yield element("p", "None yet.", class_="soft")
        return
    yield table(
        f"The last {count(min(len(entries), LAST_SHOWN))}, the newest first",
        ["Request", "ServedPage", "Try", "Answer", "Fault"],
        [
            (
                element("code", f"{entry.method} {entry.outcome.route}"),
                "-" if entry.outcome.page is None else count(entry.outcome.page),
                "-" if entry.outcome.attempt is None else count(entry.outcome.attempt),
                "-" if entry.status is None else entry.status,
                ", ".join(entry.faults) or "-",
            )
            for entry in reversed(entries[-LAST_SHOWN:])
        ],
        numbers=(1, 2, 3),
    )


def _faults(plan: FaultPlan) -> Iterator[Html]:
    yield element("h2", "Every fault")
    yield table(
        "By its number in the catalogue. One that a retry cures is switched on for a tenth of the tries.",
        ["Fault", "What it is", "Switch"],
        [
            (
                element("code", f"{fault.catalogue_ids[0]} {fault.name}"),
                fault.summary,
                _button(fault.name, plan.rates.get(fault.name, 0.0), _usual_share(fault)),
            )
            for fault in sorted(CATALOGUE, key=lambda fault: int(fault.catalogue_ids[0][1:]))
        ],
    )


def _usual_share(fault: FaultKind) -> float:
    return _COMMON_SHARE if fault.cured_by_retry else 1.0


def _button(name: str, rate: float, usual: float) -> Html:
    return element(
        "button",
        "on" if rate else "off",
        type="button",
        data_fault=name,
        data_share=0 if rate else usual,
        aria_pressed="true" if rate else "false",
        aria_label=f"{name} is {'on' if rate else 'off'}: switch",
    )


def _headers(content_type: str, policy: str | None = None) -> dict[str, str]:
    """Of every answer for a browser; a page that has a policy of its own in it needs no other."""
    return {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        **({"Content-Security-Policy": policy} if policy else {}),
    }
