"""What the command does with each fault of the catalogue from F57 on: rows, exit status and receipt.

One table. What a server commits is served by the simulator and pulled by the command over real HTTP; what no
server commits has its test named here, so that no row of the catalogue is without one.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.__main__ import main
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.pages import TOTAL_PAGES, TOTAL_RECORDS
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.format.codec import get_codec
from tests.fakes.documents import ROOT
from tests.fakes.http_source import HttpSource, as_json, rows
from tests.fakes.raw_server import answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from de_classes.simulators.pages import Shape
    from tests.fakes.http_source import Asked

    Behave = Callable[[Asked], bytes]

RECORDS, PAGE, STRUCK = 60, 10, 3
COMPLETE, ERROR, INCOMPLETE = 0, 1, 4
EVERY = list(range(1, RECORDS + 1))
SETTINGS = SimulatorSettings(
    rate_500=0,
    rate_503=0,
    rate_429=0,
    jitter_seconds=0,
    total_records=RECORDS,
    retry_after_seconds=1,
    drift_every=3,
    result_window=40,
)
DESCRIPTION = """
version = 1

[sources.shop]
base_url = "http://127.0.0.1"

[sources.shop.auth]
type = "login"
url = "http://127.0.0.1/login"
json = { username = "demo", password = "${secret.password}" }

