"""What is registered can be said in a file, and command line, library and worker carry it out."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import logging
import pkgutil
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.__main__ import main
from de_classes.api import auth, pagination
from de_classes.api.answers import ANSWERS
from de_classes.api.auth import AUTHS
from de_classes.api.auth.scheme import AuthDescription
from de_classes.api.pagination import PAGINATIONS, PaginationStrategy
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source import Source
from de_classes.bootstrap import PACKAGED, build_ingestion
from de_classes.errors import ConfigurationError
from de_classes.pipelines.described import TRANSFORMS, DescribedTransforms
from de_classes.storage import format as storage_format
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.storage.format.codec import FormatCodec, format_names, get_codec
from de_classes.utils.clock import SystemClock
from de_classes.utils.formats import FORMATS
from tests.fakes.auths import CASES as AUTH_CASES
from tests.fakes.auths import KEY, LOGIN
from tests.fakes.described_api import OFFSET, PAGE, DescribedApi, Paging, served

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import ModuleType

    from de_classes.api.auth.kept_secrets import RotationStore

QUIET = logging.getLogger("tests.registries")
BASE = "https://api.example"


def written_below(package: ModuleType, base: type) -> set[type]:
    """The classes of a package that are of a kind, and that a description can name if it names such."""
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    found: set[type] = set()
    waiting = [base]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        waiting += kinds
        found.update(kind for kind in kinds if kind.__module__.startswith(f"{package.__name__}."))
    return {kind for kind in found if not inspect.isabstract(kind) and is_named(kind)}


def is_named(kind: type) -> bool:
    """Whether a description can name it; what is no part of descriptions is named by its registry alone."""
    return not issubclass(kind, msgspec.Struct) or kind.__struct_config__.tag is not None


def codecs() -> Iterable[type]:
    return (type(get_codec(name)) for name in FORMATS)


@pytest.mark.parametrize(
    ("package", "base", "registered", "where"),
    [
        (auth, AuthDescription, AUTHS, "AUTHS of api/auth/__init__.py"),
        (pagination, PaginationStrategy, PAGINATIONS, "PAGINATIONS of api/pagination/__init__.py"),
        (storage_format, FormatCodec, codecs(), "FORMATS of utils/formats.py"),
    ],
    ids=["auth", "pagination", "format"],
)
def test_every_kind_that_is_written_is_registered(
    package: ModuleType, base: type, registered: Iterable[type], where: str
) -> None:
    missing = sorted(kind.__name__ for kind in written_below(package, base) - {*registered})
    assert missing == [], f"add to {where}: {', '.join(missing)}"


def tag_of(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


# What each is by; whoever registers a kind of pagination says here how a source that has it is described,
# how it speaks, and what proves its end on several pages, on a full last one and on a single one;
# ``name-variant`` for another way in which it speaks, such as without a total. Kinds of auth have theirs in
# ``tests/fakes/auths.py``.
PAGINATION = {
    "page": PAGE,
    "offset": OFFSET,
    "range": Paging(
        '{ type = "range" }',
        ("total", "total", "total"),
        lambda _, headers, __: int(headers["range"].removeprefix("items=").partition("-")[0]),
        lambda at, rows, total, _: {"content-range": f"items {at}-{at + rows - 1}/{total}"},
    ),
    "cursor": Paging('{ type = "cursor", path = "next.cursor" }', ("marker", "marker", "probed")),
    "next_url": Paging('{ type = "next_url", path = "next.url" }', ("marker", "marker", "probed")),
    "link": Paging(
        '{ type = "link" }',
        ("marker", "marker", "probed"),
        headers=lambda _, __, ___, following: {"link": f'<{following}>; rel="next"'} if following else {},
    ),
    "last_record": Paging(
        '{ type = "last_record", path = "id", into = "query.after" }',
        ("probed", "probed", "probed"),
        lambda query, _, __: int(query.get("after", 0)),
    ),
    "next_params": Paging('{ type = "next_params", path = "next.params" }', ("marker", "marker", "probed")),
    "file": Paging('{ type = "file", piece = 100 }', ("marker", "marker", "marker"), is_file=True),
    "none": Paging('{ type = "none" }', ("declared", "declared", "declared"), lambda _, __, ___: 0),
}
# A step, and how many of the ten records {"id": 1, "name": "record 1"} are left by it.
TRANSFORM = {
    "select": ('{ type = "select", columns = ["id"] }', 10),
    "rename": ('{ type = "rename", columns = { name = "title" } }', 10),
    "cast": ('{ type = "cast", columns = { id = "str" } }', 10),
    "filter": ('{ type = "filter", where = "id > `3`" }', 7),
    "flatten": ('{ type = "flatten" }', 10),
    "drop_duplicates": ('{ type = "drop_duplicates", columns = ["id"] }', 10),
    "function": ('{ type = "function", name = "tests.fakes.steps:doubled" }', 20),
}
ANSWER = {
    "json": 'answer = "json"\nrecords_path = "items"',
    "jsonl": 'answer = "jsonl"',
    "csv": 'answer = "csv"',
    "xml": 'answer = "xml"\nxml_record = "item"\nrecords_path = "item"',
}


def described(*, auth: str = "none", pagination: str = "page", answer: str = "json") -> str:
    how = (PAGINATION[pagination] if answer == "json" else OFFSET).said
    answer = "jsonl" if PAGINATION[pagination].is_file else answer
    size = "" if pagination in {"none", "file"} else 'page_size = { into = "query.limit" }'
    return f"""
