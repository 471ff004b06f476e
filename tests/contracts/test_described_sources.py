"""Every source that is shipped reaches every record of its API, whichever way it is read."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.__main__ import main
from de_classes.api.endpoint import PageSize
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import SHIPPED, shipped_names, shipped_source
from de_classes.bootstrap import SERVICE, build_ingestion
from de_classes.common.logger.app_logger import AppLogger
from de_classes.errors import (
    AuthenticationError,
    DeClassesError,
    IncompleteRunError,
    PermissionDeniedError,
    RequestRejectedError,
)
from de_classes.handler import handler_for
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from de_classes.utils.clock import ManualClock
from tests.fakes.effort import first_of
from tests.fakes.mimics import MIMICS, RESOURCES
from tests.fakes.mimics.arxiv import Arxiv
from tests.fakes.mimics.serving import MimicTransport, serving
from tests.fakes.rotation import FakeRotationStore, FakeSecrets
from tests.fakes.worker import FakeContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from de_classes.worker.ingestion import Ingestion
    from tests.fakes.mimics.kit import Answer, Mimic, Record, Request

    Way = Callable[..., list[Record]]

WRONG = "wrong-secret-value"
SMALL, ROWS = 10, 40
EDGES = (0, 1, 2, 3, 4, 5, 8, 9)
"""Collections at a page size of 4: none, one, and on both sides of a page that is exactly full."""

OF_JOURNAL = {"plan.json", "invocation", "asked", "over"}
"""What is kept of a run that did not come to its first page."""

QUIET = logging.getLogger("described sources")
QUIET.propagate = False
QUIET.addHandler(logging.NullHandler())

EACH_RESOURCE = pytest.mark.parametrize(
    ("name", "resource"),
    [pytest.param(name, resource, id=f"{name}.{resource}") for name, resource in RESOURCES],
)


def held(values: Mapping[str, str]) -> FakeSecrets:
    """Secrets in memory, one of which may rotate."""
    return FakeSecrets(FakeRotationStore(values.get("refresh_token", "")), **values)


def read_by_library(
    name: str, resource: str, limit: int, _folder: Path, *, rows: int = ROWS, concurrency: int = 1
) -> list[Record]:
    """The library, without sockets and with a clock that is turned by hand, so that limits are met."""
    mimic = MIMICS[name](rows, clock=ManualClock())
    return records_of(mimic, resource, limit, concurrency=concurrency)


def records_of(
    mimic: Mimic,
    resource: str,
    limit: int,
    *,
    secrets: Mapping[str, str] | None = None,
    concurrency: int = 1,
) -> list[Record]:
    client = Source.shipped()[f"{mimic.name}.{resource}"].client(
        parameters=mimic.parameters,
        secrets=held(mimic.secrets if secrets is None else secrets),
        limits=ClientLimits(concurrency=concurrency),
        runtime=ClientRuntime(transport=MimicTransport(mimic), clock=mimic.clock, logger=QUIET),
    )
    return [dict(record) for _, page in client.iterate_all_pages(limit) for record in page.records]


def read_into_object(name: str, resource: str, limit: int, folder: Path, *, rows: int = ROWS) -> list[Record]:
    """The command line, against a server, into one object."""
    mimic = MIMICS[name](rows, is_throttled=False)
    status, said = ingest(mimic, resource, folder, "--limit", str(limit), "--key", "records.jsonl")
    assert status == 0, said
    return lines_of(folder / "lake" / "records.jsonl")


def read_into_dataset(
    name: str, resource: str, limit: int, folder: Path, *, rows: int = ROWS
) -> list[Record]:
    """The command line, against a server, into a dataset."""
    mimic = MIMICS[name](rows, is_throttled=False)
    words = ("--limit", str(limit), "--dataset", "them", "--format", "jsonl")
    status, said = ingest(mimic, resource, folder, *words)
    assert status == 0, said
    reader = DatasetReader(LocalClient(folder, QUIET), "lake", "them")
    return [record for batch in reader.records() for record in batch]


def read_by_worker(name: str, resource: str, limit: int, folder: Path, *, rows: int = ROWS) -> list[Record]:
    """The worker, wired as it is deployed."""
    mimic = MIMICS[name](rows, clock=ManualClock())
    store, worker = worker_of(mimic, folder, mimic.secrets, QUIET)
    asked = worker.read(asked_of_worker(mimic, resource, limit))
    while True:
        try:
            receipt = worker.run(asked, run_id="one")
            break
        except IncompleteRunError as error:  # it waits for a job, and not in here
            if error.retry_after is None:
                raise
            mimic.clock.sleep(error.retry_after)
    return [record for batch in DatasetReader(store, "worker", receipt.key).records() for record in batch]


def worker_of(
    mimic: Mimic, folder: Path, secrets: Mapping[str, str], logger: logging.Logger
) -> tuple[LocalClient, Ingestion]:
    """The deployed worker over a store in a folder: what stands in hosts comes from the deployment."""
    deployed = {each: value for each, value in mimic.parameters.items() if each in hosts_of(mimic)}
    store = LocalClient(folder, QUIET)
    store.create_bucket("worker")
    environ = {
        "BUCKET": "worker",
        "SOURCE_PARAMETERS": json.dumps({mimic.name: deployed}),
        "DEFAULT_FORMAT": "jsonl",
    }
    return store, build_ingestion(
        environ,
        store=lambda _: store,
        secrets=lambda _: held(secrets),
        transport=MimicTransport(mimic),
        clock=mimic.clock,
        logger=logger,
    )


def asked_of_worker(mimic: Mimic, resource: str, limit: int) -> dict[str, Any]:
    """A request for a resource; what stands in hosts is not its to say."""
    said = {each: value for each, value in mimic.parameters.items() if each not in hosts_of(mimic)}
    return {"source": f"{mimic.name}.{resource}", "parameters": said, "limit": limit}


def hosts_of(mimic: Mimic) -> frozenset[str]:
    """The parameters that stand in its addresses."""
    return Source.shipped()[f"{mimic.name}.{mimic.resources[0]}"].address_parameters()


WAYS: dict[str, Way] = {
    "library": read_by_library,
    "worker": read_by_worker,
    "object": read_into_object,
    "dataset": read_into_dataset,
}
"""Whoever reads a description joins here."""
EACH_WAY = [pytest.param(way, marks=pytest.mark.slow if way == "object" else ()) for way in WAYS]


def ingest(
    mimic: Mimic, resource: str, folder: Path, *words: str, secrets: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The exit status of ``ingest``, and all that it said."""
    held = folder / "secrets.json"
    held.write_text(json.dumps(dict(mimic.secrets if secrets is None else secrets)))
    held.chmod(0o600)
    hosts = hosts_of(mimic)  # not needed for a rehearsal
    given = {name: value for name, value in mimic.parameters.items() if name not in hosts}
    named = [word for pair in given.items() for word in ("--set", "=".join(pair))]
    said = io.StringIO()
    with serving(mimic) as url, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main(
            [
                *("ingest", f"{mimic.name}.{resource}", "--base-url", url, "--secrets", str(held), *named),
                *(
                    "--to",
                    str(folder / "lake"),
                    "--sources",
                    str(unhurried(mimic.name, folder)),
                    "--quiet",
                    *words,
                ),
            ]
        )
    return status, said.getvalue()


