"""What is written about checks is what they are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest

from de_classes.api.source import EnvironmentSecrets
from de_classes.checks.checking import ResourceCheck
from de_classes.checks.probe import Probe
from de_classes.checks.report import FindingName
from de_classes.utils.clock import ManualClock
from tests.fakes.checks import run
from tests.fakes.listing_api import TOKEN, ListingApi, described
from tools.check_document import DOCUMENTED, PAGE, SCHEMA, schema_text, updated
from tools.receipt_document import meanings

if TYPE_CHECKING:
    from pathlib import Path

    from msgspec import Struct

TO_MEND = "run `python -m tools.check_document`, with layers/de_classes on PYTHONPATH"
VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator
schema, *files = map(open, sys.argv[1:])
schema = json.load(schema)
Draft202012Validator.check_schema(schema)
print(json.dumps([len(list(Draft202012Validator(schema).iter_errors(json.load(file)))) for file in files]))
"""


def test_the_page_and_the_schema_are_of_today() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), TO_MEND
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), TO_MEND


@pytest.mark.parametrize("struct", DOCUMENTED, ids=lambda struct: struct.__name__)
def test_every_field_has_a_meaning(struct: type[Struct]) -> None:
    assert all(meaning.endswith(".") for meaning in meanings(struct).values())
    assert [*meanings(struct)] == [*struct.__struct_encode_fields__]


def test_every_line_of_a_check_is_in_the_pages_table() -> None:
    prose = PAGE.read_text(encoding="utf-8").partition("## What is asked")[0]
    table = re.findall(r"^\| (\w+) \|", prose, re.MULTILINE)
    assert [name for name in table if name != "line"] == list(get_args(FindingName))


def test_real_reports_are_what_the_schema_says_and_others_are_not(tmp_path: Path) -> None:
    secrets, clock = EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": TOKEN}), ManualClock()
    reports = [
        ResourceCheck(Probe(resource, secrets=secrets, transport=ListingApi(), clock=clock)).run()
        for resource in (described(), described("page"), described("cursor", {"records_path": "x"}))
    ]
    wrong_token = EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": "wrong"})
    none = ResourceCheck(Probe(described(), secrets=wrong_token, transport=ListingApi())).run()
    real = [json.loads(msgspec.json.encode(report)) for report in (*reports, none)]
    lacking = {name: real[0][name] for name in real[0] if name != "evidence"}
    wrong = [lacking, {**real[0], "verdict": "fine"}, {**real[0], "findings": [{"name": "auth"}]}]
    files = [tmp_path / f"{number}.json" for number in range(len(real) + len(wrong))]
    for file, document in zip(files, [*real, *wrong], strict=True):
        file.write_text(json.dumps(document))
    done = run("python", "-c", VALIDATE, SCHEMA, *files, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts[: len(real)] == [0] * len(real)
    assert all(counts[len(real) :])
