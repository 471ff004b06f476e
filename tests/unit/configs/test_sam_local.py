from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from de_classes.configs.sam_local import function_environment, sam_local
from de_classes.configs.secrets_manager import read_secret
from de_classes.errors import ConfigurationError
from tests.fakes.events import STANDING, load_event
from tests.fakes.ports import nobody_listens
from tests.fakes.template import functions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWN = {"AWS_ACCESS_KEY_ID": "my-own", "AWS_SECRET_ACCESS_KEY": "my-own", "AWS_SESSION_TOKEN": "my-own"}
SECRET = "sign-with-this-one-and-with-no-other"
HOST = "127.0.0.1"


def told(endpoint: str = "http://127.0.0.1:9") -> dict[str, str]:
    document = {
        "endpoint_url": endpoint,
        "access_key_id": "nobody",
        "secret_access_key": "nobody",
        "secrets": {"key": SECRET},
    }
    return {"AWS_SAM_LOCAL": "true", "SAM_LOCAL": json.dumps(document)}


@pytest.fixture
def process() -> Iterator[dict[str, str]]:
    """The variables of this process, which are put back."""
    with mock.patch.dict(os.environ, {**OWN, "AWS_REGION": "eu-north-1"}):
        os.environ.pop("SAM_LOCAL", None)
        yield os.environ  # type: ignore[misc] # it is a mapping of text to text


def test_on_aws_the_environment_is_as_it_is(process: dict[str, str]) -> None:
    assert function_environment() == dict(process)
    assert sam_local({}) is None


def test_your_own_credentials_and_region_make_way_for_the_local_clouds(process: dict[str, str]) -> None:
    process.update(told("http://172.17.0.1:4566"))
    environ = function_environment()
    assert environ["AWS_ENDPOINT_URL"] == "http://172.17.0.1:4566"
    assert environ["AWS_REGION"] == environ["AWS_DEFAULT_REGION"] == "us-east-1"
    assert [environ[name] for name in OWN] == ["nobody", "nobody", ""]


@pytest.mark.parametrize("said", [{}, {"AWS_SAM_LOCAL": ""}, {"AWS_SAM_LOCAL": "false"}])
def test_it_is_refused_where_sam_local_is_not_what_runs_the_function(said: Mapping[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="`sam local` alone"):
        sam_local({"SAM_LOCAL": told()["SAM_LOCAL"], **said})


def test_a_malformed_one_is_named_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="SAM_LOCAL") as caught:
        sam_local({"AWS_SAM_LOCAL": "true", "SAM_LOCAL": json.dumps({"secrets": {"key": SECRET}})})
    assert SECRET not in str(caught.value)


def test_its_text_shows_no_secret() -> None:
    assert SECRET not in repr(sam_local(told()))


def test_a_secret_that_it_holds_is_read_without_any_aws(process: dict[str, str]) -> None:
    process.update(told())
    assert read_secret("key") == SECRET


def test_a_secret_of_the_cloud_where_there_is_none_says_what_to_run_first(process: dict[str, str]) -> None:
    with nobody_listens() as address:
        process.update(told(f"http://{address}"))
        with pytest.raises(ConfigurationError) as caught:
            read_secret("another")
    assert "run `make containers` in another shell first" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_cloud_is_there_where_something_listens() -> None:
    with socket.create_server((HOST, 0)) as listener:
        local = sam_local(told(f"http://{HOST}:{listener.getsockname()[1]}"))
        assert local is not None
        local.require_cloud()


def test_the_template_gives_no_function_of_aws_a_value_for_it() -> None:
    given = [each["Environment"]["Variables"]["SAM_LOCAL"] for each in functions().values()]
    assert given == [{"Ref": "AWS::NoValue"}] * 3


def test_the_events_login_is_the_one_that_plain_sam_local_knows() -> None:
    secrets = json.loads(STANDING["SAM_LOCAL"])["secrets"]
    event = load_event("auth_simulator", "login")
    assert json.loads(str(event["body"])) == json.loads(secrets[STANDING["CREDENTIALS_SECRET_ID"]])
