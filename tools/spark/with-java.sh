#!/usr/bin/env bash
# Runs a command where there is a Java, which Spark needs. Debian's package is installed if it is missing. Where that cannot
# be done, it says so and the command is not run: with CI=true that is a failure, elsewhere it is not.
# Usage: with-java.sh COMMAND [ARGUMENT...]
set -euo pipefail
SAY_AS=spark
# shellcheck source=../containers/common.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../containers/common.sh"

[ $# -gt 0 ] || fail "usage: with-java.sh COMMAND [ARGUMENT...]"
missing java && installed default-jre-headless
exec "$@"
