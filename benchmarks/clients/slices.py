"""Bytes to JSON Lines: slices of the pages, which nobody reads."""

from __future__ import annotations

from benchmarks.clients.fetching import lines, pages
from benchmarks.clients.task import given


def main() -> None:
    """Write one file."""
    task = given()
    with task.output.open("wb") as file:
        for body in pages(task):
            file.write(lines(body))


if __name__ == "__main__":
    main()
