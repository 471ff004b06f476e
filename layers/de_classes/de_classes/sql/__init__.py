"""Questions in SQL about datasets, answered by DuckDB in this process; needs the extra ``[sql]``.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.sql.database import QueryResult, SqlDatabase

__all__ = ["QueryResult", "SqlDatabase"]

__getattr__, __dir__ = loaded_on_use(__name__, {"database": ("QueryResult", "SqlDatabase")})
