"""Every public class shows how it is used in its docstring, and what is shown is run.

Public are the classes that a package exports, those that the documents and examples import, and those that
are named in their text. In an example stand, without an import: all of these, and ``names_in_examples``.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import io
import logging
import pathlib
import re
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from moto import mock_aws

import de_classes
from de_classes.api.auth_client import AuthClient
from de_classes.api.receipt import IngestReceipt
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.retry import RetryPolicy
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError
from de_classes.runs import RunPlan
from de_classes.simulators.faults import FaultPlan
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import LocalClient
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.documents import ROOT, blocks, descriptions
from tests.fakes.every import every

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = pathlib.Path(str(de_classes.__file__)).parent
IMPORT = re.compile(r"^(?:>>> )?from (de_classes[\w.]*) import (\w+(?:, \w+)*)", re.MULTILINE)
NAMED = (FaultPlan, IncompleteRunError, IngestReceipt, RequestsTransport, RetryPolicy)
CALM = SimulatorSettings(total_records=5, rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0)
PASSWORD = "for-this-laptop"
SECTIONS = re.compile(r"^(Args|Attributes|Raises):$", re.MULTILINE)


def public() -> dict[str, Any]:
    """Names to what they are: exported, imported by a document or an example, or named in one."""
    packages = [path.parent for path in PACKAGE.rglob("__init__.py") if "__all__" in path.read_text("utf-8")]
    modules = [importlib.import_module(".".join(path.relative_to(PACKAGE.parent).parts)) for path in packages]
    found = {name: getattr(module, name) for module in modules for name in module.__all__}
    programs = [path.read_text("utf-8") for path in (ROOT / "examples").rglob("*.py")]
    texts = [block.text for language in ("python", "pycon") for block in blocks(language)]
    for home, names in (match for text in [*programs, *texts] for match in IMPORT.findall(text)):
        found |= {name: getattr(importlib.import_module(home), name) for name in names.split(", ")}
    return found | {each.__name__: each for each in NAMED}


PUBLIC = public()
CLASSES = sorted((each for each in PUBLIC.values() if inspect.isclass(each)), key=lambda each: each.__name__)
every_class = pytest.mark.parametrize("shown", CLASSES, ids=lambda each: each.__name__)


@pytest.fixture(scope="module")
def api() -> Iterator[SimulatorServer]:
    with SimulatorServer(CALM, password=PASSWORD) as running:
        yield running


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """S3 in memory, with the bucket "lake"."""
    with no_aws_environment() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        boto3.client("s3").create_bucket(Bucket="lake")
        yield


@pytest.fixture
def names_in_examples(
    api: SimulatorServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A store with the bucket "lake", an API of five records, its auth and client, a plan, a logger, orders.

    Where they are run lie shop.toml, README's description of that API, and shop.json, its secrets.
    """
    monkeypatch.chdir(tmp_path)
    (described,) = (block.text for block in descriptions() if block.document == "README.md")
    pathlib.Path("shop.toml").write_text(described.replace("http://127.0.0.1:8765", api.base_url), "utf-8")
    secrets = pathlib.Path("shop.json")
    secrets.touch(mode=0o600)
    secrets.write_text(f'{{"password": "{PASSWORD}"}}', "utf-8")
    logger = logging.getLogger("example")
    store = LocalClient(tmp_path, logger)
    store.create_bucket("lake")
    auth = AuthClient(api.login_url, api.username, api.password)
    client = UnstableAPIClient(api.base_url, auth)
    return {
        **PUBLIC,
        "api": api,
        "auth": auth,
        "client": client,
        "io": io,
        "logger": logger,
        "msgspec": msgspec,
        "orders": [{"id": 1, "total": 12.5}, {"id": 2, "total": 0.0}],
        "pathlib": pathlib,
        "plan": RunPlan(run_id="monday", source=client.url, dataset="orders", format="csv", limit=2),
        "store": store,
    }


def test_classes_of_every_package_are_looked_at() -> None:
    assert {"AuthClient", "SimulatorServer", "ObjectSink", "RunService", "Flatten", "PageRequest"} <= {
        each.__name__ for each in CLASSES
    }


@every("shown", CLASSES)
def test_a_public_class_shows_a_use_of_itself(shown: type) -> None:
    text = inspect.cleandoc(vars(shown)["__doc__"])  # its own: not what it inherits
    before, found, example = text.partition("\nExample:\n")
    assert found, f"{shown.__name__}: its docstring has no section Example:"
    assert not SECTIONS.search(before), "an example stands before the arguments"
    uses = doctest.DocTestParser().get_examples(example)
    assert 1 <= len(uses) <= 4


@pytest.mark.usefixtures("aws")
@every_class
def test_the_example_of_a_class_works_as_it_stands(shown: type, names_in_examples: dict[str, Any]) -> None:
    told = doctest.DocTestParser().get_doctest(
        shown.__doc__ or "", dict(names_in_examples), shown.__name__, inspect.getsourcefile(shown), None
    )
    report: list[str] = []
    result = doctest.DocTestRunner().run(told, out=report.append)
    assert result.failed == 0, "".join(report)
    assert result.attempted > 0
