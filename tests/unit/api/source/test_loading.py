from __future__ import annotations

import json
import tomllib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.source import Source, load_sources, shipped_names
from de_classes.api.source.loading import SHIPPED, parse_sources, pick
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.pipelines.described import DropDuplicatesStep, FilterStep, FunctionStep, RenameStep
from tests.fakes.every import every

if TYPE_CHECKING:
    from pathlib import Path

SOUND = """
version = 1

[sources.shop]
parameters = { region = { default = "eu" } }
base_url = "https://${region}.shop.example"
auth = { type = "bearer", token = "${secret.token}" }

[sources.shop.resources.orders]
path = "/orders"
records_path = "data"
pagination = { type = "cursor", path = "next.cursor" }
"""


def problems_of(text: str, suffix: str = ".toml") -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse_sources(text.encode(), suffix, name="shop.toml")
    return caught.value.problems


def test_toml_and_json_are_the_same() -> None:
    as_json = json.dumps(tomllib.loads(SOUND)).encode()
    assert parse_sources(SOUND.encode(), ".toml", name="a") == parse_sources(as_json, ".json", name="a")


@every("name", shipped_names())
def test_what_is_shipped_can_be_read_and_is_called_as_its_file(name: str) -> None:
    assert list(load_sources(SHIPPED / f"{name}.toml")) == [name]


NEW = """params = { since = "${incremental.from}" }
primary_key = ["id"]
write = "upsert"
incremental = { field = "changed", start = "2026-01-01" }
"""


def test_what_is_incremental_is_read_with_a_lag_of_a_minute_unless_it_says_another() -> None:
    resource = parse_sources((SOUND + NEW).encode(), ".toml", name="a")["shop"].resources["orders"]
    assert resource.incremental is not None
    assert (resource.incremental.lag, resource.incremental.zone) == (60, "UTC")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('write = "upsert"\n', "", 'write must be "upsert"'),
        ('write = "upsert"', 'write = "append"', 'write must be "upsert"'),
        ('primary_key = ["id"]\n', "", "primary_key is missing"),
        ("${incremental.from}", "today", "no text names ${incremental.from}"),
        (
            '{ since = "${incremental.from}" }',
            '{ a = "${incremental.from}${incremental.to}" }',
            "${incremental.to}",
        ),
        ('"2026-01-01"', '"soon"', "'soon' is no time"),
        ('"2026-01-01" }', '"2026-01-01", zone = "Mars/Olympus" }', "Mars/Olympus"),
        ('"2026-01-01" }', '"2026-01-01", format = "ISO" }', "format"),
        (
            'incremental = { field = "changed", start = "2026-01-01" }',
            "",
            "${incremental.from} stands for nothing here",
        ),
    ],
)
def test_what_cannot_be_of_what_is_incremental_is_named(old: str, new: str, named: str) -> None:
    problems = problems_of(SOUND + NEW.replace(old, new))
    assert any(named in problem for problem in problems), problems


def test_every_mistake_is_named_at_once_with_its_line_what_is_known_and_the_nearest_name() -> None:
    text = """version = 1

[sources.a]
base_url = "https://a.example"
auth = { type = "beerer", token = "x" }

[sources.a.resources.items]
path = "/items"
records_pth = "x"
page_size = { into = "qury.limit", max = 0 }
pagination = { type = "cursor", pth = "next" }

[sources.b]
base_url = "http://b.example"

[sources.b.resources.items]
path = "/items/${parent.id}"
json = { a = 1 }
total_path = "a..b["
pagination = { type = "page" }
"""
    problems = problems_of(text)
    assert sorted(int(problem.split(":")[1]) for problem in problems) == [5, 9, 10, 10, 11, 14, 16, 16, 19]
    said = "\n".join(problems)
    for words in (
        "auth.type is beerer, but must be one of none, bearer,",
        "did you mean bearer?",
        "page_size.into must be query.NAME, header.NAME, form.NAME or json.NAME.NAME",
        "page_size.max must be a whole number of at least 1",
        "pagination.pth is unknown: did you mean sources.a.resources.items.pagination.path?",
        "records_pth is unknown: did you mean sources.a.resources.items.records_path?",
        "sources.b.base_url must be https, since tokens travel there",
        "${parent.id} stands for nothing here",
        "total_path is no path",
        "method must be POST where something goes into the body",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            'base_url = "https://${region}.shop.example"',
            "base_url must be an address that begins with https://",
        ),
        ('token = "${secret.token}"', "${secrets.token} is no parameter of the source"),
        ('path = "next.cursor"', "'next..cursor' is no path"),
        ("version = 1", "version must be one of 1"),
        ("[sources.shop.resources.orders]", "resources is missing"),
    ],
)
def test_one_thing_wrong_is_named(wrong: str, said: str) -> None:
    instead = {
        'base_url = "https://${region}.shop.example"': 'base_url = "shop.example"',
        'token = "${secret.token}"': 'token = "${secrets.token}"',
        'path = "next.cursor"': 'path = "next..cursor"',
        "version = 1": "version = 2",
        "[sources.shop.resources.orders]": "[sources.shop.headers]",
    }
    assert any(said in problem for problem in problems_of(SOUND.replace(wrong, instead[wrong])))


