"""A deployed worker and a source whose refresh token is good once: what one buys, the next one uses."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import boto3
from moto import mock_aws

from de_classes.bootstrap import build_ingestion
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.clock import ManualClock
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.mimics.xero import PAGES_A_TOKEN, Xero

if TYPE_CHECKING:
    from pathlib import Path

QUIET = logging.getLogger("tests.rotating")


def test_runs_of_different_processes_read_a_rotating_source_whole(tmp_path: Path) -> None:
    store, xero, clock = LocalClient(tmp_path, QUIET), Xero(), ManualClock()
    store.create_bucket("worker")
    with no_aws_environment() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name="stack/sources/xero", SecretString=json.dumps(dict(xero.secrets)))
        for run in ("one", "two", "three"):
            worker = build_ingestion(
                {"BUCKET": "worker", "SECRETS_PREFIX": "stack/sources", "KEY_PREFIX": "raw"},
                store=lambda _: store,
                transport=MimicTransport(xero),
                clock=clock,
                logger=QUIET,
            )
            receipt = worker.run(worker.read({"source": "xero.invoices", "limit": 10}), run_id=run)
            batches = DatasetReader(store, "worker", receipt.key).records()
            assert [record["InvoiceID"] for batch in batches for record in batch] == [
                row["InvoiceID"] for row in xero.make()
            ]
        kept = json.loads(secrets.get_secret_value(SecretId="stack/sources/xero")["SecretString"])
    assert kept["refresh_token"] == xero.refresh
    asked = sum(request.path == "/api.xro/2.0/Invoices" for request in xero.asked)
    refused = xero.issued - 1  # one for each token that is used up
    assert xero.issued == -(-(asked - refused) // PAGES_A_TOKEN)  # what a run leaves, the next one uses
    leases = [info.key for info in store.list_objects("worker", "raw/_leases/")]
    assert [key.rpartition("/")[0] for key in leases] == ["raw/_leases/stack/sources/xero/refresh_token"]
