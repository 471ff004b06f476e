"""Mixin: what many classes do besides their work, written once and mixed in; here, logging their steps."""

import logging
import sys
import time

from de_classes.pipelines.logging_mixin import LoggingMixin


class Naive:
    def run(self, rows: list[int]) -> list[int]:
        """The line that matters stands among those that every other step repeats, each in its way."""
        began = time.monotonic()
        kept = [row for row in rows if row > 0]
        print(f"Naive took {time.monotonic() - began:.3f} s: {len(rows)} -> {len(kept)}")  # and if it fails?
        return kept


class Positive(LoggingMixin):
    def run(self, rows: list[int]) -> list[int]:
        with self.log_step("positive") as counts:  # start, end or failure, seconds and rows
            kept = [row for row in rows if row > 0]
            counts.rows_in, counts.rows_out = len(rows), len(kept)
        return kept


# It costs a name that comes from elsewhere: who reads `self.log_step` has to look through the bases for it.
# Exercise: log the share of rows that were dropped. In how many classes do you change something?
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s: %(message)s")
assert Naive().run([-1, 2]) == Positive().run([-1, 2]) == [2]