TRANSFORMED = f"""{SOUND}
primary_key = ["id"]
transforms = [
    {{ type = "rename", columns = {{ path = "kind of", total = "amount" }} }},
    {{ type = "filter", where = "amount > `0`" }},
    {{ type = "drop_duplicates" }},
]
"""


def test_a_description_lists_transforms_whose_columns_may_be_called_as_its_own_words() -> None:
    resource = parse_sources(TRANSFORMED.encode(), ".toml", name="a")["shop"].resources["orders"]
    assert resource.transforms == (
        RenameStep(columns={"path": "kind of", "total": "amount"}),
        FilterStep(where="amount > `0`"),
        DropDuplicatesStep(),
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('{ columns = ["id"] }', "transforms[1].type is missing: it must be one of select, rename, cast,"),
        ('{ type = "filtre", where = "a" }', "transforms[1].type is filtre, but must be one of select, "),
        ('{ type = "filter" }', "transforms[1].where is missing"),
        ('{ type = "filter", where = "a = 1" }', "transforms[1].where is no JMESPath"),
        ('{ type = "filter", where = "a == \'${region}\'" }', "transforms: ${region} is not filled in there"),
        ('{ type = "select", columns = [] }', "transforms[1].columns must name one at least"),
        ('{ type = "select", columns = "id" }', "transforms[1].columns must be a list"),
        ('{ type = "select", column = ["id"] }', "transforms[1].columns is missing"),
        ('{ type = "rename", columns = { a = "x", b = "x" } }', "transforms[1].columns names x twice"),
        ('{ type = "cast", columns = { a = "integer" } }', "transforms[1].columns.a must be one of "),
        (
            '{ type = "flatten", max_depth = 0 }',
            "transforms[1].max_depth must be a whole number of at least 1",
        ),
        ('{ type = "drop_duplicates", columns = ["a", "a"] }', "transforms[1].columns names a twice"),
        ('{ type = "function", name = "os" }', "transforms[1].name must be a module's name, a colon and"),
        ('{ type = "function", name = "os:remove" }', "transforms[1] names a function: only a packaged"),
    ],
)
def test_a_transform_that_is_wrong_is_named_with_its_place_and_line(step: str, said: str) -> None:
    text = f'{SOUND}transforms = [\n    {{ type = "flatten" }},\n    {step},\n]\n'
    problem, *_ = problems_of(text)
    line = text.splitlines().index("transforms = [") + 1
    assert problem.startswith(f"shop.toml:{line}: sources.shop.resources.orders.transforms")
    assert said in problem


def test_functions_are_named_by_packaged_files_and_by_programs_that_say_so(tmp_path: Path) -> None:
    step = '{ type = "function", name = "tests.fakes.steps:doubled" }'
    (tmp_path / "shop.toml").write_text(f"{SOUND}transforms = [{step}]\n")
    for path in (tmp_path, tmp_path / "shop.toml"):
        with pytest.raises(ConfigurationError, match=r"transforms\[0\] names a function"):
            Source.load(path)
        loaded = Source.load(path, allow_functions=True)["shop.orders"].described
        assert loaded.transforms == (FunctionStep(name="tests.fakes.steps:doubled"),)


def test_syntax_is_told_by_its_line_and_nothing_is_quoted() -> None:
    (problem,) = problems_of('version = 1\n[sources.a]\ntoken = "hunter2\n')
    assert problem.startswith("shop.toml: line 3")
    assert "hunter2" not in problem


def test_a_folder_is_read_whole_and_a_source_in_two_files_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(SOUND)
    (tmp_path / "b.json").write_text(
        json.dumps(tomllib.loads(SOUND.replace("sources.shop", "sources.other")))
    )
    (tmp_path / "notes.txt").write_text("not a description")
    assert sorted(load_sources(tmp_path)) == ["other", "shop"]
    (tmp_path / "c.toml").write_text(SOUND)
    with pytest.raises(ConfigurationError, match=r"sources\.shop is described in another file too"):
        load_sources(tmp_path)


def test_a_deployment_says_what_stands_in_the_addresses_of_a_shipped_source(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('version = 1\n[values.shopify]\nshop = "acme"\n')
    source = load_sources(tmp_path)["shopify"]
    assert source.parameters["shop"].default == "acme"
    (tmp_path / "mine.toml").write_text('version = 1\n[values.shopify]\nshp = "acme"\n')
    with pytest.raises(ConfigurationError, match=r"values\.shopify\.shp is no parameter of it"):
        load_sources(tmp_path)


def test_one_s_own_description_comes_before_the_shipped_one_of_its_name() -> None:
    mine = parse_sources(SOUND.replace("sources.shop", "sources.stripe").encode(), ".toml", name="a")
    assert pick(mine, "stripe")[1].base_url == "https://${region}.shop.example"
    assert pick({}, "stripe")[1].base_url == "https://api.stripe.com"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("strpe.charges", "did you mean stripe?"),
        ("stripe.charge", "known are stripe.charges"),
        ("../stripe.charges", "there is no source"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        _ = Source.shipped()[name]


@given(st.binary(max_size=200), st.sampled_from([".toml", ".json"]))
def test_any_bytes_are_sources_or_a_typed_error(content: bytes, suffix: str) -> None:
    with suppress(ConfigurationError):
        assert isinstance(parse_sources(content, suffix, name="a"), dict)


def test_a_folder_of_descriptions_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no folder .*sources: name a folder or a file"):
        Source.load(tmp_path / "sources")
