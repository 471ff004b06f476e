import json
import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.redaction import (
    MASK,
    MAX_SECRETS,
    RedactingFilter,
    is_secret_name,
    redact,
    shared_filter,
)
from tests.fakes.every import every

CANARY = "c4n4ry-v4lue"

SHAPES = [
    "Authorization: Bearer {}",
    "authorization = AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y, Signature={}",
    "{{'Authorization': 'Bearer {}'}}",
    "Bearer {} was refused",
    "sent Basic {}",
    "X-API-Key: {}",
    "('X-API-Key', '{}')",
    "{{'x-api-key': '{}', 'b': 1}}",
    "Cookie: a=b; session={}",
    "password={}",
    "db_password = {} ",
    "PASSWORD => {}",
    "the password: '{}'",
    '{{"password": "{}", "user": "bob"}}',
    '{{"password":"a\\"b {}"}}',
    '{{\\"access_token\\": \\"{}\\"}}',
    '"client_secret" : "{}',
    'b\'{{"accessToken":"{}"}}\'',
    "AWSSecretAccessKey={}",
    "aws_secret_access_key: {}",
    "https://bob:{}@host/path",
    "https://{}@host",
    "postgresql://u:p@{}@host/db",
    "https://host/a?x=1&access_token={}&y=2",
    "https://host/a?key={}",
    "https://host/a?sig={}#end",
    "https://host/a?X-Amz-Signature={}",
    "https://host/a?X-Amz-Security-Token={}",
    "passphrase={}",
]


@every("shape", SHAPES)
def test_what_is_named_like_a_credential_is_masked(shape: str) -> None:
    masked = RedactingFilter().text(f"before {shape.format(CANARY)}")
    assert CANARY not in masked
    assert masked.startswith("before ")
    assert MASK in masked


@given(st.sampled_from(SHAPES), st.from_regex(r"[A-Za-z0-9_.~-]{8,60}", fullmatch=True))
def test_any_token_in_these_places_is_masked(shape: str, canary: str) -> None:
    assert f"~{canary}" not in RedactingFilter().text(shape.format(f"~{canary}"))


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_looks_like_a_credential_is_masked(token: str) -> None:
    assert RedactingFilter().text(f"got {token}, good") == f"got {MASK}, good"


@pytest.mark.parametrize(
    "text",
    [
        "wrote key=raw/2026/01/x.parquet to bucket=raw",
        "logged in, token good for 300 s",
        "GET https://api.example.com/data?page=3&limit=100 gave 503",
        "page 3 of 40, 100 records, retry 2 in 1.5 s",
        "a Bearer token is missing",
        "time 12:30:00, ratio 3:1, path C:\\x",
        "",
    ],
)
def test_ordinary_lines_are_left_alone(text: str) -> None:
    assert RedactingFilter().text(text) == text


def test_what_surrounds_a_masked_value_stays_readable() -> None:
    masker = RedactingFilter()
    assert masker.text('{"password": "x", "user": "bob"}') == '{"password": "***", "user": "bob"}'
    assert masker.text("https://u:p@host/a?api_key=x&page=2") == "https://***@host/a?api_key=***&page=2"


@given(st.text(min_size=4, max_size=30).map(lambda text: f"Zq{text}"))
def test_a_registered_secret_is_masked_as_it_is_and_escaped(secret: str) -> None:
    masker = RedactingFilter()
    masker.register(secret)
    for form in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        assert "Zq" not in masker.text(f"<{form}>")


