from __future__ import annotations

import sys
import threading

import msgspec
import pytest

from de_classes.runs.journal import Documents
from tests.fakes.effort import examples
from tests.fakes.forks import end_well
from tests.fakes.runs import BUCKET, memory

THREADS, PROCESSES = 8, examples(150)
KEY = "document.json"


def read_at_once_for_the_first_time() -> None:
    """Many threads read a kind of document that nobody has read before."""
    inner = msgspec.defstruct("Inner", [("number", int), ("marks", tuple[str, ...])])
    kind = msgspec.defstruct("Outer", [("inner", tuple[inner, ...]), ("names", dict[str, int])])
    documents = Documents(memory(), BUCKET)
    documents.replace(KEY, kind(inner=(inner(number=1, marks=("a",)),), names={"a": 1}))
    together = threading.Barrier(THREADS)

    def read() -> None:
        together.wait()
        documents.get(KEY, kind)

    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.examples
def test_a_kind_of_document_may_be_read_first_by_many_threads_at_once() -> None:
    assert end_well(read_at_once_for_the_first_time, PROCESSES)
