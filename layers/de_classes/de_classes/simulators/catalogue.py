"""Every fault there is, in the order of the draw: append only, or seeds mean something else."""

from __future__ import annotations

from de_classes.simulators.body_faults import BODY_FAULTS
from de_classes.simulators.drift import FIRST_DRIFT_FAULTS, LATER_DRIFT_FAULTS
from de_classes.simulators.end_faults import END_FAULTS
from de_classes.simulators.fault_kinds import FaultRegistry
from de_classes.simulators.foreign_faults import FOREIGN_FAULTS
from de_classes.simulators.http_faults import HTTP_FAULTS
from de_classes.simulators.login_faults import GRANT_FAULTS, LOGIN_FAULTS
from de_classes.simulators.pace_faults import PACE_FAULTS
from de_classes.simulators.page_faults import MORE_PAGE_FAULTS, PAGE_FAULTS
from de_classes.simulators.record_faults import MORE_RECORD_FAULTS, RECORD_FAULTS
from de_classes.simulators.retry_after_faults import RETRY_AFTER_FAULTS
from de_classes.simulators.status_faults import (
    MORE_STATUS_FAULTS,
    OTHER_SUCCESSES,
    PASSING_STATUSES,
    STATUS_FAULTS,
    VANISHING_PAGES,
)
from de_classes.simulators.token_faults import MORE_TOKEN_FAULTS, TOKEN_FAULTS
from de_classes.simulators.wire_faults import EARLY_FAULTS, MORE_WIRE_FAULTS, WIRE_FAULTS

CATALOGUE = FaultRegistry(
    (
        *STATUS_FAULTS,
        *WIRE_FAULTS,
        *MORE_STATUS_FAULTS,
        *RETRY_AFTER_FAULTS,
        *MORE_WIRE_FAULTS,
        *BODY_FAULTS,
        *PAGE_FAULTS,
        *PACE_FAULTS,
        *FIRST_DRIFT_FAULTS,
        *TOKEN_FAULTS,
        *LOGIN_FAULTS,
        *GRANT_FAULTS,
        *FOREIGN_FAULTS,
        *RECORD_FAULTS,
        *END_FAULTS,
        *VANISHING_PAGES,
        *PASSING_STATUSES,
        *OTHER_SUCCESSES,
        *HTTP_FAULTS,
        *EARLY_FAULTS,
        *LATER_DRIFT_FAULTS,
        *MORE_TOKEN_FAULTS,
        *MORE_RECORD_FAULTS,
        *MORE_PAGE_FAULTS,
    )
)
