"""The hash by which version 0.1 knew a source again: runs that it began go on under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from de_classes.api.endpoint import Endpoint


def first_fingerprint(endpoint: Endpoint) -> str | None:
    """The hash of an endpoint's address, pagination and fields, by the texts that version 0.1 made of them.

    Returns:
        The hash; None if version 0.1 could not read such a source.
    """
    pagination = _pagination(endpoint)
    if pagination is None or endpoint.method != "GET" or endpoint.params or endpoint.reader.kind != "json":
        return None
    reader = endpoint.reader
    fields = (
        f"PageReader(records_field={reader.records_field!r}, total_pages_field={reader.total_pages_field!r}, "
        f"total_records_field={reader.total_records_field!r})"
    )
    return digest([endpoint.address(endpoint.lookup), pagination, fields], 12).hex()


def _pagination(endpoint: Endpoint) -> str | None:
    size = endpoint.page_size.into.partition(".")[2] if endpoint.page_size else "limit"
    match endpoint.pagination:
        case PageNumberPagination(into=into, echo_path=echo):
            page = into.partition(".")[2]
            return f"PageNumberPagination(page_param={page!r}, limit_param={size!r}, echo_field={echo!r})"
        case OffsetPagination(into=into):
            return f"OffsetPagination(offset_param={into.partition('.')[2]!r}, limit_param={size!r})"
        case CursorPagination(into=into, path=path):
            cursor = into.partition(".")[2]
            return f"CursorPagination(cursor_param={cursor!r}, cursor_field={path!r}, limit_param={size!r})"
        case LinkHeaderPagination():
            return f"LinkHeaderPagination(limit_param={size!r})"
    return None
