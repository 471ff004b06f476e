from __future__ import annotations

import configparser
from pathlib import Path

from tools.ceph.configuration import render

TEXT = render(Path("/scratch"), fsid="f", monitor_port=1, gateway_port=2)


def settings() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(TEXT)
    return parser["global"]


def test_everything_listens_on_loopback() -> None:
    read = settings()
    assert read["mon host"] == "[v2:127.0.0.1:1]"
    assert read["rgw frontends"] == "beast endpoint=127.0.0.1:2"
    assert {read["public addr"], read["cluster addr"]} == {"127.0.0.1"}


def test_every_file_is_in_its_folder() -> None:
    names = (
        "keyring",
        "run dir",
        "admin socket",
        "log file",
        "mon data",
        "osd data",
        "rgw data",
        "crash dir",
    )
    assert all(settings()[name].startswith("/scratch") for name in names)


def test_the_daemons_know_each_other_by_their_keys() -> None:
    assert {settings()[f"auth {side} required"] for side in ("cluster", "service", "client")} == {"cephx"}