[sources.shop.resources.orders]
path = "/data"
records_path = "data"
page_size = { into = "query.limit", max = 10, default = 10 }
"""


@dataclass(frozen=True)
class Outcome:
    """What is right.

    Attributes:
        status: The exit status.
        end: By what the end is known, as the receipt says.
        still: By what it is known that the source stood still.
        says: What is said in either stream; a regular expression.
        words: Further words of the command.
        described: Further lines of a description, in place of options.
        rows: The ids that are stored; by default what the source holds in the end.
    """

    status: int = COMPLETE
    end: str | None = "total"
    still: str | None = "sampled"
    says: str = ""
    words: tuple[str, ...] = ()
    described: str = ""
    rows: tuple[int, ...] | None = None


def refused(says: str, *words: str, status: int = ERROR, described: str = "") -> Outcome:
    """Nothing is stored, and it is said why."""
    return Outcome(status=status, end=None, still=None, says=says, words=words, described=described, rows=())


PROBED = Outcome(end="probed")
MARKED = Outcome(end="marker")
PASSED = Outcome()
ANEW = Outcome(still="begun anew")
KEYED = ("--dataset", "orders", "--key-field", "id")
REPAIRED = Outcome(end="probed", still="repaired", words=KEYED)
LOOP = r"PaginationLoopError: page 2 has the records of a page before it"

OUTCOMES: dict[str, tuple[tuple[str, Outcome], ...]] = {
    "F57": (("page-size-capped", PROBED),),
    "F58": (
        (
            "next-misplaced",
            refused(r"'paging\.next\.url' stands in the answer and is not used", status=INCOMPLETE),
        ),
    ),
    "F59": tuple((f"gone-once-{status}", PROBED) for status in (404, 416, 400, 422, 204)),
    "F60": (("empty-page-once", Outcome(end="marker", still="begun anew")), ("next-lost-once", MARKED)),
    "F61": (
        ("pages-from-zero", refused(r"pagination\.first = 0, or --pages 0- of an address")),
        ("pages-from-zero", Outcome(end="probed", words=("--pages", "0-"))),
        ("pages-from-zero", Outcome(end="probed", described='pagination = { type = "page", first = 0 }')),
    ),
    "F62": (
        (
            "more-without-next",
            refused(
                "has_more", described='pagination = { type = "next_url", path = "next", more = "has_more" }'
            ),
        ),
    ),
    "F63": (("errors-beside-records", PASSED),),
    "F64": (("short-page-once", PROBED),),
    "F65": (("total-by-another-size", PROBED),),
    "F66": (
        ("record-moves-to-end", ANEW),
        ("record-moves-to-end", REPAIRED),
    ),
    "F67": (("window-slides", ANEW),),
    "F68": (
        ("records-replaced", ANEW),
        ("records-swapped", Outcome(still="begun anew", words=("--strict",))),
    ),
    "F70": (("page-ignored", refused(LOOP)), ("next-for-ever", refused(LOOP))),
    "F71": (("total-endless", refused("page 7 is gone", status=INCOMPLETE)),),
    "F78": (("early-hints-103", PASSED),),
    "F79": tuple((fault.name, PASSED) for fault in CATALOGUE.numbered("F79")),
    "F80": (
        ("not-ready-202", PASSED),
        ("partial-206", refused("answered 206")),
        ("not-modified-304", refused("answered 304")),
        (
            "beyond-end-204",
            Outcome(end="probed", words=("--total-pages-field", "none", "--total-records-field", "none")),
        ),
    ),
    "F81": (("redirect-within", PASSED),),
    "F82": (
        ("raw-deflate", PASSED),
        ("gzip-announced", PASSED),
        ("gzip-padded", PASSED),
        ("zstd-unasked", refused("Content-Encoding 'zstd'")),
    ),
    "F83": (("byte-order-mark", PASSED), ("charset-latin-1", PASSED), ("charset-utf-16", PASSED)),
    "F84": (("many-headers", PASSED), ("large-header", PASSED)),
    "F85": (
        ("records-elsewhere", refused("--records-field.*such as results")),
        ("array-page", refused("--records-field.*such as @")),
        ("xml-page", refused('answer = "xml"')),
    ),
    "F86": (("retry-after-other-clock", PASSED),),
    "F87": (("token-for-two-pages", PASSED),),
    "F88": (("next-false", MARKED), ("next-object", refused("next {href}"))),
    "F91": (("long-decimals", PASSED),),
    "F92": (("text-among-numbers", Outcome(words=("--format", "parquet"), says="either: int64 -> json")),),
    "F94": (("text-among-numbers", Outcome(words=("--format", "parquet"), says="either")),),
    "F96": (("terminal-codes", refused(r"\\x1b\[2J")),),
    "F98": (
        ("window-refuses", refused("answered 400")),
        (
            "window-counts",
            refused(
                "window",
                described='pagination = { type = "page", into = "query.page" }\nwindow = 40\n'
                'total_path = "total_records"',
                status=INCOMPLETE,
            ),
        ),
    ),
    "F101": (
        ("records-repeated", refused("rows of the page beside it", status=INCOMPLETE)),
        ("records-repeated", REPAIRED),
    ),
}


# Nothing that a server commits: the test that holds each, as FILE::NAME.
HELD_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "F69": (
        "integration/test_found_since.py::test_F69_a_cursor_that_starts_from_the_beginning_doubles_nothing",
    ),
    "F72": ("unit/runs/test_kept.py::test_F72_a_part_that_is_not_what_was_sealed_is_fetched_again",),
    "F73": ("unit/runs/test_kept.py::test_F73_a_file_of_keys_that_is_not_what_was_kept_doubles_nothing",),
    "F74": ("unit/runs/test_kept.py::test_F74_a_copy_or_another_file_among_the_records_is_not_read",),
    "F75": (
        "unit/runs/test_kept.py::test_F75_cleaning_at_any_moment_of_a_run_takes_nothing_that_it_commits",
    ),
    "F76": ("unit/runs/test_kept.py::test_F76_a_file_system_that_takes_no_more_is_a_typed_error",),
    "F77": ("contracts/test_registries.py::test_F77_every_format_that_is_registered_commits_and_reads_back",),
    "F89": (
        "integration/test_http_as_it_is.py::test_F89_the_command_asks_through_a_proxy_of_the_environment",
    ),
    "F90": (
        "integration/test_http_as_it_is.py::test_F90_a_first_contact_that_fails_is_given_up_within_a_minute",
    ),
    "F93": ("integration/test_values.py::test_F93_a_null_alone_in_its_row_is_a_row_to_all_readers",),
    "F95": ("integration/test_http_as_it_is.py::test_F95_pages_that_are_alike_by_nature_are_no_loop",),
    "F97": ("unit/cli/test_foreign_text.py::test_F97_a_secret_header_that_a_server_repeats_is_masked",),
    "F99": ("integration/test_found_since.py::test_F99",),
    "F100": (
        "integration/test_found_since.py::test_F100_more_records_at_one_moment_than_a_page_holds_are_no_success",
    ),
}
CASES = [
    pytest.param(number, fault, outcome, id=f"{number}-{fault}-{place}")
    for number, rows in OUTCOMES.items()
    for place, (fault, outcome) in enumerate(rows)
]


@dataclass(frozen=True)
class Run:
    """How a run of the command ended."""

    status: int
    said: str
    receipt: dict[str, Any]
    ids: list[int]


@pytest.mark.parametrize(("number", "fault", "outcome"), CASES)
def test_the_right_outcome(
    number: str, fault: str, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert number in CATALOGUE.named(fault).catalogue_ids
    with SimulatorServer(met(fault)) as server:
        monkeypatch.setenv("INGEST_PASSWORD", server.password)
        words = described(outcome, server, tmp_path) or plain(CATALOGUE.named(fault).shape, server)
        run = ingest(tmp_path, *words, *outcome.words)
        there = [json.loads(record)["id"] for record in server.truth()]

    assert run.status == outcome.status, run.said
    assert re.search(outcome.says, run.said, re.DOTALL), run.said
    assert (by(run.receipt, "end"), by(run.receipt, "still")) == (outcome.end, outcome.still)
    assert run.ids == sorted(there if outcome.rows is None else outcome.rows)
    assert server.log.by_fault.get(fault, 0) > 0 or fault == "beyond-end-204"


def met(fault: str) -> SimulatorSettings:
    """The settings under which the third page meets what a retry cures at its first try, and then no more."""
    kind = CATALOGUE.named(fault)
    if not kind.cured_by_retry:
        return structs.replace(SETTINGS, faults=fault)
    settings = structs.replace(SETTINGS, faults=f"{fault}={1 if kind.once else 0.5}@{STRUCK}")
    for seed in itertools.count():
        settings = structs.replace(settings, seed=seed)
        plan = settings.plan()
        if plan.draw(STRUCK, 1) and (kind.once or not plan.draw(STRUCK, 2)):
            return settings
    raise AssertionError


def plain(shape: Shape, server: SimulatorServer) -> list[str]:
    """The words for an API by its URL, and for what its pages do not have."""
    words = [server.base_url, "--username", server.username, "--limit", str(PAGE)]
    for total, option in ((TOTAL_PAGES, "--total-pages-field"), (TOTAL_RECORDS, "--total-records-field")):
        words += [option, "none"] if total in shape.hides else []
    return [*words, "--pagination", "link"] if shape.links else words


def described(outcome: Outcome, server: SimulatorServer, folder: Path) -> list[str]:
    """The words for the description that the outcome has, if it has one."""
    if not outcome.described:
        return []
    sources, secrets = folder / "shop.toml", folder / "secrets.json"
    sources.write_text(f"{DESCRIPTION}{outcome.described}\n", encoding="utf-8")
    secrets.write_text(json.dumps({"password": server.password}), encoding="utf-8")
    secrets.chmod(0o600)
    where = ["--sources", str(sources), "--secrets", str(secrets), "--base-url", server.base_url]
    return ["shop.orders", *where]


def ingest(folder: Path, *words: str) -> Run:
    """The command, with its receipt and the ids of what it stored."""
    out, err = io.StringIO(), io.StringIO()
    told = [*words, "--to", str(folder / "lake"), "--json", "--concurrency", "2"]
    told += [] if "--format" in words else ["--format", "jsonl"]
    with redirect_stdout(out), redirect_stderr(err):
        status = main(["ingest", *told])
    receipt = json.loads(out.getvalue()) if status == COMPLETE else {}
    shown = [path for path in (folder / "lake").rglob("*") if path.name.startswith(("records.", "_manifest"))]
    assert bool(shown) is bool(receipt), shown
    return Run(status, out.getvalue() + err.getvalue(), receipt, stored(folder / "lake", receipt))


def stored(lake: Path, receipt: dict[str, Any]) -> list[int]:
    """The ids in the parts that a receipt names."""
    found: list[int] = []
    for part in receipt.get("parts", ()):
        with (lake / part["key"]).open("rb") as file:
            batches = get_codec(receipt["format"]).read(file)
            found += [record["id"] for batch in batches for record in batch]
    return sorted(found)


def by(receipt: dict[str, Any], what: str) -> str | None:
    told = receipt.get(what) or {}
    return told.get("by")


def test_every_row_of_the_catalogue_from_F57_on_has_its_outcome_or_names_its_test() -> None:
    numbers = {f"F{number}" for number in range(57, 102)}
    assert numbers == OUTCOMES.keys() | HELD_ELSEWHERE.keys()
    assert OUTCOMES.keys().isdisjoint(HELD_ELSEWHERE)
    for number, names in HELD_ELSEWHERE.items():
        for path, _, name in (each.partition("::") for each in names):
            assert f"def {name}" in (ROOT / "tests" / path).read_text(encoding="utf-8"), number


def test_every_fault_that_a_server_commits_has_its_outcome() -> None:
    told = {fault for rows in OUTCOMES.values() for fault, _ in rows}
    assert told == {fault.name for fault in CATALOGUE if int(fault.catalogue_ids[0][1:]) > 56}


def described_source(folder: Path, url: str, pagination: str, *words: str, records: str = "data") -> Run:
    """A run over a described source without a login."""
    sources = folder / "shop.toml"
    text = DESCRIPTION.partition("[sources.shop.auth]")[0] + "[sources.shop.resources.orders]\n"
    text += DESCRIPTION.partition("[sources.shop.resources.orders]\n")[2]
    text = text.replace('records_path = "data"', f'records_path = "{records}"')
    sources.write_text(f"{text}pagination = {pagination}\n", encoding="utf-8")
    return ingest(folder, "shop.orders", "--sources", str(sources), "--base-url", url, *words)


def test_F69_a_cursor_that_starts_from_the_beginning_doubles_nothing(tmp_path: Path) -> None:
    """What a source says to a place that it has forgotten: its first page, while a run goes on."""
    life = {"is_down": True}

    def behave(asked: Asked) -> bytes:
        place = asked.query.get("cursor", "0-0")
        start = int(place.partition("-")[2])
        if start == 20 and life["is_down"]:
            return as_json({}, status="403 Forbidden")
        epoch = "1" if life["is_down"] else "2"
        start = start if place.partition("-")[0] == epoch else 0
        following = f"{epoch}-{start + 10}" if start < 30 else None
        return as_json({"data": rows(*range(start, start + 10)), "next_cursor": following})

    def go() -> Run:
        words = ("--pagination", "cursor", "--total-pages-field", "none", "--total-records-field", "none")
        kept = ("--limit", "10", "--dataset", "orders", "--run-id", "monday", "--part-pages", "1")
        return ingest(tmp_path, source.url, *words, *kept)

    with HttpSource(behave) as source:
        first = go()
        life["is_down"] = False
        second = go()

    assert first.status == ERROR
    assert (second.status, second.ids) == (COMPLETE, list(range(40))), second.said
    assert (by(second.receipt, "end"), by(second.receipt, "still")) == ("marker", "begun anew")


def test_F18_an_empty_page_that_says_it_is_an_error_is_no_end(tmp_path: Path) -> None:
    """A limit of requests that is told with status 200, for as long as the run asks."""

    def behave(asked: Asked) -> bytes:
        if asked.page > 2:
            return as_json({"data": [], "success": False, "code": 429})
        return as_json({"data": rows(*range(asked.page * 10 - 10, asked.page * 10))})

    with HttpSource(behave) as source:
        words = ("--limit", "10", "--total-pages-field", "none", "--total-records-field", "none")
        run = ingest(tmp_path, source.url, *words, "--max-attempts", "2", "--no-jitter")

    assert (run.status, run.ids) == (INCOMPLETE, []), run.said
    assert "the answer has no records, and says that it is an error: 'success': False" in run.said


def test_F18_an_error_that_a_description_says_to_mean_no_records_is_the_end(tmp_path: Path) -> None:
    def behave(asked: Asked) -> bytes:
        found = rows(*range(asked.page * 10 - 10, min(asked.page * 10, 25))) if asked.page else []
        return as_json({"data": found} if found else {"data": [], "success": False, "message": "none found"})

    rule = '{ type = "page" }\nerrors = [{ when = "success == `false`", action = "empty" }]'
    with HttpSource(behave) as source:
        run = described_source(tmp_path, source.url, rule)

    assert (run.status, run.ids) == (COMPLETE, list(range(25))), run.said


@pytest.mark.parametrize("strict", [False, True])
def test_F68_keys_that_are_fewer_than_the_records_of_every_pass_are_told_and_are_no_proof(
    tmp_path: Path, *, strict: bool
) -> None:
    """A cache has page 1 from before records 2 and 12 changed places: each look brings the same."""
    old = list(range(30))
    new = [{2: 12, 12: 2}.get(number, number) for number in old]

    def behave(asked: Asked) -> bytes:
        size = int(asked.query["limit"])
        state = old if asked.page == 1 and size == 10 else new
        return as_json({"data": rows(*state[max(asked.page - 1, 0) * size :][:size]), "total_records": 30})

    with HttpSource(behave) as source:
        words = ("--dataset", "orders", "--key-field", "id", "--limit", "10", "--total-pages-field", "none")
        run = ingest(tmp_path, source.url, *words, *(["--strict"] if strict else []))

    told = "1 of 30 records have the key of another, again on the last pass"
    assert told in run.said
    if strict:
        assert (run.status, run.ids) == (INCOMPLETE, [])
    else:
        assert (run.status, run.ids) == (COMPLETE, [number for number in old if number != 12])
        assert [warning.startswith(told) for warning in run.receipt["warnings"]] == [True]


@pytest.mark.parametrize("held", [11, 25])
@pytest.mark.parametrize("writes", ["on page 1", "on every page"])
def test_F85_a_source_that_writes_its_csv_header_on_the_first_page_alone_is_refused(
    tmp_path: Path, held: int, writes: str
) -> None:
    """Else the first record of each page is its names, and a page of one record is empty, and the end."""

    def behave(asked: Asked) -> bytes:
        size = int(asked.query["limit"])
        numbers = range(held)[max(asked.page - 1, 0) * size :][:size] if asked.page else []
        header = ["id,name"] if writes == "on every page" or asked.page == 1 else []
        lines = [*header, *(f"{number},n{number}" for number in numbers)]
        return answer("\n".join(lines).encode(), content_type="text/csv")

    described = '{ type = "page" }\nanswer = "csv"'
    with HttpSource(behave) as source:
        run = described_source(tmp_path, source.url, described, records="@")

    if writes == "on every page":
        assert (run.status, sorted(map(int, run.ids))) == (COMPLETE, list(range(held))), run.said
    else:
        assert (run.status, run.ids) == (ERROR, []), run.said
        assert "names other columns than another page's, id, name" in run.said


def behind(records: list[dict[str, int]]) -> Behave:
    """A source that gives the records whose ``at`` is above the one that is asked for, as they lie."""

    def behave(asked: Asked) -> bytes:
        since = int(asked.query.get("since", "-1"))
        left = [record for record in records if record["at"] > since]
        return as_json({"data": left[: int(asked.query.get("limit", "10"))]})

    return behave


BY_RECORD = '{ type = "last_record", path = "at", into = "query.since" }'


@pytest.mark.parametrize("share", [15, 100])
def test_F100_more_records_at_one_moment_than_a_page_holds_are_no_success(tmp_path: Path, share: int) -> None:
    records = [{"id": number, "at": number // share} for number in range(30)]
    with HttpSource(behind(records)) as source:
        run = described_source(tmp_path, source.url, BY_RECORD)

    assert (run.status, run.ids) == (ERROR, [])
    assert "all 10 records of page 1 have the same 'at'" in run.said


@pytest.mark.parametrize("moments", [[number // 4 for number in range(30)], [*range(22), 22, 22, 22]])
def test_F100_records_that_share_a_moment_and_fit_on_a_page_all_come(
    tmp_path: Path, moments: list[int]
) -> None:
    with HttpSource(behind([{"id": number, "at": at} for number, at in enumerate(moments)])) as source:
        run = described_source(tmp_path, source.url, BY_RECORD)

    assert (run.status, run.ids) == (COMPLETE, list(range(len(moments)))), run.said
    assert (by(run.receipt, "end"), by(run.receipt, "still")) == ("probed", "sampled")


@pytest.mark.parametrize("key", ["", 'primary_key = ["at"]'], ids=["by a time", "by the key"])
@pytest.mark.parametrize("order", ["newest first", "as it lies"])
def test_F99_a_source_in_another_order_than_its_pages_go_by_is_no_success(
    tmp_path: Path, order: str, key: str
) -> None:
    """Each page begins behind the last record's value: what lies in no order stands on no page."""
    moments = [*range(29, -1, -1)] if order == "newest first" else [number * 7 % 30 for number in range(30)]
    with HttpSource(behind([{"id": at, "at": at} for at in moments])) as source:
        run = described_source(tmp_path, source.url, f"{BY_RECORD}\n{key}")

    assert (run.status, run.ids) == (INCOMPLETE, []), run.said
    assert "are not in the order of 'at'" in run.said or "were left for it: they moved" in run.said


