"""Salesforce, SOQL: a token by client credentials names the instance and no expiry; nextRecordsUrl until
done.

developer.salesforce.com, REST API guide, Query: the page size is asked for by the header Sforce-Query-
Options (here 10 is the smallest); errors are a list at the top; a dead session is 401 INVALID_SESSION_ID.
The token dies after 3 pages, so that a new one is needed on the way.

Bulk API 2.0, query jobs: a POST makes one, a GET looks at it, and its results are CSV, so many rows an answer
as maxRecords says; Sforce-Locator leads on, and says "null" at the end. A job is made in three looks.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, opaque, text_answer, unopaque, whole

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

CLIENT, SECRET = "mimic-client", "mimic-secret"
PAGES_A_TOKEN = 3
JOBS = "/instance/services/data/v62.0/jobs/query"
LOOKS = 3


class Salesforce(Mimic):
    name = "salesforce"
    hosts: ClassVar = {"mimic.my.salesforce.com": ""}
    parameters: ClassVar = {"instance": "mimic"}
    secrets: ClassVar = {"client_id": CLIENT, "client_secret": SECRET}
    resources = ("accounts", "accounts_bulk")
    maximum = 2000

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.token: str | None = None
        self.left = 0
        self.issued = 0
        self.jobs: dict[str, dict[str, Any]] = {}

    def make(self) -> list[Record]:
        return [
            {
                "attributes": {"type": "Account", "url": f"/services/data/v62.0/sobjects/Account/001{n:04d}"},
                "Id": f"001{n:04d}",
                "Name": f"Account {n}",
                "SystemModstamp": f"2024-04-{1 + n % 28:02d}T00:00:00.000+0000",
                "AnnualRevenue": None if n % 6 == 0 else n * 1000.0,
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        if request.path == "/services/oauth2/token":
            return self._issue(request)
        if request.bearer is None or request.bearer != self.token or self.left <= 0:
            error = {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
            return json_answer(401, [error])
        self.left -= 1
        if self.is_third():
            error = {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
            return json_answer(403, [error])
        if request.path.startswith(JOBS):
            return self._bulk(request)
        said = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
        size = int(said[1]) if said else 10
        root = "/instance/services/data/v62.0/query"
        if request.path == root and re.match(r"(?i)select .+ from account\b", request.query.get("q", "")):
            at = 0
        elif place := re.fullmatch(re.escape(root) + r"/01gMIMIC-(\d+)-(\d+)", request.path):
            at, size = int(place[1]), int(place[2])
        elif request.path == root:
            error = {"message": "A query string has to be specified", "errorCode": "MALFORMED_QUERY"}
            return json_answer(400, [error])
        else:
            error = {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
            return json_answer(404, [error])
        done = at + size >= len(self.rows)
        result: Record = {"totalSize": len(self.rows), "done": done, "records": self.rows[at : at + size]}
        if not done:
            result["nextRecordsUrl"] = f"{root}/01gMIMIC-{at + size}-{size}"
        return json_answer(200, result, Sforce_Limit_Info="api-usage=18/5000")

    def expected(self, resource: str) -> list[Record]:
        """In CSV every value is text, and nothing is an empty one."""
        rows = super().expected(resource)
        return rows if resource == "accounts" else [self._as_text(row) for row in rows]

    @staticmethod
    def _as_text(row: Record) -> Record:
        return {name: "" if row[name] is None else str(row[name]) for name in row if name != "attributes"}

    def _bulk(self, request: Request) -> Answer:
        if request.method == "POST" and request.path == JOBS:
            said = request.json() or {}
            if said.get("operation") != "query" or not re.match(
                r"(?i)select .+ from ", said.get("query", "")
            ):
                error = {"errorCode": "INVALIDJOB", "message": "a query is needed"}
                return json_answer(400, [error])
            job: dict[str, Any] = {
                "id": f"750MIMIC{len(self.jobs) + 1:03d}",
                "operation": "query",
                "object": "Account",
                "createdDate": datetime.fromtimestamp(self.clock.now(), UTC).isoformat(),
                "state": "UploadComplete",
            }
            self.jobs[job["id"]] = {**job, "looks": 0}
            return json_answer(200, job)
        name, _, rest = request.path.removeprefix(f"{JOBS}/").partition("/")
        job = self.jobs.get(name, {})
        if not job or rest not in {"", "results"}:
            error = {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
            return json_answer(404, [error])
        return self._look(job) if not rest else self._results(job, request)

    def _look(self, job: dict[str, Any]) -> Answer:
        job["looks"] += 1
        if job["state"] in {"UploadComplete", "InProgress"}:
            job["state"] = "JobComplete" if job["looks"] >= LOOKS else "InProgress"
        if job["state"] == "JobComplete":
            job["numberRecordsProcessed"] = len(self.rows)
        return json_answer(200, {name: job[name] for name in job if name != "looks"})

    def _results(self, job: dict[str, Any], request: Request) -> Answer:
        size = request.number("maxRecords", 10_000)
        start = whole(unopaque(request.query.get("locator", opaque(0))))
        if job["state"] != "JobComplete" or size is None or start is None:
            error = {"errorCode": "INVALIDJOBSTATE", "message": "the job is not complete, or no such locator"}
            return json_answer(400, [error])
        rows = [self._as_text(row) for row in self.rows[start : start + size]]
        table = io.StringIO()
        writer = csv.DictWriter(table, ["Id", "Name", "SystemModstamp", "AnnualRevenue"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        more = opaque(start + size) if start + size < len(self.rows) else "null"
        return text_answer(
            200, table.getvalue(), "text/csv", Sforce_Locator=more, Sforce_NumberOfRecords=len(rows)
        )

    def _issue(self, request: Request) -> Answer:
        form = request.form
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            wrong = {"error": "unsupported_grant_type", "error_description": "grant type not supported"}
            return json_answer(400, wrong)
        given = (form.get("client_id"), form.get("client_secret"))
        if given != (CLIENT, SECRET) and request.basic != (CLIENT, SECRET):
            wrong = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return json_answer(400, wrong)
        self.issued += 1
        self.token, self.left = f"00D!mimic{self.issued:03d}", PAGES_A_TOKEN
        token = {
            "access_token": self.token,
            "signature": "x",
            "instance_url": request.base + "/instance",
            "id": request.base + "/id",
            "token_type": "Bearer",
            "issued_at": "1700000000000",
        }
        return json_answer(200, token)
