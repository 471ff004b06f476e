"""What the page of a receipt says, without a browser; ``tests/browser`` looks at it in one."""

from __future__ import annotations

import shlex
from itertools import takewhile
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from msgspec.structs import replace

from de_classes.__main__ import make_parser
from de_classes.api.counters import Timeline
from de_classes.api.evidence import End, EndBy, Still, StillBy
from de_classes.api.receipt import IngestReceipt, PageHash, TransformRows
from de_classes.cli.receipt_page import command, receipt_page
from tests.fakes.parsed_page import ParsedPage
from tests.fakes.receipts import RECEIPT, SHA256, largest, receipt
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<script>alert(1)</script>"
SECTIONS = [
    "Requests over time",
    "Pages",
    "Schema",
    "Duplicates and drift",
    "Parts",
    "Forecast and cost",
    "How to read it",
    "Do it again",
]
STORED = sorted((ROOT / "tests" / "fixtures" / "layouts").rglob("_receipt-*.json"))


def shown(one: IngestReceipt = RECEIPT) -> ParsedPage:
    return ParsedPage(receipt_page(one))


def cells(page: ParsedPage) -> dict[str | None, int]:
    """How many cells of the strip of pages have which class."""
    (at,) = [n for n, (_, each) in enumerate(page.elements) if each.get("class") == "strip"]
    drawn = takewhile(lambda found: found[0] in {"title", "path"}, page.elements[at + 1 :])
    return {each["class"]: str(each["d"]).count("M") for tag, each in drawn if tag == "path"}


def test_the_verdict_comes_first_and_then_everything_in_its_order() -> None:
    page = shown()
    assert page.texts_of("h2") == SECTIONS
    assert page.text.index("Complete") < page.text.index("Requests over time")


def test_the_verdict_is_one_sentence_with_what_it_rests_on() -> None:
    (lead,) = [text for text in shown().texts_of("p") if "since" in text]
    assert lead == (
        "1,250 records of 1,250 expected on 3 pages; this is the end, since the source counts its records, "
        "and as many came (1250 records); the source stood still, since 2 of 3 pages began and ended as "
        "before, asked again; 2 requests proved it."
    )


@pytest.mark.parametrize("by", get_args(EndBy))
def test_every_end_is_put_into_words(by: EndBy) -> None:
    text = shown(receipt(end=End(by=by, saw="what was seen"))).text
    assert "(what was seen)" in text
    assert ("is not proven" in text) == (by == "unproven")


@pytest.mark.parametrize("by", get_args(StillBy))
def test_every_way_of_standing_still_is_put_into_words(by: StillBy) -> None:
    text = shown(receipt(still=Still(by=by))).text
    assert ("is not known, since it was not asked" in text) == (by == "unknown")


def test_a_partial_run_is_called_so_and_names_what_is_missing() -> None:
    page = shown(receipt(status="partial", end=None, still=None, missing_pages=["2", "5-7"]))
    assert "Partial" in page.texts_of("span")
    assert "missing are pages 2, 5-7" in page.text
    assert "is not known of a partial run" in page.text


def test_warnings_stand_right_behind_the_verdict_and_only_where_there_are_any() -> None:
    page = shown(receipt(warnings=["Nothing tells that this is the end."]))
    assert page.texts_of("h2") == ["What weakens it", *SECTIONS]
    assert "Nothing tells that this is the end." in page.texts_of("li")


def test_requests_are_shown_over_time_by_how_they_ended() -> None:
    page = shown()
    assert page.texts_of("title")[1:4] == [
        (
            "Requests over 4.0 s, in stretches of 2.0 s: 5 answered (2xx), 1 asked to wait (429), "
            "2 failed at the source (5xx)."
        ),
        "Records over 4.0 s: 1,250, at most 500 a second.",
        "Waiting asked for over 4.0 s: 1.2 s in all.",
    ]
    assert "62.5 %" in page.texts_of("td")


def test_a_run_of_several_invocations_says_of_which_its_timeline_is() -> None:
    assert "Of the last of 3 invocations" in shown(receipt(invocations=3)).text


def test_a_page_that_was_asked_for_again_is_told_from_one_that_came_at_once() -> None:
    page = shown()
    assert "Page 1 to 3" not in page.text
    assert "Pages 1 to 3. A cell is a page: 2 came at once, 1 asked for again." in page.texts_of("title")
    assert cells(page) == {"good": 2, "wait": 1}


def test_a_gap_is_shown_as_one_at_the_end_of_the_pages_too() -> None:
    page = shown(receipt(status="partial", end=None, still=None, missing_pages=["4-5"]))
    assert cells(page) == {"good": 2, "wait": 1, "bad": 2}


def test_of_many_pages_a_cell_is_several_and_a_gap_of_one_still_shows() -> None:
    page = shown(largest())
    assert "A cell is 40 pages" in page.text
    assert cells(page)["bad"] == 2  # 17 and 40; 41 begins the second
    assert sum(cells(page).values()) == 250


def test_retries_that_were_counted_for_several_pages_are_shown_for_all_of_them_that_there_are() -> None:
    hashes = [PageHash(number, 100, SHA256) for number in range(3, 8)]
    together = Timeline(seconds=1.0, retried_pages_each=4, retried_pages=[[0, 1], [4, 2]])
    page = shown(receipt(page_hashes=hashes, timeline=together))
    assert cells(page) == {"wait": 5}
    assert "Retries were counted for 4 pages together." in page.text
    assert "4 to 7 2" in page.text


def test_a_run_that_begins_in_the_middle_is_shown_from_there() -> None:
    hashes = [PageHash(number, 100, SHA256) for number in range(900_001, 900_004)]
    page = shown(receipt(page_hashes=hashes, timeline=None))
    assert "from 900,001 to 900,003" in page.text


