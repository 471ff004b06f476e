"""One way to log, wherever the code runs."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from de_classes import redaction
from de_classes.common.logger.handlers import use_only
from de_classes.configs.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.logging import Logger

LAMBDA_MARK = "AWS_LAMBDA_FUNCTION_NAME"
SERVICE_NAME = "POWERTOOLS_SERVICE_NAME"

_LOCK = threading.Lock()

Handler = TypeVar("Handler", bound="Callable[..., Any]")


class AppLogger:
    """Gives out loggers that are set up once, however often they are asked for.

    On a laptop: lines on stderr from DEBUG, and from ERROR in a rotating ``errors.log`` as well. On
    Lambda: Powertools' JSON on stdout with service, logger, correlation id and, once the handler is
    wrapped, cold start and request id; no file. In both, credentials are masked: those that look or
    are named like one, and those that ``redact`` was told.

    The loggers do not propagate, so a root logger with handlers of its own doubles no line. To see
    them in pytest, add ``caplog.handler`` to the logger.

    Example:
        >>> logger = AppLogger("orders").get_logger()
        >>> logger.error("page %d cannot be had", 7)  # on stderr, and in logs/errors.log

    Args:
        name: The logger's name; all of ``logging.getLogger(name)``'s children write through it too.
        level: The lowest level logged. By default DEBUG on a laptop, and on Lambda what
            ``POWERTOOLS_LOG_LEVEL`` says, else INFO.
        log_dir: Where the file goes on a laptop; made if it is missing.
        on_lambda: Which of the two this is; by default what the environment says when asked.
    """

    def __init__(
        self,
        name: str,
        *,
        level: int | str | None = None,
        log_dir: str | Path = Path("logs"),
        on_lambda: bool | None = None,
    ) -> None:
        self._name = name
        self._level = level
        self._log_dir = Path(log_dir)
        self._on_lambda = on_lambda

    def get_logger(self) -> logging.Logger:
        """The logger of this name, set up for where the code runs; the latest call decides."""
        logger = logging.getLogger(self._name)
        with _LOCK:
            if self._is_on_lambda():
                self._set_up_on_lambda(logger)
            else:
                self._set_up_on_laptop(logger)
        logger.propagate = False
        logger.addFilter(redaction.shared_filter())  # for handlers that others attach
        return logger

    def set_correlation_id(self, correlation_id: str | None) -> None:
        """Put this id into every JSON line from now on; None takes it out. Nothing on a laptop."""
        if self._is_on_lambda():
            self._powertools().set_correlation_id(correlation_id)

    def inject_lambda_context(self, handler: Handler, *, correlation_id_path: str | None = None) -> Handler:
        """Wrap a Lambda handler so that its lines carry cold start, request id and correlation id.

        Args:
            handler: ``handler(event, context)``.
            correlation_id_path: A JMESPath expression for the id in the event.

        Returns:
            The wrapped handler on Lambda, the handler itself on a laptop.
        """
        if not self._is_on_lambda():
            return handler
        wrapped: Handler = self._powertools().inject_lambda_context(
            handler, correlation_id_path=correlation_id_path, clear_state=True
        )
        return wrapped

    @staticmethod
    def redact(secret: str) -> None:
        """Mask this secret in every line of every logger from now on."""
        redaction.redact(secret)

    def _is_on_lambda(self) -> bool:
        return LAMBDA_MARK in environment() if self._on_lambda is None else self._on_lambda

    def _set_up_on_lambda(self, logger: logging.Logger) -> None:
        powertools = self._powertools()
        use_only(logger, [powertools.registered_handler])
        logger.setLevel(powertools.log_level if self._level is None else self._level)

    def _powertools(self) -> Logger:
        from de_classes.common.logger.on_lambda import (  # noqa: PLC0415 - Powertools is for Lambda only
            powertools_logger,
        )

        variables = environment()
        return powertools_logger(variables.get(SERVICE_NAME) or variables.get(LAMBDA_MARK) or self._name)

    def _set_up_on_laptop(self, logger: logging.Logger) -> None:
        handlers, complaint = self._laptop_handlers()
        use_only(logger, handlers)
        logger.setLevel(logging.DEBUG if self._level is None else self._level)
        if complaint:
            logger.warning("errors are logged to the console only: %s", complaint)

    def _laptop_handlers(self) -> tuple[Sequence[logging.Handler], str]:
        from de_classes.common.logger import on_laptop  # noqa: PLC0415 - its sockets are not for Lambda

        try:
            return [on_laptop.console_handler(), on_laptop.file_handler(self._log_dir)], ""
        except OSError as error:
            return [on_laptop.console_handler()], f"{self._log_dir} cannot be made: {error.strerror}"
