"""Compare what could start a worker and write its Parquet: CPU time, peak memory, size, and what is lost.

Usage: ``python benchmarks/start_and_write.py`` with uv on the PATH. Every candidate runs in an environment of
its own, made from ``benchmarks/requirements/`` in a temporary folder, in fresh processes, taking turns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 7
PAGES, PAGE_RECORDS = 200, 1_000
CANDIDATES = ("pyarrow", "arro3", "boto3", "obstore")

MEASURED = """
import json, resource, sys, time
started = time.process_time()
{code}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.process_time() - started, peak, globals().get("result")]))
"""

PAGES_OF_JSON = f"""
def pages():
    for page in range({PAGES}):
        first = page * {PAGE_RECORDS}
        yield b"[" + b",".join(
            b'{{"id":%d,"name":"customer %d","amount":%d.25,"active":true,"city":null}}' % (n, n % 997, n)
            for n in range(first, first + {PAGE_RECORDS})
        ) + b"]"
"""

RECORD = """
import msgspec
class Record(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    name: str | None
    amount: float | None
    active: bool | None
    city: str | None
check = msgspec.json.Decoder(list[Record])
encode_lines = msgspec.json.Encoder().encode_lines
"""

PYARROW_SCHEMA = """
import pyarrow as pa, pyarrow.parquet as pq
schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("amount", pa.float64()),
                    ("active", pa.bool_()), ("city", pa.string())])
"""

ARRO3_SCHEMA = """
from arro3 import core, io
import io as files
T = core.DataType
schema = core.Schema([core.Field("id", T.int64()), core.Field("name", T.utf8()),
                      core.Field("amount", T.float64()), core.Field("active", T.bool()),
                      core.Field("city", T.utf8())])
def rows(page):  # it reads records in lines, not in an array; see what this makes of "},{" inside a text
    return page[1:-1].replace(b"},{", b"}\\n{")
"""

STARTS = {
    "nothing": ("pyarrow", "pass"),
    "import pyarrow.parquet": ("pyarrow", "import pyarrow.parquet"),
    "import arro3.core, arro3.io": ("arro3", "import arro3.core, arro3.io"),
    "boto3 S3 client": (
        "boto3",
        (
            "import boto3; boto3.client('s3', region_name='us-east-1', aws_access_key_id='a',"
            " aws_secret_access_key='b')"
        ),
    ),
    "obstore S3 store": (
        "obstore",
        (
            "from obstore.store import S3Store; S3Store('bucket', region='us-east-1', access_key_id='a',"
            " secret_access_key='b')"
        ),
    ),
}

WRITES = {
    "pages alone": ("pyarrow", f"{PAGES_OF_JSON}\nfor page in pages(): pass"),
    "pyarrow, from records": (
        "pyarrow",
        (
            f"{PAGES_OF_JSON}{RECORD}{PYARROW_SCHEMA}\n"
            "decoder = msgspec.json.Decoder()\n"
            "with pq.ParquetWriter('/dev/null', schema, compression='zstd') as writer:\n"
            "    for page in pages():\n"
            "        writer.write_batch(pa.RecordBatch.from_pylist(decoder.decode(page), schema))"
        ),
    ),
    "pyarrow, its JSON reader": (
        "pyarrow",
        (
            f"{PAGES_OF_JSON}{RECORD}{PYARROW_SCHEMA}\n"
            "import io, pyarrow.json as pj\n"
            "options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior='error')\n"
            "with pq.ParquetWriter('/dev/null', schema, compression='zstd') as writer:\n"
            "    for page in pages():\n"
            "        lines = encode_lines(check.decode(page))\n"
            "        writer.write_table(pj.read_json(io.BytesIO(lines), parse_options=options))"
        ),
    ),
    "arro3, unchecked": (
        "arro3",
        (
            f"{PAGES_OF_JSON}{ARRO3_SCHEMA}\n"
            "batches = (b for page in pages() for b in io.read_json(rows(page), schema, batch_size=1000))\n"
            "io.write_parquet(core.RecordBatchReader.from_batches(schema, batches), '/dev/null',"
            " compression='zstd(1)')"
        ),
    ),
    "arro3, checked by msgspec": (
        "arro3",
        (
            f"{PAGES_OF_JSON}{RECORD}{ARRO3_SCHEMA}\n"
            "def batches():\n"
            "    for page in pages():\n"
            "        lines = encode_lines(check.decode(page))\n"
            "        yield from io.read_json(lines, schema, batch_size=1000)\n"
            "io.write_parquet(core.RecordBatchReader.from_batches(schema, batches()), '/dev/null',"
            " compression='zstd(1)')"
        ),
    ),
}

ODD_PAGES = {
    "2.5 for an integer": b'[{"id":2.5}]',
    "a new field": b'[{"id":1,"new":"x"}]',
    "an integer beyond 64 bits": b'[{"id":123456789012345678901}]',
    "true for text": b'[{"id":1,"name":true}]',
    "a number for text": b'[{"id":1,"name":7}]',
    "2.0 for an integer": b'[{"id":2.0}]',
    "a field twice": b'[{"id":1,"id":2}]',
    "},{ inside a text": b'[{"id":1,"name":"a},{b"}]',
    "a missing field": b'[{"name":"a"}]',
}
ODD = """
def play(page):
    try:
        return repr(read(page))
    except Exception as error:
        return type(error).__name__
