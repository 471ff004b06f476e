#!/bin/sh
# Locks what each candidate of start_and_write.py is measured with. Usage: lock.sh [--upgrade]
set -eu
cd "$(dirname "$0")"
for each in pyarrow arro3 boto3 obstore; do
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-sources --custom-compile-command "benchmarks/requirements/lock.sh" \
        --output-file "$each.txt" "$@" "$each.in" >/dev/null
done
