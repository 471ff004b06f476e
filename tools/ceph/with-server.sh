#!/usr/bin/env bash
# Runs a command with a Ceph object gateway of its own, which ends with the command; Debian's packages are
# installed if they are missing. Where that cannot be done, it says so and the command is not run: with CI=true
# that is a failure, elsewhere it is not.
# Usage: with-server.sh COMMAND [ARGUMENT...]
set -euo pipefail
SAY_AS=ceph
# shellcheck source=../containers/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../containers/common.sh"

PROGRAMS=(ceph ceph-authtool ceph-mon ceph-osd monmaptool radosgw radosgw-admin)
PACKAGES=(ceph-common ceph-mon ceph-osd radosgw)

missing() {
    local program
    for program in "${PROGRAMS[@]}"; do command -v "$program" >/dev/null || return 0; done
    return 1
}

skip() { # REASON
    [ "${CI:-}" != true ] || fail "$1"
    say "skipped: $1"
    exit 0
}

[ $# -gt 0 ] || fail "usage: with-server.sh COMMAND [ARGUMENT...]"
if missing; then
    command -v apt-get >/dev/null || skip "no Ceph here, and no apt-get to install ${PACKAGES[*]}"
    [ "$(id -u)" = 0 ] || skip "no Ceph here; as root: apt-get install --no-install-recommends ${PACKAGES[*]}"
    apt_install "${PACKAGES[@]}"
fi
exec python -m tools.ceph "$@"
