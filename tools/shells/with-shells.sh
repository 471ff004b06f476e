#!/usr/bin/env bash
# Runs a command where there are zsh and fish, which README's blocks and the completion are tried in. Debian's packages
# are installed if they are missing. Where that cannot be done, it says so and the command is not run: with CI=true that
# is a failure, elsewhere it is not.
# Usage: with-shells.sh COMMAND [ARGUMENT...]
set -euo pipefail
SAY_AS=shells
# shellcheck source=../containers/common.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../containers/common.sh"

[ $# -gt 0 ] || fail "usage: with-shells.sh COMMAND [ARGUMENT...]"
missing zsh fish && installed zsh fish
exec "$@"
