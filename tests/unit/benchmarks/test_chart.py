from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from benchmarks.cases import CASES
from benchmarks.chart import KEYED, chart, kind_of
from benchmarks.contestants import OURS, SLICES, P
from benchmarks.figures import Benchmark, Run
from benchmarks.panels import Kind, Scale, labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACE = "{http://www.w3.org/2000/svg}"


def run(case: str, client: str, wall: float, *, cpu: float = 1.0, wrong: str = "") -> Run:
    return Run(
        case=case,
        client=client,
        round=1,
        wall=wall,
        cpu=cpu,
        peak=round(wall * (100 << 20)),
        requests=20,
        least=20,
        server_cpu=0.1,
        rows=9,
        wrong=wrong,
    )


def drawn(*runs: Run) -> ET.Element:
    names = {run.case for run in runs}
    figures = Benchmark(
        date="2031-05-07",
        machine="a machine",
        load=(0.0, 0.0),
        cores=(0, 1),
        versions={},
        references={case.name: case.reference for case in CASES if case.name in names},
        runs=[*runs],
    )
    return ET.fromstring(chart(figures))  # noqa: S314 - our own


def texts(picture: ET.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SPACE}text")]


def dots(picture: ET.Element) -> Iterator[tuple[str, float]]:
    """Class and place of every dot of the panels; the legend's are in none."""
    for panel in picture.iter(f"{SPACE}g"):
        for each in panel.iter(f"{SPACE}circle"):
            yield each.attrib["class"], float(each.attrib["cx"])


def test_who_is_quicker_is_above_and_further_left_and_has_a_dot_for_each_time() -> None:
    picture = drawn(run("small-pages", OURS, 2.0, cpu=0.5), run("small-pages", P, 1.0))
    (_, reference), (kind, one), (hollow, cpu), (ours, two) = [*dots(picture)]
    assert (kind, hollow, ours) == ("reference", "ours hollow", "ours")
    assert cpu < reference == one < two
    said = texts(picture)
    assert said.index(P) < said.index(OURS)
    assert {"2.00x", "2.00 s", "1.00x"} <= {*said}


def test_the_million_is_shown_by_time_and_by_memory() -> None:
    said = texts(drawn(run("1M", OURS, 2.0), run("1M", P, 1.0)))
    assert {"200 MiB", "100 MiB", "2.00x"} <= {*said}
    assert [each for each in said if each.startswith("A million")] == 2 * [
        "A million records without keys, to Parquet"
    ]


def test_a_million_with_keys_in_three_formats_is_what_is_shown_first() -> None:
    runs = [run(case, client, wall) for case in KEYED for client, wall in ((OURS, 2.0), ("naive", 5.0))]
    said = texts(drawn(run("1M", OURS, 2.0), run("1M", P, 1.0), *runs))
    titles = [each for each in said if each.startswith("A million")]
    assert titles[:3] == [f"A million records with keys, to {name}" for name in KEYED.values()]
    assert {"2.00 s", "1.00x", "5.00 s", "2.50x"} <= {*said}
    csv = said[said.index(titles[1]) : said.index(titles[2])]
    assert csv[csv.index("airbyte, dedup") + 1] == "cannot"


def test_a_million_with_keys_beside_nobody_is_left_out() -> None:
    assert [*drawn(run("keyed", OURS, 2.0)).iter(f"{SPACE}g")] == []


def test_what_went_wrong_is_named_without_a_dot() -> None:
    picture = drawn(run("jsonl", OURS, 2.0, wrong="rows lost"), run("jsonl", SLICES, 1.0))
    assert {kind.split()[0] for kind, _ in dots(picture)} == {"reference"}
    assert texts(picture)[texts(picture).index(OURS) + 1] == "failed"


def test_latency_is_shown_by_how_many_are_asked_for_at_once() -> None:
    picture = drawn(*(run(f"50ms-{many}", client, 16 / many) for many in (1, 16) for client in (OURS, P)))
    assert [each for each in texts(picture) if each.endswith("at once")][-4:] == [
        f"{client}, {many} at once" for many in (1, 16) for client in (OURS, "pyarrow")
    ]
    assert len([*dots(picture)]) == 4


def test_cases_that_were_not_run_or_tell_little_have_no_panel() -> None:
    assert [*drawn(run("s3", OURS, 1.0), run("s3", P, 1.0)).iter(f"{SPACE}g")] == []


def test_nothing_is_outside_the_picture() -> None:
    picture = drawn(run("1M", OURS, 0.01), run("1M", P, 1.0), run("1M", "naive", 5000.0))
    width = float(picture.attrib["width"])
    assert all(0 < place < width / 2 for _, place in dots(picture))


@pytest.mark.parametrize(
    ("values", "numbers"), [((1.0, 5.0), [1, 2, 5]), ((0.5, 400.0), [1, 10, 100]), ((1.0,), [1])]
)
def test_an_axis_has_a_number_for_every_line_or_for_the_powers_of_ten(
    values: tuple[float, ...], numbers: list[float]
) -> None:
    scale = Scale(values)
    assert labelled(scale.ticks()) == pytest.approx(numbers)
    assert scale.x(values[0]) < scale.x(values[0] * 1.1)


def test_both_ways_of_this_library_are_drawn_as_its_own() -> None:
    assert [kind_of(each, P) for each in (OURS, f"{OURS}, one object", P, "naive")] == [
        Kind.OURS,
        Kind.OURS,
        Kind.REFERENCE,
        Kind.OTHER,
    ]
