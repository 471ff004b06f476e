from __future__ import annotations

import hashlib
import itertools
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from de_classes.errors import (
    ConfigurationError,
    ObjectChangedError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.storage.clients import MinioClient, S3Client
from de_classes.storage.clients.base_s3_client import BaseS3Client
from de_classes.storage.clients.object_store import ObjectInfo
from de_classes.storage.clients.sessions import S3Settings, make_s3_client, shared_session
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.s3_wire import ScriptedWire, answer, error_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client as Boto3S3Client

LOGGER = logging.getLogger("tests.s3")
KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}


@pytest.fixture(autouse=True)
def aws() -> Iterator[pytest.MonkeyPatch]:
    with no_aws_environment() as patch:
        yield patch


def raw(**settings: str) -> Boto3S3Client:
    return make_s3_client(S3Settings(**{**KEYS, "region": REGION, **settings}))


def test_the_signature_of_the_readme_works() -> None:
    client = S3Client(LOGGER, access_key="your_key", secret_key="your_secret")
    assert repr(client).startswith("S3Client(endpoint='https://s3.amazonaws.com'")


def test_keys_can_be_given_by_position() -> None:
    assert isinstance(S3Client(LOGGER, "your_key", "your_secret"), BaseS3Client)


@pytest.mark.parametrize(
    "arguments",
    [
        {"access_key": "a"},
        {"secret_key": "s"},
        {"access_key": "", "secret_key": ""},
        {"session_token": "t"},
        {"access_key": "a", "secret_key": "s", "profile": "p"},
        {"profile": "absent"},
        {"session": Session(region_name=REGION), "profile": "p"},
        {**KEYS, "endpoint_url": "127.0.0.1:9000"},
        {**KEYS, "endpoint_url": "http://user:password@127.0.0.1:9000"},
        {**KEYS, "region": "not a region"},
    ],
    ids=" ".join,
)
def test_settings_that_contradict_each_other_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        S3Client(LOGGER, **arguments)
    assert "password" not in str(caught.value)


def test_all_contradictions_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        S3Client(LOGGER, secret_key="s", session_token="t", endpoint_url="ftp://x")
    assert len(caught.value.problems) == 3


def test_a_secret_is_in_no_text_of_the_client_or_its_settings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    canary = {"access_key": "AKIACANARY", "secret_key": "canary-secret", "session_token": "canary-token"}
    client = raw(**canary, endpoint_url="http://127.0.0.1:9000")
    ScriptedWire(error_answer("InvalidAccessKeyId", 403)).attach(client)
    with pytest.raises(PermissionDeniedError) as caught:
        BaseS3Client(client, LOGGER).put_object("bucket", "key", b"")
    texts = [repr(S3Client(LOGGER, **canary)), repr(S3Settings(**canary)), str(caught.value), caplog.text]
    assert not [text for text in texts if "canary" in text.lower()]


def test_one_session_serves_the_process() -> None:
    assert shared_session() is shared_session()


def test_the_shared_session_reads_the_models_that_botocore_reads() -> None:
    ours, theirs = shared_session().get_component("data_loader"), Loader()
    paths = list(ours.search_paths)  # a boto3 session of another test may have put its own behind them
    assert paths[: len(theirs.search_paths)] == theirs.search_paths
    assert {*theirs.list_available_services("service-2")} <= {*ours.list_available_services("service-2")}
    files = ["endpoints", "partitions", "_retry", "no-such-file"]
    for name, kind in itertools.product(
        ("s3", "glue", "stepfunctions"), ("service-2", "endpoint-rule-set-1")
    ):
        version = theirs.determine_latest_version(name, kind)
        assert ours.determine_latest_version(name, kind) == version
        files.append(f"{name}/{version}/{kind}")
    for each in files:  # not what a session has of them: a client changes that
        path = str(Path(Loader.BUILTIN_DATA_PATH, each))
        assert ours.file_loader.load_file(path) == theirs.file_loader.load_file(path)


