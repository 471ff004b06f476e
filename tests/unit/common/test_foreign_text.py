"""F96 where foreign text enters messages and logs; F97 for what is told to be secret."""

from __future__ import annotations

import inspect
import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

import de_classes.errors
from de_classes.api.endpoint import Endpoint
from de_classes.api.evidence import ProofRequests
from de_classes.api.followed_walk import FollowedWalk
from de_classes.api.page import Page
from de_classes.api.pagination import CursorPagination
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.api.walk import PageSource
from de_classes.common.logger.app_logger import AppLogger
from de_classes.common.logger.handlers import use_only
from de_classes.errors import ConfigurationError, DeClassesError, FatalError, RequestRejectedError
from de_classes.redaction import MAX_SECRETS, RedactingFilter, excerpt, redact, shared_filter
from de_classes.storage.clients import MinioClient
from de_classes.storage.clients.botocore_errors import errors_from_botocore
from de_classes.utils.page_range import PageRange
from localcloud.console import Console
from localcloud.errors import LocalCloudError
from tests.fakes.every import every
from tests.fakes.foreign_text import HOSTILE, acted_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDED = {"status": 418, "attempts": 1}
KINDS = [
    kind
    for _, kind in inspect.getmembers(de_classes.errors, inspect.isclass)
    if issubclass(kind, DeClassesError)
]


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"foreign.{request.node.name}"
    yield name
    use_only(logging.getLogger(name), [])


@every("kind", KINDS)
def test_F96_no_error_shows_what_a_terminal_would_act_on(kind: type[DeClassesError]) -> None:
    wanted = inspect.signature(kind).parameters
    error = kind(HOSTILE, **{name: value for name, value in NEEDED.items() if name in wanted})
    assert acted_on(str(error)) == []
    assert "\n" not in str(error)
    assert str(error).startswith("\\x1b[2J")


def test_F96_so_are_problems_and_quoted_bodies() -> None:
    assert acted_on("".join(ConfigurationError("x", problems=[HOSTILE]).problems)) == []
    assert acted_on(RequestRejectedError("x", status=400, body=HOSTILE).body) == []


def fail() -> None:
    raise ValueError(HOSTILE)


def log_everything(logger: logging.Logger) -> None:
    logger.error(HOSTILE)
    logger.error("%s", HOSTILE, extra={"said": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}})
    try:
        fail()
    except ValueError:
        logger.exception("it failed", stack_info=True)


def without_forged(shown: str) -> list[str]:
    """What is acted on; lines that are meant as lines may begin with anything."""
    return [found for found in acted_on(shown) if not found.startswith("ERROR")]


def test_F96_lines_on_a_laptop_are_text(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_everything(AppLogger(name, log_dir=tmp_path).get_logger())
    for said in (capsys.readouterr().err, (tmp_path / "errors.log").read_text(encoding="utf-8")):
        assert acted_on(said) == []
        assert said.count("\\u202egnp") == 3


def test_F96_lines_on_lambda_are_text_and_stay_so_when_they_are_decoded(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", name)
    log_everything(AppLogger(name, on_lambda=True).get_logger())
    said = capsys.readouterr().out
    assert acted_on(said) == []
    assert len(said.splitlines()) == 3
    for line in map(json.loads, said.splitlines()):
        assert without_forged(" ".join(map(str, [*line.keys(), *line.values()]))) == []


def test_F96_handlers_of_others_get_text(name: str) -> None:
    logger = AppLogger(name).get_logger()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    logger.error("%s", DeClassesError(HOSTILE))
    logger.removeHandler(handler)
    assert acted_on(stream.getvalue()) == []
    assert len(stream.getvalue().splitlines()) == 1


def test_F96_what_a_store_says_is_quoted_as_text() -> None:
    said = {"Error": {"Code": HOSTILE, "Message": HOSTILE}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    with pytest.raises(FatalError) as refused, errors_from_botocore("bucket", HOSTILE):
        raise ClientError(said, "PutObject")
    assert acted_on(str(refused.value)) == []


def test_F96_what_programs_say_is_shown_as_text() -> None:
    out = io.StringIO()
    console = Console(out)
    console.say(HOSTILE)
    with console.step("storing") as step:
        step.note(HOSTILE)
    assert (
        without_forged(out.getvalue() + str(LocalCloudError(HOSTILE))) == []
    )  # a log's tail keeps its lines


def test_F97_a_secret_that_a_library_user_sends_is_masked_in_errors() -> None:
    UnstableAPIClient(
        Endpoint.at(
            "https://api.example/data", headers={"X-Api-Key": "key-of-this-one-test", "X-Id": "id-shown"}
        )
    )
    MinioClient(logging.getLogger("x"), access_key="a", secret_key="secret-of-this-one-test")
    error = DeClassesError("key-of-this-one-test KEY key-OF-THIS secret-of-this-one-test id-shown")
    assert str(error) == "*** KEY key-OF-THIS *** id-shown"


def test_F97_what_was_told_once_outlives_any_number_of_tokens() -> None:
    redacting = RedactingFilter()
    redacting.register("given-once-and-for-good", lasting=True)
    for number in range(MAX_SECRETS + 1):
        redacting.register(f"token-number-{number}-")
    said = redacting.registered(f"given-once-and-for-good token-number-0- token-number-{MAX_SECRETS}-")
    assert said == "*** token-number-0- ***"


def test_F97_a_short_secret_is_masked_as_a_word_alone() -> None:
    redacting = RedactingFilter()
    redacting.register("late")
    assert redacting.registered('the latest is "late", late=late') == 'the latest is "***", ***=***'


def test_F97_a_text_holds_a_short_secret_only_where_it_would_be_masked() -> None:
    redacting = RedactingFilter()
    redacting.register("late")
    redacting.register("long-enough-to-be-told")
    texts = ["?cursor=late", "?cursor=translated", "long-enough-to-be-told-apart"]
    assert [redacting.holds_secret(text) for text in texts] == [True, False, True]


def test_what_is_registered_for_a_while_is_forgotten_and_the_rest_is_not() -> None:
    redacting = RedactingFilter()
    redacting.register("known-before-the-test", lasting=True)
    with redacting.forgetting():
        redacting.register("known-within-the-test")
        redacting.register("late")
        assert redacting.registered("known-within-the-test late") == "*** ***"
    said = redacting.registered("known-before-the-test known-within-the-test late")
    assert said == "*** known-within-the-test late"


def test_F97_no_part_of_a_secret_is_left_where_text_is_cut() -> None:
    redact("a-secret-that-is-cut-in-this-test")
    assert excerpt("x" * 30 + "a-secret-that-is-cut-in-this-test", 40) == "x" * 30 + "***"


@pytest.mark.parametrize(
    ("cursor", "kept"),
    [
        ("secret-cursor-of-this-test", {}),
        ("another-cursor-of-this-test", {"query.cursor": "another-cursor-of-this-test"}),
    ],
)
def test_F97_a_cursor_that_repeats_a_secret_is_not_written_down(cursor: str, kept: dict[str, str]) -> None:
    redact("secret-cursor-of-this-test")
    page = Page(1, [{"id": 1}], {"next_cursor": cursor})
    walk = FollowedWalk(
        PageSource(lambda _: page, ProofRequests(lambda _: page), limit=1, pages=PageRange()),
        CursorPagination(),
        url="https://a.b",
    )
    next(iter(walk))
    assert walk.place is not None
    assert walk.place.values == kept


def test_text_that_was_made_fit_stays_as_it_is() -> None:
    once = shared_filter().text(HOSTILE)
    assert shared_filter().text(once) == once
