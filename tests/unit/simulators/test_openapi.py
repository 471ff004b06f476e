from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.openapi import describe_auth, describe_both, describe_unstable
from tests.fakes.simulators import PASSWORD, USERNAME, as_json, auth, get, issuer, login, unstable

if TYPE_CHECKING:
    from de_classes.simulators.messages import SimRequest, Simulator

TOKEN = issuer().issue("demo")
AUTH, UNSTABLE = auth(), unstable(max_limit=50, overrides=True)
EXCHANGES: list[tuple[Simulator, SimRequest]] = [
    (AUTH, login({"username": USERNAME, "password": PASSWORD})),
    (AUTH, login({"username": USERNAME, "password": "wrong"})),
    (AUTH, login(b"{")),
    (AUTH, login(b" " * 20_000)),
    (AUTH, get("/data", TOKEN)),
    (AUTH, get("/data")),
    (AUTH, get("/health")),
    (AUTH, get("/openapi.json")),
    (UNSTABLE, get("/data", TOKEN, limit="3")),
    (UNSTABLE, get("/data", TOKEN, page="9999")),
    (UNSTABLE, get("/data", TOKEN, limit="51")),
    (UNSTABLE, get("/data", "forged")),
    (UNSTABLE, get("/data", TOKEN, fault_rate_500="1")),
    (UNSTABLE, get("/data", TOKEN, fault_rate_503="1")),
    (UNSTABLE, get("/data", TOKEN, fault_rate_429="1")),
    (UNSTABLE, get("/health")),
    (UNSTABLE, get("/openapi.json")),
]


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    return document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


@pytest.mark.parametrize(("simulator", "request_"), EXCHANGES)
def test_what_is_answered_is_what_is_described(simulator: Simulator, request_: SimRequest) -> None:
    document: dict[str, Any] = json.loads(simulator.handle(get("/openapi.json")).body)
    answer = simulator.handle(request_)
    described = document["paths"][request_.path][request_.method.lower()]["responses"][str(answer.status)]
    schema = resolved(document, described["content"]["application/json"]["schema"])
    body = as_json(answer)

    assert answer.headers["Content-Type"] == "application/json"
    assert set(schema.get("required", [])) <= set(body) <= set(schema.get("properties", body))
    assert set(described.get("headers", {})) <= set(answer.headers)


def test_the_largest_page_is_described_as_it_is_enforced() -> None:
    document: Any = describe_unstable(max_limit=50)
    limit = document["paths"]["/data"]["get"]["parameters"][1]["schema"]

    assert (limit["maximum"], limit["default"]) == (50, 50)


def test_overrides_are_described_only_where_they_work() -> None:
    names = [
        [parameter["name"] for parameter in document["paths"]["/data"]["get"]["parameters"]]
        for document in (
            json.loads(json.dumps(describe_unstable(max_limit=9, overrides=on))) for on in (False, True)
        )
    ]
    assert names[0] == ["page", "limit"]
    assert {"X-Fault-Rate-429", "X-Seed", "X-Attempt"} < set(names[1])


def test_every_reference_leads_somewhere() -> None:
    for document in (
        describe_auth(),
        describe_unstable(max_limit=9),
        describe_both(max_limit=9, overrides=True),
    ):
        text = json.dumps(document)
        names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
        assert names == set(json.loads(text)["components"]["schemas"])


def test_both_at_one_address_have_no_path_in_common() -> None:
    paths: Any = describe_both(max_limit=9)["paths"]
    assert list(paths) == ["/login", "/auth/data", "/data", "/health", "/openapi.json"]


def test_every_fault_is_described() -> None:
    described: Any = json.loads(UNSTABLE.handle(get("/openapi.json")).body)["x-faults"]

    assert {each["name"] for each in described} == {fault.name for fault in CATALOGUE}
    assert [each for each in described if each["name"] == "truncated-gzip"] == [
        {
            "name": "truncated-gzip",
            "ids": ["F14"],
            "summary": "gzip that stops half way",
            "strikes": "an answer",
            "curedByRetry": True,
            "loopbackOnly": True,
        }
    ]
