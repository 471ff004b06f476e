"""A Glue catalog in memory, behind boto3's own client: botocore's model of Glue checks what is called."""

from __future__ import annotations

import copy
import json
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from de_classes.pipelines.glue import GlueAddress, GlueTable
from tests.fakes.aws import nobodys_session

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "shop"
OK, REFUSED = 200, 400


class FakeGlue:
    """Tables by database and name, each with a version, as Glue keeps them.

    Args:
        compares_versions: Whether ``UpdateTable`` heeds ``VersionId``, as AWS does and moto does not.

    Attributes:
        tables: By database and name.
        before: Called with each operation's name before it is carried out; raises what it likes.
        after: The same behind it.
        refusals: By operation, the code of the error that it is answered with.
        calls: The operations, in order.
    """

    def __init__(self, *, compares_versions: bool = True) -> None:
        self.tables: dict[tuple[str, str], dict[str, Any]] = {}
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None
        self.refusals: dict[str, str] = {}
        self.calls: list[str] = []
        self._compares_versions = compares_versions
        self._lock = threading.Lock()
        self.client: Any = nobodys_session().client("glue")
        self.client.meta.events.register("before-call.glue", self._answer)

    def table(self, name: str = "orders") -> GlueTable:
        """A table that is registered here."""
        return GlueTable(GlueAddress(DATABASE, name), client=self.client)

    def shown(self, name: str = "orders") -> dict[str, Any]:
        """A table as a reader of the catalog gets it."""
        shown: dict[str, Any] = self.client.get_table(DatabaseName=DATABASE, Name=name)["Table"]
        return shown

    def columns(self, name: str = "orders") -> dict[str, str]:
        """A table's columns by type."""
        return {each["Name"]: each["Type"] for each in self.shown(name)["StorageDescriptor"]["Columns"]}

    def generation(self, name: str = "orders") -> int:
        """Which commit a table shows; 0 for none."""
        there = self.tables.get((DATABASE, name))
        return int(there["Parameters"]["de_classes_generation"]) if there else 0

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        name: str = model.name
        self.calls.append(name)
        self.before(name)
        status, answer = OK, {}
        with self._lock:
            try:
                answer = self._carry_out(name, json.loads(params["body"]))
            except _RefusedError as error:
                status, answer = REFUSED, {"Error": {"Code": str(error), "Message": f"says {name}"}}
            self.after(name)  # nobody else has changed anything since
        return SimpleNamespace(status_code=status), {
            **answer,
            "ResponseMetadata": {"HTTPStatusCode": status},
        }

    def _carry_out(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        """What an operation gives, or the code of its error."""
        if name in self.refusals:
            raise _RefusedError(self.refusals[name])
        if asked.get("DatabaseName", asked.get("Name")) != DATABASE:
            raise _RefusedError("EntityNotFoundException")
        if name == "GetDatabase":
            return {"Database": {"Name": DATABASE}}
        key = (DATABASE, asked["TableInput"]["Name"] if "TableInput" in asked else asked["Name"])
        there = self.tables.get(key)
        if name == "CreateTable" and there is None:
            self.tables[key] = {**asked["TableInput"], "VersionId": "0"}
            return {}
        if name == "CreateTable" or there is None:
            raise _RefusedError("AlreadyExistsException" if there else "EntityNotFoundException")
        if name == "GetTable":
            return {"Table": copy.deepcopy(there)}
        version = asked.get("VersionId", there["VersionId"])
        if self._compares_versions and version != there["VersionId"]:
            raise _RefusedError("ConcurrentModificationException")
        self.tables[key] = {**asked["TableInput"], "VersionId": str(int(there["VersionId"]) + 1)}
        return {}


class _RefusedError(Exception):
    """Its text is the code that AWS answers with."""
