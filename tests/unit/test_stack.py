"""`make build`, `make deploy` and `make destroy`: what SAM is told, by what is written where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.workspace import Workspace
from tests.fakes.sam import FakeSam
from tests.fakes.scheduling_aws import SchedulingAws
from tests.fakes.sources import ROOT
from tools import stack
from tools.stack import StackError, effective, parse, quoted, read_settings
from tools.template import template

if TYPE_CHECKING:
    from pathlib import Path

LAMBDAS = "3.13"
SAMCONFIG = """
version = 0.1
[prod.global.parameters]
stack_name = "lake-prod"
[prod.deploy.parameters]
region = "eu-central-1"
parameter_overrides = "Environment=prod KeyPrefix=lake AlarmEmail=old@example.org"
[prod.build.parameters]
parameter_overrides = ["PublishDataFrames=false"]
"""


@pytest.fixture
def samconfig(tmp_path: Path) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(SAMCONFIG)
    return path


@pytest.fixture
def sam(tmp_path: Path) -> FakeSam:
    return FakeSam(tmp_path)


def make(sam: FakeSam, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A target of the Makefile, with the fake SAM before the real one, and a Python of Lambda's version."""
    lambdas = sam.folder / f"python{LAMBDAS}"
    lambdas.write_text(f"#!/bin/sh\necho {LAMBDAS}\n")
    lambdas.chmod(0o755)
    path = os.pathsep.join([str(sam.folder), str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
    return subprocess.run(
        [shutil.which("make") or "make", "-s", *words, f"PATH={path}"],
        cwd=ROOT,
        env={**os.environ, "LAYER_COMPILER": str(lambdas), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def overrides(words: list[str]) -> dict[str, str]:
    return parse(words[words.index("--parameter-overrides") + 1 :], "the command")


def test_make_deploy_keeps_what_samconfig_sets_and_adds_what_is_asked_for(sam: FakeSam) -> None:
    words = ("ENV=prod", "ARCH=x86_64", "PARAMETERS=AlarmEmail='a@b.c' KeyPrefix=x/y")
    with SchedulingAws() as aws:
        done = make(sam, "deploy", *words, **aws.environment)
    assert done.returncode == 0, done.stderr
    assert "the-group: no schedules are described, and there were none" in done.stderr
    (build, layers), (deploy, _) = sam.told
    assert (build[0], deploy[0]) == ("build", "deploy")
    assert deploy[deploy.index("--config-env") + 1] == "prod"
    both = {"Environment": "prod", "Architecture": "x86_64", "AlarmEmail": "a@b.c", "KeyPrefix": "x/y"}
    assert overrides(build) == overrides(deploy) == both
    assert (layers["LAYER_ARCH"], layers["LAYER_PYTHON_VERSION"]) == ("x86_64", LAMBDAS)


def test_make_deploy_runs_nothing_for_a_parameter_that_there_is_not(sam: FakeSam) -> None:
    done = make(sam, "deploy", "PARAMETERS=AlarmMail=a@b.c")
    assert done.returncode != 0
    assert "PARAMETERS: template.yaml has no parameter AlarmMail: did you mean AlarmEmail?" in done.stderr
    assert sam.told == []


def test_nothing_is_built_without_lambdas_python(sam: FakeSam) -> None:
    path = os.pathsep.join([str(sam.folder), str(ROOT / ".venv" / "bin"), os.defpath])
    done = subprocess.run(
        [sys.executable, "-m", "tools.stack", "build"],
        cwd=ROOT,
        env={"PATH": path, "LAYER_COMPILER": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"LAYER_COMPILER=no-such-python is no Python {LAMBDAS}" in done.stderr
    assert sam.told == []


def test_nothing_is_built_with_a_description_that_the_worker_could_not_read(
    samconfig: Path, tmp_path: Path
) -> None:
    (tmp_path / "shop.toml").write_text('version = 1\n[sources.shop]\nbase_ur = "https://shop.example"\n')
    with pytest.raises(StackError, match=r"shop\.toml:3: .*base_ur"):
        stack.build(read_settings(samconfig, "prod"), {}, sources=tmp_path)


def test_the_later_source_wins_and_a_build_has_what_is_deployed(samconfig: Path) -> None:
    settings = read_settings(samconfig, "prod")
    deployed = {"Environment": "prod", "KeyPrefix": "lake", "AlarmEmail": "old@example.org"}
    assert effective(settings, "deploy") == deployed
    assert effective(settings, "build") == {**deployed, "PublishDataFrames": "false"}
    assert effective(settings, "deploy", arch="arm64", own="AlarmEmail= Architecture=x86_64") == {
        **deployed,
        "AlarmEmail": "",
        "Architecture": "x86_64",
    }


def test_the_projects_own_settings_name_their_environment() -> None:
    for name in ("dev", "prod"):
        assert effective(read_settings(ROOT / "samconfig.toml", name), "deploy")["Environment"] == name


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ("KeyPrefx=x", "no parameter KeyPrefx: did you mean KeyPrefix?"),
        ("keyprefix=x", "did you mean KeyPrefix?"),
        ("Zzzz=1", "there are Environment, StageName"),
        ("Environment=test", "Environment is dev or prod, not 'test'"),
        ("WorkerMemoryMb=much", "WorkerMemoryMb is a number, not 'much'"),
        ("WorkerMemoryMb=100", "WorkerMemoryMb is 256 to 10240, not 100"),
        ("Seed=-1", "Seed is 0 to 4294967295, not -1"),
        ("AlarmEmail=nobody", "AlarmEmail is not 'nobody'"),
        (f"KeyPrefix={'x' * 101}", "at most 100 characters, and this has 101"),
        ("RecordsKey=a\\\\b", "cannot hold a backslash"),
        ("KeyPrefix", "PARAMETERS: 'KeyPrefix' is no NAME=VALUE"),
        ("=x", "PARAMETERS: '=x' is no NAME=VALUE"),
        ("KeyPrefix='x", "PARAMETERS: a quote in it has no end"),
    ],
)
def test_what_the_template_does_not_take_is_refused_by_name(samconfig: Path, own: str, problem: str) -> None:
    with pytest.raises(StackError) as caught:
        effective(read_settings(samconfig, "prod"), "deploy", own=own)
    assert problem in str(caught.value)


def test_every_problem_is_named_at_once_and_where_it_is(samconfig: Path) -> None:
    samconfig.write_text(SAMCONFIG.replace("KeyPrefix", "Prefix"))
    with pytest.raises(StackError) as caught:
        effective(read_settings(samconfig, "prod"), "deploy", arch="arm", own="Seed=x")
    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "samconfig.toml [prod.deploy.parameters]",
        "ARCH",
        "PARAMETERS",
    ]


@pytest.mark.parametrize("name", ["Environment", "Seed", "Rate500", "AlarmEmail", "KeyPrefix", "Faults"])
def test_every_default_of_the_template_is_taken(name: str) -> None:
    assert list(stack.problems_of(name, str(template()["Parameters"][name]["Default"]))) == []


FORMS: list[Any] = [
    "Environment=prod KeyPrefix=lake",
    "  Environment=prod   KeyPrefix='a b' ",
    'A="a b" B=x=y C="it\'s" D=""',
    'ParameterKey=A,ParameterValue="a b" ParameterKey=B,ParameterValue=c,d',
    ["A=b", "C='d e'"],
    ["A=b C=d", "A=e"],
    {"A": "b", "C": 1, "D": ["x", "y"], "E": "a b"},
    "",
    None,
]
VALUES = {
    "A": "plain",
    "B": "with spaces",
    "C": "",
    "D": 'say "so"',
    "E": "it's",
    "F": "a=b,c@d/e{f}",
    "G": "*",
}


def test_forms_are_read_as_sam_reads_them_and_written_so_that_sam_reads_the_same() -> None:
    code = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType as Type\n"
        "print(json.dumps([Type().convert(each, None, None) for each in json.load(sys.stdin)]))"
    )
    python = str(Workspace.default().sam.parent / "python")
    done = subprocess.run(
        [python, "-c", code],
        input=json.dumps([*FORMS, quoted(VALUES)]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [*(parse(form, "a test") for form in FORMS), VALUES]


@pytest.mark.parametrize("wrong", [7, [7], ["A=b", 7], "file://parameters.yaml"])
def test_other_forms_are_refused(wrong: object) -> None:
    with pytest.raises(StackError, match="is no NAME=VALUE"):
        parse(wrong, "a test")


def test_true_in_toml_is_what_the_template_calls_true() -> None:
    assert parse({"EscapeFormulas": True}, "a test") == {"EscapeFormulas": "true"}


@pytest.mark.parametrize(("text", "said"), [("[dev", "cannot be read"), ("[dev]\n", "ENV is one of dev")])
def test_settings_that_cannot_be_used_are_refused(samconfig: Path, text: str, said: str) -> None:
    samconfig.write_text(text)
    with pytest.raises(StackError, match=said):
        read_settings(samconfig, "prod")
    assert stack.main(["deploy", "--env", "prod", "--config-file", str(samconfig)]) == 1
