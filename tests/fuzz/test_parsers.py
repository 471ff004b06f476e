"""What reads text from outside: whatever comes, a value or the one typed error, and soon.

A slice runs by default; ``make test-slow`` gives every parser 10,000 inputs.
"""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from de_classes.api.answers import PageReader
from de_classes.api.auth.tokens import read_token
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination.followed import next_links
from de_classes.api.retry import parse_retry_after
from de_classes.configs.ingest import IngestRequest, WorkerSettings
from de_classes.configs.settings import load, validate
from de_classes.errors import (
    ConfigurationError,
    CorruptResponseError,
    InvalidInputError,
    InvalidKeyError,
    InvalidTokenResponseError,
    MalformedDataError,
    NewerLayoutError,
    ProtocolError,
    StorageUnavailableError,
)
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import parse_switches
from de_classes.simulators.lambda_endpoint import to_request
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients.object_store import validate_key
from de_classes.storage.datasets.manifest import decode_manifest, encode_manifest
from de_classes.utils import strict_json
from de_classes.utils.lambda_events import body_of, check_http, request_id_of
from de_classes.worker.ingest_endpoint import IngestEndpoint
from tests.fakes.events import ROOT as EVENTS
from tests.fakes.mutations import mutated_bytes, mutated_json, mutated_text, mutated_values
from tests.fakes.worker import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from de_classes.api.auth.tokens import Token
    from de_classes.api.page import Page
    from de_classes.errors import (
        DeClassesError,
    )
    from de_classes.worker.ingestion import Ingestion
    from de_classes.worker.starting import RunStarter

SLICE = 60
ALL = 10_000
SECONDS = 1.0
TRIES = 3
"""Garbage of the whole process may be collected during one, which takes longer than what is parsed."""


@dataclass(frozen=True)
class Parser:
    """One reader of text from outside.

    Attributes:
        inputs: What it is given.
        read: The parser, and what its answers promise.
    errors: All that it may raise.
    longest: Bytes of a message at most: what comes from outside is quoted in part.
    """

    inputs: SearchStrategy[Any]
    read: Callable[[Any], object]
    errors: tuple[type[DeClassesError], ...] = ()
    longest: int = 3_000


def token(body: bytes) -> None:
    found: Token = read_token(body)
    assert found.value.isascii()
    assert found.value.isprintable()
    assert " " not in found.value
    assert math.isfinite(found.life)


def page(body: bytes) -> None:
    found: Page = PageReader().read(HttpResponse(200, {"content-type": "text/\x80"}, body), 1)
    assert all(isinstance(record, dict) for record in found.records)
    assert found.total_pages is not None
    assert found.total_pages >= 0


def retry_after(header: str) -> None:
    seconds = parse_retry_after(header, now=1_795_392_000.0)
    assert seconds is None or 0 <= seconds < math.inf


def json_value(text: bytes) -> None:
    value = strict_json.loads(text)
    assert strict_json.loads(strict_json.dumps(value)) == value


def key(text: str) -> None:
    validate_key(text)
    assert 0 < len(text.encode()) <= 1024


def manifest(text: bytes) -> None:
    found = decode_manifest(text, "orders/_manifest-00000001.json")
    assert decode_manifest(encode_manifest(found), "again") == found


def gateway_event(event: Any) -> None:
    check_http(event)
    assert isinstance(body_of(event), bytes)
    assert isinstance(request_id_of(event), str | None)


def endpoint(event: Any) -> None:
    """Direct invocations raise; an HTTP event is always answered, in JSON that API Gateway can pass on."""
    starter = cast("RunStarter", object())  # of which nothing is asked
    answer = IngestEndpoint(cast("Ingestion", ReadsOnly()), starter=starter)(event)
    assert answer["statusCode"] in {400, 404, 500}
    assert json.loads(answer["body"].encode())["status"] == "failed"


class ReadsOnly:
    """An ingestion that checks requests, and whose store is down."""

    def read(self, payload: object) -> IngestRequest:
        return validate(IngestRequest, payload)

    def run(self, _request: IngestRequest, *, run_id: str, **_: object) -> NoReturn:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", run_id)
        raise StorageUnavailableError("nobody is there")

    def start(self, request: IngestRequest, *, run_id: str, starter: object) -> NoReturn:
        del starter
        self.run(request, run_id=run_id)

    def status(self, run_id: str) -> NoReturn:
        self.run(IngestRequest(), run_id=run_id)

    def resource_of(self, _request: IngestRequest) -> str | None:
        return None


def events(*functions: str) -> list[Any]:
    return [json.loads(path.read_text()) for name in functions for path in (EVENTS / name).glob("*.json")]


def variables(parsed: object) -> bool:
    """Only a mapping of text to text can be an environment."""
    return isinstance(parsed, dict) and all(isinstance(value, str) for value in parsed.values())


