"""All of a source in one command: each resource into a dataset of its own, and one summary."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import main
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets.reader import DatasetReader
from tests.fakes.described_api import DescribedApi, served
from tests.fakes.runs import LOGGER

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """
version = 1
[sources.shop]
base_url = "https://api.example"
[sources.shop.resources.orders]
path = "/items"
records_path = "items"
page_size = { into = "query.limit" }
pagination = { type = "page", pages_path = "pages" }
[sources.shop.resources.wrong]
path = "/items"
records_path = "no.such.path"
page_size = { into = "query.limit" }
pagination = { type = "page", pages_path = "pages" }
[sources.shop.resources.returns]
path = "/items"
records_path = "items"
page_size = { into = "query.limit" }
pagination = { type = "page", pages_path = "pages" }
"""


def ingest(folder: Path, *words: str, shop: str = SHOP, quiet: bool = True) -> tuple[int, str, str]:
    (folder / "shop.toml").write_text(shop)
    out, err = io.StringIO(), io.StringIO()
    api = DescribedApi()
    with served(api) as url, redirect_stdout(out), redirect_stderr(err):
        named = ("--sources", str(folder / "shop.toml"), "--base-url", url, "--to", str(folder / "lake"))
        try:
            status = main(
                [
                    "ingest",
                    *words,
                    *named,
                    *(["--quiet"] if quiet else []),
                    "--limit",
                    "4",
                    "--format",
                    "jsonl",
                ]
            )
        except SystemExit as left:
            status = int(left.code or 0)
    return status, out.getvalue(), err.getvalue()


def test_all_of_a_source_is_ingested_though_one_of_its_resources_fails(tmp_path: Path) -> None:
    status, out, err = ingest(tmp_path, "shop", "--max-attempts", "1")
    assert (status, "shop: 2 of 3 resources complete, 20 records" in out) == (4, True)
    assert err.startswith("ingest shop.wrong: IncompleteRunError: ")
    assert "'no.such.path'; it has items (a list), pages" in err
    store = LocalClient(tmp_path, LOGGER)
    for name in ("orders", "returns"):
        reader = DatasetReader(store, "lake", f"shop/{name}")
        assert sum(len(batch) for batch in reader.records()) == 10


def test_what_is_ingested_only_by_name_is_left_out_of_all_of_a_source(tmp_path: Path) -> None:
    marked = SHOP.replace(
        "[sources.shop.resources.returns]", "[sources.shop.resources.returns]\nonly_by_name = true"
    )
    _, out, _ = ingest(tmp_path, "shop", "--max-attempts", "1", shop=marked)
    assert "shop: 1 of 2 resources complete, 10 records" in out
    assert ingest(tmp_path, "shop.returns", shop=marked)[0] == 0


def test_a_run_id_for_all_of_a_source_is_one_for_each_resource(tmp_path: Path) -> None:
    _, out, _ = ingest(tmp_path, "shop", "--max-attempts", "1", "--run-id", "monday", "--json")
    runs = [json.loads(line)["run_id"] for line in out.splitlines()]
    assert runs == ["monday-orders", "monday-returns"]


def test_all_of_a_source_goes_on_by_one_id(tmp_path: Path) -> None:
    status, _, err = ingest(tmp_path, "shop", "--max-attempts", "1", quiet=False)
    first, *_ = err.splitlines()
    run_id = first.partition("--run-id ")[2]
    assert (status, first) == (4, f"ingest: run {run_id}: if it is stopped, go on with --run-id {run_id}")
    assert err.count("if it is stopped") == 1
    assert f"; go on with --run-id {run_id}\n" in err
    begun = {path.name for path in (tmp_path / "lake" / "_runs").iterdir()}
    assert begun == {f"{run_id}-{name}" for name in ("orders", "wrong", "returns")}


TRANSFORMED = """transforms = [
    { type = "rename", columns = { name = "title" } },
    { type = "filter", where = "id > `3`" },
]
"""


@pytest.mark.parametrize("words", [("--dataset", "them"), ("--key", "them.jsonl")])
def test_the_summary_says_what_came_and_what_each_transform_left_of_it(
    words: tuple[str, str], tmp_path: Path
) -> None:
    status, out, err = ingest(tmp_path, "shop.returns", *words, shop=SHOP + TRANSFORMED)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("complete: 10 records, 3 pages, ")
    said = [line for line in lines if line.startswith("transform:")]
    assert said == ["transform: rename: 10 records in, 10 out", "transform: filter: 10 records in, 7 out"]


def test_what_does_not_fit_the_described_columns_is_set_aside_where_the_description_says_so(
    tmp_path: Path,
) -> None:
    pinned = 'columns = { id = "int64!", title = "string" }\non_violation = "quarantine"\n'
    step = """transforms = [{ type = "rename", columns = { name = "title" } }]\n"""
    words = ("shop.returns", "--dataset", "them")
    status, out, err = ingest(tmp_path, *words, shop=SHOP + pinned.replace("title", "name") + step)
    assert (status, err, "set aside: 10 records" in out) == (0, "", True)
    status, out, err = ingest(tmp_path, *words[:2], "those", shop=SHOP + pinned + step)
    assert (status, err, "set aside" in out) == (0, "", False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shop.order",), "'shop.order' names no resource: known are shop.orders, shop.returns, shop.wrong"),
        (("shup.orders",), "there is no source 'shup': did you mean shop?"),
        (("shop.orders", "--set", "x"), "--set must be NAME=VALUE"),
        (("shop.orders", "--set", "x=1"), "--set x is no parameter of shop.orders: known are none"),
        (("shop.orders", "--username", "ada"), "--username has no effect with the name of a source: "),
        (("shop.orders", "--pagination", "link"), "--pagination has no effect with the name of a source: "),
        (("shop", "--key", "a.jsonl"), "--key has no effect with all of a source: "),
    ],
)
def test_a_mistake_in_the_words_is_named_before_anything_is_done(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    status, _, err = ingest(tmp_path, *words)
    assert (status, said in err) == (2, True), err
    assert not (tmp_path / "lake").exists()
