"""What the document says a million records cost is what the forecast computes, and what the formula does."""

from __future__ import annotations

import pytest

from de_classes.handler import METRICS
from de_classes.runs.forecast import LambdaTerms
from tests.fakes.sources import ROOT
from tests.fakes.template import resources
from tools.cost_document import (
    AT_ONCE,
    LATENCIES,
    MEMORIES,
    PAGE,
    PAGE_RECORDS,
    RECORDS,
    charges,
    figures,
    proof,
    updated,
)

TO_MEND = "run `python -m tools.cost_document`, with layers/de_classes on PYTHONPATH"


def test_the_page_is_what_the_forecast_computes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page) == page, TO_MEND


def test_writing_it_again_changes_nothing_and_keeps_the_prose() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(updated(page.replace("µs", "ns"))) == page


def test_every_metric_of_every_alarm_and_all_that_the_worker_emits_is_charged() -> None:
    secrets, alarms, custom, dashboards = charges()
    watched = [str(each).count("'MetricName'") for each in resources("AWS::CloudWatch::Alarm").values()]
    assert min(watched) >= 1
    assert alarms.count == sum(watched)
    filtered = str(resources("AWS::Logs::MetricFilter")).count("'MetricName'")
    assert custom.count == len(METRICS | {"ColdStart": None}) + filtered
    assert (secrets.count, dashboards.count) == (2, 1)
    assert alarms.dollars_alone == pytest.approx(alarms.dollars - 10 * 0.10)


def test_the_readme_says_the_same() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    secrets, alarms, _, _ = charges()
    assert f"two secrets ({secrets.dollars:.2f} USD a month), the alarms ({alarms.dollars_alone:.2f})" in text
    assert f"[{figures(1024, 0.2).dollars:.5f} USD](docs/costs.md) at 1 GB" in text


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("megabytes", MEMORIES)
def test_the_formula_on_the_page_gives_the_same(megabytes: int, latency: float) -> None:
    pages = RECORDS // PAGE_RECORDS
    cpu = PAGE_RECORDS * LambdaTerms().cpu_seconds_a_record / min(1, megabytes / 1769)
    seconds = latency + cpu + (pages - 1) * max(latency / AT_ONCE, cpu) + proof() * (latency + cpu)
    gigabyte_seconds = (seconds + LambdaTerms().startup_seconds) * megabytes / 1024
    dollars = gigabyte_seconds * 0.0000133334 + 0.0000002 + 16 * 0.000005
    taken = figures(megabytes, latency)
    assert taken.invocations == 1
    assert taken.seconds == pytest.approx(seconds, abs=0.001)
    assert taken.dollars == pytest.approx(dollars, abs=1e-7)
