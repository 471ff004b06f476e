from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import make_parser
from de_classes.api.answers import PageReader
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.cli.ingest_settings import read_settings
from de_classes.errors import ConfigurationError
from de_classes.utils.page_range import PageRange

if TYPE_CHECKING:
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.cli.ingest_settings import IngestSettings


def settings(*words: str) -> IngestSettings:
    parser = make_parser(["ingest", "replay"])
    return read_settings(parser.parse_args(["ingest", "https://api.example/v1/", "--to", "lake", *words]))


def test_what_is_not_said_has_a_default() -> None:
    default = settings()
    assert default.login_url == "https://api.example/v1/login"
    assert (default.format_name, default.object_name) == ("parquet", "records.parquet")
    assert default.strategy() == PageNumberPagination(echo_path="page")
    assert default.reader() == PageReader()
    assert (default.header, default.page_range.is_open) == ([], True)
    assert default.requests_per_second is None


@pytest.mark.parametrize(
    ("words", "strategy"),
    [
        ("--page-param p --limit-param size", PageNumberPagination(into="query.p", echo_path="page")),
        (
            "--pagination offset --offset-param skip --limit-param take",
            OffsetPagination(into="query.skip"),
        ),
        (
            "--pagination cursor --cursor-param after --cursor-field next --limit-param n",
            CursorPagination(path="next", into="query.after"),
        ),
        ("--pagination link --limit-param per_page", LinkHeaderPagination()),
    ],
)
def test_an_api_may_call_its_parameters_what_it_likes(words: str, strategy: PaginationStrategy) -> None:
    assert settings(*words.split()).strategy() == strategy


@pytest.mark.parametrize(
    ("words", "first", "pages"),
    [
        ("--pages 0-", 0, PageRange()),
        ("--pages 0-4", 0, PageRange(1, 5)),
        ("--pages 0-0", 0, PageRange(1, 1)),
        ("--pages 0", 0, PageRange(1, 1)),
        ("--pages 1-", 1, PageRange()),
        ("--pages 10-12", 1, PageRange(10, 12)),
    ],
)
def test_F61_pages_from_0_are_counted_from_0(words: str, first: int, pages: PageRange) -> None:
    told = settings(*words.split())
    assert (told.strategy(), told.page_range) == (PageNumberPagination(first=first, echo_path="page"), pages)


@pytest.mark.parametrize(
    "words", ["--pagination offset --pages 0-", "--pages 0-99999999999", "--pages 0-1-2"]
)
def test_what_has_no_page_0_is_not_asked_for_it(words: str) -> None:
    with pytest.raises(ConfigurationError, match="--pages cannot be read"):
        settings(*words.split())


def test_how_often_an_api_is_asked_may_be_limited() -> None:
    assert settings("--requests-per-second", "0.5").requests_per_second == 0.5


def test_an_api_may_have_no_totals() -> None:
    words = "--records-field items --total-pages-field none --total-records-field none"
    assert settings(*words.split()).reader() == PageReader("items", None, None)


@pytest.mark.parametrize(
    ("words", "name", "key"),
    [
        ("--key a/b.csv", "csv", "a/b.csv"),
        ("--key a/b.CSV", "csv", "a/b.CSV"),
        ("--key b.ndjson --format jsonl", "jsonl", "b.ndjson"),
        ("--key b.txt --format csv", "csv", "b.txt"),
        ("--key b", "parquet", "b"),
        ("--format ndjson", "jsonl", "records.jsonl"),
    ],
)
def test_the_format_is_told_by_the_option_or_by_the_key(words: str, name: str, key: str) -> None:
    told = settings(*words.split())
    assert (told.format_name, told.object_name) == (name, key)
