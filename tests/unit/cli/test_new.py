"""``new``: what is written, what is refused, and that what is written is what the package is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.api.source.binding import Source
from de_classes.cli.new import NAME, PROJECT, NewProject
from de_classes.configs.ingest import IngestRequest
from de_classes.configs.settings import validate
from de_classes.version import VERSION
from tests.fakes.commands import called
from tools.template import parsed

if TYPE_CHECKING:
    from pathlib import Path

MOST_LINES = {"template.yaml": 60, "README.md": 40, "ingest/app.py": 5}
SCREEN = 140
"""Columns, which no line is longer than: sixty lines of any length would be no promise."""


def new(*words: str | Path) -> tuple[int, str, str]:
    return called("new", *map(str, words))


def written(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    folder = tmp_path / "sea-lake"
    assert new(folder)[0] == 0
    return folder


@pytest.fixture
def template(lake: Path) -> dict[str, Any]:
    return parsed((lake / "template.yaml").read_text())


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / f"de_classes-{VERSION}-py3-none-any.whl"
    path.write_bytes(b"\x00a wheel\xff")
    return path


def test_a_project_is_whole(lake: Path) -> None:
    assert set(written(lake)) == {
        *(".gitignore", "Makefile", "README.md", "samconfig.toml", "template.yaml"),
        *("requirements.txt", "requirements-dev.txt", "ingest/app.py", "ingest/Makefile"),
        *("sources/shop.toml", "tests/test_ingest.py"),
        *("events/shop_orders.json", "events/go_on.json", "events/env.json"),
    }


def test_its_name_stands_where_a_name_belongs_and_no_place_is_left_open(lake: Path) -> None:
    texts = written(lake)
    assert {name for name, text in texts.items() if "sea-lake" in text} == {"README.md", "samconfig.toml"}
    assert [name for name, text in texts.items() if "cookiecutter" in text] == []


def test_it_says_in_four_lines_what_comes_next_and_each_is_there(lake: Path, tmp_path: Path) -> None:
    _, out, err = new(tmp_path / "other lake" / "x")
    lines = out.splitlines()
    assert (len(lines), err) == (4, "")
    assert lines[0] == f"cd '{tmp_path}/other lake/x'"
    targets = set(re.findall(r"^(\w+):.*##", (lake / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in lines[1:]} == {"test", "rehearse", "deploy"} <= targets
    assert {"setup", "build"} <= targets


def test_it_pins_the_version_that_wrote_it(lake: Path) -> None:
    assert (lake / "requirements.txt").read_text().splitlines()[-1] == f"de-classes[parquet]=={VERSION}"


def test_where_it_cannot_be_installed_make_says_where_a_wheel_goes(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    pip = tmp_path / "bin" / "pip"
    pip.write_text("#!/bin/sh\nexit 1\n")
    pip.chmod(0o755)
    done = subprocess.run(
        [shutil.which("make") or "make", "setup", "PYTHON=true"],
        cwd=lake,
        env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("make: de-classes on no index? Copy its wheel into wheels/")


@pytest.mark.parametrize("name", MOST_LINES)
def test_a_file_stays_as_short_as_is_promised(lake: Path, name: str) -> None:
    lines = (lake / name).read_text().splitlines()
    assert len(lines) <= MOST_LINES[name]
    assert max(map(len, lines)) <= SCREEN


def test_its_description_is_read_and_its_events_are_requests_for_it(lake: Path) -> None:
    source = Source.load(lake / "sources")
    event = json.loads((lake / "events" / "shop_orders.json").read_text())
    assert source[event["source"]].name == "shop.orders"
    for name in ("shop_orders", "go_on"):
        validate(IngestRequest, (lake / "events" / f"{name}.json").read_bytes())


def test_an_empty_folder_is_taken_also_the_one_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "pond"
    here.mkdir()
    monkeypatch.chdir(here)
    assert new(".")[0] == 0
    assert 'stack_name = "pond"' in (here / "samconfig.toml").read_text()


def test_a_folder_that_holds_something_stays_as_it_is(lake: Path) -> None:
    (lake / "README.md").write_text("mine")
    before = written(lake)
    status, out, err = new(lake)
    assert (status, out) == (2, "")
    assert err == f"new: FOLDER: {lake} is not empty, and nothing is written over\n"
    assert written(lake) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("mine")
    assert new(tmp_path / "lake") == (2, "", f"new: FOLDER: {tmp_path}/lake is a file\n")


@pytest.mark.parametrize("name", ["my_lake", "1lake", "-lake", "see.toml", "läke", "a" * 101, "my lake"])
def test_what_no_stack_can_be_called_is_refused_and_nothing_is_there(tmp_path: Path, name: str) -> None:
    status, out, err = new("--", tmp_path / name)
    assert (status, out) == (2, "")
    assert f"{name!r} is no stack's name" in err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, _, err = new(tmp_path / "file" / "lake")
    assert status == 2
    assert err.startswith(f"new: {tmp_path}/file")
    assert "cannot be written" in err


def test_the_wheel_that_is_given_lies_where_the_makefiles_look(tmp_path: Path, wheel: Path) -> None:
    assert new(tmp_path / "lake", "--wheel", wheel)[0] == 0
    assert (tmp_path / "lake" / "wheels" / wheel.name).read_bytes() == wheel.read_bytes()
    for makefile in ("Makefile", "ingest/Makefile"):
        assert re.search(r"FIND_LINKS.*\bwheels\b", (tmp_path / "lake" / makefile).read_text())


@pytest.mark.parametrize("name", ["de_classes-9.9.9-py3-none-any.whl", f"de_classes-{VERSION}.tar.gz"])
def test_another_versions_wheel_or_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    for given in (tmp_path / name, tmp_path / f"de_classes-{VERSION}-gone.whl"):
        status, _, err = new(tmp_path / "lake", "--wheel", given)
        assert status == 2
        assert err.startswith(f"new: --wheel: {given} is no file de_classes-{VERSION}-")
    assert not (tmp_path / "lake").exists()


def test_location_is_where_sam_init_finds_the_files_and_writes_nothing(tmp_path: Path) -> None:
    assert new("--location") == (0, f"{PROJECT}\n", "")
    assert json.loads((PROJECT / "cookiecutter.json").read_text()) == {"project_name": "my-lake"}
    assert (PROJECT / NAME / "template.yaml").is_file()
    status, out, err = new(tmp_path / "lake", "--location")
    assert (status, out, "give it alone" in err) == (2, "", True)
    assert not (tmp_path / "lake").exists()


def test_no_folder_is_a_mistake_that_is_told() -> None:
    assert new() == (2, "", "new: FOLDER is needed: the project's, such as my-lake\n")


def test_the_bucket_is_private_encrypted_and_reached_by_tls_alone(template: dict[str, Any]) -> None:
    bucket = template["Resources"]["Bucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "AES256" in json.dumps(bucket["BucketEncryption"])
    policy = template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (policy["Effect"], policy["Action"], policy["Principal"]) == ("Deny", "s3:*", "*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert template["Resources"]["Bucket"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_role_may_do_what_the_worker_does_and_names_every_resource(template: dict[str, Any]) -> None:
    (policy,) = template["Resources"]["Role"]["Properties"]["Policies"]
    allowed = policy["PolicyDocument"]["Statement"]
    assert {each["Effect"] for each in allowed} == {"Allow"}
    assert "*" not in "".join(json.dumps(each["Action"]) for each in allowed)
    resources = [each["Resource"] for each in allowed]
    assert resources == [
        {"GetAtt": "Log.Arn"},
        {"Sub": "${Bucket.Arn}/raw/*"},
        {"GetAtt": "Bucket.Arn"},
        {"Sub": "${Bucket.Arn}/raw/_leases/*"},
        {
            "Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
            "${AWS::StackName}/sources/*"
        },
    ]


def test_nobody_reaches_it_but_by_the_accounts_own_rights(template: dict[str, Any]) -> None:
    kinds = {each["Type"] for each in template["Resources"].values()}
    assert kinds == {
        *("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Logs::LogGroup", "AWS::IAM::Role"),
        *("AWS::Serverless::LayerVersion", "AWS::Serverless::Function"),
    }
    assert "FunctionUrlConfig" not in template["Resources"]["Ingest"]["Properties"]


def test_the_template_and_the_makefile_agree_on_processor_and_python(
    template: dict[str, Any], lake: Path
) -> None:
    function = template["Resources"]["Ingest"]["Properties"]
    makefile = (lake / "ingest" / "Makefile").read_text()
    (machine,) = function["Architectures"]
    assert template["Resources"]["Library"]["Metadata"]["BuildArchitecture"] == machine
    assert f"LAMBDA_PLATFORM ?= {machine}-manylinux_2_28" in makefile
    assert f"LAMBDA_PYTHON ?= {function['Runtime'].removeprefix('python')}" in makefile


def test_what_was_written_is_said_as_json(tmp_path: Path) -> None:
    status, out, _ = new(tmp_path / "my-lake", "--json")
    told = msgspec.json.decode(out, type=NewProject, strict=True)
    there = {
        str(path.relative_to(tmp_path / "my-lake"))
        for path in (tmp_path / "my-lake").rglob("*")
        if path.is_file()
    }
    assert (status, told.folder, told.location) == (0, str(tmp_path / "my-lake"), str(PROJECT))
    assert {*told.files} == there
    assert told.next == ("make test", "make rehearse", "make deploy")
    assert msgspec.json.decode(new("--location", "--json")[1], type=NewProject) == NewProject(str(PROJECT))