def unhurried(name: str, folder: Path) -> Path:
    """The shipped description as it is, but for the requests a second, and looks at a job: nobody waits."""
    described = tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))
    described["sources"][name].get("rate_limit", {}).pop("per_second", None)
    for resource in described["sources"][name]["resources"].values():
        if "job" in resource:
            resource["job"]["wait"] = 0.001
    file = folder / f"{name}.json"
    file.write_text(json.dumps(described))
    return file


def lines_of(file: Path) -> list[Record]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_source_that_is_shipped_has_its_mimic() -> None:
    assert sorted(MIMICS) == shipped_names()
    for name, mimic in MIMICS.items():
        described = Source.shipped().resources(name)
        assert {each.name for each in described} == {f"{name}.{resource}" for resource in mimic.resources}


@EACH_RESOURCE
@pytest.mark.parametrize("way", EACH_WAY)
@pytest.mark.parametrize("size", first_of(["small", "maximum"]))
def test_every_record_comes_once_and_as_the_api_has_it(
    way: str, size: str, name: str, resource: str, tmp_path: Path
) -> None:
    limit = SMALL if size == "small" else MIMICS[name].maximum
    assert WAYS[way](name, resource, limit, tmp_path) == MIMICS[name](ROWS).expected(resource)


@EACH_RESOURCE
@pytest.mark.parametrize("concurrency", first_of([4, 1]))
def test_a_collection_that_ends_at_a_page_s_edge_is_whole(
    concurrency: int, name: str, resource: str, tmp_path: Path
) -> None:
    for rows in EDGES:
        records = read_by_library(name, resource, 4, tmp_path, rows=rows, concurrency=concurrency)
        assert records == MIMICS[name](rows).expected(resource), f"{rows} rows"


@EACH_RESOURCE
@pytest.mark.parametrize("way", first_of(way for way in WAYS if way != "library"))
@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_and_one_record_are_whole_collections(
    way: str, rows: int, name: str, resource: str, tmp_path: Path
) -> None:
    records = WAYS[way](name, resource, SMALL, tmp_path, rows=rows)
    assert records == MIMICS[name](rows).expected(resource)


@EACH_RESOURCE
def test_a_page_of_the_size_that_the_source_gives_at_the_most_may_be_exactly_full(
    name: str, resource: str, tmp_path: Path
) -> None:
    most = min(MIMICS[name].maximum, 300)
    records = read_by_library(name, resource, most, tmp_path, rows=most)
    assert records == MIMICS[name](most).expected(resource)


@EACH_RESOURCE
def test_more_than_the_source_gives_at_once_is_never_asked_for(
    name: str, resource: str, tmp_path: Path
) -> None:
    records = read_by_library(name, resource, 100_000, tmp_path)
    assert records == MIMICS[name](ROWS).expected(resource)


