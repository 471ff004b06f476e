"""Every kind of pagination, named in a description by its ``type``. A new one is a file and a line here."""

from de_classes.api.pagination.by_bytes import FilePagination
from de_classes.api.pagination.by_number import OffsetPagination, PageNumberPagination
from de_classes.api.pagination.by_range import RangePagination
from de_classes.api.pagination.followed import (
    CursorPagination,
    LastRecordPagination,
    LinkHeaderPagination,
    NextParamsPagination,
    NextUrlPagination,
    OnePagePagination,
)
from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
from de_classes.api.templates import Into, Path

__all__ = [
    "PAGINATIONS",
    "CursorPagination",
    "FilePagination",
    "Into",
    "LastRecordPagination",
    "LinkHeaderPagination",
    "NextParamsPagination",
    "NextUrlPagination",
    "OffsetPagination",
    "OnePagePagination",
    "PageNumberPagination",
    "PageRequest",
    "PaginationStrategy",
    "Path",
    "RangePagination",
]

PAGINATIONS: tuple[type[PaginationStrategy], ...] = (
    PageNumberPagination,
    OffsetPagination,
    CursorPagination,
    NextUrlPagination,
    LinkHeaderPagination,
    LastRecordPagination,
    NextParamsPagination,
    OnePagePagination,
    RangePagination,
    FilePagination,
)
"""Every kind of pagination."""
