"""A receipt as a page: the verdict and what it rests on first, then what happened, then what lies where."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from de_classes.api.counters import Timeline
from de_classes.api.receipt import PARTIAL
from de_classes.cli.how_to_read import with_duckdb, with_pandas, with_polars
from de_classes.html.charts import stacked_bars, strip
from de_classes.html.elements import document, element, joined, lines, table
from de_classes.html.figures import count, duration, share, size
from de_classes.utils import layouts
from de_classes.utils.page_range import parse_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from de_classes.api.receipt import Figures, IngestReceipt
    from de_classes.html.elements import Html

MOST_CELLS: Final = 250
MOST_ROWS: Final = 100
MOST_SENTENCES: Final = 30
_END_BY: Final = {
    "total": "this is the end, since the source counts its records, and as many came",
    "marker": "this is the end, since the field that says whether more follows was seen to say both",
    "probed": "this is the end, since what would follow was asked for, and nothing does",
    "counted": "this is the end, since a request that counts says as many as came",
    "seen before": "this is the end, since an earlier run followed what leads on, and nothing does here",
    "declared": "this is the end by what was asked for or described",
    "unproven": "whether this is the end is not proven, since nothing tells",
}
_STILL_BY: Final = {
    "by key": "a change meanwhile would show, since each page begins behind the last record's unique key",
    "sampled": "the source stood still, since {pages} of {of} pages began and ended as before, asked again",
    "read twice": "the source stood still, since every page, asked for again, was as before",
    "repaired": "the source changed, and was gone over until a pass brought no new key",
    "begun anew": "the source changed, and what was kept comes from a later reading alone",
    "unknown": "whether the source stood still is not known, since it was not asked",
}
_KINDS: Final = {
    "good": "answered (2xx)",
    "wait": "asked to wait (429)",
    "bad": "failed at the source (5xx)",
    "odd": "anything else",
}
_CELLS: Final = {"good": "came at once", "wait": "asked for again", "bad": "missing", "none": "not asked for"}


def receipt_page(receipt: IngestReceipt, *, source: str | None = None) -> str:
    """One HTML file that fetches nothing from elsewhere.

    Args:
        receipt: What it shows; one of before there were timelines is shown without its course.
        source: What the run was told to read, ``NAME.RESOURCE``; None if that is not known.
    """
    title = f"{_name(receipt)}: {receipt.status}"
    sections = (
        _verdict(receipt),
        _warnings(receipt),
        _course(receipt),
        _pages(receipt),
        _schema(receipt),
        _duplicates(receipt),
        _parts(receipt),
        _forecast(receipt),
        _reading(receipt),
        _again(receipt, source),
    )
    wrote = ", ".join(f"{name} {version}" for name, version in receipt.versions.items())
    return document(
        title,
        element(
            "header",
            element("h1", _name(receipt)),
            element("p", "From ", element("code", receipt.source), class_="soft"),
        ),
        element("main", *filter(None, sections)),
        element(
            "footer",
            element("p", f"Receipt of layout {layouts.RECEIPT}, written by {wrote or 'an earlier version'}."),
        ),
    )


def _name(receipt: IngestReceipt) -> str:
    """The dataset, or the object."""
    folder, _, name = receipt.key.rpartition("/")
    return folder if receipt.run_id is not None and folder else name


def _section(heading: str, *body: object, class_: str | None = None) -> Html:
    return element("section", element("h2", heading), *body, class_=class_)


def _verdict(receipt: IngestReceipt) -> Html:
    is_partial = receipt.status == PARTIAL
    expected = "" if receipt.expected_records is None else f" of {count(receipt.expected_records)} expected"
    missing = f"; missing are {_ranges(receipt.missing_pages)}" if receipt.missing_pages else ""
    told = f"{count(receipt.records, 'record')}{expected} on {count(receipt.pages, 'page')}{missing}"
    tiles = [
        ("Records", count(receipt.records), _of(receipt.expected_records, "expected")),
        ("Pages", count(receipt.pages), _of(receipt.expected_pages, "expected")),
        ("Requests", count(receipt.requests), f"{count(receipt.retries)} again"),
        ("Time", duration(receipt.seconds), count(receipt.invocations, "invocation")),
        ("Stored", size(receipt.bytes), receipt.format),
    ]
    return element(
        "section",
        element("h2", element("span", receipt.status.capitalize(), class_="badge")),
        element("p", f"{told}; {_evidence(receipt)}.", class_="lead"),
        _tiles(tiles),
        class_="verdict partial" if is_partial else "verdict",
    )


def _tiles(figures: Sequence[tuple[str, str, str]]) -> Html:
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", value, element("span", more, class_="soft")))
            for name, value, more in figures
        ),
        class_="tiles",
    )


def _facts(facts: Sequence[tuple[str, object]]) -> Html:
    return element(
        "dl",
        *(each for name, said in facts for each in (element("dt", name), element("dd", said))),
        class_="facts",
    )


def _of(number: int | None, what: str) -> str:
    return "" if number is None else f"of {count(number)} {what}"


def _evidence(receipt: IngestReceipt) -> str:
    if receipt.end is None or receipt.still is None:
        return "how the source ends, and whether it stood still, is not known of a partial run"
    saw = f" ({receipt.end.saw})" if receipt.end.saw else ""
    still = _STILL_BY[receipt.still.by].format(pages=count(receipt.still.pages), of=count(receipt.still.of))
    proof = receipt.end.requests + receipt.still.requests
    asked = f"; {count(proof, 'request')} proved it" if proof else ""
    return f"{_END_BY[receipt.end.by]}{saw}; {still}{asked}"


def _warnings(receipt: IngestReceipt) -> Html | None:
    if not receipt.warnings:
        return None
    return _section("What weakens it", _listed(receipt.warnings), class_="warnings")


def _listed(sentences: Sequence[object]) -> Html:
    shown = [element("li", sentence) for sentence in sentences[:MOST_SENTENCES]]
    more = len(sentences) - len(shown)
    return element(
        "ul", *shown, *([element("li", f"and {count(more)} more, in the receipt")] if more > 0 else [])
    )


def _course(receipt: IngestReceipt) -> Html:
    outcomes = sorted(receipt.requests_by_outcome.items(), key=lambda item: -item[1])
    by_outcome = table(
        "Requests for pages, by how they ended",
        ["Outcome", "Requests", "Share"],
        [(outcome, count(number), share(number, receipt.requests)) for outcome, number in outcomes],
        numbers=(1, 2),
        class_="compact",
    )
    waits = [
        ("Waited", duration(receipt.seconds_waited), "asked for by retries, added over threads"),
        ("Under way", duration(receipt.seconds_working), "requests, added over threads"),
        ("Throughput", f"{_rate(receipt.records, receipt.seconds)} records/s", "over the whole run"),
        ("Logins", count(receipt.logins), ""),
    ]
    return _section(
        "Requests over time",
        *(_charts(receipt.timeline, receipt) if receipt.timeline and receipt.timeline.records else ()),
        by_outcome,
        _tiles(waits),
    )


def _rate(number: float, seconds: float) -> str:
    return count(round(number / seconds)) if seconds else count(round(number))


def _charts(timeline: Timeline, receipt: IngestReceipt) -> Iterator[Html]:
    stretches = len(timeline.records)
    kinds: dict[str, list[float]] = {kind: [0.0] * stretches for kind in _KINDS}
    for outcome, numbers in timeline.requests.items():
        kind = kinds[_kind(outcome)]
        for at, number in enumerate(numbers):
            kind[at] += number
    totals = {kind: int(sum(numbers)) for kind, numbers in kinds.items()}
    each, took = duration(timeline.seconds), duration(timeline.seconds * stretches)
    if receipt.invocations > 1:
        yield element(
            "p",
            f"Of the last of {count(receipt.invocations, 'invocation')}; the table is of all.",
            class_="soft",
        )
    busiest = max(sum(numbers[at] for numbers in kinds.values()) for at in range(stretches))
    yield element("h3", f"Requests, by how they ended: at most {count(int(busiest))} in {each}")
    said = ", ".join(f"{count(totals[kind])} {meaning}" for kind, meaning in _KINDS.items() if totals[kind])
    yield stacked_bars(kinds, f"Requests over {took}, in stretches of {each}: {said or 'none'}.")
    yield _axis(took)
    yield _legend({kind: meaning for kind, meaning in _KINDS.items() if totals[kind]}, totals)
    fastest = max(timeline.records) / timeline.seconds
    yield element("h3", f"Records a second: at most {count(round(fastest))}")
    yield stacked_bars(
        {"records": timeline.records},
        f"Records over {took}: {count(sum(timeline.records))}, at most {count(round(fastest))} a second.",
    )
    yield _axis(took)
    if any(timeline.waited):
        waited = duration(sum(timeline.waited))
        yield element("h3", f"Waiting that retries asked for: {waited}")
        yield stacked_bars({"wait": timeline.waited}, f"Waiting asked for over {took}: {waited} in all.")
        yield _axis(took)


def _kind(outcome: str) -> str:
    if outcome == "429":
        return "wait"
    return {"2": "good", "5": "bad"}.get(outcome[:1], "odd")


def _axis(took: str) -> Html:
    return element("div", element("span", "0 s"), element("span", took), class_="axis")


def _legend(meanings: Mapping[str, str], totals: Mapping[str, int]) -> Html:
    items = [
        element(
            "li",
            element(
                "svg",
                element("rect", class_=kind, width=10, height=10),
                viewBox="0 0 10 10",
                aria_hidden="true",
            ),
            f"{meaning}: {count(totals[kind])}",
        )
        for kind, meaning in meanings.items()
    ]
    return element("ul", *items, class_="legend")


def _pages(receipt: IngestReceipt) -> Html | None:
    came = {page.number for page in receipt.page_hashes}
    missing = [parse_pages(each) for each in receipt.missing_pages]
    last_missing = [page.stop or page.start for page in missing]
    if not came and not missing:
        return None
    first = min([*came, *(page.start for page in missing)])
    last = max([*came, *last_missing])
    each = max(1, -(-(last - first + 1) // MOST_CELLS))
    cells = _cells(receipt, first, last, each)
    seen = Counter(cells)
    what = "A cell is a page" if each == 1 else f"A cell is {count(each)} pages"
    told = ", ".join(f"{count(seen[cell])} {_CELLS[cell]}" for cell in _CELLS if seen[cell])
    gaps = f" Missing: {_ranges(receipt.missing_pages)}." if receipt.missing_pages else " No page is missing."
    timeline = receipt.timeline or Timeline(seconds=0)
    retried, together = timeline.retried_pages, timeline.retried_pages_each
    rough = f" Retries were counted for {count(together)} pages together." if together > 1 else ""
    return _section(
        "Pages",
        element("p", f"{what}, from {count(first)} to {count(last)}.{gaps}{rough}"),
        strip(cells, f"Pages {count(first)} to {count(last)}. {what}: {told}."),
        element("div", element("span", count(first)), element("span", count(last)), class_="axis"),
        _legend({cell: _CELLS[cell] for cell in _CELLS if seen[cell]}, seen),
        *([_most_retried(retried, together)] if retried else []),
    )


def _cells(receipt: IngestReceipt, first: int, last: int, each: int) -> list[str]:
    """Of each cell its worst page: missing, else asked for again, else one that came."""
    cells = ["none"] * ((last - first) // each + 1)
    for page in receipt.page_hashes:
        cells[(page.number - first) // each] = "good"
    if receipt.timeline:
        for start, _ in receipt.timeline.retried_pages:
            stop = min(start + receipt.timeline.retried_pages_each, last + 1)
            for number in range(max(start, first), stop, each):
                cells[(number - first) // each] = "wait"
    for missing in map(parse_pages, receipt.missing_pages):
        last_of_it = missing.stop or missing.start
        for cell in range((missing.start - first) // each, (last_of_it - first) // each + 1):
            cells[cell] = "bad"
    return cells


def _most_retried(retried: Sequence[Sequence[int]], each: int) -> Html:
    worst = sorted(retried, key=lambda entry: -entry[1])[:10]
    return table(
        "Asked for again most often",
        ["Page" if each == 1 else "Pages", "Times"],
        [
            (count(page) if each == 1 else f"{count(page)} to {count(page + each - 1)}", times)
            for page, times in worst
        ],
        numbers=(1,),
        class_="compact",
    )


def _ranges(pages: Sequence[str]) -> str:
    shown = ", ".join(pages[:MOST_SENTENCES])
    more = len(pages) - MOST_SENTENCES
    return f"pages {shown}" + (f" and {count(more)} more ranges" if more > 0 else "")


def _schema(receipt: IngestReceipt) -> Html | None:
    if not receipt.columns:
        return None
    shown = list(receipt.columns.items())[:MOST_ROWS]
    more = {
        **({"Nulls": _nulls(receipt)} if receipt.values else {}),
        **(
            {"Rounded numbers": {name: count(number) for name, number in receipt.rounded.items()}}
            if receipt.rounded
            else {}
        ),
    }
    rows = [
        (element("code", name), element("code", kind), *(cells.get(name, "0") for cells in more.values()))
        for name, kind in shown
    ]
    return _section(
        "Schema",
        table(
            f"{count(len(receipt.columns), 'column')}, in order{_cut(len(receipt.columns))}",
            ["Column", "Type", *more],
            rows,
            numbers=(2, 3),
        ),
        element("h3", "Widenings"),
        _listed(list(map(_code, receipt.widenings)))
        if receipt.widenings
        else element("p", "No column's type had to widen during the run.", class_="soft"),
        class_="long",
    )


def _nulls(receipt: IngestReceipt) -> dict[str, str]:
    """By column, which share of its values is null."""
    return {
        name: share(receipt.records - receipt.values.get(name, 0), receipt.records)
        for name in receipt.columns
    }


def _code(text: str) -> Html:
    return element("code", text)


def _cut(number: int) -> str:
    return f"; the first {count(MOST_ROWS)}, the rest is in the receipt" if number > MOST_ROWS else ""


def _duplicates(receipt: IngestReceipt) -> Html:
    key = receipt.parameters.get("key_fields") or []
    facts = [
        ("Told apart by", ", ".join(map(str, key)) if key else "no key: every record was kept as it came"),
        ("Dropped, as their key had come before", count(receipt.duplicates, "record")),
        ("Found by a later pass alone", count(receipt.repaired, "record")),
        ("Set aside, as they do not fit the schema", count(receipt.quarantined, "record")),
        ("Times the source was gone over", count(receipt.passes)),
    ]
    steps = [
        (str(step.step.get("type", "")), count(step.rows_in), count(step.rows_out), count(step.rows_dropped))
        for step in receipt.transforms[:MOST_ROWS]
    ]
    return _section(
        "Duplicates and drift",
        _facts(facts),
        element("h3", "How the source changed meanwhile"),
        _listed(receipt.drift) if receipt.drift else element("p", "No change was seen.", class_="soft"),
        *(
            [
                table(
                    "Transforms, in order", ["Step", "Records in", "out", "dropped"], steps, numbers=(1, 2, 3)
                )
            ]
            if steps
            else []
        ),
    )


def _parts(receipt: IngestReceipt) -> Html:
    folder = receipt.key.rpartition("/")[0]
    rows = [
        (
            joined(
                (
                    element("code", part.key.removeprefix(f"{folder}/")),
                    element("code", part.sha256, class_="soft"),
                )
            ),
            f"{count(part.first_page)} to {count(part.last_page)}",
            count(part.records),
            size(part.size),
        )
        for part in [*receipt.parts, *receipt.quarantine][:MOST_ROWS]
    ]
    number = len(receipt.parts) + len(receipt.quarantine)
    facts = [
        ("Stored as", element("code", receipt.uri)),
        ("SHA-256", element("code", receipt.sha256)),
        *([("Run", element("code", receipt.run_id))] if receipt.run_id else []),
    ]
    return _section(
        "Parts",
        _facts(facts),
        element("h3", "Objects"),
        table(
            f"{count(number, 'object')}, {size(receipt.bytes)} of {receipt.format}{_cut(number)}",
            ["Object, and its SHA-256", "Pages", "Records", "Size"],
            rows,
            numbers=(2, 3),
        ),
        class_="long parts",
    )


def _forecast(receipt: IngestReceipt) -> Html | None:
    actual, foreseen = receipt.actual, receipt.forecast
    if actual is None:
        return None
    rows = [
        ("Time", _figure(foreseen, "seconds", duration), duration(actual.seconds)),
        ("Requests", _figure(foreseen, "requests", count), count(actual.requests)),
        (
            "of them for proof",
            _figure(foreseen, "proof_requests", lambda number: f"up to {count(number)}"),
            _figure(actual, "proof_requests", count),
        ),
        ("Invocations", _figure(foreseen, "invocations", count), count(actual.invocations)),
        (
            "Memory",
            _figure(foreseen, "memory_megabytes", lambda number: f"{number:.0f} MB at most"),
            "not measured",
        ),
        (
            "GB-seconds on Lambda",
            _figure(foreseen, "gigabyte_seconds", _short),
            _short(actual.gigabyte_seconds),
        ),
        ("Cost", _figure(foreseen, "dollars", _dollars), _dollars(actual.dollars)),
    ]
    advice = (
        f" More than {count(foreseen.best_concurrency, 'page')} at once would not be faster."
        if foreseen and foreseen.best_concurrency
        else ""
    )
    return _section(
        "Forecast and cost",
        table(
            "What the first page let one expect, and what it took",
            ["Figure", "Forecast", "Actual"],
            rows,
            numbers=(1, 2),
        ),
        element(
            "p",
            "Prices are what AWS Lambda and S3 publish for us-east-1 on arm64; a run elsewhere costs "
            f"what its machine does. Retries are not foreseen.{advice}",
            class_="soft",
        ),
    )


def _figure(figures: Figures | None, name: str, shown: Any) -> str:  # noqa: ANN401 - takes the figure's type
    value = getattr(figures, name, None)
    return "-" if value is None else str(shown(value))


def _short(number: float) -> str:
    return f"{number:,.2f}"


def _dollars(number: float) -> str:
    return f"{number:.6f} USD"


def _reading(receipt: IngestReceipt) -> Html | None:
    if not receipt.parts:
        return None
    return _section(
        "How to read it",
        *(
            each
            for name, code in (
                ("pandas", with_pandas(receipt)),
                ("DuckDB", with_duckdb(receipt)),
                ("Polars", with_polars(receipt)),
            )
            if code is not None
            for each in (element("h3", name), element("pre", lines(code)))
        ),
    )


def _again(receipt: IngestReceipt, source: str | None) -> Html:
    return _section(
        "Do it again",
        element("pre", lines(command(receipt, source=source))),
        element(
            "p",
            "A receipt holds no secrets, and not how to log in: add what the run was given. A dataset "
            "that is complete stays as it is, so that the new one has another name.",
            class_="soft",
        ),
    )


def command(receipt: IngestReceipt, *, source: str | None = None) -> str:
    """The command that pulls the same again, to another name."""
    asked = receipt.parameters
    parts = urlsplit(receipt.source)
    where, name = receipt.uri.removesuffix(receipt.key), _name(receipt)
    if receipt.run_id is None:
        above, new_name = receipt.key.rpartition("/")[0], ["--key", f"again-{name}"]
    else:
        above, _, last = name.rpartition("/")
        new_name = ["--dataset", f"{last}-again"]
    words = ["python", "-m", "de_classes", "ingest"]
    if source is None:
        words += [f"{parts.scheme}://{parts.netloc}", "--data-path", parts.path or "/"]
        words += [word for field in asked.get("key_fields", ()) for word in ("--key-field", str(field))]
    else:
        words += [source]
    given = [] if source is None else list(asked.get("source_parameters", {}).items())
    words += [word for name, value in given for word in ("--set", f"{name}={value}")]
    words += ["--to", f"{where}{above}".rstrip("/"), "--format", receipt.format, *new_name]
    words += ["--limit", str(asked["limit"])] if "limit" in asked else []
    words += ["--pages", str(asked["pages"])] if asked.get("pages", "1-") != "1-" else []
    return shlex.join(words)