def secret_cases() -> list[Any]:
    """Every secret of every resource that needs it."""
    return [
        pytest.param(
            *(name, resource, secret),
            id=f"{name}.{resource}-{secret}",
        )
        for name, resource in RESOURCES
        for secret in MIMICS[name].secrets
        if (name, resource) != ("binance", "candles")  # open to all
    ]


@pytest.mark.parametrize(("name", "resource", "secret"), secret_cases())
def test_a_wrong_secret_is_told_by_its_kind_and_never_shown(name: str, resource: str, secret: str) -> None:
    clock = ManualClock()
    mimic = MIMICS[name](ROWS, clock=clock)
    secrets = {**mimic.secrets, secret: WRONG}
    with pytest.raises((AuthenticationError, PermissionDeniedError)) as caught:
        records_of(mimic, resource, SMALL, secrets=secrets)
    assert WRONG not in shown(caught.value)
    assert clock.sleeps == []  # what is refused is not tried again


@pytest.mark.parametrize(("name", "resource", "secret"), secret_cases())
@pytest.mark.parametrize("words", first_of([[], ["--dataset", "them"]]), ids=["object", "dataset"])
def test_a_wrong_secret_ends_the_command_with_1_and_stores_nothing(
    words: list[str], name: str, resource: str, secret: str, tmp_path: Path
) -> None:
    mimic = MIMICS[name](ROWS, is_throttled=False)
    status, said = ingest(mimic, resource, tmp_path, *words, secrets={**mimic.secrets, secret: WRONG})
    assert status == 1
    assert "Error: " in said
    assert WRONG not in said
    kept = [file for file in (tmp_path / "lake").rglob("*") if file.is_file()]
    assert {file.name.partition("-")[0] for file in kept} <= OF_JOURNAL
    assert not [file for file in kept if WRONG.encode() in file.read_bytes()]


@pytest.mark.parametrize(("name", "resource", "secret"), secret_cases())
def test_a_wrong_secret_is_a_502_of_the_worker_that_commits_nothing_and_shows_no_secret(
    name: str, resource: str, secret: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mimic = MIMICS[name](ROWS, clock=ManualClock())
    secrets = {**mimic.secrets, secret: WRONG}
    logger = AppLogger(SERVICE, on_lambda=True).get_logger()
    handler = handler_for(lambda: worker_of(mimic, tmp_path, secrets, logger)[1])
    for into in ({}, {"key": "records.jsonl"}):
        body = json.dumps({**asked_of_worker(mimic, resource, SMALL), **into})
        answer = handler({"httpMethod": "POST", "path": "/ingest", "body": body}, FakeContext())
        told, logged = json.loads(answer["body"]), capsys.readouterr().out
        assert (answer["statusCode"], told["status"]) == (502, "failed")
        assert told["error"] in {"AuthenticationError", "PermissionDeniedError"}
        assert f'"error":"{told["error"]}"' in logged
        assert not [value for value in secrets.values() if value in answer["body"] + logged]
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.name.partition("-")[0] for file in kept} <= OF_JOURNAL
    assert not [file for file in kept for value in secrets.values() if value.encode() in file.read_bytes()]
    assert mimic.clock.monotonic() == ManualClock().monotonic()  # what is refused is not tried again


def shown(error: BaseException | None) -> str:
    """What an error and those behind it say."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@pytest.mark.parametrize("rows", [1, 2, 4, 5, 9])
def test_an_object_of_objects_gives_its_values_and_their_names(rows: int) -> None:
    described = shipped_source("wikipedia")
    assert described is not None
    listed = described.resources["pages"]
    generated = structs.replace(
        listed,
        params={"action": "query", "generator": "allpages", "format": "json"},
        records_path="query.pages",
        records_are="values",
        key_into="key",
        page_size=PageSize(into="query.gaplimit", max=500),
    )
    clock = ManualClock()
    mimic = MIMICS["wikipedia"](rows, clock=clock)
    source = Source({"wikipedia": structs.replace(described, resources={"pages": generated})})
    client = source["wikipedia.pages"].client(
        runtime=ClientRuntime(transport=MimicTransport(mimic), clock=clock, logger=QUIET)
    )
    records = [record for _, page in client.iterate_all_pages(4) for record in page.records]
    assert records == [{"key": str(record["pageid"]), **record} for record in mimic.expected("pages")]


def test_an_error_that_comes_as_a_feed_of_status_200_is_no_record() -> None:
    class Refusing(Arxiv):
        def answer(self, request: Request) -> Answer:
            request.query["max_results"] = "2001"
            return 200, *super().answer(request)[1:]

    with pytest.raises(RequestRejectedError, match="max_results must be an integer"):
        records_of(Refusing(clock=ManualClock()), "papers", SMALL)


def test_a_parameter_of_the_address_cannot_lead_a_secret_elsewhere() -> None:
    mimic = MIMICS["shopify"](ROWS, clock=ManualClock())
    mimic.parameters = {"shop": "evil.example/"}  # type: ignore[misc]
    with pytest.raises(DeClassesError):
        records_of(mimic, "orders", SMALL)
    assert mimic.asked == []
