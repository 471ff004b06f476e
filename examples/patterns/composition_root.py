"""Composition root: one function makes the objects and hands them on; all others are given what they need."""

import json
import logging
import tempfile
from pathlib import Path

from de_classes.api.source import EnvironmentSecrets
from de_classes.bootstrap import build_ingestion
from de_classes.configs.ingest import IngestRequest
from de_classes.simulators.server import SimulatorServer
from de_classes.storage.clients import LocalClient

# Naive: `bucket = os.environ["BUCKET"]` and `s3 = boto3.client("s3")` at the top of every module, which then
# is not imported without an environment, nor tried without an account; a test has to patch its names.
with SimulatorServer() as api, tempfile.TemporaryDirectory() as folder:
    lake = LocalClient(Path(folder), logging.getLogger("lake"))
    sources = str(Path(__file__).resolve().parents[2] / "sources")
    lake.create_bucket("lake")
    login = {"DE_CLASSES_SECRET_USERNAME": api.username, "DE_CLASSES_SECRET_PASSWORD": api.password}
    parameters = json.dumps({"unstable": {"address": api.base_url}})
    worker = build_ingestion(  # the deployed worker, but for a folder and a dictionary
        {"BUCKET": "lake", "SOURCES_PATH": sources, "SOURCE_PARAMETERS": parameters},
        store=lambda _: lake,
        secrets=lambda _: EnvironmentSecrets(login),
    )
    print(worker.run(IngestRequest(limit=500), run_id="first").records, "records")
# It costs arguments that are passed through many hands, and one long function that knows everybody.
# Exercise: give it a clock that you turn (`clock=ManualClock()`). What does a run take then?
