#!/usr/bin/env bash
# Runs a command where there are Chromium, its driver, and axe-core, which the tests in a browser use. Debian's
# packages are installed if they are missing; axe-core by npm, as package-lock.json has it. Where that cannot be
# done, it says so and the command is not run: with CI=true that is a failure, elsewhere it is not.
# Usage: with-browser.sh COMMAND [ARGUMENT...]
set -euo pipefail
SAY_AS=browser
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../containers/common.sh
. "$here/../containers/common.sh"

PROGRAMS=(chromium chromedriver)
PACKAGES=(chromium chromium-driver)
AXE_FOLDER=${AXE_FOLDER:-$here/../../.venvs/browser}

[ $# -gt 0 ] || fail "usage: with-browser.sh COMMAND [ARGUMENT...]"
missing "${PROGRAMS[@]}" && installed "${PACKAGES[@]}"
if ! cmp -s "$here/package-lock.json" "$AXE_FOLDER/package-lock.json"; then
    missing npm && installed npm
    rm -rf "$AXE_FOLDER" && mkdir -p "$AXE_FOLDER"
    cp "$here/package.json" "$AXE_FOLDER/"
    say "installing axe-core"
    cp "$here/package-lock.json" "$AXE_FOLDER/package-lock.json"
    (cd "$AXE_FOLDER" && quietly npm ci --ignore-scripts --no-audit --no-fund) ||
        { rm -f "$AXE_FOLDER/package-lock.json"; skip "npm could not install axe-core"; }
fi
export AXE="$AXE_FOLDER/node_modules/axe-core/axe.min.js"
exec "$@"
