from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.simulators.page.viewer import viewer_file
from tests.fakes.parsed_page import ParsedPage

if TYPE_CHECKING:
    from pathlib import Path


def test_where_no_viewer_is_installed_the_page_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = viewer_file("/docs")
    assert found is not None
    assert found.status == 404
    assert "pip install 'de-classes[viewer]'" in ParsedPage(found.body.decode()).text


@pytest.mark.parametrize("path", ["/", "/data", "/docsy", "/openapi.json"])
def test_other_paths_are_not_its_own(path: str) -> None:
    assert viewer_file(path) is None
