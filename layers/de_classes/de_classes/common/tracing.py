"""Where time is traced: one seam, a function from a name to a context manager, and what stands behind it.

``none`` measures nothing and imports nothing. ``xray`` sends each span to AWS X-Ray by its SDK, which is an
extra of this library: ``pip install de-classes[xray]``. OpenTelemetry fits as it is, for its
``tracer.start_as_current_span`` is such a function: hand it to the worker's ``handler_for(build, span=...)``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from de_classes.configs.settings import load
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

Span = Callable[[str], AbstractContextManager[object]]
"""Opens a span of that name, which ends with its block; an error that leaves the block is raised on."""


class TracingSettings(Struct, frozen=True, kw_only=True):
    """The settings of tracing, read from the environment variables of the same names.

    Args:
        tracing: What spans are sent to.
    """

    tracing: Literal["none", "xray"] = "none"


def span_for(environ: Mapping[str, str]) -> Span:
    """What the settings say to trace by.

    Args:
        environ: Its variable ``TRACING`` is ``none``, as if it were not set, or ``xray``.

    Raises:
        ConfigurationError: It is neither, or the X-Ray SDK is not installed.
    """
    return x_ray() if load(TracingSettings, environ).tracing == "xray" else no_span


def no_span(name: str) -> AbstractContextManager[object]:  # noqa: ARG001 - the seam's argument
    """Trace nothing."""
    return nullcontext()


def x_ray() -> Span:
    """Trace by the X-Ray SDK: each span is a subsegment of the function's own segment.

    For Lambda with active tracing, where there is such a segment, and a daemon that takes what is sent.

    Raises:
        ConfigurationError: The SDK is not installed.
    """
    try:
        from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - a tenth of a second, for those who trace
    except ImportError as error:
        raise ConfigurationError(
            "TRACING=xray needs the X-Ray SDK, which is not installed: pip install 'de-classes[xray]', or on "
            "Lambda ship aws-xray-sdk in a layer; TRACING=none does without"
        ) from error

    def span(name: str) -> AbstractContextManager[object]:
        subsegment: AbstractContextManager[object] = xray_recorder.in_subsegment(name)
        return subsegment

    return span
