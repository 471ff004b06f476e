"""A process imports what it uses and no more: on Lambda every import is paid for at each cold start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.effort import first_of
from tests.fakes.sources import LIBRARY, ROOT, module_name, python_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DATAFRAMES = ("pandas", "numpy", "pyarrow", "awswrangler")
# A fifth of a second: a simulator loads it for its first request's secrets, not to start. (The bare
# name botocore is there: Powertools puts its name into the SDK's user agent.)
SDK = ("boto3", "botocore.session")
TRACERS = ("aws_xray_sdk", "wrapt", "opentelemetry")  # for those who switch tracing on
FORBIDDEN = {
    "auth_simulator": (*DATAFRAMES, *SDK, *TRACERS, "requests", "tenacity", "http.server"),
    "unstable_simulator": (*DATAFRAMES, *SDK, *TRACERS, "requests", "tenacity", "http.server"),
    "ingestion_worker": (*DATAFRAMES, *TRACERS, "jwt", "http.server", "requests", "tenacity", "sqlite3"),
}
# The only modules that need a DataFrame library to be imported at all.
HEAVY = {
    "de_classes.pipelines.catalog_loader",
    "de_classes.pipelines.frame_batches",
    "de_classes.pipelines.postgres.arrow_rows",
    "de_classes.sql.database",
    "de_classes.sql.narrowed",
    "de_classes.storage.datasets.arrow_source",
    "de_classes.storage.format.arrow_arrays",
    "de_classes.storage.format.arrow_frames",
    "de_classes.storage.format.arrow_decoder",
    "de_classes.storage.format.frames",
    "de_classes.storage.format.parquet_codec",
}

# What the command line's ingestion has no use for: half a second in which no page is asked for.
# (Nor, where no request fails and no record has a key, for what only these need.)
NOT_FOR_INGEST = (
    *("pandas", "awswrangler", *SDK, "requests", "jwt", "http.server", "tqdm", "asyncio"),
    *("tenacity", "sqlite3"),
)

# As many that pages go every road that they may: as dictionaries first, then straight to columns.
RECORDS, PAGE = 3_000, 1_000

PROBE = "import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"


def library_modules() -> list[str]:
    names = (module_name(path) for path in python_files("layers/de_classes/de_classes"))
    return [name for name in names if not name.endswith("__main__")]


def run_python(
    code: str, *folders: Path, cwd: Path = ROOT, words: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter with a bare environment."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-W", "error", "-c", code, *words]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def loaded_by(modules: list[str], *folders: Path) -> set[str]:
    done = run_python(PROBE.format(modules=", ".join(modules)), *folders)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("function", FORBIDDEN)
def test_a_handler_imports_nothing_it_does_not_need(function: str) -> None:
    loaded = loaded_by(["app"], LIBRARY.parent, ROOT / "functions" / function)
    assert "de_classes" in loaded
    assert loaded & set(FORBIDDEN[function]) == set()


@pytest.mark.parametrize(("tracing", "expected"), [("", set()), ("none", set()), ("xray", {"aws_xray_sdk"})])
def test_a_handler_that_is_put_together_on_lambda_loads_a_tracer_only_where_one_is_asked_for(
    tracing: str, expected: set[str]
) -> None:
    code = f"""
