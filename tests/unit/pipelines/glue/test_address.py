from __future__ import annotations

import pytest

from de_classes.errors import InvalidInputError
from de_classes.pipelines.glue import GlueAddress


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("glue://shop/orders", {}, "shop.orders"),
        ("glue://shop", {"table": "orders"}, "shop.orders"),
        ("glue://shop/", {"dataset": "raw/Daily-Orders (new)/"}, "shop.daily_orders_new_"),
        ("glue://my-shop/orders", {"table": "orders"}, "my-shop.orders"),
    ],
)
def test_a_table_is_named_by_its_address_by_an_option_or_by_its_dataset(
    text: str, options: dict[str, str], expected: str
) -> None:
    assert str(GlueAddress.parse(text, **options)) == expected


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("shop.orders", {}, r"no table of Glue: give glue://DATABASE\[/TABLE\]"),
        ("glue://shop/raw/orders", {}, "no table of Glue"),
        ("glue://", {"dataset": "x"}, "'' cannot be a database of Glue"),
        ("glue://Shop/orders", {}, "'Shop' cannot be a database of Glue: give lower-case"),
        ("glue://shop/Orders", {}, "'Orders' cannot be a table that Athena reads: give lower-case"),
        ("glue://shop", {"table": "a-b"}, "'a-b' cannot be a table"),
        ("glue://shop", {"table": "x" * 256}, "cannot be a table"),
        ("glue://shop", {"dataset": "/"}, "'' cannot be a table"),
        ("glue://shop/a", {"table": "b"}, "the address names the table 'a', and --table 'b'"),
    ],
)
def test_what_glue_would_fold_or_not_take_is_refused(text: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        GlueAddress.parse(text, **options)
