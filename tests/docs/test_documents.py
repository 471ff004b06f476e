"""Everything the documents show is run, or is a make target that another test or CI runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.source.loading import parse_sources, shipped_names
from localcloud.emulator import free_port
from tests.fakes.documents import (
    ROOT,
    blocks,
    catalog_calls,
    database_calls,
    descriptions,
    documents,
    signed_calls,
)
from tests.fakes.every import every

if TYPE_CHECKING:
    from tests.fakes.documents import Block

PORT = "8765"  # what the documents show; somebody may be using it
# The three seconds that a page gives a simulator to come up are as long as it takes, on a busy machine too;
# so are the six that it gives a run to be in its middle.
UNTIL_IT_IS_UP = """
sleep() {{
  if [ "$1" = 3 ]; then until (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null; do command sleep 0.05; done
  elif [ "$1" = 6 ]; then until python -m de_classes runs status lake monday 2>&1 | grep -q "running, [1-9]"
    do command sleep 0.5; done
  else command sleep "$1"; fi
}}
"""
FILE = re.compile(r"# ([\w.-]+)\n")  # a description that begins so is saved by that name
LANGUAGES = {"python", "sh", "sql", "mermaid", "toml"}
# Not run here: make test is what runs this, make demo is run whole by the local cloud's tests, and a
# deployment needs an account. Their recipes are expanded, so that a target that is renamed shows.
MAKE = re.compile(r"""^make(?: [\w=.,/-]+| [A-Z]+="[\w=.,/@ -]*")*$""")
PATH_IN_TEXT = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|yaml|toml|md))`")
BASES = (ROOT, ROOT / "layers" / "de_classes" / "de_classes", ROOT / "tests" / "contracts")
OURS_ALONE = ("AWS_", "COV_", "MAKE", "MFLAGS", "PYTEST_", "PYTHON", "VIRTUAL_ENV")


def is_make(block: Block) -> bool:
    return all(MAKE.match(line) for line in block.text.splitlines())


def is_pytest(block: Block) -> bool:
    return block.text.startswith("python -m pytest ")


def is_activation(block: Block) -> bool:
    return block.text.endswith("/activate\n")


ACTIVATIONS = [block for block in blocks("sh") if is_activation(block)]
TESTS = [block for block in blocks("sh") if is_pytest(block)]
FIRST_STEPS = [block for block in TESTS if block.document == "CONTRIBUTING.md"]
# Those that call a deployed worker are run by tests/integration/test_signed_calls.py, and a catalog by
# test_catalog.py there; those that call a database by tests/postgres/test_document.py.
RUN_ELSEWHERE = [*signed_calls(), *database_calls(), *catalog_calls()]
COMMAND_LINES = [
    block
    for block in blocks("sh")
    if not (is_make(block) or is_activation(block) or is_pytest(block)) and block not in RUN_ELSEWHERE
]
EXAMPLES = [block for block in blocks("python") if block not in RUN_ELSEWHERE]


def met_first(among: list[Block]) -> list[Any]:
    """Blocks as parameters: ``make test`` runs those of the first two pages, the proofs those of docs/."""
    slow = pytest.mark.slow
    return [
        pytest.param(block, marks=slow if block.document.startswith("docs/") else (), id=str(block))
        for block in among
    ]


def test_the_environment_is_activated_before_it_is_used() -> None:
    (activation,) = ACTIVATIONS
    assert activation.document == "CONTRIBUTING.md"
    lines = [block.line for block in (*EXAMPLES, *TESTS) if block.document == activation.document]
    assert activation.line < min(lines)


@pytest.mark.parametrize("block", met_first(EXAMPLES))
def test_an_example_in_python_works_as_it_stands(block: Block, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(block.text, encoding="utf-8")
    in_a_new_shell("python -W error example.py", tmp_path)


@pytest.mark.parametrize("block", met_first(COMMAND_LINES))
def test_a_command_line_works_as_it_stands(block: Block, tmp_path: Path) -> None:
    port = str(free_port())
    for description in descriptions():
        if description.document == block.document and (name := FILE.match(description.text)):
            (tmp_path / name[1]).write_text(description.text.replace(PORT, port), encoding="utf-8")
    out = in_a_new_shell(UNTIL_IT_IS_UP.format(port=port) + block.text.replace(PORT, port), tmp_path)
    assert [line for line in shown_of(block) if line not in out] == []


def test_the_example_with_moto_is_the_one_that_its_page_shows_and_passes(tmp_path: Path) -> None:
    (command,) = (block for block in TESTS if block not in FIRST_STEPS)
    example = ROOT / "examples" / "moto" / "test_ingest.py"
    shown = [block.text for block in blocks("python") if block.document == command.document]
    assert shown == [example.read_text(encoding="utf-8")]
    shutil.copy(example, tmp_path)
    assert "1 passed" in in_a_new_shell(command.text, tmp_path)


@pytest.mark.parametrize("block", FIRST_STEPS, ids=str)
def test_tests_that_are_shown_pass(block: Block) -> None:
    for command in block.text.splitlines():
        assert re.search(r"^\d+ passed", run(shlex.split(command), ROOT), re.MULTILINE)


@pytest.mark.parametrize("block", [block for block in blocks("sh") if is_make(block)], ids=str)
def test_a_make_target_is_there(block: Block) -> None:
    for command in block.text.splitlines():
        assert run([*shlex.split(command), "--dry-run"], ROOT)


def test_make_alone_lists_the_targets_that_the_documents_name() -> None:
    listed = run(["make"], ROOT)
    named = {
        word for block in blocks("sh") if is_make(block) for word in re.findall(r"make (\w+)", block.text)
    }
    assert {"demo", "test"} <= named
    assert all(f"make {target}" in listed for target in named)


@pytest.mark.parametrize("block", descriptions(), ids=str)
def test_a_description_is_one_that_can_be_read(block: Block) -> None:
    assert parse_sources(block.text.encode(), ".toml", name=str(block))


def test_every_toml_block_is_a_description_or_an_auth_of_one() -> None:
    """Those of docs/auth.md are tried by tests/docs/test_auth_document.py."""
    assert [block for block in blocks("toml") if block.document != "docs/auth.md"] == [
        block for block in descriptions() if block.document != "docs/auth.md"
    ]


def test_the_shipped_descriptions_are_those_that_the_page_names() -> None:
    named = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    assert all(re.search(rf"\b{name}\b", named) for name in shipped_names())


def shown_of(block: Block) -> list[str]:
    """What an example prints: what two pages show of it; of others, that a run is complete."""
    page = (ROOT / block.document).read_text(encoding="utf-8")
    complete = ["complete: 2000 records of 2000 expected"]
    if block.document == "docs/incremental.md":
        shown = re.findall(r"^    ((?:complete|dataset|new): .*)$", page, re.MULTILINE)
        assert shown
        return shown
    if block.document == "docs/transforms.md":
        shown = re.findall(r"^    (transform: .*)$", page, re.MULTILINE)
        assert shown
        return [*complete, *shown]
    if block.document == "docs/following.md":
        shown = re.findall(r"^    run monday: (running), \d+ of 20 pages", page, re.MULTILINE)
        assert shown
        return ["run monday: running, ", "run monday: cancelled, ", *complete]
    if block.document != "docs/check.md":
        return complete
    shown = re.findall(r"^    (wrong .*)$", page, re.MULTILINE)
    assert shown
    return ["demo.records: ok, by ", *shown]


def test_no_block_goes_unrun() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in documents()}
    prompts = texts.pop("tour.md")  # tests/docs/test_tour.py types them
    assert set(re.findall(r"^```(\w+)$", prompts, re.MULTILINE)) == {"pycon"}
    assert set(re.findall(r"^```(\w+)$", "\n".join(texts.values()), re.MULTILINE)) <= LANGUAGES


@every("document", documents())
def test_every_path_that_is_named_exists(document: Path) -> None:
    named = PATH_IN_TEXT.findall(document.read_text(encoding="utf-8"))
    assert [path for path in named if not any((base / path).exists() for base in BASES)] == []


def in_a_new_shell(text: str, directory: Path) -> str:
    """What it prints where nothing is on the path but what the activation puts there."""
    (directory / ".venv").symlink_to(sys.prefix)
    lines = f"{ACTIVATIONS[0].text}\n{text}"
    return run([shutil.which("bash") or "sh", "-euc", lines], directory, path=os.defpath)


def run(command: list[str], directory: Path, *, path: str | None = None) -> str:
    path = path or os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS_ALONE)}
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, _ = process.communicate(timeout=300)
        finally:
            end_group(process)
    assert process.returncode == 0, out
    return out


def end_group(process: subprocess.Popen[str]) -> None:
    """End what an example left running, so that it is in nobody's way."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
