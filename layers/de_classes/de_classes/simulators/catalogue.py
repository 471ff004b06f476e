"""Every fault there is, in the order of the draw: append only, or seeds mean something else."""

from __future__ import annotations

from de_classes.simulators.faults import FaultRegistry
from de_classes.simulators.status_faults import STATUS_FAULTS
from de_classes.simulators.wire_faults import WIRE_FAULTS

CATALOGUE = FaultRegistry((*STATUS_FAULTS, *WIRE_FAULTS))
