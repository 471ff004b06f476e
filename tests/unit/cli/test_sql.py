from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import make_parser
from de_classes.cli.sql import SqlAnswer, run
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetCommits, Manifest
from tests.fakes.datasets import commit, seal
from tests.fakes.runs import LOGGER

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    {"id": 1, "name": "", "total": 2.5, "about": {"tags": ["a", None]}},
    {"id": 2, "name": None, "total": 1, "about": None},
    {"id": 3, "name": 'x,"\x1b[2J\ny', "total": None, "about": {"tags": []}},
]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    store = LocalClient(tmp_path, LOGGER)
    store.create_bucket("lake")
    commit(store, [RECORDS], dataset="orders", bucket="lake", format="parquet")
    commit(store, [[{"id": 2, "city": "Zürich"}]], dataset="my-buyers", bucket="lake", format="csv")
    parts = [each.part for each in seal(store, [[{"id": 1}]], dataset="gaps", bucket="lake")]
    schema = seal(store, [[{"id": 1}]], dataset="gaps", bucket="lake")[0].schema
    partial = Manifest.of(
        parts, run_id="monday", generation=1, format="jsonl", schema=schema, missing_pages=["2", "7-9"]
    )
    DatasetCommits(store, "lake", "gaps").commit(partial)
    return tmp_path / "lake"


def sql(what: object, *words: str, columns: int | None = None) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    args = make_parser(["sql"]).parse_args(["sql", str(what), *words])
    return run(args, out=out, err=err, columns=columns), out.getvalue(), err.getvalue()


def test_an_answer_is_a_table(lake: Path) -> None:
    status, out, err = sql(lake / "orders", "SELECT id, name, total FROM orders")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "id  name           total",
        "--  -------------  -----",
        " 1                   2.5",
        " 2  null             1.0",
        ' 3  x,"\\x1b[2J\\ny   null',
    ]


def test_a_table_is_as_wide_as_the_terminal_and_whole_without_one(lake: Path) -> None:
    question = "SELECT repeat('x', 300) AS long, 1 AS a, 2 AS b, 3 AS c"
    lines = sql(lake / "orders", question, columns=40)[1].splitlines()
    assert max(map(len, lines)) <= 40
    assert "…" in lines[2]
    assert "x" * 300 in sql(lake / "orders", question)[1]


def test_csv_tells_nulls_from_empty_texts(lake: Path) -> None:
    assert sql(lake / "orders", "FROM orders", "--format", "csv")[1] == (
        '"id","name","total","about"\n'
        '1,"",2.5,"{""tags"":[""a"",null]}"\n'
        "2,,1.0,\n"
        '3,"x,""\x1b[2J\ny",,"{""tags"":[]}"\n'
    )
    assert "\x1b" not in sql(lake / "orders", "FROM orders", "--format", "csv", columns=80)[1]


@pytest.mark.parametrize("words", [("--json",), ("--format", "json")])
def test_json_says_what_was_asked_and_holds_every_row(lake: Path, words: tuple[str, ...]) -> None:
    status, out, err = sql(lake / "orders", "FROM orders", *words)
    told = json.loads(out)
    assert (status, err, "\x1b" in out) == (0, "", False)
    assert told["columns"] == {
        "id": "BIGINT",
        "name": "VARCHAR",
        "total": "DOUBLE",
        "about": "STRUCT(tags VARCHAR[])",
    }
    assert told["rows"] == RECORDS
    assert told["datasets"][0]["name"] == "orders"
    assert sorted(told) == sorted(SqlAnswer.__struct_fields__)


def test_json_lines_are_a_row_each(lake: Path) -> None:
    out = sql(lake / "orders", "FROM orders", "--format", "jsonl")[1]
    assert [json.loads(line) for line in out.splitlines()] == RECORDS


def test_an_answer_without_rows_is_whole_in_every_format(lake: Path) -> None:
    none = "SELECT id FROM orders WHERE id > 9"
    assert sql(lake / "orders", none)[1] == "id\n--\n"
    assert sql(lake / "orders", none, "--format", "csv")[1] == '"id"\n'
    assert sql(lake / "orders", none, "--format", "jsonl")[1] == ""
    assert json.loads(sql(lake / "orders", none, "--json")[1])["rows"] == []


def test_other_datasets_have_the_name_that_is_given(lake: Path) -> None:
    question = 'SELECT o.id, city FROM "my-buyers" JOIN o USING (id)'
    status, out, _ = sql(
        lake / "my-buyers", question, "--with", f"o={lake}/orders/_manifest-00000001.json", "--format", "csv"
    )
    assert (status, out) == (0, '"id","city"\n2,"Zürich"\n')


def test_a_partial_dataset_says_so_with_every_answer(lake: Path) -> None:
    said = "sql: gaps is partial: generation 1 of run monday lacks pages 2, 7-9; replay that run\n"
    assert sql(lake / "gaps", "FROM gaps", "--format", "jsonl") == (3, '{"id":1}\n', said)
    status, out, err = sql(lake / "orders", "SELECT 1 AS one", "--with", f"gaps={lake}/gaps", "--json")
    assert (status, err) == (3, said)
    assert json.loads(out)["datasets"][1]["missing_pages"] == ["2", "7-9"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("SELEC 1",), "sql: Parser Error: syntax error"),
        (("FROM nowhere",), 'the tables are "orders"'),
        (("FROM orders", "--with", "buyers"), "sql: --with is NAME=DATASET"),
        (("FROM orders", "--with", "x=nowhere"), "there is no such file or folder"),
        (("FROM orders", "--with", "orders=lake"), "the name of two datasets"),
        (("FROM orders", "--generation", "7"), "is no dataset"),
        (("DROP VIEW orders",), "sql: ask by one statement that reads"),
    ],
)
def test_a_mistake_exits_with_2_and_says_nothing_on_stdout(
    lake: Path, words: tuple[str, ...], said: str
) -> None:
    status, out, err = sql(lake / "orders", *words)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_damaged_part_exits_with_1(lake: Path) -> None:
    (part,) = (lake / "orders").glob("part-*")
    part.write_bytes(part.read_bytes()[:-1])
    status, _, err = sql(lake / "orders", "SELECT sum(id) FROM orders")
    assert status == 1
    assert "is not what was sealed there" in err


def test_a_question_is_read_from_stdin(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) AS n\nFROM orders;\n"))
    assert sql(lake / "orders", "-", "--format", "csv")[1] == '"n"\n3\n'


def test_what_is_not_installed_is_named(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in [name for name in sys.modules if name.startswith("de_classes.sql")]:
        monkeypatch.delitem(sys.modules, name)
    status, _, err = sql(lake / "orders", "FROM orders")
    assert (status, err) == (2, "sql: sql needs duckdb: pip install 'de-classes[sql]'\n")
