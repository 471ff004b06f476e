from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.templates import as_text, fill, fill_address, names_in
from de_classes.errors import InvalidInputError

KNOWN: dict[str, Any] = {
    "owner": "acme",
    "n": 3,
    "on": True,
    "secret.token": "t",
    "none": None,
    "host": "a.b.example",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${owner}", "acme"),
        ("${n}", 3),
        ("${on}", True),
        ("n=${n}, ${on}", "n=3, true"),
        ("$${owner}", "${owner}"),
        ("$${owner} ${owner}", "${owner} acme"),
        ("Bearer ${secret.token}", "Bearer t"),
        ("query($a: Int){ x{y} }", "query($a: Int){ x{y} }"),
        ("{{ owner }} $owner ${}", "{{ owner }} $owner ${}"),
        ({"a": ["${n}", {"b": "${owner}"}]}, {"a": [3, {"b": "acme"}]}),
    ],
)
def test_names_are_replaced_and_nothing_else_is(text: Any, filled: Any) -> None:
    assert fill(text, KNOWN.__getitem__) == filled


def test_the_names_of_a_value_are_found_wherever_they_stand() -> None:
    assert set(names_in({"${a}": ["${b.c}", {"d": "$${e}"}], "f": 1})) == {"a", "b.c"}


@pytest.mark.parametrize(
    ("address", "filled"),
    [
        ("https://${owner}.example/x", "https://acme.example/x"),
        ("https://x.example/${owner}/y", "https://x.example/acme/y"),
        ("https://x.example/${path}", "https://x.example/a%2Fb%3Fc"),
        ("${token.instance_url}/x", "https://acme.my.example/x"),
        ("https://x.example/${n}", "https://x.example/3"),
    ],
)
def test_a_parameter_is_one_label_in_a_host_and_one_segment_in_a_path(address: str, filled: str) -> None:
    known = {**KNOWN, "path": "a/b?c", "token.instance_url": "https://acme.my.example"}
    assert fill_address(address, known.__getitem__) == filled


@pytest.mark.parametrize("value", ["evil.example/", "a.b", "", "-a", "a b", "a@b", "a:1", "é"])
def test_what_would_lead_to_another_host_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError, match="shop must be one DNS label"):
        fill_address("https://${shop}.example", {"shop": value}.__getitem__)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_segment_that_climbs_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError, match="repo must be one segment of a path"):
        fill_address("https://x.example/${repo}/y", {"repo": value}.__getitem__)


def test_a_whole_host_is_one_where_the_parameter_says_so() -> None:
    filled = fill_address("https://${host}/x", KNOWN.__getitem__, lambda _: "host")
    assert filled == "https://a.b.example/x"
    with pytest.raises(InvalidInputError, match="host must be a host name"):
        fill_address("https://${host}/x", {"host": "evil.example/"}.__getitem__, lambda _: "host")


@given(st.text(max_size=30))
def test_no_value_changes_the_host_of_an_address(value: str) -> None:
    filled = (
        fill_address("https://x.example/a/${v}/b", {"v": value or "v"}.__getitem__)
        if value not in {"", ".", ".."}
        else ""
    )
    assert not filled or filled.startswith("https://x.example/a/")
    assert "?" not in filled
    assert "#" not in filled


def test_json_values_inside_a_text_are_spelled_as_json_does() -> None:
    assert [as_text(value) for value in (True, False, None, 1, 1.5, "a")] == [
        "true",
        "false",
        "",
        "1",
        "1.5",
        "a",
    ]