import json, os, sys
os.environ.update(LAMBDA_TASK_ROOT="/var/task", TRACING={tracing!r})
from de_classes import handler
handler._handler()
print(json.dumps(sorted(sys.modules)))
"""
    done = run_python(code, LIBRARY.parent)
    assert done.returncode == 0, done.stderr
    assert {"aws_xray_sdk", "opentelemetry"} & set(json.loads(done.stdout)) == expected


def test_only_these_modules_need_a_dataframe_library() -> None:
    assert set(library_modules()) >= HEAVY
    thin = [name for name in library_modules() if name not in HEAVY]
    assert loaded_by(thin, LIBRARY.parent) & set(DATAFRAMES) == set()


def test_importing_the_whole_library_prints_nothing_and_writes_no_file(tmp_path: Path) -> None:
    done = run_python(f"import {', '.join(library_modules())}", LIBRARY.parent, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def modules_of_an_ingestion(where: Path, *options: str) -> set[str]:
    """What the command line has imported when a run is complete."""
    code = (
        "import json, sys; from de_classes.__main__ import program; status = program();"
        "print(json.dumps(sorted(sys.modules))); sys.exit(status)"
    )
    quiet = SimulatorSettings(rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0, total_records=RECORDS)
    with SimulatorServer(quiet) as api:
        words = ["ingest", api.base_url, "--username", api.username, "--limit", str(PAGE), *options]
        done = run_python(
            code,
            LIBRARY.parent,
            words=[*words, "--to", str(where), "--password-file", str(password_file(where, api.password))],
        )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def password_file(folder: Path, password: str) -> Path:
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password)
    return file


@pytest.mark.parametrize(
    "options", first_of([["--dataset", "records"], ["--key", "records.parquet"]]), ids=str
)
def test_an_ingestion_to_parquet_imports_pyarrow_and_not_numpy_where_that_is_installed(
    tmp_path: Path, options: list[str]
) -> None:
    loaded = modules_of_an_ingestion(tmp_path, *options)
    assert "pyarrow.parquet" in loaded
    assert loaded & set(NOT_FOR_INGEST) == set()
    assert {name for name in loaded if name.partition(".")[0] == "numpy"} == set()
    assert "numpy" in loaded_by(["pyarrow"])  # it is there


def test_a_function_of_ones_own_imports_numpy_after_arrow_in_the_same_process() -> None:
    code = """
import sys
from de_classes.__main__ import program
sys.argv = ["de-classes", "--version"]
try:
    program()
except SystemExit:
    pass
import pyarrow, pyarrow.parquet
print("numpy" in sys.modules)
import numpy
print(int(numpy.array(pyarrow.array([1, 2]).to_pylist()).sum()))
"""
    done = run_python(code, LIBRARY.parent)
    assert (done.stdout.splitlines()[1:], done.stderr) == (["False", "3"], "")


def test_a_run_of_a_few_records_imports_none_of_arrows_kernels(tmp_path: Path) -> None:
    loaded = modules_of_an_ingestion(tmp_path, "--dataset", "records", "--pages", "1", "--limit", "20")
    assert "pyarrow.parquet" in loaded
    assert "pyarrow._compute" not in loaded


def test_a_run_that_is_decoded_into_arrays_makes_no_python_function_of_each_kernel(tmp_path: Path) -> None:
    loaded = modules_of_an_ingestion(tmp_path, "--dataset", "records", "--limit", "1000")
    assert "pyarrow._compute" in loaded
    assert "pyarrow.compute" not in loaded


@pytest.mark.parametrize("format_name", first_of(["csv", "jsonl", "json"]))
def test_an_ingestion_to_text_imports_nothing_of_dataframes(tmp_path: Path, format_name: str) -> None:
    loaded = modules_of_an_ingestion(tmp_path, "--dataset", "records", "--format", format_name)
    assert loaded & {*NOT_FOR_INGEST, *DATAFRAMES} == set()
    assert not any(name.startswith("de_classes.simulators") for name in loaded)


def test_numbers_that_are_decoded_into_arrays_at_once_import_no_pandas() -> None:
    code = """
import sys
from de_classes.storage.format.arrow_decoder import arrow_decoder_of
from de_classes.storage.format.schema import infer
records = ",".join(f'{{"id":{n},"v":{n}.50,"w":{n / 7!r}}}' for n in range(2000))
columns = arrow_decoder_of(infer([{"id": 1, "v": 0.5, "w": 0.1}])).decode(f"[{records}]".encode())
print(type(columns).__name__, sorted({"pandas"} & set(sys.modules)))
"""
    done = run_python(code, LIBRARY.parent)
    assert (done.stdout, done.stderr) == ("ArrowColumns []\n", "")