version = 1
[sources.api]
base_url = "{BASE}"
auth = {{ {AUTH_CASES[auth].said.replace(LOGIN, f"{BASE}/login")} }}
[sources.api.resources.items]
path = "/items"
{ANSWER[answer]}
{size}
pagination = {how}
"""


CASES = [
    *(("auth", name) for name in AUTH_CASES),
    *(("pagination", name) for name in PAGINATION),
    *(("answer", name) for name in ANSWER),
]


def speaking(what: str, name: str) -> DescribedApi:
    """The API that is described by one kind of what it is told by."""
    if what == "auth":
        return DescribedApi(auth=AUTH_CASES[name])
    if what == "pagination":
        return DescribedApi(paging=PAGINATION[name])
    return DescribedApi(paging=PAGE if name == "json" else OFFSET, answer=name)


@pytest.mark.parametrize(
    ("registered", "entries", "where"),
    [
        (map(tag_of, AUTHS), AUTH_CASES, "CASES of tests/fakes/auths.py"),
        (map(tag_of, PAGINATIONS), PAGINATION, "PAGINATION of tests/contracts/test_registries.py"),
        (ANSWERS, ANSWER, "ANSWER of tests/contracts/test_registries.py"),
        (map(tag_of, TRANSFORMS), TRANSFORM, "TRANSFORM of tests/contracts/test_registries.py"),
    ],
    ids=["auth", "pagination", "answer", "transform"],
)
def test_everything_that_is_registered_joins_here(
    registered: Iterable[str], entries: Iterable[str], where: str
) -> None:
    """An entry is a kind's name, or ``name-variant`` for one that is tried in several ways."""
    joined = {name.partition("-")[0] for name in entries}
    assert {*registered} ^ joined == set(), f"each kind that is registered has its entry in {where}"


class Held:
    """One secret."""

    def get(self, name: str) -> str:
        return {"key": KEY}[name]

    def rotation(self, name: str) -> RotationStore:
        raise AssertionError(name)


def by_library(folder: Path, api: DescribedApi) -> list[dict[str, Any]]:
    client = Source.load(folder / "api.toml")["api.items"].client(
        secrets=Held(), runtime=ClientRuntime(transport=api, clock=api.clock, logger=QUIET)
    )
    return [dict(record) for _, page in client.iterate_all_pages(4) for record in page.records]


def by_worker(folder: Path, api: DescribedApi) -> list[dict[str, Any]]:
    store = LocalClient(folder, QUIET)
    store.create_bucket("worker")
    worker = build_ingestion(
        {"BUCKET": "worker", "SOURCES_PATH": str(folder / "api.toml"), "DEFAULT_FORMAT": "jsonl"},
        store=lambda _: store,
        secrets=lambda _: Held(),
        transport=api,
        clock=api.clock,
        logger=QUIET,
    )
    receipt = worker.run(worker.read({"source": "api.items", "limit": 4}), run_id="one")
    return [record for batch in DatasetReader(store, "worker", receipt.key).records() for record in batch]


def by_command(folder: Path, api: DescribedApi) -> list[dict[str, Any]]:
    (folder / "secrets.json").write_text(json.dumps({"key": KEY}))
    (folder / "secrets.json").chmod(0o600)
    said, api.clock = io.StringIO(), SystemClock()
    words = ("--limit", "4", "--dataset", "them", "--format", "jsonl", "--quiet")
    with served(api) as url, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        named = ("--sources", str(folder / "api.toml"), "--secrets", str(folder / "secrets.json"))
        to = ("--base-url", url, "--to", str(folder / "lake"))
        status = main(["ingest", "api.items", *named, *to, *words])
    assert status == 0, said.getvalue()
    reader = DatasetReader(LocalClient(folder, QUIET), "lake", "them")
    return [record for batch in reader.records() for record in batch]


