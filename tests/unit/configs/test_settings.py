import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from de_classes.configs.settings import Secret, environment, load, load_file, validate
from de_classes.errors import ConfigurationError, InvalidInputError

CANARY = "c4n4ry-value"


class Endpoint(Struct, frozen=True, kw_only=True):
    url: str
    token: Secret | None = None
    timeout: Annotated[float, Meta(gt=0, le=60)] = 5.0


class Sample(Struct, frozen=True, kw_only=True):
    name: str
    retry_after_seconds: Annotated[int, Meta(ge=0, le=300)] = 3
    mode: Literal["fast", "exact"] = "exact"
    verbose: bool = False
    password: Annotated[str, Meta(max_length=3)] | None = None
    tags: list[str] = []
    endpoint: Endpoint | None = None
    endpoints: dict[str, Endpoint] = {}

    def __post_init__(self) -> None:
        if self.name == "nobody":
            raise ValueError("name must be somebody")


def problems(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def outcome(call: Callable[[], object]) -> object:
    """What is accepted, or the problems; anything but a typed error goes through and fails the test."""
    try:
        return call()
    except ConfigurationError as error:
        return error.problems


def test_environment_names_are_upper_case_behind_the_prefix_and_text_is_converted() -> None:
    values = {"APP_NAME": "n", "APP_RETRY_AFTER_SECONDS": "7", "APP_VERBOSE": "true", "PATH": "/bin"}
    assert load(Sample, values, prefix="APP_") == Sample(name="n", retry_after_seconds=7, verbose=True)


def test_an_empty_variable_counts_as_unset() -> None:
    assert load(Sample, {"NAME": "n", "RETRY_AFTER_SECONDS": ""}).retry_after_seconds == 3
    assert problems(lambda: load(Sample, {"NAME": ""})) == ("NAME is missing: it must be text",)


def test_objects_and_lists_in_the_environment_are_json() -> None:
    values = {"NAME": "n", "TAGS": '["a"]', "ENDPOINTS": '{"x": {"url": "u", "timeout": 2}}'}
    loaded = load(Sample, values)
    assert loaded.tags == ["a"]
    assert loaded.endpoints == {"x": Endpoint(url="u", timeout=2.0)}


def test_every_problem_is_named_at_once() -> None:
    found = problems(
        lambda: load(
            Sample,
            {
                "RETRY_AFTER_SECONDS": "301",
                "MODE": "slow",
                "VERBOSE": "perhaps",
                "TAGS": "{",
                "ENDPOINT": '{"url": 5, "timeuot": 3}',
                "ENDPOINTS": '{"x": {"url": "u", "timeout": 61}, "y": {}}',
            },
        )
    )
    assert found == (
        "NAME is missing: it must be text",
        "RETRY_AFTER_SECONDS must be a whole number from 0 to 300, but is '301'",
        "MODE must be one of exact, fast, but is 'slow'",
        "VERBOSE must be true or false, but is 'perhaps'",
        (
            "TAGS must be a list, given as JSON, but cannot be read: not JSON: "
            "Expecting property name enclosed in double quotes at character 1"
        ),
        "ENDPOINT.url must be text, but is 5",
        "ENDPOINT.timeuot is unknown: did you mean ENDPOINT.timeout?",
        "ENDPOINTS.x.timeout must be a number above 0 and of at most 60, but is 61",
        "ENDPOINTS.y.url is missing: it must be text",
    )


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    found = problems(lambda: load(Endpoint, {"URL": "u", "TIMEOUT": value}))
    assert found[0].startswith("TIMEOUT must be a number")


def test_what_the_struct_itself_finds_is_named_as_the_user_names_it() -> None:
    assert problems(lambda: load(Sample, {"NAME": "nobody"})) == ("NAME must be somebody",)
    assert problems(lambda: load(Sample, {"name": "nobody"}, source="file x")) == ("name must be somebody",)


def test_an_unknown_name_in_a_file_is_a_problem_with_the_nearest_known() -> None:
    found = problems(lambda: load(Sample, {"name": "n", "verbos": True, "q\n": 1}, source="file x"))
    assert found[1] == "verbos is unknown: did you mean verbose?"
    assert found[0].startswith("'q\\n' is unknown: known are endpoint,")


def test_a_flood_of_unknown_names_does_not_flood_the_message() -> None:
    found = problems(lambda: validate(Sample, {"name": "n"} | {f"field{n}": n for n in range(5_000)}))
    assert len(found) == 11
    assert found[-1] == "4990 more names are unknown"


@pytest.mark.parametrize("source", ["environment", "file x"])
def test_the_value_of_a_secret_field_is_never_echoed(source: str) -> None:
    values = {"name": "n", "password": CANARY, "endpoint": {"url": "u", "token": [CANARY]}}
    if source == "environment":
        values = {name.upper(): v if isinstance(v, str) else json.dumps(v) for name, v in values.items()}
    with pytest.raises(ConfigurationError) as caught:
        load(Sample, values, source=source)
    assert len(caught.value.problems) == 2
    assert CANARY not in str(caught.value)
    assert "not shown" in str(caught.value)


def test_a_url_with_a_password_is_not_echoed_from_a_field_of_any_name() -> None:
    found = problems(lambda: load(Sample, {"NAME": "n", "MODE": f"https://u:{CANARY}@host"}))
    assert found == ("MODE must be one of exact, fast, but is other text",)


def test_a_secret_shows_itself_only_when_asked() -> None:
    loaded = load(Endpoint, {"URL": "u", "TOKEN": CANARY})
    assert loaded.token.reveal() == CANARY
    assert CANARY not in f"{loaded} {loaded.token} {loaded.token!r} {[loaded.token]}"
    assert loaded.token == Secret(CANARY)
    assert loaded.token != Secret("other")
    assert loaded.token != CANARY
    assert len({loaded.token, Secret(CANARY)}) == 1


def test_a_request_is_read_strictly() -> None:
    assert validate(Sample, {"name": "n", "retry_after_seconds": 4}).retry_after_seconds == 4
    found = problems(lambda: validate(Sample, {"name": 5, "retry_after_seconds": "4", "verbose": 1}))
    assert found == (
        "name must be text, but is 5",
        "retry_after_seconds must be a whole number from 0 to 300, but is '4'",
        "verbose must be true or false, but is 1",
    )


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("[1]", "must be a JSON object"),
        ("{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        ("[" * 100_000, "nested deeper than 200 levels"),
        ('{"name": "\ud800"}', "no UTF-8"),
        ('{"name": "n", "name": "m"}', "an object with a duplicate key"),
        ('{"name": "n", "endpoint": {"url": "u", "url": "v"}}', "an object with a duplicate key"),
        ('{"name": NaN}', "NaN is not JSON"),
        (None, "name is missing"),
        ("", "name is missing"),
        (7, "must be a JSON object"),
        ({"name": float("nan")}, "must be text, but is nan"),
        ({"name": 10**400}, "a far larger number"),
        ({"name": "n", "endpoint": 3}, "endpoint must be an object or null, but is 3"),
        ({"name": "n", "endpoints": {"x": 3}}, "endpoints.x must be an object, but is 3"),
        ({3: 4}, "3 is unknown"),
    ],
)
def test_a_body_that_is_no_valid_request_is_a_typed_error(body: object, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        validate(Sample, body, what="body")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*Sample.__struct_fields__, "other"])


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=6))
def test_any_payload_is_accepted_or_a_typed_error(payload: dict[str, object]) -> None:
    assert outcome(lambda: validate(Sample, payload))


