from __future__ import annotations

import logging
import signal
import threading
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from de_classes.errors import DataFormatError, InvalidInputError, MalformedDataError, UnsupportedValueError
from de_classes.sql import SqlDatabase
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from de_classes.storage.format.schema import Schema
from tests.fakes.datasets import BUCKET, commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.format.schema import Record

ORDERS: list[list[Record]] = [
    [{"id": 1, "buyer": "ada", "total": 2.5}],
    [{"id": 2, "buyer": "bob", "total": 4}],
    [{"id": 3, "buyer": "ada", "total": None}],
]
BUYERS: list[list[Record]] = [[{"buyer": "ada", "city": "Zürich"}]]


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    client = LocalClient(tmp_path, logging.getLogger("tests.sql"))
    client.create_bucket(BUCKET)
    return client


@pytest.fixture(params=["parquet", "jsonl"])
def orders(request: pytest.FixtureRequest, store: LocalClient) -> DatasetReader:
    commit(store, ORDERS, dataset="orders", format=request.param)
    return DatasetReader(store, BUCKET, "orders")


@pytest.fixture
def database(orders: DatasetReader) -> Iterator[SqlDatabase]:
    with SqlDatabase({"orders": orders}) as opened:
        yield opened


def rows(database: SqlDatabase, question: str) -> list[tuple[Any, ...]]:
    return list(chain.from_iterable(database.ask(question).rows))


def test_a_question_is_answered_by_names_types_and_rows(database: SqlDatabase) -> None:
    answer = database.ask(
        "SELECT buyer, sum(total) AS sum, count(*) FROM orders GROUP BY buyer ORDER BY buyer"
    )
    assert answer.columns == {"buyer": "VARCHAR", "sum": "DOUBLE", "count_star()": "BIGINT"}
    assert list(answer.rows) == [[("ada", 2.5, 2), ("bob", 4.0, 1)]]


def test_rows_are_chosen_by_columns_that_are_not_asked_for(database: SqlDatabase) -> None:
    assert rows(database, "SELECT id FROM orders WHERE total > 3 OR buyer IS NULL") == [(2,)]
    assert rows(database, "SELECT count(*) FROM orders WHERE total IS NULL") == [(1,)]


def test_a_table_is_read_as_often_as_it_is_named(database: SqlDatabase) -> None:
    twice = "SELECT a.id FROM orders a JOIN orders b USING (buyer) WHERE b.id = 3 ORDER BY 1"
    assert rows(database, twice) == [(1,), (3,)] == rows(database, twice)


def test_several_datasets_are_joined(store: LocalClient, orders: DatasetReader) -> None:
    commit(store, BUYERS, dataset="buyers", format="csv")
    with SqlDatabase({"orders": orders, "my buyers": DatasetReader(store, BUCKET, "buyers")}) as database:
        found = rows(database, 'SELECT city, count(*) FROM orders JOIN "my buyers" USING (buyer) GROUP BY 1')
    assert found == [("Zürich", 2)]


def test_tables_need_names_of_their_own(orders: DatasetReader) -> None:
    with pytest.raises(InvalidInputError, match="a name of its own: orders, ORDERS"):
        SqlDatabase({"orders": orders, "ORDERS": orders})


def test_columns_of_one_name_get_names_of_their_own(database: SqlDatabase) -> None:
    assert list(database.ask("SELECT a.id, b.id FROM orders a JOIN orders b USING (id)").columns) == [
        "id",
        "id_1",
    ]


def test_what_lies_beside_the_parts_is_not_read(store: LocalClient, orders: DatasetReader) -> None:
    part = orders.manifest.parts[0].key
    content = store.get_object(BUCKET, f"orders/{part}")
    store.put_object(BUCKET, f"orders/stray-{part}", content)
    store.put_object(BUCKET, f"orders/{part.replace('00000001', '00000009')}", content)
    with SqlDatabase({"orders": orders}) as database:
        assert rows(database, "SELECT count(*) FROM orders") == [(3,)]


@pytest.mark.parametrize("schema", [None, Schema.of_columns(("id",))], ids=["no columns", "columns"])
@pytest.mark.parametrize("format_name", ["parquet", "csv", "jsonl"])
def test_an_empty_dataset_is_an_empty_table(
    store: LocalClient, format_name: str, schema: Schema | None
) -> None:
    commit(store, [], dataset="none", format=format_name, schema=schema)
    with SqlDatabase({"none": DatasetReader(store, BUCKET, "none")}) as database:
        assert rows(database, "SELECT count(*) FROM none") == [(0,)]
        assert rows(database, "FROM none") == []