@pytest.mark.parametrize("way", [by_library, by_worker, by_command])
@pytest.mark.parametrize(("what", "name"), CASES)
def test_what_is_registered_is_reachable_from_the_file_by_every_way(
    what: str, name: str, way: Any, tmp_path: Path
) -> None:
    (tmp_path / "api.toml").write_text(described(**{what: name}))
    api = speaking(what, name)
    assert way(tmp_path, api) == api.records


@pytest.mark.parametrize(("limit", "shape"), [(4, 0), (5, 1), (20, 2)], ids=["several", "full", "single"])
@pytest.mark.parametrize("name", PAGINATION)
def test_the_end_is_proved_however_many_pages_there_are_and_full_the_last_is(
    name: str, limit: int, shape: int, tmp_path: Path
) -> None:
    (tmp_path / "api.toml").write_text(described(pagination=name))
    api = speaking("pagination", name)
    client = Source.load(tmp_path / "api.toml")["api.items"].client(
        secrets=Held(), runtime=ClientRuntime(transport=api, clock=api.clock, logger=QUIET)
    )
    run = client.start_pass(limit)
    assert [record for page in run for record in page.records] == api.records
    evidence = run.evidence_if_still
    assert evidence is not None
    assert (evidence.end.by, evidence.warnings) == (PAGINATION[name].ends[shape], ())
    assert not {"None", "True", "False"} & {*evidence.end.saw.split()}


def with_step(folder: Path, name: str) -> DescribedApi:
    """A folder with a description that has one transform, and the API that it describes."""
    folder.mkdir(exist_ok=True)
    (folder / "api.toml").write_text(f"{described()}transforms = [{TRANSFORM[name][0]}]\n")
    return DescribedApi()


@pytest.mark.parametrize("way", [by_worker, by_command])
@pytest.mark.parametrize("name", sorted(TRANSFORM.keys() - {"function"}))
def test_a_transform_of_a_file_is_carried_out_by_every_way_as_the_library_does(
    name: str, way: Any, tmp_path: Path
) -> None:
    api = with_step(tmp_path, name)
    (step,) = Source.load(tmp_path)["api.items"].described.transforms
    with DescribedTransforms([step]) as transforms:
        expected = transforms.apply(api.records, 1)
    assert len(expected) == TRANSFORM[name][1]
    assert way(tmp_path, api) == expected


@pytest.mark.parametrize("key", [None, "one.jsonl"])
def test_a_function_is_called_where_the_description_is_packaged_with_the_worker(
    key: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = with_step(tmp_path / PACKAGED, "function")
    monkeypatch.syspath_prepend(str(tmp_path))
    store = LocalClient(tmp_path, QUIET)
    store.create_bucket("worker")
    worker = build_ingestion(
        {"BUCKET": "worker", "DEFAULT_FORMAT": "jsonl"},
        store=lambda _: store,
        secrets=lambda _: Held(),
        transport=api,
        clock=api.clock,
        logger=QUIET,
    )
    receipt = worker.run(worker.read({"source": "api.items", "key": key, "limit": 4}), run_id="one")
    assert [(step.rows_in, step.rows_out) for step in receipt.transforms] == [(10, 20)]
    assert receipt.records == 20


@pytest.mark.parametrize("way", [by_library, by_worker])
def test_a_function_of_a_file_that_was_handed_over_is_refused_and_its_module_is_not_imported(
    way: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tests.fakes.steps", raising=False)
    api = with_step(tmp_path, "function")
    with pytest.raises(
        ConfigurationError, match=r"api\.toml:\d+: .*transforms\[0\] names a function: only a"
    ):
        way(tmp_path, api)
    assert "tests.fakes.steps" not in sys.modules


@pytest.mark.parametrize("format_name", format_names())
def test_F77_every_format_that_is_registered_commits_and_reads_back(format_name: str, tmp_path: Path) -> None:
    (tmp_path / "api.toml").write_text(described())
    api, store = DescribedApi(), LocalClient(tmp_path, QUIET)
    store.create_bucket("worker")
    worker = build_ingestion(
        {"BUCKET": "worker", "SOURCES_PATH": str(tmp_path / "api.toml")},
        store=lambda _: store,
        secrets=lambda _: Held(),
        transport=api,
        clock=api.clock,
        logger=QUIET,
    )
    asked = {"source": "api.items", "format": format_name, "limit": 4}
    receipt = worker.run(worker.read(asked), run_id="one")
    read = [record for batch in DatasetReader(store, "worker", receipt.key).records() for record in batch]
    assert [record["id"] for record in read] == [record["id"] for record in api.records]
