#!/bin/sh
# Prints a Python that is new enough. Usage: find-python.sh [NAME-OR-PATH]; a name given is not second-guessed.
set -u
new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for candidate in ${1:-python3 python3.13 python3.12 python3.11 python3.14}; do
    if new_enough "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done
found=$(${1:-python3} --version 2>&1) || found="no ${1:-python3}"
echo "Python 3.11 or newer is needed, and here is $found." >&2
echo "Install one, or name one: make PYTHON=/path/to/python3.13 <target>" >&2
exit 1
