"""What is written about receipts is what they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.api_data_service import ApiDataService
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.storage.services import StorageDataService
from tests.fakes.checks import run
from tests.fakes.runs import BASE, BUCKET, LOGGER, memory, plan, service
from tests.fakes.transports import FakePagedApi
from tools.receipt_document import DOCUMENTED, PAGE, SCHEMA, meanings, schema_text, updated

if TYPE_CHECKING:
    from pathlib import Path

    from msgspec import Struct

    from de_classes.api.receipt import IngestReceipt

TO_MEND = "run `python -m tools.receipt_document`, with layers/de_classes on PYTHONPATH"
VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator
schema, *files = map(open, sys.argv[1:])
schema = json.load(schema)
Draft202012Validator.check_schema(schema)
print(json.dumps([len(list(Draft202012Validator(schema).iter_errors(json.load(file)))) for file in files]))
"""
PINNED = PinnedSchema.parse({"id": "string"})


def test_the_page_and_the_schema_are_of_today() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), TO_MEND
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), TO_MEND


@pytest.mark.parametrize("struct", DOCUMENTED, ids=lambda struct: struct.__name__)
def test_every_field_has_a_meaning(struct: type[Struct]) -> None:
    assert all(meaning.endswith(".") for meaning in meanings(struct).values())
    layout = struct.__struct_config__.tag_field
    assert [*meanings(struct)] == [*filter(None, [layout]), *struct.__struct_encode_fields__]


def receipts() -> list[IngestReceipt]:
    """Of a complete run, a partial one, one that set everything aside, and one of a single object."""
    broken = FakePagedApi(45, {3: [HttpResponse(503)] * 9})
    client = UnstableAPIClient(BASE, None, LOGGER, runtime=ClientRuntime(transport=FakePagedApi(45)))
    single = ApiDataService(client, StorageDataService(memory(), DataFormatService(), LOGGER), LOGGER)
    return [
        service(memory(), FakePagedApi(45)).carry_out(plan(format="parquet", key_fields=("id",))),
        service(memory(), broken).carry_out(plan(), allow_partial=True),
        service(memory(), FakePagedApi(45)).carry_out(plan(pinned=PINNED, on_violation="quarantine")),
        single.fetch_all_to_storage(BUCKET, "a.csv", "csv", limit=10),
    ]


def errors_in(folder: Path, documents: list[dict[str, Any]]) -> list[int]:
    """How much is wrong with each, as a validator that knows nothing of us sees it."""
    files = [folder / f"{number}.json" for number in range(len(documents))]
    for file, document in zip(files, documents, strict=True):
        file.write_text(json.dumps(document))
    done = run("python", "-c", VALIDATE, SCHEMA, *files, folder=folder)
    assert done.returncode == 0, done.stderr
    counts: list[int] = json.loads(done.stdout)
    return counts


def test_real_receipts_are_what_the_schema_says_and_others_are_not(tmp_path: Path) -> None:
    real = [json.loads(receipt.to_json()) for receipt in receipts()]
    assert [each["status"] for each in real] == ["complete", "partial", "complete", "complete"]
    lacking = {name: real[0][name] for name in real[0] if name != "records"}
    wrong = [lacking, {**real[0], "bytes": -1}, {**real[0], "status": "incomplete"}]
    wrong.append({**real[0], "parts": [{"key": "a"}]})
    counts = errors_in(tmp_path, [*real, *wrong])
    assert counts[: len(real)] == [0] * len(real)
    assert all(counts[len(real) :])
