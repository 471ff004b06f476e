"""Logging on Lambda: Powertools' JSON lines on stdout, with every value masked as it is written."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from de_classes.common.logger.handlers import PREFIX, CurrentStreamHandler
from de_classes.redaction import shared_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDLER_NAME = f"{PREFIX}stdout"


def powertools_logger(service: str) -> Logger:
    """Powertools' logger for a service; asked again, it works on the handler that is there already."""
    logger = Logger(
        service=service,
        logger_handler=_handler_of(service) or CurrentStreamHandler(lambda: sys.stdout),
        json_deserializer=str,  # else a message that looks like JSON is parsed, however deep it nests
        utc=True,
        use_rfc3339=True,
    )
    if logger.registered_handler.get_name() != HANDLER_NAME:
        _dress(logger.registered_handler)
    logging.getLogger(service).propagate = False  # Lambda's root handler would write every line again
    return logger


def to_masked_json(line: Mapping[str, object]) -> str:
    """One log line: what reached it past the filter, such as a stack trace, is masked here."""
    text = json.dumps(shared_filter().value(line), separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()


def _handler_of(service: str) -> logging.Handler | None:
    # Powertools marks its loggers so; somebody else may have made this one, without our masking.
    return getattr(logging.getLogger(service), "powertools_handler", None)


def _dress(handler: logging.Handler) -> None:
    handler.set_name(HANDLER_NAME)
    handler.addFilter(shared_filter())
    handler.addFilter(_name_its_logger)
    if isinstance(handler.formatter, LambdaPowertoolsFormatter):
        handler.formatter.json_serializer = to_masked_json


def _name_its_logger(record: logging.LogRecord) -> bool:
    record.__dict__["logger"] = record.name
    return True
