"""What a check says of every source that is shipped: as it is described, and with each kind of mistake."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.pagination import FilePagination, OnePagePagination
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source import FileSecrets, Source
from de_classes.api.source.loading import SHIPPED, parse_sources
from de_classes.checks.checking import ResourceCheck
from de_classes.checks.probe import Probe
from de_classes.cli.sample import first_records
from de_classes.utils.clock import ManualClock
from tests.fakes.mimics import MIMICS, RESOURCES
from tests.fakes.mimics.serving import MimicTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from de_classes.api.source import Secrets
    from de_classes.checks.report import CheckReport
    from tests.fakes.mimics.kit import Mimic

    Written = Callable[[Mapping[str, str]], Secrets]
    Mistake = Callable[[dict[str, Any]], bool | None]

MOST_REQUESTS = 6
SECOND_TRY = 2  # one that is refused on the way, and a renewed login
KEYLESS = {"socrata.rows"}  # the description is of any data set, so it names no key


@pytest.fixture
def secrets(tmp_path: Path) -> Written:
    """Puts secrets into a file, as the command line takes them: one that rotates is kept there."""

    def written(values: Mapping[str, str]) -> Secrets:
        file = tmp_path / "secrets.json"
        file.write_text(json.dumps(dict(values)), encoding="utf-8")
        file.chmod(0o600)
        return FileSecrets(file)

    return written


def check(
    name: str,
    resource: str,
    secrets: Written,
    *,
    count: int = 40,
    content: dict[str, Any] | None = None,
    values: Mapping[str, str] | None = None,
) -> CheckReport:
    """The report on a resource as it is shipped, or as this content describes it."""
    described = Source.shipped()[f"{name}.{resource}"]
    if content is not None:
        described = Source(parse_sources(json.dumps(content).encode(), ".json", name="x"))[
            f"{name}.{resource}"
        ]
    clock = ManualClock()
    mimic = MIMICS[name](count, clock=clock)
    probe = Probe(
        described,
        parameters=parameters(mimic, described.source),
        secrets=secrets(values or mimic.secrets),
        transport=MimicTransport(mimic),
        clock=clock,
    )
    return ResourceCheck(probe).run()


def parameters(mimic: Mimic, source: Any) -> dict[str, str]:
    return {name: value for name, value in mimic.parameters.items() if name in source.parameters}


@pytest.mark.parametrize("count", [40, 250])
@pytest.mark.parametrize(("name", "resource"), RESOURCES)
def test_a_right_description_is_ok_by_few_requests(
    secrets: Written, name: str, resource: str, count: int
) -> None:
    report = check(name, resource, secrets, count=count)
    found = [finding for finding in report.findings if finding.verdict != "ok"]
    assert [finding.name for finding in found] == (["key"] if report.resource in KEYLESS else [])
    described = Source.shipped()[f"{name}.{resource}"].described
    of_job = 5 if described.job else 0  # it is made, found done at the third look, and one is refused
    assert report.requests <= MOST_REQUESTS + SECOND_TRY + of_job
    assert [finding.name for finding in report.findings if finding.name == "job"] == ["job"] * bool(of_job)
    assert report.evidence.way_on or isinstance(described.pagination, OnePagePagination | FilePagination)
    assert not report.evidence.is_rehearsal


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize(("name", "resource"), RESOURCES)
def test_nothing_is_wrong_with_a_small_collection(
    secrets: Written, name: str, resource: str, count: int
) -> None:
    report = check(name, resource, secrets, count=count)
    assert [finding.said for finding in report.findings if finding.verdict == "wrong"] == []


@pytest.mark.parametrize(("name", "resource"), RESOURCES)
def test_the_first_records_are_those_of_the_source(secrets: Written, name: str, resource: str) -> None:
    clock = ManualClock()
    mimic = MIMICS[name](clock=clock)
    described = Source.shipped()[f"{name}.{resource}"]
    found = first_records(
        described,
        7,
        parameters=parameters(mimic, described.source),
        secrets=secrets(mimic.secrets),
        runtime=ClientRuntime(MimicTransport(mimic), clock),
    )
    assert list(found) == mimic.expected(resource)[:7]


def misnamed_records(said: dict[str, Any]) -> bool | None:
    if said.get("answer") in {"jsonl", "csv"}:
        return False  # @ is all that can be said
    said["records_path"] = f"{said['records_path']}x" if "records_path" in said else "nothing.here"
    return None


def way_on_one_level_off(said: dict[str, Any]) -> bool | None:
    way = said["pagination"]
    if way["type"] not in {"cursor", "next_url", "next_params"} or "path" not in way:
        return False
    way["path"] = way["path"].partition(".")[2] or f"meta.{way['path']}"
    return None


def misnamed_marker(said: dict[str, Any]) -> bool | None:
    names = {"more", "done"} & said["pagination"].keys()
    for name in names:
        said["pagination"][name] += "_x"
    return None if names else False


def inverted_marker(said: dict[str, Any]) -> bool | None:
    way = said["pagination"]
    if not {"more", "done"} & way.keys():
        return False
    way["more"], way["done"] = way.get("done"), way.get("more")
    said["pagination"] = {name: value for name, value in way.items() if value is not None}
    return None


def counted_from_the_second(said: dict[str, Any]) -> bool | None:
    way = said["pagination"]
    if way["type"] not in {"page", "offset"}:
        return False
    way["first"] = way.get("first", {"page": 1, "offset": 0}[way["type"]]) + 1
    return None


def misnamed_total(said: dict[str, Any]) -> bool | None:
    if "total_path" not in said or said.get("total_is", "exact") != "exact":
        return False
    said["total_path"] += "_x"
    return None


def no_next_page(said: dict[str, Any]) -> bool | None:
    if said["pagination"]["type"] in {"none", "file"}:  # a file may come at once
        return False
    said["pagination"] = {"type": "none"}
    return None


def misnamed_key(said: dict[str, Any]) -> None:
    said["primary_key"] = ["no_such_field"]


def misnamed_page_size(said: dict[str, Any]) -> bool | None:
    if "page_size" not in said:
        return False
    said["page_size"]["into"] += "_x"
    return None


MISTAKES: dict[Mistake, set[str]] = {  # with what is found
    misnamed_records: {"records"},
    way_on_one_level_off: {"pagination"},
    misnamed_marker: {"marker"},
    inverted_marker: {"marker"},
    counted_from_the_second: {"first"},
    misnamed_total: {"total"},
    no_next_page: {"pagination"},
    misnamed_key: {"key"},
    misnamed_page_size: {"page_size", "connection"},  # strict sources refuse what they do not know
}


@cache
def shipped(name: str) -> str:
    return json.dumps(tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8")))


def mistaken(name: str, resource: str, mistake: Mistake) -> dict[str, Any] | None:
    """The source with that mistake in that resource; None where it cannot be made."""
    content: dict[str, Any] = json.loads(shipped(name))
    cannot = mistake(content["sources"][name]["resources"][resource]) is False
    return None if cannot else content


MISTAKEN = [
    pytest.param(name, resource, mistake, id=f"{name}-{resource}-{mistake.__name__}")
    for name, resource in RESOURCES
    for mistake in MISTAKES
    if mistaken(name, resource, mistake) is not None
]


@pytest.mark.parametrize(("name", "resource", "mistake"), MISTAKEN)
def test_a_mistake_is_found_and_named(secrets: Written, name: str, resource: str, mistake: Mistake) -> None:
    report = check(name, resource, secrets, content=mistaken(name, resource, mistake))
    found = {finding.name for finding in report.findings if finding.verdict != "ok"}
    assert found & MISTAKES[mistake], [finding.said for finding in report.findings]


def is_secured(name: str, resource: str) -> bool:
    described = Source.shipped()[f"{name}.{resource}"]
    auth = described.described.auth or described.source.auth
    return bool(MIMICS[name].secrets) and auth.__struct_config__.tag != "none"


@pytest.mark.parametrize(("name", "resource"), [each for each in RESOURCES if is_secured(*each)])
def test_a_wrong_secret_is_found_and_never_shown(secrets: Written, name: str, resource: str) -> None:
    wrong = {each: f"wrong-{value}" for each, value in MIMICS[name].secrets.items()}
    report = check(name, resource, secrets, values=wrong)
    assert [finding.name for finding in report.findings if finding.verdict == "wrong"] == ["auth"]
    assert not any(value in repr(report) for value in wrong.values())
