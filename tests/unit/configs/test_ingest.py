import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.configs.ingest import IngestRequest, WorkerSettings
from de_classes.configs.settings import load, validate
from de_classes.configs.urls import is_loopback, url_problems
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.utils.formats import FORMATS
from de_classes.utils.page_range import PageRange


def variables(**changes: str) -> dict[str, str]:
    return {"BUCKET": "my-bucket"} | changes


def test_the_worker_is_configured_by_its_variables_and_sensible_defaults() -> None:
    settings = load(WorkerSettings, variables(PAGE_LIMIT="500", CONCURRENCY="16", MAX_ELAPSED_SECONDS="90.5"))
    assert settings == WorkerSettings(
        bucket="my-bucket",
        page_limit=500,
        concurrency=16,
        max_elapsed_seconds=90.5,
    )
    assert (settings.key_prefix, settings.default_format, settings.max_attempts) == ("raw", "parquet", 50)
    assert (settings.default_source, settings.sources_path, settings.source_parameters) == (
        "unstable",
        None,
        {},
    )


def test_the_deployment_says_what_stands_in_addresses() -> None:
    said = {"unstable": {"address": "https://api.example.com/v1"}}
    assert load(WorkerSettings, variables(SOURCE_PARAMETERS=json.dumps(said))).source_parameters == said


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("BUCKET", "a", "BUCKET must be a bucket's name"),
        ("PAGE_LIMIT", "1001", "PAGE_LIMIT must be a whole number from 0 to 1000"),
        ("CONCURRENCY", "0", "CONCURRENCY must be a whole number from 1 to 64"),
        ("MAX_ATTEMPTS", "2.5", "MAX_ATTEMPTS must be a whole number from 1 to 100"),
        ("MAX_ELAPSED_SECONDS", "0", "MAX_ELAPSED_SECONDS must be a number above 0"),
        ("DEFAULT_FORMAT", "xml", f"DEFAULT_FORMAT must be one of {', '.join(sorted(FORMATS))}"),
        ("SOURCE_PARAMETERS", "[]", "SOURCE_PARAMETERS must be an object, given as JSON, but is"),
        ("KEY_PREFIX", "a/../b", "KEY_PREFIX must not"),
        ("KEY_PREFIX", "/a", "KEY_PREFIX must not"),
    ],
)
def test_a_setting_out_of_bounds_is_named(name: str, value: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint.replace(", given as JSON", "")):
        load(WorkerSettings, variables(**{name: value}))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com:8443/a/b",
        "http://localhost:4566/x",
        "http://127.0.0.1/x",
        "http://127.9.9.9/x",
        "http://[::1]:80/",
        "http://LOCALHOST/",
        "http://api.localhost/",
    ],
)
def test_https_and_this_machine_are_fit_for_use(url: str) -> None:
    assert url_problems("base_url", url) == []


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "must be a URL"),
        ("api.example.com", "must be a URL that begins with https:// or http://"),
        ("127.0.0.1:8765", "must be a URL that begins with https:// or http://"),
        ("ftp://api.example.com", "must be a URL"),
        ("file:///etc/passwd", "must be a URL"),
        ("https://", "must be a URL"),
        ("https://host:port/", "must be a URL"),
        ("https://host:99999/", "must be a URL"),
        ("https://[::1", "must be a URL"),
        ("https://ho st/", "must be a URL"),
        ("https://host/\r\nX: y", "must be a URL"),
        ("https://good.example\\@evil.example", "must be a URL"),
        ("http://api.example.com", "must be https"),
        ("http://127.0.0.1.evil.example", "must be https"),
        ("http://localhost.evil.example", "must be https"),
        ("https://user:c4n4ry@host/", "must not hold user:password"),
        ("https://user@host/", "must not hold user:password"),
        ("https://host/?key=c4n4ry", "must end with its path"),
        ("https://host/#part", "must end with its path"),
    ],
)
def test_an_unfit_url_is_refused_and_not_quoted(url: str, complaint: str) -> None:
    found = url_problems("base_url", url)
    assert len(found) == 1
    assert found[0].startswith(f"base_url {complaint}")
    assert "c4n4ry" not in found[0]


def test_plain_http_to_another_machine_needs_an_explicit_word() -> None:
    assert url_problems("base_url", "http://host.docker.internal:8000", allow_insecure=True) == []


@given(st.text(max_size=40))
def test_any_text_is_judged_without_an_untyped_error(text: str) -> None:
    assert isinstance(url_problems("url", f"http://{text}"), list)
    assert is_loopback(text) in {True, False}


def test_an_empty_request_asks_for_everything() -> None:
    request = validate(IngestRequest, None)
    assert request == IngestRequest()
    assert request.pages is None


@pytest.mark.parametrize(
    ("pages", "expected"),
    [(5, PageRange(5, 5)), ("3-7", PageRange(3, 7)), ({"start": 3, "stop": None}, PageRange(3))],
)
def test_a_request_may_ask_for_a_range_of_pages(pages: object, expected: PageRange) -> None:
    assert validate(IngestRequest, {"pages": pages}).pages == expected


def test_every_problem_of_a_request_is_named() -> None:
    body = '{"format": "xls", "limit": "5", "pages": "7-3", "kee": 1, "source": "", "key": "a\\u0000b"}'
    with pytest.raises(InvalidInputError) as caught:
        validate(IngestRequest, body)
    assert caught.value.problems == (
        f"format must be one of {', '.join(sorted(FORMATS))} or null, but is 'xls'",
        "limit must be a whole number from 1 to 100000 or null, but is '5'",
        "pages cannot be read: the page range 7-3 runs backwards: its last page must not be below its first",
        "source must be text of 1 to 128 characters or null, but is ''",
        "kee is unknown: did you mean key?",
        "key cannot be an object's key: it holds a control character",
    )


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("\u00e4" * 513, "1024 bytes"),
        ("\ud800", "lone surrogate"),
        ("a\x7f", "control character"),
        ("../x", "'..'"),
        ("a/./b", "'.'"),
        ("/abs", "first slash"),
        ("raw/", "ends with '/'"),
    ],
)
def test_F49_a_key_that_no_object_can_have_is_refused_with_the_other_problems(key: str, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        validate(IngestRequest, {"key": key, "limit": 0})
    limit, found = caught.value.problems
    assert limit.startswith("limit must be")
    assert found.startswith("key cannot be an object's key: ")
    assert problem in found
