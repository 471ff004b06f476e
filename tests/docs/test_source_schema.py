from __future__ import annotations

import json

from de_classes.api.auth import AUTHS
from de_classes.api.pagination import PAGINATIONS
from tools.source_schema import SCHEMA, schema


def test_the_schema_that_is_shipped_is_the_one_that_the_structs_give() -> None:
    """Otherwise: python -m tools.source_schema."""
    assert SCHEMA.read_text(encoding="utf-8") == schema()


def test_every_kind_of_auth_and_pagination_is_in_it() -> None:
    known = json.loads(schema())["$defs"]
    assert {kind.__name__ for kind in (*AUTHS, *PAGINATIONS)} <= known.keys()
