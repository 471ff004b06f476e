from __future__ import annotations

import pytest

from de_classes.api.page import asks_for_a_login, lists_of_objects, other_kind, says_error, title_of

LOGIN = b"<!-- x -->\n<!DOCTYPE HTML><title>Sign in</title><input name=p TYPE='password'>"


@pytest.mark.parametrize(
    ("answer", "paths"),
    [
        ([{"id": 1}], ["@"]),
        ({"a": {"b": [{"id": 1}]}, "c": [{"id": 2}], "d": [1], "e": []}, ["a.b", "c"]),
        ({"error": "no", "details": [{"at": 1}]}, []),
        ({"ok": False, "details": [{"at": 1}]}, []),
        ({"a": {"b": {"c": {"d": {"e": [{"id": 1}]}}}}}, []),
        ("text", []),
    ],
)
def test_F85_lists_of_objects_are_found_but_in_an_error(answer: object, paths: list[str]) -> None:
    assert lists_of_objects(answer) == paths


@pytest.mark.parametrize(
    ("body", "said", "kind", "other"),
    [
        (b"<rows/>", "", "json", "xml"),
        (b"<rows/>", "", "xml", None),
        (LOGIN, "text/html", "json", None),
        (b'{"id": 1}\n{"id": 2}', "", "json", "jsonl"),
        (b'{"id": 1}\n{"id": ', "", "json", "jsonl"),
        (b'{"id": 1, ', "application/json", "json", None),
        (b'[{"id": 1}]', "", "csv", "json"),
        (b'{"error": "no"}', "", "csv", None),
        (b"a,b\n1,2", "text/csv; header=present", "json", "csv"),
        (b"a,b\n1,2", "text/plain", "json", None),
        (b"", "", "json", None),
    ],
)
def test_F85_another_kind_is_known_where_it_is_sound(
    body: bytes, said: str, kind: str, other: str | None
) -> None:
    assert other_kind(body, {"content-type": said}, kind) == other


def test_F85_a_form_to_log_in_is_known_by_its_password() -> None:
    assert asks_for_a_login(LOGIN)
    assert title_of(LOGIN) == " 'Sign in'"
    assert not asks_for_a_login(b"<html>back soon</html>")
    assert not asks_for_a_login(b'{"a": "<input type=password>"}')


@pytest.mark.parametrize("answer", [{"error": "x"}, {"ok": False}, {"success": False}, {"errors": [1]}])
def test_F18_an_error_says_so(answer: object) -> None:
    assert says_error(answer)


@pytest.mark.parametrize("answer", [{"error": None}, {"ok": True}, {"errors": []}, [], "error"])
def test_F18_what_is_none_does_not(answer: object) -> None:
    assert not says_error(answer)
