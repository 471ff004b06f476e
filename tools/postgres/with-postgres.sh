#!/usr/bin/env bash
# Runs a command on a machine that has PostgreSQL's server: Debian's package is installed if it is missing, and
# whatever needs a server starts one of its own (tools/postgres/server.py). Where it cannot be installed, this says
# so and the command is not run: with CI=true that is a failure, elsewhere it is not.
# Usage: with-postgres.sh COMMAND [ARGUMENT...]
set -euo pipefail
SAY_AS=postgres
# shellcheck source=../containers/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../containers/common.sh"
INSTALLED=${INSTALLED:-/usr/lib/postgresql}

skip() { # REASON
    [ "${CI:-}" != true ] || fail "$1"
    say "skipped: $1"
    exit 0
}

[ $# -gt 0 ] || fail "usage: with-postgres.sh COMMAND [ARGUMENT...]"
if ! compgen -G "$INSTALLED/*/bin/postgres" >/dev/null && ! command -v postgres >/dev/null; then
    command -v apt-get >/dev/null || skip "no PostgreSQL here, and no apt-get to install postgresql"
    [ "$(id -u)" = 0 ] || skip "no PostgreSQL here; as root: apt-get install --no-install-recommends postgresql"
    # Debian's own cluster would be started, on the port that everybody's has.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt_install postgresql
fi
exec "$@"