"""
READS = {
    "pyarrow": (
        "pyarrow",
        (
            f"{PYARROW_SCHEMA}\nimport msgspec\n"
            "def read(page): return pa.RecordBatch.from_pylist(msgspec.json.decode(page), schema).to_pylist()"
        ),
    ),
    "arro3": (
        "arro3",
        (
            f"{ARRO3_SCHEMA}\n"
            "def read(page):\n"
            "    batch = core.Table.from_batches(list(io.read_json(rows(page), schema)), schema=schema)\n"
            "    return {n: batch.column(n).to_pylist() for n in ('id', 'name')}"
        ),
    ),
    "msgspec's check": (
        "arro3",
        f"{RECORD.replace('| None', '| None = None')}\ndef read(page): return check.decode(page)",
    ),
}


def main() -> None:
    """Print three tables."""
    with tempfile.TemporaryDirectory() as folder:
        pythons = {name: environment(Path(folder), name) for name in CANDIDATES}
        for name, python in pythons.items():
            say(f"{name}: {installed_bytes(python) / 1e6:.0f} MB installed")
        for title, cases in (("start", STARTS), (f"{PAGES * PAGE_RECORDS:,} records to Parquet", WRITES)):
            say(f"\n{title}: CPU ms (median), peak MiB (median)")
            report(pythons, cases)
        say("\nodd pages:")
        odd(pythons)


def report(pythons: dict[str, Path], cases: dict[str, tuple[str, str]]) -> None:
    """Run the cases in turn, and print what they took."""
    rounds = [{name: run(pythons[each], code) for name, (each, code) in cases.items()} for _ in range(ROUNDS)]
    for name in cases:
        seconds = statistics.median(each[name][0] for each in rounds)
        peak = statistics.median(each[name][1] for each in rounds)
        say(f"  {name:28} {seconds * 1000:7.0f} {peak:7.0f}")


def odd(pythons: dict[str, Path]) -> None:
    """Print what each reader makes of pages that do not fit the schema."""
    for reader, (each, code) in READS.items():
        result = f"result = [play(page) for page in {list(ODD_PAGES.values())!r}]"
        for name, answer in zip(ODD_PAGES, run(pythons[each], f"{code}{ODD}{result}")[2], strict=True):
            say(f"  {reader:16} {name:28} {answer}")


def environment(folder: Path, name: str) -> Path:
    """Make an environment from a lock, and return its Python."""
    python = folder / name / "bin" / "python"
    lock = HERE / "requirements" / f"{name}.txt"
    for arguments in (
        ["venv", "--quiet", "--no-project", "--python", sys.executable, str(folder / name)],
        [
            "pip",
            "sync",
            "--quiet",
            "--require-hashes",
            "--compile-bytecode",
            "--python",
            str(python),
            str(lock),
        ],
    ):
        subprocess.run(["uv", *arguments], check=True)  # noqa: S603, S607 - uv, from the user's PATH
    return python


def installed_bytes(python: Path) -> int:
    """The weight of what an environment holds, its sources and bytecode included."""
    packages = next((python.parent.parent / "lib").glob("python*/site-packages"))
    return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())


def run(python: Path, code: str) -> tuple[float, float, list[str]]:
    """CPU seconds, peak MiB and result of a piece of code in a fresh process."""
    command = [str(python), "-c", MEASURED.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - code from this file
    answer: tuple[float, float, list[str]] = json.loads(done.stdout)
    return answer


def say(line: str) -> None:
    """Print."""
    print(line)  # noqa: T201 - a report


if __name__ == "__main__":
    main()
