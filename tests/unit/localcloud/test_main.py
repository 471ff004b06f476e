from __future__ import annotations

import pytest

from localcloud.__main__ import main


@pytest.mark.parametrize("rate", ["1", "-0.1", "1.5", "nan", "often"])
def test_a_rate_that_can_never_end_well_is_refused(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--rate={rate}"])
    assert "--rate" in capsys.readouterr().err


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "localcloud: for help: python -m localcloud --help" in capsys.readouterr().err
