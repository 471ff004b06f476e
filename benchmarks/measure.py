"""One client through one case: an API of its own, a process of its own, and its output read back."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.json as pj

from benchmarks import kinds
from benchmarks.clients.task import Task
from benchmarks.contestants import ROOT, search_path
from benchmarks.figures import FAILED, Run
from benchmarks.mimicked import words
from benchmarks.records import COLUMNS
from benchmarks.records_file import RecordsFile
from benchmarks.server import Options, failures, seed_of_six
from benchmarks.verify import verify
from benchmarks.verify_records import verify_records
from localcloud.workspace import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Case
    from benchmarks.contestants import Contestant

LIMIT_SECONDS = 1800.0
BUCKET = "bench"
_SAID_CHARS = 300
_MEGABYTE = 1_000_000
_SAMPLE = 16 << 20
_PINNED_TYPES = {"double": "float64"}
_LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Bench:
    """Where the runs of a benchmark take place.

    Attributes:
        plain: As many plain records as any case asks for; see ``benchmarks.kinds.write``.
        folder: For outputs, each removed after it was read, and for records of other kinds.
        cores: All that there are, of which a case's first ones are the client's; empty if there is one.
        store: The address of an S3 server; empty if there is none.
        objects: The folder where it keeps the objects of its bucket.
        empty: Removes them.
        credentials: The shared credentials file that lets a client in there.
    """

    plain: Path
    folder: Path
    cores: tuple[int, ...] = ()
    store: str = ""
    objects: Path = Path()
    empty: Callable[[], None] = lambda: None
    credentials: Path = Path(os.devnull)

    def run(self, contestant: Contestant, case: Case, number: int) -> Run:
        """Run it once.

        Args:
            contestant: The client.
            case: What it is to do.
            number: Of the round.
        """
        records = self.records(case)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            options = served(case, records)
            with api(options) as server:
                task = self.task(contestant, case, server.url, folder)
                figures = self._launch(contestant, task, case.cores, Path(folder))
            where = self.objects if case.to_store else Path(task.folder)
            rows, wrong = self._verified(contestant, case, where, figures)
            foretold = foretold_memory(where)
        if case.to_store:
            self.empty()  # by the server itself: of files that go behind its back it still knows
        return Run(
            case=case.name,
            client=contestant.name,
            round=number,
            wall=round(figures["wall"], 3),
            cpu=round(figures["cpu"], 3),
            peak=figures["peak"],
            requests=server.figures["requests"],
            least=least_requests(case, options),
            server_cpu=round(server.figures["cpu"], 3),
            rows=rows,
            wrong=wrong,
            foretold=foretold,
        )

    def records(self, case: Case) -> Path:
        """The records that a case's API has; others than plain ones are written once they are needed."""
        if case.kind == kinds.PLAIN:
            return self.plain
        path = self.folder / f"records-{case.kind}-{case.records}"
        if not path.exists():
            kinds.write(path, case.kind, case.records)
        return path

    def task(self, contestant: Contestant, case: Case, url: str, folder: str) -> Task:
        """What a client is told.

        Args:
            contestant: The client.
            case: What it is to do.
            url: Where the API is.
            folder: For what it is told in files, and for its output.
        """
        output = Path(folder, "output")
        output.mkdir()
        store = f"{self.store}/{BUCKET}" if case.to_store else ""
        described = words(case.mimic, url, Path(folder)) if case.mimic else ()
        return Task(
            url,
            case.limit,
            case.workers,
            case.format,
            str(output),
            store,
            described,
            case.key,
            columns=str(_pinned(Path(folder, "columns.json"))) if case.is_pinned else "",
            part_pages=case.part_pages,
            schema=self._schema(case) if contestant.is_told_schema else "",
        )

    def _schema(self, case: Case) -> str:
        """A file with the Arrow schema of a case's records; none where they are plain, whose is known."""
        if case.kind == kinds.PLAIN:
            return ""
        records = self.records(case)
        path = records.with_name(f"{records.name}.schema")
        if not path.exists():
            path.write_bytes(inferred(RecordsFile(records)).serialize())
        return str(path)

    def _launch(self, contestant: Contestant, task: Task, cores: int, folder: Path) -> dict[str, Any]:
        given, figures, said = folder / "task.json", folder / "figures.json", folder / "said"
        given.write_text(json.dumps(asdict(task)), encoding="utf-8")
        own = ",".join(map(str, self.cores[:cores])) or "-"
        measured = [own, str(LIMIT_SECONDS), str(figures), *contestant.command(task, given)]
        with said.open("wb") as stderr:
            subprocess.run(  # noqa: S603 - our own launcher and clients
                [sys.executable, "-I", "-S", str(_LAUNCHER), *measured],
                cwd=folder,
                env=environment(folder, self.credentials),
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                check=True,
            )
        taken: dict[str, Any] = json.loads(figures.read_text(encoding="ascii"))
        return {**taken, "said": last_words(said.read_text(encoding="utf-8", errors="replace"))}

    def _verified(
        self, contestant: Contestant, case: Case, where: Path, figures: dict[str, Any]
    ) -> tuple[int, str]:
        """How many rows are there, and what is wrong."""
        if figures["status"]:
            return 0, f"{FAILED} {figures['status']}: {figures['said']}"
        if not contestant.keeps:
            return -1, ""
        try:
            if case.kind == kinds.PLAIN:
                verdict = verify(where, case.records)
            else:
                verdict = verify_records(where, RecordsFile(self.records(case)), case.records)
        except Exception as error:  # noqa: BLE001 - whatever it wrote, it is its failure and nobody else's
            return 0, f"its output cannot be read: {error}"[:_SAID_CHARS]
        return verdict.rows, verdict.wrong


