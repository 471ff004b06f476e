import logging

import pytest

from de_classes.errors import StorageError
from de_classes.pipelines.logging_mixin import LoggingMixin
from de_classes.utils.clock import ManualClock


class Mover(LoggingMixin):
    """Something that works in steps."""


def test_the_logger_is_named_after_the_class() -> None:
    mover = Mover()
    assert mover.logger is logging.getLogger("Mover")
    mover.use_logger(logging.getLogger("demo"))
    assert mover.logger is logging.getLogger("demo.Mover")


def test_a_step_is_logged_with_time_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock, mover = ManualClock(), Mover()
    mover.use_logger(None, clock)
    with mover.log_step("copy") as counts:
        clock.advance(1.5)
        counts.rows_in, counts.rows_out = 3, 2
    assert caplog.messages == ["copy started", "copy finished in 1.500 s: 3 rows in, 2 rows out"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StorageError("the bucket is gone"), "StorageError: the bucket is gone"),
        (KeyError("c4n4ry"), "KeyError"),
    ],
)
def test_a_step_that_fails_says_so_and_the_error_goes_through(
    caplog: pytest.LogCaptureFixture, error: Exception, words: str
) -> None:
    mover = Mover()
    mover.use_logger(None, ManualClock())
    with pytest.raises(type(error)), mover.log_step("copy"):
        raise error
    assert caplog.messages == [f"copy failed after 0.000 s: 0 rows in, 0 rows out: {words}"]
    assert "c4n4ry" not in caplog.text