@given(st.dictionaries(NAMES.map(str.upper), st.text(max_size=12), max_size=8))
def test_any_environment_is_accepted_or_a_typed_error(values: dict[str, str]) -> None:
    assert outcome(lambda: load(Sample, values))


@pytest.mark.parametrize(
    ("file_name", "content"),
    [
        ("s.toml", 'name = "n"\n[endpoints.x]\nurl = "u"\ntimeout = 2\n'),
        ("s.json", '{"name": "n", "endpoints": {"x": {"url": "u", "timeout": 2}}}'),
    ],
)
def test_toml_and_json_files_hold_the_same_settings(tmp_path: Path, file_name: str, content: bytes) -> None:
    path = tmp_path / file_name
    path.write_text(content)
    assert load_file(Sample, path) == Sample(name="n", endpoints={"x": Endpoint(url="u", timeout=2.0)})


@pytest.mark.parametrize(
    ("file_name", "content", "complaint"),
    [
        ("s.yaml", b"name: n", "neither"),
        ("s.toml", b"name = ", "malformed"),
        ("s.toml", f"password = {CANARY}".encode(), "malformed"),
        ("s.toml", b"name = '\xff'", "no UTF-8"),
        ("s.json", b"{", "malformed"),
        ("s.json", b'{"name": "n", "name": "m"}', "duplicate key"),
        ("s.json", b"[1]", "must hold an object"),
        ("s.json", b'{"naem": "n"}', "naem is unknown: did you mean name"),
    ],
)
def test_a_file_that_holds_no_settings_is_a_typed_error_with_its_name(
    tmp_path: object, file_name: str, content: bytes, complaint: object
) -> None:
    path = tmp_path / file_name
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_file(Sample, path)
    assert file_name in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_missing_file_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_file(Sample, tmp_path / "none.toml")


def test_the_environment_is_a_copy_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DE_CLASSES_TEST_SETTING", "1")
    before = environment()
    monkeypatch.setenv("DE_CLASSES_TEST_SETTING", "2")
    assert before["DE_CLASSES_TEST_SETTING"] == "1"
    assert environment()["DE_CLASSES_TEST_SETTING"] == "2"
