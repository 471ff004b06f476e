#!/usr/bin/env bash
# Sees to it that the engine has an image under the name of Lambda's runtime: the one that is there, or AWS's own
# with --pull, or a STAND-IN: Debian's Python 3.13 with AWS's open-source runtime client, labelled as what it is.
# Usage: runtime-image.sh [--pull]; the network is asked for AWS's image only with --pull.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

IMAGE=public.ecr.aws/lambda/python:3.13-x86_64
SUITE=trixie # whose Python is 3.13
PYTHON=3.13
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

has_image() { docker image inspect "$IMAGE" >/dev/null 2>&1; }

# The mirror that this machine's own packages come from.
mirror() {
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
        awk '$1 !~ /security/ && !found { found = $2 } END { print found }'
}

unpack_debian() { # FOLDER
    local from
    from=$(mirror)
    [ -n "$from" ] || { quietly apt-get update || true; from=$(mirror); }
    [ -n "$from" ] || fail "the stand-in is made of Debian's packages, and apt here knows no Debian mirror"
    say "unpacking Debian $SUITE (about a minute)"
    quietly debootstrap --variant=minbase --include=python3,ca-certificates --keyring="$KEYRING" \
        "$SUITE" "$1" "$from" || fail "debootstrap could not unpack Debian $SUITE"
    rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/doc "$1"/usr/share/locale "$1"/usr/share/man
}

add_runtime() { # FOLDER
    mkdir -p "$1/var/task" "$1/opt" "$1/var/runtime"
    "$top/.venv/bin/uv" pip install --quiet --no-deps --only-binary :all: --require-hashes --link-mode copy \
        --python-platform x86_64-manylinux_2_28 --python-version "$PYTHON" \
        --target "$1/var/runtime" -r "$top/requirements/runtime.txt"
    cat >"$1/var/runtime/bootstrap" <<'BOOTSTRAP'
#!/bin/sh
# What the runtime interface starts; AWS's has the same order: the function, its layers, the runtime's own.
export PYTHONPATH=/var/task:/opt/python:/var/runtime
exec /usr/bin/python3 -m awslambdaric "$_HANDLER"
BOOTSTRAP
    chmod 755 "$1/var/runtime/bootstrap"
    chroot "$1" /usr/bin/python3 -m compileall -q /var/runtime
}

import_image() { # FOLDER
    local version
    version=$(chroot "$1" /usr/bin/python3 -c 'import platform; print(platform.python_version())')
    case "$version" in "$PYTHON".*) ;; *) fail "Debian $SUITE has Python $version, not $PYTHON" ;; esac
    tar -C "$1" -c . | docker import \
        --change "LABEL de-classes.stand-in=\"Debian $SUITE, Python $version\"" \
        --change 'ENV LANG=C.UTF-8 LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime' \
        --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin LD_LIBRARY_PATH=/var/runtime:/var/task:/opt/lib' \
        --change 'WORKDIR /var/task' \
        - "$IMAGE" >/dev/null
    say "made a stand-in for $IMAGE of Debian $SUITE with Python $version"
}

docker version >/dev/null 2>&1 || fail "no Docker engine answers: run this by tools/containers/with-engine.sh"
if has_image; then
    say "the engine has $IMAGE"
    exit 0
fi
if [ "${1:-}" = --pull ]; then
    if docker pull --quiet "$IMAGE"; then exit 0; fi
    say "AWS's image cannot be pulled here"
fi
[ "$(uname -m)" = x86_64 ] || fail "the stand-in is for x86_64, and this machine is $(uname -m)"
[ -x "$top/.venv/bin/uv" ] || fail "no .venv: run this by make, which sets it up"
require_root "making the stand-in for AWS's image"
command -v debootstrap >/dev/null || apt_install debootstrap
scratch=$(mktemp -d)
trap 'rm -rf --one-file-system "$scratch"' EXIT
root=$scratch/root
unpack_debian "$root"
add_runtime "$root"
import_image "$root"
