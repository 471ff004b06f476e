from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from de_classes.api.auth import AUTHS
from de_classes.api.pagination import PAGINATIONS
from de_classes.utils.formats import FORMATS
from tests.fakes.template import template
from tools.registered import AUTH_PAGE, ROOT, auth_table, schema, written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("path", "text"), written().items(), ids=lambda each: getattr(each, "name", ""))
def test_what_is_registered_is_written_down(path: Path, text: str) -> None:
    is_so = path.read_text(encoding="utf-8") == text
    assert is_so, f"{path.relative_to(ROOT)} lacks what is registered: python -m tools.registered"


def test_every_kind_of_auth_and_pagination_is_in_the_schema() -> None:
    known = json.loads(schema())["$defs"]
    assert {kind.__name__ for kind in (*AUTHS, *PAGINATIONS)} <= known.keys()


def test_every_format_is_on_offer_in_the_template() -> None:
    assert template()["Parameters"]["DefaultFormat"]["AllowedValues"] == [*FORMATS]


def test_every_kind_of_auth_is_in_the_pages_table_with_what_it_must_say() -> None:
    table = auth_table()
    assert [f"| `{kind.__struct_config__.tag}` |" in table for kind in AUTHS] == [True] * len(AUTHS)
    assert "**`token`**, `scheme_name`" in table
    assert table in AUTH_PAGE.read_text(encoding="utf-8")
