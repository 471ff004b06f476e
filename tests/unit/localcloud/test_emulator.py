"""What the local cloud's starter needs no emulator for."""

from __future__ import annotations

import random

from localcloud.emulator import PORTS, free_port


def test_processes_whose_chance_is_seeded_alike_get_different_ports() -> None:
    given = set()
    for _ in range(4):
        random.seed(0)  # as hypothesis does
        given.add(free_port())
    assert len(given) > 1
    assert given <= {*PORTS}