def test_folders_of_models_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    theirs = shared_session().get_component("data_loader")
    loader = type(theirs)([str(tmp_path / "none"), str(tmp_path / "file"), *theirs.search_paths])
    assert loader.list_available_services("service-2") == theirs.list_available_services("service-2")
    assert loader.load_service_model("s3", "service-2")["metadata"]["serviceId"] == "S3"


@pytest.mark.parametrize("name", ["nobodys-service", "retries"])
def test_a_service_without_a_model_is_the_error_that_it_is_elsewhere(name: str) -> None:
    with pytest.raises(DataNotFoundError):
        shared_session().create_client(name, region_name=REGION)


def test_a_session_of_ones_own_is_used() -> None:
    session = Session(ACCESS_KEY, SECRET_KEY, region_name="eu-central-1")
    assert "eu-central-1" in repr(S3Client(LOGGER, session=session))


def test_no_credentials_at_all_are_a_typed_error_at_the_first_call() -> None:
    client = S3Client(LOGGER, session=Session(region_name=REGION))
    with pytest.raises(ConfigurationError, match="credentials"):
        client.check_bucket("bucket")


def test_time_limits_retries_and_name_are_set() -> None:
    config = raw().meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 6}
    assert (config.connect_timeout, config.read_timeout) == (5, 60)
    assert config.user_agent_extra == "de-classes"


def test_settings_of_ones_own_are_laid_over_them() -> None:
    settings = S3Settings(**KEYS, region=REGION)
    config = make_s3_client(settings, config=Config(read_timeout=7)).meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 7)


def test_aws_is_asked_by_the_host_of_the_bucket() -> None:
    client = raw()
    wire = ScriptedWire(answer(200)).attach(client)
    BaseS3Client(client, LOGGER).check_bucket("bucket")
    assert wire.urls == ["https://bucket.s3.amazonaws.com/"]


def test_a_server_of_ones_own_is_asked_by_path() -> None:
    client = raw(endpoint_url="http://localhost:4566")
    wire = ScriptedWire(answer(200)).attach(client)
    BaseS3Client(client, LOGGER).check_bucket("bucket")
    assert wire.urls == ["http://localhost:4566/bucket"]


def test_a_server_named_by_the_environment_is_asked_by_path_too(aws: pytest.MonkeyPatch) -> None:
    aws.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    client = make_s3_client(S3Settings(**KEYS), session=Session(region_name=REGION))
    wire = ScriptedWire(answer(200)).attach(client)
    BaseS3Client(client, LOGGER).check_bucket("bucket")
    assert wire.urls == ["http://localhost:4566/bucket"]


def test_the_caller_decides_on_the_style_if_he_says_so() -> None:
    settings = S3Settings(**KEYS, region=REGION, endpoint_url="http://objects.test")
    client = make_s3_client(settings, config=Config(s3={"addressing_style": "virtual"}))
    wire = ScriptedWire(answer(200)).attach(client)
    BaseS3Client(client, LOGGER).check_bucket("bucket")
    assert wire.urls == ["http://bucket.objects.test/"]


def test_a_minio_client_goes_to_its_endpoint_by_path() -> None:
    client = MinioClient(LOGGER, "http://127.0.0.1:9999", ACCESS_KEY, SECRET_KEY)
    assert repr(client) == "MinioClient(endpoint='http://127.0.0.1:9999', region='us-east-1')"


def test_F44_a_store_that_is_busy_is_asked_again() -> None:
    client = raw()
    busy = error_answer("ServiceUnavailable", 503)
    wire = ScriptedWire(busy, busy, answer(200, etag='"e"')).attach(client)
    info = BaseS3Client(client, LOGGER).put_object("bucket", "key", b"content")
    assert info.etag == "e"
    assert wire.bodies == [b"content"] * 3


