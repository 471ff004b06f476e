"""Strategy: how a source goes from page to page is an object, so that a client asks and never looks which."""

from de_classes.api.pagination import OffsetPagination, PageNumberPagination, PaginationStrategy


def naive(style: str, page: int, limit: int) -> dict[str, int]:
    """Every style in one function: a new one is a change here, and in all that ask what style it is."""
    if style == "page":
        return {"query.page": page}
    if style == "offset":
        return {"query.offset": (page - 1) * limit}
    raise ValueError(style)


def by_strategy(strategy: PaginationStrategy, page: int, limit: int) -> dict[str, int]:
    """One line for all styles, and for those that nobody has written yet."""
    return dict(strategy.request_for(page, limit).values)


# It costs a class for each style, and a reader who follows a call no longer sees what runs.
# Exercise: a style that counts pages from 0. Which class of the library does it by an argument?
if __name__ == "__main__":
    for style, strategy in {"page": PageNumberPagination(), "offset": OffsetPagination()}.items():
        print(style, naive(style, 3, 50), by_strategy(strategy, 3, 50))
        assert naive(style, 3, 50) == by_strategy(strategy, 3, 50)
