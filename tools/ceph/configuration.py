"""What a cluster of one is told: loopback only, everything in one folder, objects in memory, one copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
STORE_BYTES = 4 * 1024**3

# Without a manager daemon nothing scales placement groups, so each pool has one and keeps it.
_TEMPLATE = """\
[global]
fsid = {fsid}
mon host = {monitor}
mon initial members = a
public addr = {host}
cluster addr = {host}
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
run dir = {folder}
admin socket = {folder}/$name.$pid.asok
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
crash dir = {folder}
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = {store_bytes}
osd crush chooseleaf type = 0
osd max object name len = 2048
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
rgw frontends = beast endpoint={host}:{gateway_port}
"""


def monitor_address(port: int) -> str:
    """Where the monitor is, in Ceph's own notation."""
    return f"[v2:{HOST}:{port}]"


def render(folder: Path, *, fsid: str, monitor_port: int, gateway_port: int) -> str:
    """The text of ``ceph.conf``.

    Args:
        folder: Where keys, sockets, logs and data go.
        fsid: The cluster's own UUID.
        monitor_port: Of the monitor.
        gateway_port: Of the S3 endpoint.
    """
    return _TEMPLATE.format(
        folder=folder,
        fsid=fsid,
        host=HOST,
        monitor=monitor_address(monitor_port),
        gateway_port=gateway_port,
        store_bytes=STORE_BYTES,
    )