@pytest.mark.parametrize("total", [30, 36, 40])
def test_F100_a_source_that_knows_coarser_moments_than_it_tells_loses_no_record_in_silence(
    tmp_path: Path, total: int
) -> None:
    records = [{"id": number, "at": number // 4 * 1000 + number % 4} for number in range(total)]

    def behave(asked: Asked) -> bytes:
        since = int(asked.query.get("since", "-1000")) // 1000
        left = [record for record in records if record["at"] // 1000 > since]
        return as_json({"data": left[: int(asked.query.get("limit", "10"))]})

    with HttpSource(behave) as source:
        run = described_source(tmp_path, source.url, BY_RECORD)

    assert (run.status, run.ids) == (INCOMPLETE, []), run.said
    assert "1 records with 'at'" in run.said
    assert "that were left for it" in run.said


def test_F100_what_was_left_for_a_page_is_missed_too_where_a_run_goes_on_with_that_page(
    tmp_path: Path,
) -> None:
    life = {"is_down": True}

    def behave(asked: Asked) -> bytes:
        since = int(asked.query.get("since", "-1"))
        if since >= 0 and life["is_down"]:
            return as_json({}, status="403 Forbidden")
        skips = since == 8  # the last of page 1 is 9, which was left for page 2
        numbers = range(since + 1 + skips, 30)
        return as_json({"data": [{"id": number, "at": number} for number in numbers][:10]})

    def go() -> Run:
        kept = ("--dataset", "orders", "--run-id", "monday", "--part-pages", "1")
        return described_source(tmp_path, source.url, BY_RECORD, *kept)

    with HttpSource(behave) as source:
        first = go()
        life["is_down"] = False
        second = go()

    assert (first.status, second.status) == (ERROR, INCOMPLETE), second.said


def disordered(count: int, most: int) -> list[int]:
    """Numbers of which some come later than larger ones, and none later than one that is larger by more."""
    return sorted(range(count), key=lambda number: number + (number * 7 % (most + 1)) * (1 + 1e-9))


OVERLAPPING = BY_RECORD.replace("}", ", overlap = 5 }")


@pytest.mark.parametrize("key", ["", 'primary_key = ["at"]'], ids=["by a time", "by the key"])
@pytest.mark.parametrize("count", [1, 7, 10, 11, 60, 64])
def test_F99_a_source_that_keeps_its_order_within_the_overlap_is_whole(
    tmp_path: Path, count: int, key: str
) -> None:
    order = disordered(count, 5)
    with HttpSource(behind([{"id": at, "at": at} for at in order])) as source:
        run = described_source(tmp_path, source.url, f"{OVERLAPPING}\n{key}")

    assert (run.status, sorted(run.ids)) == (COMPLETE, list(range(count))), run.said


def test_F99_without_an_overlap_what_comes_late_on_another_page_is_on_none(tmp_path: Path) -> None:
    order = [*range(8), *range(9, 12), 8, *range(12, 30)]
    with HttpSource(behind([{"id": at, "at": at} for at in order])) as source:
        run = described_source(tmp_path, source.url, BY_RECORD)
        whole = described_source(tmp_path, source.url, OVERLAPPING)

    assert (run.status, sorted({*range(30)} - {*run.ids})) == (COMPLETE, [8]), run.said
    assert (whole.status, sorted(whole.ids)) == (COMPLETE, list(range(30))), whole.said


def test_F99_a_source_that_goes_down_does_not_overlap(tmp_path: Path) -> None:
    with HttpSource(behind([{"id": at, "at": at} for at in range(29, -1, -1)])) as source:
        run = described_source(tmp_path, source.url, OVERLAPPING)

    assert (run.status, run.ids) == (INCOMPLETE, []), run.said


def test_F99_a_page_that_lies_within_the_overlap_is_an_error_that_names_it(tmp_path: Path) -> None:
    wide = BY_RECORD.replace("}", ", overlap = 100 }")
    with HttpSource(behind([{"id": at, "at": at} for at in range(30)])) as source:
        run = described_source(tmp_path, source.url, wide)

    assert (run.status, run.ids) == (ERROR, [])
    assert "all 10 records of page 1 are within overlap of the furthest" in run.said


@pytest.mark.parametrize("late", [12, 22])
def test_F99_a_record_that_is_out_of_order_within_a_page_comes_once(tmp_path: Path, late: int) -> None:
    order = [number for number in range(30) if number != late]
    order.insert(late + 3, late)
    with HttpSource(behind([{"id": number, "at": number} for number in order])) as source:
        run = described_source(tmp_path, source.url, BY_RECORD)

    assert (run.status, run.ids) == (COMPLETE, list(range(30))), run.said