def _pinned(path: Path) -> Path:
    """Write the columns of plain records as this library is told them."""
    path.write_text(json.dumps({name: _PINNED_TYPES.get(kind, kind) for name, kind in COLUMNS.items()}))
    return path


def inferred(records: RecordsFile) -> pa.Schema:
    """What pyarrow makes of all records, but that moments stay texts, as no client takes them for more."""
    text = bytes(records.part(0, len(records)))
    lines = b"\n".join(json.dumps(record).encode() for record in json.loads(b"[%b]" % text))
    table = pj.read_json(pa.BufferReader(lines), pj.ReadOptions(block_size=max(_SAMPLE, len(lines) + 1)))
    return pa.schema([(field.name, _untimed(field.type)) for field in table.schema])


def _untimed(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_untimed(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _untimed(field.type)) for field in kind])
    return pa.string() if pa.types.is_null(kind) else kind


def foretold_memory(where: Path) -> int:
    """Bytes that the run's forecast said it would need at the most; 0 if there is no receipt of a dataset."""
    for path in where.rglob("_receipt-0*.json"):
        forecast: dict[str, float] = json.loads(path.read_bytes()).get("forecast") or {}
        return round(forecast.get("memory_megabytes", 0.0) * _MEGABYTE)
    return 0


def last_words(text: str) -> str:
    """The last line that a client wrote, without the places of this machine."""
    lines = text.replace(f"{ROOT}/", "").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:_SAID_CHARS]


class Api:
    """A server that is up; once it is down, what it saw.

    Attributes:
        url: Its address.
        figures: ``requests`` and ``cpu``, when it is down.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.figures: dict[str, Any] = {}


@contextlib.contextmanager
def api(options: Options) -> Iterator[Api]:
    """Serve, in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(asdict(options), file)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.server", file.name]
        with subprocess.Popen(  # noqa: S603 - our own server
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin  # noqa: S101 - for mypy
            assert process.stdout  # noqa: S101 - for mypy
            server = Api(f"http://127.0.0.1:{int(process.stdout.readline())}")
            try:
                yield server
            finally:
                process.stdin.close()
                server.figures = json.loads(process.stdout.readline())


def served(case: Case, records_file: Path) -> Options:
    """What the API of a case serves."""
    options = Options(str(records_file), case.records, case.latency, case.failing, mimic=case.mimic)
    return replace(options, seed=seed_of_six(options, case.pages, case.seed)) if case.failing else options


def least_requests(case: Case, options: Options) -> int:
    """The fewest requests by which every page can be had."""
    failed = sum(failures(options, page) for page in range(1, case.pages + 1)) if case.failing else 0
    return case.pages + failed


def environment(folder: Path, credentials: Path) -> dict[str, str]:
    """What a client finds: a home of its own, and credentials that are valid nowhere else."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": search_path(),
        "LANG": "C.UTF-8",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