TOKENS = [
    {"access_token": "eyJhbGciOi.J9", "token_type": "Bearer", "expires_in": 300},
    {"access_token": "a", "expires_in": "3600"},
]
PAGES = [
    {
        "data": [{"id": 1, "name": "Zoë", "tags": ["a"], "at": {"x": 1.5}}, {"id": 2}],
        "page": 1,
        "total_pages": 2,
        "total_records": "4",
    },
    {"data": [], "page": 1, "total_pages": 0},
]
WAITS = [
    "3",
    "1.5",
    "-5",
    "Wed, 21 Oct 2026 07:28:00 GMT",
    "Wed, 21 Oct 2099 07:28:00 +0100",
    "Sun Nov  6 08:49:37 1994",
]
LINKS = [
    '<https://api.example/items?page=2>; rel="next", <https://api.example/items?page=9>; rel="last"',
    "</items?page=2>; title=a; rel=next",
    '<?page=2>;rel="prev next";type="a,b"',
]
KEYS = ["raw/day=1/orders.csv", "Zürich/東京.csv", "a/b/../c", "é" * 500]
REQUESTS = [
    {"format": "csv", "key": "a.csv", "limit": 10, "pages": "1-20", "source": "unstable"},
    {"pages": {"start": 3, "stop": None}},
    {"pages": 5},
]
FAULTS = ["F14,F21=0.1,server-error-500=1@3-5", "empty-page=0.1@2-,F30", " F01 = 1 , F52 "]
MANIFESTS = [
    {
        "version": 1,
        "run_id": "run-1",
        "generation": 1,
        "status": "partial",
        "format": "jsonl",
        "content_type": "application/x-ndjson",
        "records": 3,
        "columns": {},
        "schema": {"columns": []},
        "parts": [
            {
                "key": f"part-{n}",
                "pass": 1,
                "first_page": n,
                "last_page": n,
                "records": n,
                "size": 9,
                "sha256": "ab",
            }
            for n in (1, 2)
        ],
        "missing_pages": ["3"],
        "quarantine": None,
    }
]

PARSERS = {
    "token": Parser(mutated_json(TOKENS) | st.binary(), token, (InvalidTokenResponseError,)),
    "page": Parser(mutated_json(PAGES) | st.binary(), page, (CorruptResponseError, ProtocolError)),
    "json": Parser(mutated_json(PAGES + TOKENS) | st.binary(), json_value, (MalformedDataError,)),
    "retry-after": Parser(mutated_text(WAITS) | st.text(), retry_after),
    "link": Parser(mutated_text(LINKS) | st.text('<>;="rel next,/?\\', max_size=200), next_links),
    "key": Parser(mutated_text(KEYS) | st.text(), key, (InvalidKeyError,)),
    "environment": Parser(
        mutated_values([ENVIRONMENT, {**ENVIRONMENT, "CONCURRENCY": "8", "RESERVE_SECONDS": "1e400"}]).filter(
            variables
        ),
        lambda values: load(WorkerSettings, values),
        (ConfigurationError,),
    ),
    "sources": Parser(
        mutated_json([json.loads(ENVIRONMENT["SOURCE_PARAMETERS"])]).map(lambda text: text.decode("latin-1")),
        lambda text: load(WorkerSettings, {**ENVIRONMENT, "SOURCE_PARAMETERS": text}),
        (ConfigurationError,),
        longest=20_000,  # the operator's own names, in full
    ),
    "settings-file": Parser(
        mutated_values([{"bucket": "lake", "default_source": "a.b", "page_limit": 10}]),
        lambda values: load(WorkerSettings, values if isinstance(values, dict) else {}, source="file a.toml"),
        (ConfigurationError,),
    ),
    "request": Parser(
        mutated_json(REQUESTS) | st.binary(), lambda body: validate(IngestRequest, body), (InvalidInputError,)
    ),
    "parsed-request": Parser(
        mutated_values(REQUESTS), lambda payload: validate(IngestRequest, payload), (InvalidInputError,)
    ),
    "faults": Parser(
        mutated_text(FAULTS) | st.text(),
        lambda text: parse_switches(text, CATALOGUE, 0.2),
        (ConfigurationError,),
    ),
    "fault-plan": Parser(
        mutated_text(FAULTS), lambda text: SimulatorSettings(faults=text).plan(), (ConfigurationError,)
    ),
    "worker-event": Parser(
        mutated_values(events("ingestion_worker")).filter(lambda event: isinstance(event, dict)),
        gateway_event,
        (InvalidInputError,),
    ),
    "endpoint": Parser(
        mutated_values([*events("ingestion_worker"), *REQUESTS]),
        endpoint,
        (InvalidInputError, StorageUnavailableError),
    ),
    "simulator-event": Parser(
        mutated_values(events("auth_simulator", "unstable_simulator")).filter(
            lambda event: isinstance(event, dict)
        ),
        to_request,
        (InvalidInputError,),
    ),
    "manifest": Parser(
        mutated_json(MANIFESTS) | mutated_bytes([b"{}"]), manifest, (MalformedDataError, NewerLayoutError)
    ),
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_gives_a_value_or_its_one_typed_error(name: str) -> None:
    hold(PARSERS[name], SLICE)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_the_same_holds_for_ten_thousand_inputs(name: str) -> None:
    hold(PARSERS[name], ALL)


def hold(parser: Parser, examples: int) -> None:
    """Give a parser that many inputs."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(parser.inputs)
    def each(given: Any) -> None:
        took = SECONDS
        for _ in range(TRIES):
            began = time.thread_time()
            message = refusal(parser, given)
            took = min(took, time.thread_time() - began)
            assert len(message.encode()) <= parser.longest  # and it is text that can be written anywhere
            if took < SECONDS:
                break
        assert took < SECONDS

    each()


def refusal(parser: Parser, given: Any) -> str:
    """What the typed error says; nothing if there was none."""
    try:
        parser.read(given)
    except parser.errors as error:
        return str(error)
    return ""
