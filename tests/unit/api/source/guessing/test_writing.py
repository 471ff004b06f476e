"""A draft as TOML: it says what it was given, whatever the text, and it loads."""

from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.api.source.guessing import Draft, write
from de_classes.api.source.guessing.writing import identifier, literal
from de_classes.api.source.loading import parse_sources
from de_classes.api.templates import fill

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def draft_of(resource: dict[str, object]) -> Draft:
    return Draft("api", {"base_url": "https://api.example.com", "resources": {"things": resource}})


@given(
    params=st.dictionaries(TEXTS, TEXTS, max_size=3),
    body=st.dictionaries(TEXTS, VALUES, max_size=3),
    note=TEXTS,
)
def test_any_guess_that_is_written_loads_as_it_was(
    params: dict[str, str], body: dict[str, object], note: str
) -> None:
    resource = {"method": "POST", "path": "/", "params": params, "json": body, "pagination": {"type": "none"}}
    draft = draft_of({**resource, "path": "/things"})
    draft.note(text=note)
    draft.note("resources", "things", "params", text=note)
    text = write(draft)
    assert tomllib.loads(text)["sources"]["api"]["resources"]["things"] == {**resource, "path": "/things"}


@given(value=TEXTS)
def test_a_text_of_the_user_is_never_taken_for_a_name(value: str) -> None:
    draft = draft_of({"path": "/things", "params": {"q": literal(value)}, "pagination": {"type": "none"}})
    described = parse_sources(write(draft).encode(), ".toml", name="x.toml")["api"].resources["things"]

    def never(name: str) -> str:
        raise AssertionError(name)

    assert fill(described.params["q"], never) == value


@settings(max_examples=20)
@given(text=st.text(max_size=80))
def test_any_text_gives_a_name_that_a_description_allows(text: str) -> None:
    source = {
        "base_url": "https://api.example.com",
        "resources": {identifier(text, "records"): {"path": "/", "pagination": {"type": "none"}}},
    }
    assert parse_sources(write(Draft(identifier(text, "api"), source)).encode(), ".toml", name="x.toml")


def test_a_query_of_several_lines_stands_as_it_reads_best() -> None:
    query = 'query {\n  issues(first: 2) { nodes { title } }\n  "quoted" \\ """\n}'
    text = write(
        draft_of({"method": "POST", "path": "/", "json": {"query": query}, "pagination": {"type": "none"}})
    )
    assert "\n  issues(first: 2) { nodes { title } }\n" in text
    assert tomllib.loads(text)["sources"]["api"]["resources"]["things"]["json"] == {"query": query}
