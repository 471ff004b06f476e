"""What docs/evidence.md shows is what a run says, and it names every word that a receipt may have."""

from __future__ import annotations

import re
from typing import get_args

from de_classes.api.evidence import EndBy, StillBy
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.ingest import summary
from de_classes.runs.api_data_service import ApiDataService
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from tests.fakes.runs import BUCKET, LOGGER, memory
from tests.fakes.sources import ROOT
from tests.fakes.transports import FakePagedApi

PAGE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^    (\w.*)$", PAGE, re.MULTILINE)
NAMED = re.findall(r"^\| `([a-z ]+)` \|", PAGE, re.MULTILINE)


def test_the_summary_that_is_shown_is_that_of_such_a_run() -> None:
    client = UnstableAPIClient("https://api.example", runtime=ClientRuntime(transport=FakePagedApi(40)))
    storage = StorageDataService(memory(), DataFormatService(), LOGGER)
    receipt = ApiDataService(client, storage, LOGGER).fetch_all_to_storage(BUCKET, "a.jsonl", limit=10)
    said = summary(receipt).splitlines()[: len(SHOWN)]
    assert [re.sub(r"[\d.]+ s$", "0.8 s", line) for line in said] == SHOWN


def test_every_word_of_a_receipt_is_explained() -> None:
    assert sorted(NAMED) == sorted([*get_args(EndBy), *get_args(StillBy)])
