"""Null object: what does nothing, by the same interface as what does something; here, tracing that is off."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from de_classes.common.tracing import Span, span_for


def naive(tracer: Span | None) -> int:
    if tracer is not None:
        with tracer("sum"):
            return sum(range(1000))
    return sum(range(1000))  # the work again: one of the two is forgotten when it changes


def traced(span: Span) -> int:
    with span("sum"):
        return sum(range(1000))


@contextmanager
def stopwatch(name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{name}: {time.monotonic() - began:.6f} s")


# It costs that a forgotten tracer looks like one that is off. Exercise: a span that counts its calls.
assert naive(None) == traced(span_for({"TRACING": "none"})) == traced(stopwatch) == naive(stopwatch)
