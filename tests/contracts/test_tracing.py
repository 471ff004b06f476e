"""What every tracing promises: a block runs as it would without, and where spans are sent, they arrive."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.common.tracing import no_span, span_for, x_ray
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_xray_sdk.core.recorder import AWSXRayRecorder

    from de_classes.common.tracing import Span

    Sent = Callable[[], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def xray_recorder() -> Iterator[AWSXRayRecorder]:
    """The SDK opens a socket when it is imported, and never closes it: so only where these tests run."""
    from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415

    yield xray_recorder
    xray_recorder.emitter._socket.close()  # noqa: SLF001


@pytest.fixture
def sent(xray_recorder: AWSXRayRecorder) -> Iterator[Sent]:
    """What a daemon of X-Ray would be sent of a segment, once that has ended."""
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(60)
        host, port = daemon.getsockname()
        xray_recorder.configure(
            daemon_address=f"{host}:{port}", sampling=False, context_missing="RUNTIME_ERROR"
        )
        xray_recorder.begin_segment("the function")

        def received() -> list[dict[str, Any]]:
            xray_recorder.end_segment()
            _, _, document = daemon.recv(65_536).partition(b"\n")
            spans: list[dict[str, Any]] = json.loads(document)["subsegments"]
            return spans

        yield received
        xray_recorder.clear_trace_entities()


@pytest.fixture(params=["none", "xray"])
def span(request: pytest.FixtureRequest, sent: Sent) -> Span:  # noqa: ARG001 - X-Ray has a segment to add to
    return span_for({"TRACING": request.param})


def test_a_block_runs_and_may_hold_another(span: Span) -> None:
    done = []
    with span("outer"), span("inner"):
        done.append("it ran")
    with span("outer"):
        done.append("and again")
    assert done == ["it ran", "and again"]


def test_an_error_leaves_the_block_as_it_is(span: Span) -> None:
    error = ValueError("of the block")
    with pytest.raises(ValueError, match="of the block") as caught, span("outer"):
        raise error
    assert caught.value is error


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    assert span_for({}) is span_for({"TRACING": ""}) is span_for({"TRACING": "none"}) is no_span


def test_x_ray_is_sent_the_spans_one_within_another_and_the_error(sent: Sent) -> None:
    span = x_ray()
    with pytest.raises(ValueError, match="of the block"), span("outer"), span("inner"):
        raise ValueError("of the block")
    (outer,) = sent()
    (inner,) = outer["subsegments"]
    assert (outer["name"], inner["name"]) == ("outer", "inner")
    assert outer["fault"] is inner["fault"] is True
    assert inner["cause"]["exceptions"][0]["type"] == "ValueError"
    assert outer["start_time"] <= inner["start_time"] <= inner["end_time"] <= outer["end_time"]


def test_a_tracing_that_there_is_not_is_refused_by_the_names_of_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"TRACING.*none.*xray"):
        span_for({"TRACING": "zipkin"})


def test_x_ray_without_its_sdk_is_refused_and_says_where_to_get_it() -> None:
    code = """
import sys
sys.modules["aws_xray_sdk"] = None  # as if it were not installed
from de_classes.common.tracing import span_for
from de_classes.errors import ConfigurationError
with span_for({})("traces nothing"):
    pass
try:
    span_for({"TRACING": "xray"})
except ConfigurationError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'de-classes[xray]'" in done.stdout
    assert "TRACING=none" in done.stdout
