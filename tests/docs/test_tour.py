"""Every line of the tour, typed at a prompt, shows what the page shows."""

from __future__ import annotations

import doctest

from tests.fakes.sources import ROOT


def test_the_tour_can_be_walked() -> None:
    outcome = doctest.testfile(str(ROOT / "docs" / "tour.md"), module_relative=False)
    assert outcome.attempted > 30
    assert outcome.failed == 0