def test_widenings_rounded_numbers_and_transforms_are_named() -> None:
    steps = [TransformRows.of({"type": "filter", "where": "x"}, 1_300, 1_250)]
    text = shown(receipt(widenings=["note: int64 -> json"], rounded={"id": 12}, transforms=steps)).text
    assert "note: int64 -> json" in text
    assert "Rounded numbers" in text
    assert "filter 1,300 1,250 50" in text


def test_the_share_of_nulls_is_shown_where_values_were_counted() -> None:
    text = shown(receipt(values={"id": 1_250, "note": 1_000})).text
    assert "id int64 0.0 % note string 20.0 %" in text
    assert "Nulls" in text
    assert "Nulls" not in shown(receipt(values={})).text


def test_a_column_without_any_value_is_null_throughout() -> None:
    assert "note string 100.0 %" in shown(receipt(values={"id": 1_250})).text


def test_drift_and_duplicates_are_told() -> None:
    text = shown(receipt(drift=["pass 1: 3 records came twice"], duplicates=3, repaired=2, passes=2)).text
    assert "pass 1: 3 records came twice" in text
    assert "Dropped, as their key had come before 3 records" in text


def test_parts_are_listed_with_their_checksums() -> None:
    text = shown().text
    assert f"part-1-00000001-00000003-0a1b2c3d4e5f.parquet {RECEIPT.parts[0].sha256}" in text


def test_forecast_stands_beside_what_it_came_to() -> None:
    text = shown().text
    assert "Time 3.0 s 4.5 s" in text
    assert "Cost 0.000200 USD 0.000300 USD" in text


def test_what_was_not_reckoned_has_no_table() -> None:
    assert "Forecast and cost" not in shown(receipt(forecast=None, actual=None)).text


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_a_receipt_of_an_earlier_version_is_shown(path: Path) -> None:
    old = msgspec.json.decode(path.read_bytes(), type=IngestReceipt)
    assert old.timeline is None
    assert shown(old).texts_of("h2")


def test_a_run_without_records_is_shown() -> None:
    empty = receipt(
        pages=0,
        records=0,
        expected_records=0,
        parts=[],
        page_hashes=[],
        columns={},
        seconds=0.0,
        requests=0,
        requests_by_outcome={},
        timeline=Timeline(seconds=0.125),
    )
    assert "How to read it" not in shown(empty).text


def test_foreign_text_is_text_wherever_a_receipt_has_it() -> None:
    part = replace(RECEIPT.parts[0], key=f"raw/{EVIL}/part{EVIL}")
    evil = receipt(
        run_id=EVIL,
        source=f"https://api.example/{EVIL}",
        parameters={"limit": EVIL, "pages": EVIL, "key_fields": [EVIL], "source_parameters": {EVIL: EVIL}},
        missing_pages=["2"],
        drift=[EVIL],
        warnings=[EVIL],
        end=End(by="total", saw=EVIL),
        requests_by_outcome={EVIL: 8},
        key=f"raw/{EVIL}/_manifest-00000001.json",
        uri=f"s3://lake/raw/{EVIL}/_manifest-00000001.json",
        sha256=EVIL,
        columns={EVIL: f"struct<{EVIL}: int64>"},
        widenings=[EVIL],
        rounded={EVIL: 1},
        parts=[part],
        transforms=[TransformRows.of({"type": EVIL}, 1, 1)],
        versions={EVIL: EVIL},
        timeline=replace(RECEIPT.timeline, requests={EVIL: [1, 1]}),
    )
    page = ParsedPage(receipt_page(evil, source=EVIL))
    assert page.named("script") == []
    assert page.text.count(EVIL) >= 20


def test_a_page_fetches_nothing_and_runs_nothing() -> None:
    page = shown()
    assert page.fetched == []
    assert page.named("script") == []
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert page.allows("style")


def test_ten_thousand_pages_are_less_than_200_kilobytes() -> None:
    assert len(receipt_page(largest()).encode()) < 200_000


def test_what_is_left_out_of_a_long_list_is_said() -> None:
    text = shown(largest()).text
    assert "1,000 columns, in order; the first 100" in text
    assert "1,000 objects, 2.6 MB of parquet; the first 100" in text
    assert "and 70 more, in the receipt" in text


def test_the_command_pulls_the_same_again_to_another_name() -> None:
    words = shlex.split(command(RECEIPT))
    assert words[:3] == ["python", "-m", "de_classes"]
    args = make_parser(words[3:]).parse_args(words[3:])
    assert (args.source, args.data_path, args.to) == ("https://api.example", "/v1/orders", "s3://lake/raw")
    assert (args.dataset, args.format, args.limit, args.key_field) == (
        "orders-again",
        "parquet",
        100,
        ["id"],
    )


def test_the_command_names_a_described_source_as_it_was_asked_for() -> None:
    asked = {**RECEIPT.parameters, "pages": "3-7", "source_parameters": {"owner": "it's me"}}
    words = shlex.split(command(receipt(parameters=asked), source="github.issues"))[3:]
    args = make_parser(words).parse_args(words)
    assert (args.source, args.set, args.pages) == ("github.issues", ["owner=it's me"], "3-7")
    assert args.key_field is None


def test_the_command_of_one_object_names_another_one() -> None:
    asked = {"limit": 100, "pages": "1-"}  # one object has no keys
    one = receipt(
        run_id=None, key="raw/orders.csv", uri="s3://lake/raw/orders.csv", format="csv", parameters=asked
    )
    words = shlex.split(command(one))[3:]
    args = make_parser(words).parse_args(words)
    assert (args.to, args.key) == ("s3://lake/raw", "again-orders.csv")
