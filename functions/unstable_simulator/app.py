"""The unstable simulator on AWS Lambda: ``GET /data`` serves pages, and fails as often as it is told to."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.sam_local import function_environment
from de_classes.configs.secrets_manager import read_secret
from de_classes.simulators.assembly import deployed_unstable
from de_classes.simulators.lambda_endpoint import LambdaEndpoint
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.configs.secrets_manager import SecretReader
    from de_classes.simulators.lambda_endpoint import RequestLogger
    from de_classes.utils.clock import Clock


def build(
    environ: Mapping[str, str],
    secrets: SecretReader,
    *,
    logger: RequestLogger | None = None,
    clock: Clock | None = None,
) -> LambdaEndpoint:
    """Put the function together.

    Args:
        environ: Its settings, as ``SimulatorSettings`` names them.
        secrets: Reads the signing key.
        logger: Gets one line a request.
        clock: Of the tokens and the delays.

    Raises:
        ConfigurationError: Its ``problems`` name what is wrong.
    """
    clock = clock or SystemClock()
    simulator = deployed_unstable(environ, secrets, clock)
    logger = logger or AppLogger("unstable-simulator", on_lambda=True).get_logger()
    return LambdaEndpoint(simulator, logger, clock)


@cache
def _endpoint() -> LambdaEndpoint:
    return build(function_environment(), read_secret)


def lambda_handler(event: Mapping[str, object], context: object = None) -> dict[str, object]:
    """Answer one request; the first one in an instance reads settings and secrets."""
    return _endpoint()(event, context)
