"""The OpenAPI document that GitHub publishes, as ``init`` reads it: what it writes is right of GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import main
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source import Source
from de_classes.checks.checking import ResourceCheck
from de_classes.checks.probe import Probe
from de_classes.utils.clock import ManualClock
from tests.fakes.mimics.github import GitHub
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.rotation import FakeRotationStore, FakeSecrets

if TYPE_CHECKING:
    from de_classes.api.source import Resource
    from de_classes.checks.report import CheckReport

DOCUMENT = Path(__file__).parents[1] / "fixtures" / "openapi" / "github.json"
OPERATIONS = {
    "issues": "issues/list-for-repo",
    "pulls": "pulls/list",
    "commits": "repos/list-commits",
    "branches": "repos/list-branches",
    "actions/runs": "actions/list-workflow-runs-for-repo",
}
EACH = pytest.mark.parametrize("collection", OPERATIONS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """What the command line makes of the document."""
    file = tmp_path_factory.mktemp("init") / "github.toml"
    words = [word for operation in OPERATIONS.values() for word in ("--resource", operation)]
    assert main(["init", "--openapi", str(DOCUMENT), *words, "--out", str(file)]) == 0
    return Source.load(file)


def described(written: Source, collection: str) -> Resource:
    return written["github." + OPERATIONS[collection].replace("/", "_").replace("-", "_")]


def secrets(mimic: GitHub) -> FakeSecrets:
    return FakeSecrets(FakeRotationStore(""), **mimic.secrets)


def check(written: Source, collection: str, mimic: GitHub) -> CheckReport:
    probe = Probe(
        described(written, collection),
        parameters=mimic.parameters,
        secrets=secrets(mimic),
        transport=MimicTransport(mimic),
        clock=mimic.clock,
    )
    return ResourceCheck(probe).run()


@EACH
@pytest.mark.parametrize("count", [1, 40, 250])
def test_a_check_finds_nothing_wrong_with_it(written: Source, collection: str, count: int) -> None:
    report = check(written, collection, GitHub(count, clock=ManualClock(), is_throttled=False))
    assert [each.said for each in report.findings if each.verdict == "wrong"] == []
    assert report.evidence.way_on or count == 1


@EACH
def test_a_check_waits_out_the_limit_that_the_document_does_not_describe(
    written: Source, collection: str
) -> None:
    clock = ManualClock()
    report = check(written, collection, GitHub(250, clock=clock))
    assert [each.said for each in report.findings if each.verdict == "wrong"] == []
    assert clock.monotonic() > 0


@EACH
@pytest.mark.parametrize("limit", [7, 100])
def test_every_record_of_it_comes_once(written: Source, collection: str, limit: int) -> None:
    mimic = GitHub(clock=ManualClock())
    client = described(written, collection).client(
        parameters=mimic.parameters,
        secrets=secrets(mimic),
        runtime=ClientRuntime(transport=MimicTransport(mimic), clock=mimic.clock),
    )
    records = [dict(record) for _, page in client.iterate_all_pages(limit) for record in page.records]
    assert records == mimic.expected(collection)
