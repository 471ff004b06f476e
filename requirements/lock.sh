#!/bin/sh
# Resolves pyproject.toml into the hash-locked files that every environment and layer installs from.
# Usage: lock.sh [--upgrade]; without it, versions already locked are kept.
set -eu
cd "$(dirname "$0")/.."

compile() { # OUTPUT ARGUMENT...
    output=$1
    shift
    # Universal: one file for every system and Python from 3.11 on. No index is named: the user's own is used.
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-sources --custom-compile-command "make lock" --output-file "$output" "$@" >/dev/null
    echo "locked $output"
}

layer() { # FOLDER SHIPPED-BY-ANOTHER-LAYER...
    folder=$1
    shift
    for package in "$@"; do
        set -- "$@" --no-emit-package "$package"
        shift
    done
    compile "layers/$folder/requirements.txt" --constraint requirements/dev.txt \
        --group "layer-$(echo "$folder" | tr _ -)" "$@"
}

compile requirements/bootstrap.txt --group bootstrap "$@"
compile requirements/dev.txt pyproject.toml --all-extras --group dev "$@"
compile requirements/emulator.txt --group emulator "$@"
compile requirements/sam.txt --group sam "$@"
compile requirements/audit.txt --group audit "$@"
compile requirements/checks.txt --group checks "$@"
for peer in requests dlt singer airbyte; do
    compile "requirements/peer-$peer.txt" --group "peer-$peer" "$@"
done
compile requirements/house.txt --group house --constraint requirements/peer-dlt.txt "$@"
compile requirements/bench.txt --group bench --constraint requirements/dev.txt "$@" # the versions that ours runs with
compile requirements/mutation.txt pyproject.toml --all-extras --group dev --group mutation \
    --constraint requirements/dev.txt "$@" # what the tests run with
compile requirements/site.txt pyproject.toml --all-extras --group site --constraint requirements/dev.txt "$@"
compile requirements/bench-dlt.txt --group bench-dlt --constraint requirements/peer-dlt.txt "$@"
compile requirements/seaweed.txt --group seaweed "$@"
compile requirements/spark.txt --group spark "$@"
compile requirements/bench-airbyte.txt --group bench-airbyte "$@" # of rich it takes an older one than peer-airbyte
compile requirements/runtime.txt --group runtime --constraint requirements/dev.txt "$@"

core="aws-lambda-powertools jmespath msgspec pyjwt requests certifi charset-normalizer idna tenacity typing-extensions urllib3"
sdk="boto3 botocore python-dateutil s3transfer six"
# shellcheck disable=SC2086  # the lists are meant to split
{
    layer de_classes
    layer sdk $core
    layer arrow
    layer postgres $core tzdata # which Windows alone needs
    layer dataframes $core $sdk pyarrow setuptools # awswrangler names setuptools and never imports it
}
