"""How the data of a receipt is read by pandas, DuckDB and Polars, in lines to copy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from de_classes.utils.formats import FORMATS

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt

MOST_NAMED: Final = 4
"""Parts that are named one by one; of more, the manifest is read."""


def with_pandas(receipt: IngestReceipt) -> str | None:
    """Lines of Python that make ``df``; None where pandas cannot read the format."""
    read, parts = _reader(receipt, "pandas"), _addresses(receipt)
    if read is None:
        return None
    if len(parts) == 1:
        return f"import pandas as pd\ndf = {read.format(_in_python(parts[0]))}"
    return (
        f"{_imports(receipt, 'pandas', 'pd')}{_listed(receipt)}"
        f"df = pd.concat([{read.format('part')} for part in parts], ignore_index=True)"
    )


def with_polars(receipt: IngestReceipt) -> str | None:
    """Lines of Python that make ``df``; None where Polars cannot read the format."""
    read, parts = _reader(receipt, "polars"), _addresses(receipt)
    if read is None:
        return None
    if len(parts) == 1:
        return f"import polars as pl\ndf = {read.format(_in_python(parts[0]))}"
    return (
        f"{_imports(receipt, 'polars', 'pl')}{_listed(receipt)}"
        f'df = pl.concat([{read.format("part")} for part in parts], how="diagonal_relaxed")'
    )


def with_duckdb(receipt: IngestReceipt) -> str | None:
    """SQL whose last statement gives the records; None where DuckDB cannot read the format."""
    read, parts = _reader(receipt, "duckdb"), _addresses(receipt)
    if read is None:
        return None
    load = "" if _is_local(receipt) else "INSTALL httpfs; LOAD httpfs;\n"
    if len(parts) == 1:
        return f"{load}FROM {read.format(_in_sql(parts[0]))};"
    if len(parts) <= MOST_NAMED:
        named = ", ".join(map(_in_sql, parts))
        return f"{load}FROM {read.format(f'[{named}]')};"
    folder, manifest = _in_sql(f"{_folder(receipt)}/"), _in_sql(_address(receipt, receipt.key))
    return f"""{load}SET VARIABLE parts = (
  SELECT list_transform(parts, lambda part: {folder} || part.key)
  FROM read_json({manifest}, columns = {{parts: 'STRUCT("key" VARCHAR)[]'}})
);
FROM {read.format("getvariable('parts')")};"""  # noqa: S608 - shown, not run, and what is in it is quoted


def _reader(receipt: IngestReceipt, library: str) -> str | None:
    """None, too, for a format that is not registered here: the receipt may be of another program's."""
    known = FORMATS.get(receipt.format)
    found: str | None = getattr(known, library, None)
    return found


def _imports(receipt: IngestReceipt, library: str, short: str) -> str:
    if len(receipt.parts) <= MOST_NAMED:
        return f"import {library} as {short}\n"
    opens = "" if _is_local(receipt) else "import fsspec\n"
    return f"import json\n{opens}import {library} as {short}\n"


def _listed(receipt: IngestReceipt) -> str:
    """The line that makes ``parts``."""
    parts = _addresses(receipt)
    if len(parts) <= MOST_NAMED:
        return f"parts = [{', '.join(map(_in_python, parts))}]\n"
    opened = "open" if _is_local(receipt) else "fsspec.open"
    folder, manifest = _in_python(f"{_folder(receipt)}/"), _in_python(_address(receipt, receipt.key))
    return (
        f"with {opened}({manifest}) as file:\n"
        f'    parts = [{folder} + part["key"] for part in json.load(file)["parts"]]\n'
    )


def _addresses(receipt: IngestReceipt) -> list[str]:
    return [_address(receipt, part.key) for part in receipt.parts]


def _folder(receipt: IngestReceipt) -> str:
    return _address(receipt, receipt.key.rpartition("/")[0])


def _address(receipt: IngestReceipt, key: str) -> str:
    """Where an object of the receipt's bucket is, as other libraries are told it: a path if it is local."""
    if not _is_local(receipt):
        return f"{receipt.uri.removesuffix(receipt.key)}{key}"
    path = unquote(receipt.uri.removeprefix("file://"))
    return f"{path.removesuffix(receipt.key)}{key}"


def _is_local(receipt: IngestReceipt) -> bool:
    return receipt.uri.startswith("file://")


def _in_python(text: str) -> str:
    return json.dumps(text)


def _in_sql(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
