#!/bin/sh
# Asks a database of known vulnerabilities about every locked package; make audit runs it. Usage: audit.sh [--if-reachable]
# Ends with 0 only if every package was looked up: one that the database does not know, or a database that
# cannot be reached, is a failure and not a clean answer; --if-reachable lets the latter pass, in plain words.
set -u
cd "$(dirname "$0")/.."

status=0
for lock in requirements/*.txt layers/*/requirements.txt; do
    echo "auditing $lock"
    .venvs/audit/bin/pip-audit --strict --progress-spinner off --vulnerability-service osv \
        --disable-pip --require-hashes --requirement "$lock" 2>.venvs/audit/said || {
        status=1
        tail -n 1 .venvs/audit/said >&2
        if grep -q -e ConnectionError -e ServiceError .venvs/audit/said; then
            echo "The database cannot be reached from here, so nothing is known: run 'make audit' where it can." >&2
            [ "${1:-}" = --if-reachable ] && exit 0
            exit 2
        fi
    }
done
exit "$status"
