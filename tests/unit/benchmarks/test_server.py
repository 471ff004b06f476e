from __future__ import annotations

import http.client
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from benchmarks.cases import CASES
from benchmarks.kinds import PLAIN, write
from benchmarks.measure import api
from benchmarks.mimicked import words
from benchmarks.records import FIRST_ID
from benchmarks.server import TIMES_RUNNING, Options, Pages, fails, failures, seed_of_six
from de_classes.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

FAILING = Options("nowhere", 0, failing=0.2)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    write(tmp_path / "records", PLAIN, 25)
    return Options(str(tmp_path / "records"), 25)


def body(options: Options, number: int, limit: int) -> dict[str, Any]:
    head, *parts = Pages(options).page(number, limit)
    text = b"".join(parts)
    assert f"Content-Length: {len(text)}\r\n".encode() in head
    answer: dict[str, Any] = json.loads(text)
    return answer


@pytest.mark.parametrize(("number", "first", "count"), [(1, 0, 10), (2, 10, 10), (3, 20, 5), (4, 25, 0)])
def test_a_page_is_its_slice_of_the_records(options: Options, number: int, first: int, count: int) -> None:
    answer = body(options, number, 10)
    assert [each["id"] - FIRST_ID for each in answer["data"]] == [*range(first, first + count)]
    assert (answer["page"], answer["total_pages"], answer["total_records"]) == (number, 3, 25)


def test_fewer_records_are_served_than_the_file_holds(options: Options) -> None:
    assert len(body(replace(options, records=4), 1, 10)["data"]) == 4


def test_records_of_any_length_are_paged(tmp_path: Path) -> None:
    write(tmp_path / "nested", "nested", 25)
    options = Options(str(tmp_path / "nested"), 25)
    assert [each["id"] - FIRST_ID for each in body(options, 3, 10)["data"]] == [*range(20, 25)]
    lengths = {len(json.dumps(each)) for each in body(options, 1, 10)["data"]}
    assert len(lengths) > 1


def test_the_same_attempts_fail_in_every_run_and_by_every_seed_others() -> None:
    drawn = [fails(FAILING, page, 1) for page in range(1, 1001)]
    assert 150 < sum(drawn) < 250
    assert drawn == [fails(FAILING, page, 1) for page in range(1, 1001)]
    assert drawn != [fails(replace(FAILING, seed=1), page, 1) for page in range(1, 1001)]


def test_the_seed_is_one_by_which_a_page_fails_six_times_running_and_none_more_often() -> None:
    chosen = replace(FAILING, seed=seed_of_six(FAILING, 200))
    assert max(failures(chosen, page) for page in range(1, 201)) == TIMES_RUNNING == 6


def test_the_next_such_seeds_are_others() -> None:
    seeds = [seed_of_six(FAILING, 200, nth) for nth in (1, 2, 3)]
    assert seeds == sorted({*seeds})
    for seed in seeds:
        assert max(failures(replace(FAILING, seed=seed), page) for page in range(1, 201)) == TIMES_RUNNING


@pytest.mark.parametrize("name", [case.mimic for case in CASES if case.mimic])
def test_a_mimic_gives_the_same_records_by_its_own_addresses(
    options: Options, name: str, tmp_path: Path
) -> None:
    with api(replace(options, mimic=name)) as server:
        where, *said = words(name, server.url, tmp_path)
        into = ["--to", str(tmp_path / "lake"), "--key", "records.jsonl", "--limit", "10", "--quiet"]
        assert main(["ingest", where, *said, *into]) == 0
    lines = (tmp_path / "lake" / "records.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        record for number in (1, 2, 3) for record in body(options, number, 10)["data"]
    ]
    receipt = json.loads((tmp_path / "lake" / "_receipt-records.jsonl.json").read_text())
    assert receipt["pages"] in {3, 4}  # the fourth is how some say that there is no more
    proof = sum(receipt[what].get("requests", 0) for what in ("end", "still"))
    assert server.figures["requests"] == receipt["pages"] + proof
    assert receipt["pages"] <= proof <= receipt["pages"] + 2  # each once more, and the end


def test_only_a_mimic_of_the_case_is_there(options: Options) -> None:
    with api(options) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.request("GET", "/works?rows=10")
        assert connection.getresponse().status == 404
        connection.close()
    assert server.figures["requests"] == 0


def test_it_answers_on_a_connection_that_is_kept_and_counts_what_it_was_asked(options: Options) -> None:
    failing = replace(options, failing=0.5, latency=0.001)
    expected = failures(failing, 2) + 1
    with api(failing) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        statuses = []
        while 200 not in statuses:
            connection.request("GET", "/data?page=2&limit=10")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.request("GET", "/elsewhere")
        assert connection.getresponse().status == 404
        connection.close()
    assert statuses == [503] * (expected - 1) + [200]
    assert server.figures["requests"] == expected
    assert server.figures["cpu"] >= 0