@given(st.text(min_size=4, max_size=30, alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_registered_secret_is_masked_percent_encoded(text: str) -> None:
    from urllib.parse import quote, quote_plus  # noqa: PLC0415 - the reference this test compares with

    masker = RedactingFilter()
    masker.register(f"Zq{text}")
    for form in (quote(f"Zq{text}"), quote(f"Zq{text}", safe=""), quote_plus(f"Zq{text}")):
        assert "Zq" not in masker.text(f"<{form}>")


def test_the_longer_of_two_overlapping_secrets_is_masked_whole() -> None:
    masker = RedactingFilter()
    masker.register("abcd")
    masker.register("abcdefgh")
    assert masker.text("x abcdefgh y") == "x *** y"


def test_secrets_are_remembered_up_to_a_bound_and_the_latest_win() -> None:
    masker = RedactingFilter()
    masker.register("the-password")
    for number in range(MAX_SECRETS - 1):
        masker.register(f"token-number-{number}-")
    masker.register("the-password")
    masker.register("one-more")
    assert masker.text("the-password one-more") == "*** ***"
    assert masker.text("token-number-0-") == "token-number-0-"
    assert masker.text("token-number-1-") == MASK


@pytest.mark.parametrize("short", ["", "a", "abc"])
def test_text_too_short_to_be_told_from_words_is_not_taken(short: str) -> None:
    masker = RedactingFilter()
    masker.register(short)
    assert masker.text("abc and a") == "abc and a"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "password" * 25_000,
        "token " * 25_000,
        "://" * 50_000,
        '"' * 200_000,
        'password="' + "\\" * 200_000,
        "eyJ" * 50_000,
        "a." * 100_000,
        "bearer" + " " * 200_000,
        "'token'" * 25_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_line_takes_linear_time(text: str) -> None:
    started = time.process_time()
    RedactingFilter().text(text)
    assert time.process_time() - started < 10  # a quadratic one would take minutes


def test_values_keep_their_types_and_lose_their_credentials() -> None:
    value = {"rows": 3, "rate": 0.5, "ok": True, "none": None, "password": "x", "in": [{"apiKey": 5}, ("a",)]}
    assert RedactingFilter().value(value) == {
        "rows": 3,
        "rate": 0.5,
        "ok": True,
        "none": None,
        "password": MASK,
        "in": [{"apiKey": MASK}, ["a"]],
    }


def test_a_value_that_json_does_not_know_becomes_its_masked_text() -> None:
    masker = RedactingFilter()
    assert masker.value(ValueError(f"password={CANARY}")) == "password=***"
    assert masker.value(float("nan")) == "nan"
    assert masker.value({(1, f"Bearer {CANARY}"): 1}) == {"(1, 'Bearer ***')": 1}


def test_a_value_that_contains_itself_ends() -> None:
    value: list[object] = []
    value.append(value)
    assert "..." in json.dumps(RedactingFilter().value(value))


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError(CANARY)


def test_an_object_without_text_does_not_break_the_line() -> None:
    assert RedactingFilter().value(Unprintable()) == "<Unprintable>"


def _record(message: object, *args: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("demo", logging.INFO, __file__, 1, message, args, None)
    record.__dict__.update(extra)
    return record


def test_a_record_is_masked_in_message_arguments_exception_stack_and_extra() -> None:
    record = _record("password=%s", CANARY, token=CANARY, note=f"Bearer {CANARY}", rows=3)
    record.stack_info = f"Stack: Bearer {CANARY}"
    error = ValueError(f"Bearer {CANARY}")
    error.__cause__ = KeyError(f"api_key={CANARY}")
    record.exc_info = (ValueError, error, None)
    assert RedactingFilter().filter(record)
    shown = logging.Formatter("%(message)s %(token)s %(note)s %(rows)s").format(record)
    assert CANARY not in shown
    assert shown.startswith("password=*** *** Bearer *** 3")
    assert "ValueError: Bearer ***" in shown
    assert "KeyError: 'api_key=***" in shown


def test_arguments_that_do_not_fit_neither_raise_nor_leak() -> None:
    record = _record("%d records", f"password={CANARY}")
    RedactingFilter().filter(record)
    assert record.getMessage() == "%d records [its arguments do not fit]"


def test_a_structured_message_stays_structured() -> None:
    record = _record({"rows": 3, "password": CANARY})
    RedactingFilter().filter(record)
    assert record.msg == {"rows": 3, "password": MASK}


def test_the_process_has_one_filter_that_redact_feeds() -> None:
    redact("a-secret-of-this-test")
    assert shared_filter() is shared_filter()
    assert shared_filter().text("a-secret-of-this-test") == MASK


@pytest.mark.parametrize(
    "name", ["token", "access_token", "API-Key", "X-Amz-Signature", "sig", "code", "jwt"]
)
def test_a_name_in_a_query_that_hides_its_value_is_known_as_such(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["page", "cursor", "after", "zipcode", "keyword", "design"])
def test_other_names_in_a_query_hide_nothing(name: str) -> None:
    assert not is_secret_name(name)


def test_a_registered_secret_is_found_however_it_is_written() -> None:
    redacting = RedactingFilter()
    redacting.register("p&ss word")
    assert redacting.holds_secret("https://api.example/data?x=p%26ss%20word")
    assert not redacting.holds_secret("https://api.example/data?x=password")
