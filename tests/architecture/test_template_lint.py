"""The template and what AWS makes of it, before the strictest linters: no finding, or a reason beside it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.checks import run, translated
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("template_lint")  # each linter runs once, in one process

Findings = dict[str, set[str]]

TEXT = (ROOT / "template.yaml").read_text()
SUBJECTS = ("raw", "prod")
# The linters must be seen to find something: without the reasons beside them they do.
CONTROL = re.sub(r"checkov:|ignore_checks:", "nothing:", TEXT)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The template, and its translation for production."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "raw.yaml").write_text(TEXT)
    (folder / "prod.json").write_text(json.dumps(translated("Environment=prod"), indent=1))
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def cfn_lint(files: dict[str, Path]) -> Findings:
    """What cfn-lint and the serverless rules say of each."""
    return said_by_cfn_lint(files)


@pytest.fixture(scope="module")
def checkov(files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """What checkov says of each."""
    return said_by_checkov(files)


def said_by_cfn_lint(files: dict[str, Path]) -> Findings:
    done = run(
        "cfn-lint", "--append-rules", "cfn_lint_serverless.rules", "--format", "json", "--", *files.values()
    )
    found: Findings = {name: set() for name in files}
    for each in json.loads(done.stdout):
        name = each["Filename"].rpartition("/")[2].partition(".")[0]
        found[name].add(
            f"{each['Rule']['Id']} line {each['Location']['Start']['LineNumber']}: {each['Message']}"
        )
    return found


def said_by_checkov(files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    named = [option for path in files.values() for option in ("--file", str(path))]
    framework = ("--framework", "cloudformation")
    done = run(
        "checkov",
        *named,
        *framework,
        "--skip-download",
        "--output",
        "json",
        folder=min(files.values()).parent,
    )
    documents = json.loads(done.stdout)
    results: dict[str, dict[str, Any]] = {name: {"failed_checks": [], "skipped_checks": []} for name in files}
    for document in documents if isinstance(documents, list) else [documents]:
        assert document["summary"]["parsing_errors"] == 0
        for kind, checks in document["results"].items():
            for each in checks if kind in {"failed_checks", "skipped_checks"} else ():
                results[each["file_path"].rpartition("/")[2].partition(".")[0]][kind].append(each)
    return results


def failed(checkov: dict[str, dict[str, Any]], subject: str) -> set[str]:
    return {f"{each['check_id']} {each['resource']}" for each in checkov[subject]["failed_checks"]}


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_cfn_lint_and_the_serverless_rules_find_nothing(cfn_lint: Findings, subject: str) -> None:
    assert cfn_lint[subject] == set()


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_checkov_finds_nothing(checkov: dict[str, dict[str, Any]], subject: str) -> None:
    assert failed(checkov, subject) == set()


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_checkov_skips_has_its_reason_beside_it(
    checkov: dict[str, dict[str, Any]], subject: str
) -> None:
    skipped = checkov[subject]["skipped_checks"]
    assert skipped
    assert [each for each in skipped if len(each["check_result"]["suppress_comment"]) < 40] == []


@pytest.mark.slow
def test_the_linters_do_find_what_the_reasons_are_beside(tmp_path: Path) -> None:
    control = {"control": tmp_path / "control.yaml"}
    control["control"].write_text(CONTROL)
    cfn_lint, checkov = said_by_cfn_lint(control), said_by_checkov(control)
    excused = set(re.findall(r"- id: (CKV\w+)|^ +id: (CKV\w+)", TEXT, flags=re.MULTILINE))
    ids = {name for pair in excused for name in pair if name}
    assert {each.partition(" ")[0] for each in failed(checkov, "control")} == ids
    ignored = set(re.findall(r"ignore_checks: \[(\w+)\]", TEXT))
    assert {each.partition(" ")[0] for each in cfn_lint["control"]} == ignored


def test_production_has_all_that_development_has() -> None:
    """So its translation stands for both."""
    dev, prod = (translated(f"Environment={name}")["Resources"] for name in ("dev", "prod"))
    assert {name for name in dev if name not in prod} == set()
    assert {prod[name]["Type"] for name in prod if name not in dev} == {
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::IAM::Role",
    }


def test_cfn_lints_exceptions_have_their_reason_on_the_same_line() -> None:
    lines = [line for line in TEXT.splitlines() if "ignore_checks" in line]
    assert lines
    assert [line for line in lines if " # " not in line] == []
