from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.cut_openapi import cut, main

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "t"},
    "servers": [{"url": "https://api.example"}],
    "tags": [{"name": "things"}],
    "paths": {
        "/things": {"get": {"responses": {"200": {"$ref": "#/components/responses/things"}}}},
        "/others": {"get": {"parameters": [{"$ref": "#/components/parameters/page"}]}},
    },
    "components": {
        "parameters": {"page": {"name": "page"}},
        "schemas": {
            "unused": {},
            "node": {
                "properties": {"next": {"$ref": "#/components/schemas/node"}, "$ref": {"type": "string"}}
            },
            "thing": {"allOf": [{"$ref": "#/components/schemas/node"}]},
        },
        "responses": {"things": {"schema": {"items": {"$ref": "#/components/schemas/thing"}}}},
    },
}


def test_a_path_is_kept_with_all_that_it_leads_to_and_nothing_else_is() -> None:
    made = cut(DOCUMENT, ["/things"])
    assert list(made["paths"]) == ["/things"]
    assert {kind: list(named) for kind, named in made["components"].items()} == {
        "schemas": ["node", "thing"],
        "responses": ["things"],
    }
    assert made["servers"] == DOCUMENT["servers"]
    assert "tags" not in made


def test_what_was_cut_is_cut_to_itself() -> None:
    made = cut(DOCUMENT, ["/things", "/others"])
    assert cut(made, ["/things", "/others"]) == made


def test_a_path_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="/nothing"):
        cut(DOCUMENT, ["/nothing"])


def test_the_cut_is_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "document.json"
    file.write_text(json.dumps(DOCUMENT))
    assert main([str(file), "/others"]) == 0
    assert json.loads(capsys.readouterr().out) == cut(DOCUMENT, ["/others"])