def test_F44_a_store_that_stays_busy_is_a_typed_error() -> None:
    settings = S3Settings(**KEYS, region=REGION)
    client = make_s3_client(settings, config=Config(retries={"total_max_attempts": 1}))
    ScriptedWire(*[error_answer("SlowDown", 503)] * 2).attach(client)
    with pytest.raises(StorageUnavailableError, match="SlowDown"):
        BaseS3Client(client, LOGGER).put_object("bucket", "key", b"content")


def test_an_answer_damaged_on_its_way_is_a_typed_error() -> None:
    client = raw()
    wrong = {"x-amz-checksum-sha256": "A" * 43 + "="}
    ScriptedWire(answer(200, b"content", **wrong)).attach(client)
    with pytest.raises(StorageError, match="checksum"):
        BaseS3Client(client, LOGGER).get_object("bucket", "key")


def test_metadata_that_is_not_ascii_is_a_typed_error() -> None:
    with pytest.raises(ConfigurationError, match="ASCII"):
        BaseS3Client(raw(), LOGGER).put_object("bucket", "key", b"", metadata={"city": "Zürich"})


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_signature_for_a_server_of_ones_own_covers_the_body(scheme: str) -> None:
    wire = ScriptedWire(answer(200, etag='"e"'))
    with wire.attached_to_new_clients(shared_session()):
        client = MinioClient(LOGGER, f"{scheme}://127.0.0.1:9999", ACCESS_KEY, SECRET_KEY)
    client.put_object("bucket", "key", b"content")
    assert wire.headers[0]["x-amz-content-sha256"] == hashlib.sha256(b"content").hexdigest()


HEAD = {"etag": '"e"', "last-modified": "Sun, 29 Nov 2026 10:00:00 GMT"}
MEANT = ObjectInfo("bucket", "key", "s3://bucket/key", 7, etag="e", modified=1_795_946_400.5)


def test_a_conditional_delete_looks_and_then_sends_the_condition_along() -> None:
    client = raw()
    wire = ScriptedWire(answer(200, **HEAD), answer(204)).attach(client)
    BaseS3Client(client, LOGGER).delete_object("bucket", "key", if_unchanged=MEANT)
    assert wire.headers[1]["if-match"] == '"e"'


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("PreconditionFailed", 412, ObjectChangedError),
        ("ConditionalRequestConflict", 409, StorageUnavailableError),
        ("AccessDenied", 403, PermissionDeniedError),
    ],
)
def test_a_condition_that_the_store_finds_broken_is_a_typed_error(
    code: str, status: int, kind: type[Exception]
) -> None:
    client = raw()
    ScriptedWire(answer(200, **HEAD), error_answer(code, status), answer(200, **HEAD)).attach(client)
    with pytest.raises(kind):
        BaseS3Client(client, LOGGER).delete_object("bucket", "key", if_unchanged=MEANT)


def test_an_object_that_is_gone_before_a_conditional_delete_counts_as_deleted() -> None:
    client = raw()
    wire = ScriptedWire(answer(200, **HEAD), error_answer("NoSuchKey", 404), answer(404)).attach(client)
    store = BaseS3Client(client, LOGGER)
    store.delete_object("bucket", "key", if_unchanged=MEANT)
    store.delete_object("bucket", "key", if_unchanged=MEANT)
    assert len(wire.urls) == 3


@pytest.mark.parametrize("change", [{"etag": '"other"'}, {"last-modified": "Sun, 29 Nov 2026 10:00:01 GMT"}])
def test_an_object_that_is_another_by_the_look_is_not_deleted(change: dict[str, str]) -> None:
    client = raw()
    wire = ScriptedWire(answer(200, **{**HEAD, **change})).attach(client)
    with pytest.raises(ObjectChangedError):
        BaseS3Client(client, LOGGER).delete_object("bucket", "key", if_unchanged=MEANT)
    assert len(wire.urls) == 1
