"""What Lambda does to a function that exceeds a limit or fails, seen in its containers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tools.containers.sam_local import Invocation, SamLocal

pytestmark = pytest.mark.containers

PROBES = Path(__file__).parent / "probes"
ANSWER_LIMIT_BYTES = 6 * 1024 * 1024
QUOTES = 2


def probe(sam: SamLocal, name: str, **event: object) -> Invocation:
    command = ["sam", "local", "invoke", name, "--event", "-", "--skip-pull-image"]
    return sam.run(command, event=json.dumps(event), directory=PROBES)


def answer_of(invocation: Invocation) -> Any:
    return json.loads(invocation.answer)


def test_a_function_runs_on_the_runtimes_python_and_writes_to_its_scratch_folder_only(sam: SamLocal) -> None:
    told = answer_of(probe(sam, "PlaceProbe"))
    assert told == {"python": [3, 13], "region": "us-east-1", "writable": ["/tmp"]}  # noqa: S108 - Lambda's own


def test_an_exception_is_the_answer_and_in_the_log(sam: SamLocal) -> None:
    invocation = probe(sam, "ErrorProbe", message="on purpose")
    answer = answer_of(invocation)
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "on purpose")
    assert any("raise_an_error" in line for line in answer["stackTrace"])
    assert "[ERROR] ValueError: on purpose" in invocation.log


def test_a_module_that_is_missing_ends_the_start_of_the_function(sam: SamLocal) -> None:
    answer = answer_of(probe(sam, "ImportProbe"))
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'not_there'" in answer["errorMessage"]


def test_a_process_that_leaves_is_an_error(sam: SamLocal) -> None:
    answer = answer_of(probe(sam, "ExitProbe", status=3))
    assert answer["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in answer["errorMessage"]


def test_what_fits_into_memory_is_answered(sam: SamLocal) -> None:
    assert answer_of(probe(sam, "MemoryProbe", megabytes=20)) == 20 * 1024 * 1024


def test_memory_beyond_the_limit_kills_the_function(sam: SamLocal) -> None:
    answer = answer_of(probe(sam, "MemoryProbe", megabytes=600))
    assert answer["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in answer["errorMessage"]


def test_a_function_sees_how_much_of_its_time_is_left(sam: SamLocal) -> None:
    assert 0 < answer_of(probe(sam, "TimeProbe", seconds=1)) <= 1000


def test_time_beyond_the_limit_ends_the_function_without_an_answer(sam: SamLocal) -> None:
    invocation = probe(sam, "TimeProbe", seconds=15)
    assert "Function 'TimeProbe' timed out after 2 seconds" in invocation.log
    assert invocation.answer.strip() == ""


def test_an_answer_of_6_mb_arrives_whole(sam: SamLocal) -> None:
    invocation = probe(sam, "SizeProbe", characters=ANSWER_LIMIT_BYTES - QUOTES)
    assert answer_of(invocation) == "x" * (ANSWER_LIMIT_BYTES - QUOTES)


def test_an_answer_beyond_6_mb_is_refused(sam: SamLocal) -> None:
    answer = answer_of(probe(sam, "SizeProbe", characters=ANSWER_LIMIT_BYTES + 1000))
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"