def test_records_without_fields_are_counted(store: LocalClient) -> None:
    commit(store, [[{}, {}]], dataset="bare")
    with SqlDatabase({"bare": DatasetReader(store, BUCKET, "bare")}) as database:
        assert rows(database, "SELECT count(*) FROM bare") == [(2,)]


SHUT = [
    "FROM '{file}'",
    "FROM read_text('{file}')",
    "FROM read_csv('{file}')",
    "FROM glob('{folder}/*')",
    "WITH x AS (COPY orders TO '{folder}/copied.csv') FROM x",
    "FROM 'https://example.com/x.csv'",
    "FROM 's3://bucket/x.parquet'",
    "FROM ORDERS_OF_PYTHON",
    "FROM query('FROM read_text(''{file}'')')",
]


@pytest.mark.parametrize("question", SHUT)
def test_nothing_else_can_be_read_or_written(database: SqlDatabase, question: str, tmp_path: Path) -> None:
    ORDERS_OF_PYTHON = [1]  # noqa: F841, N806 - DuckDB would take a variable for a table
    (tmp_path / "secret.csv").write_text("a\n1\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InvalidInputError, match='the tables are "orders"'):
        rows(database, question.format(file=tmp_path / "secret.csv", folder=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "question",
    [
        "SELECT 1; SELECT 2",
        "",
        "-- nothing",
        "COPY orders TO 'x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'x.db'",
        "SET enable_external_access = true",
        "PRAGMA version",
        "CREATE TABLE x AS FROM orders",
        "EXPLAIN ANALYZE COPY orders TO 'x.csv'",
    ],
)
def test_a_question_is_one_statement_that_reads(database: SqlDatabase, question: str) -> None:
    with pytest.raises(InvalidInputError, match="ask by one statement that reads"):
        database.ask(question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("SELEC", "Parser Error: syntax error"),
        ("SELECT nr FROM orders", 'Referenced column "nr" not found'),
        ("FROM nowhere", "nowhere does not exist"),
    ],
)
def test_a_mistake_is_said_on_one_line(database: SqlDatabase, question: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        database.ask(question)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("question", ["SELECT buyer::INTEGER FROM orders", "SELECT INTERVAL 1 DAY"])
def test_a_value_that_cannot_be_is_an_error_of_data(database: SqlDatabase, question: str) -> None:
    with pytest.raises((DataFormatError, UnsupportedValueError)):
        rows(database, question)
    assert rows(database, "SELECT count(*) FROM orders") == [(3,)]


def test_a_part_that_was_changed_is_named(store: LocalClient, orders: DatasetReader) -> None:
    part = orders.manifest.parts[2].key
    store.put_object(BUCKET, f"orders/{part}", b"x")
    with (
        SqlDatabase({"orders": orders}) as database,
        pytest.raises(MalformedDataError, match=f"{part} is not what was sealed"),
    ):
        rows(database, "SELECT sum(id) FROM orders")


class Interrupting(LocalClient):
    """A store beside which somebody presses Ctrl-C, when the first part is read."""

    pressed = False

    def open_object(self, bucket: str, key: str) -> BinaryIO:
        if "part-" in key and not self.pressed:
            self.pressed = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return super().open_object(bucket, key)


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """Whoever started this in the background of a script has it ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_ends_a_question_that_takes_long(store: LocalClient, tmp_path: Path) -> None:
    commit(store, ORDERS, dataset="orders")
    pressed = DatasetReader(Interrupting(tmp_path, logging.getLogger("tests.sql")), BUCKET, "orders")
    endless = (
        "SELECT count(*) FROM orders, range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = id"
    )
    with SqlDatabase({"orders": pressed}) as database:
        with pytest.raises(KeyboardInterrupt):
            rows(database, endless)
        assert rows(database, "SELECT 1") == [(1,)]


def test_nothing_is_printed_beside_an_answer_that_takes_long(database: SqlDatabase) -> None:
    assert rows(database, "SELECT current_setting('enable_progress_bar')") == [(False,)]


def test_nothing_is_left_behind(database: SqlDatabase) -> None:
    ((folder,),) = rows(database, "SELECT current_setting('temp_directory')")
    assert Path(folder).is_dir()
    database.close()
    assert not Path(folder).exists()
