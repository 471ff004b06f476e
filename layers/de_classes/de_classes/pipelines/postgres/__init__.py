"""PostgreSQL: commits of datasets, and records of pipelines, as tables; needs the extra ``[postgres]``.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.pipelines.postgres.address import PostgresAddress
    from de_classes.pipelines.postgres.loader import Loaded, PostgresLoader

__all__ = ["Loaded", "PostgresAddress", "PostgresLoader"]

__getattr__, __dir__ = loaded_on_use(
    __name__, {"address": ("PostgresAddress",), "loader": ("Loaded", "PostgresLoader")}
)
