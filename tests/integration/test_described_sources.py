"""The five steps of docs/sources.md, "On AWS": a file, a secret, a deployment; no edit of template.yaml.

The sources are those that come with the package, with one edit each: their addresses lead to mimics of this
machine.
"""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.source.loading import SHIPPED
from localcloud.stack import STACK
from tests.fakes.mimics import GitHub, Salesforce, Stripe
from tests.fakes.mimics.serving import serving
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.stack import Answer
    from tests.fakes.mimics import Mimic
    from tests.integration.conftest import Cloud

pytestmark = pytest.mark.xdist_group("local_cloud")

REQUESTS: dict[str, dict[str, Any]] = {
    "github.issues": {"parameters": {"owner": "acme", "repo": "widgets"}},
    "stripe.charges": {},
    "salesforce.accounts": {},
}
"""What is asked of the worker, by the name of the resource."""


@dataclass
class Deployed:
    """A cloud whose worker has three more sources.

    Attributes:
        cloud: With the stack in it.
        mimics: The APIs, by the name of their source.
        before: What the worker answered to ``github.issues`` when there was no such file yet.
        answers: What it answered to each of the requests.
    """

    cloud: Cloud
    mimics: dict[str, Mimic]
    before: Answer
    answers: dict[str, Answer]


def described(mimic: Mimic, address: str) -> str:
    """A description as it is shipped, its addresses led to a mimic."""
    text = (SHIPPED / f"{mimic.name}.toml").read_text()
    if mimic.name != "salesforce":
        return text.replace(f"https://{next(iter(mimic.hosts))}", address)
    # Its token says where it is, and the deployment which instance that may be.
    given = f'parameters = {{ instance = {{ kind = "address", default = "{address}" }} }}'
    lines = [given if line.startswith("parameters") else line for line in text.splitlines()]
    text = "\n".join(lines).replace("https://${instance}.my.salesforce.com", "${instance}")
    return text.replace("${instance}.my.salesforce.com", address.removeprefix("http://"))


@pytest.fixture(scope="module")
def deployed(calm_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    stack = calm_cloud.stack
    mimics: dict[str, Mimic] = {
        each.name: each for each in (GitHub(is_throttled=False), Stripe(), Salesforce(is_throttled=False))
    }
    folder = tmp_path_factory.mktemp("project") / "sources"
    shutil.copytree(ROOT / "sources", folder)
    before = stack.ingest({"source": "github.issues", **REQUESTS["github.issues"]})
    with ExitStack() as held:
        for name, mimic in mimics.items():
            address = held.enter_context(serving(mimic))
            (folder / f"{name}.toml").write_text(described(mimic, address))
            stack.aws.secrets().create_secret(
                Name=f"{STACK}/sources/{name}", SecretString=json.dumps(dict(mimic.secrets))
            )
            held.callback(
                stack.aws.secrets().delete_secret,
                SecretId=f"{STACK}/sources/{name}",
                ForceDeleteWithoutRecovery=True,
            )
        with calm_cloud.packaged(folder):
            answers = {
                name: stack.ingest({"source": name, "format": "jsonl", "limit": 10, **more})
                for name, more in REQUESTS.items()
            }
            yield Deployed(calm_cloud, mimics, before, answers)


def rows(deployed: Deployed, answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    return list(deployed.cloud.stack.records(answer.body["key"]))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_source_that_was_added_by_the_documented_steps_arrives_exactly(
    deployed: Deployed, name: str
) -> None:
    source, _, resource = name.partition(".")
    mimic = deployed.mimics[source]
    assert rows(deployed, deployed.answers[name]) == mimic.expected(resource)
    assert deployed.answers[name].body["key"].startswith(f"raw/{source}/{resource}/ingest_date=")
    assert len(mimic.asked) >= len(mimic.rows) // 10


def test_a_source_without_its_secret_is_told_which_secret_is_missing(deployed: Deployed) -> None:
    """It comes with the package, so that the secret was all it lacked; its own API was not asked."""
    assert deployed.before.status == 500
    assert f"the secret {STACK}/sources/github cannot be read" in json.dumps(deployed.before.body)


def test_a_source_that_is_nowhere_is_refused_with_the_nearest_name(deployed: Deployed) -> None:
    unknown = deployed.cloud.stack.ingest({"source": "githubb.issues"})
    assert unknown.status == 400
    assert "did you mean github?" in json.dumps(unknown.body)


def test_an_address_is_the_deployments_to_say(deployed: Deployed) -> None:
    asked = len(deployed.mimics["salesforce"].asked)
    elsewhere = {"parameters": {"instance": "http://127.0.0.1:9"}}
    refused = deployed.cloud.stack.ingest({"source": "salesforce.accounts", **elsewhere})
    assert refused.status == 400
    assert "parameters.instance is the deployment's to say" in json.dumps(refused.body)
    assert len(deployed.mimics["salesforce"].asked) == asked


def test_what_the_simulators_serve_is_ingested_as_before(deployed: Deployed) -> None:
    assert deployed.cloud.stack.ingest({"format": "jsonl", "limit": 500}).body["records"] == 1000


def test_no_secret_and_no_token_is_in_answers_logs_variables_or_objects(deployed: Deployed) -> None:
    stack = deployed.cloud.stack
    salesforce = deployed.mimics["salesforce"]
    assert isinstance(salesforce, Salesforce)
    hidden = [value for mimic in deployed.mimics.values() for value in mimic.secrets.values()]
    hidden = [value for value in hidden if value != salesforce.secrets["client_id"]]
    hidden += [f"00D!mimic{number:03d}" for number in range(1, salesforce.issued + 1)]
    lines = stack.log_messages("IngestionWorkerLogName")
    function = stack.aws.session.client("lambda", endpoint_url=stack.aws.endpoint)
    variables = function.get_function_configuration(FunctionName=stack.outputs["IngestionWorkerName"])
    kept = [stack.read_object(key).decode(errors="replace") for key in stack.keys("raw/")]
    places = {
        "answers": json.dumps([answer.body for answer in deployed.answers.values()]),
        "logs": "\n".join(lines),
        "variables": json.dumps(variables["Environment"]),
        "objects": "\n".join(kept),
    }
    assert salesforce.issued > 1
    assert "salesforce" in places["logs"]
    found = {place: [each for each in hidden if each in text] for place, text in places.items()}
    assert not any(found.values()), found
