from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.site.links import broken_links

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a picture.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "docs" / "runs.html").write_text('<h2 id="going-on">Going on</h2>', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("docs/runs.html", None),
        ("docs/runs.html#going-on", None),
        ("#top", None),
        ("a%20picture.svg", None),
        ("https://docs.example.org/page?x=1#there", None),
        ("http://127.0.0.1:8765/", None),
        ("docs/run.html", "leads to no file"),
        ("docs/", "leads to no file"),
        ("../index.html", "leads to no file"),
        ("docs/runs.html#goingon", "leads to no place in that page"),
        ("#bottom", "leads to no place in that page"),
        ("http://docs.example.org/", "is not https"),
        ("htps://docs.example.org/", "is not https"),
        ("https://docs/", "has no sound host, or what an address cannot have"),
        ("https://me@example.org/", "has no sound host, or what an address cannot have"),
        ("https://example.org/a b", "has no sound host, or what an address cannot have"),
        ("https://[example.org/", "is no address"),
    ],
)
def test_a_link_leads_to_a_file_and_an_id_or_has_the_form_of_an_address(
    site: Path, link: str, problem: str | None
) -> None:
    (site / "index.html").write_text(f'<a id="top" href="{link}">it</a>', encoding="utf-8")
    assert broken_links(site) == ([] if problem is None else [f"index.html: {link!r} {problem}"])


def test_pictures_scripts_and_pages_below_are_looked_at_too(site: Path) -> None:
    (site / "docs" / "runs.html").write_text(
        '<img src="../a.png"><script src="b.js"></script>', encoding="utf-8"
    )
    assert broken_links(site) == [
        "docs/runs.html: '../a.png' leads to no file",
        "docs/runs.html: 'b.js' leads to no file",
    ]
