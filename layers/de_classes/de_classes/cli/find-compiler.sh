#!/bin/sh
# Prints a Python of exactly one version, to compile bytecode for Lambda. Usage: find-compiler.sh 3.13 [--fetch]
# LAYER_COMPILER names one; otherwise every python of that version on PATH is tried, then uv's and pyenv's.
# With --fetch, uv downloads one where none is found: to its own folder, and onto nobody's PATH.
set -u
version=$1
fetch=${2:-}
uv=${UV:-uv}

is_it() {
    [ -n "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]
}

of_uv() {
    "$uv" python find --no-project --managed-python "$version" 2>/dev/null
}

fetched() {
    [ "$fetch" = --fetch ] || return
    echo "fetching Python $version, which Lambda runs and the layers' bytecode is compiled by ..." >&2
    "$uv" python install --no-bin "$version" >/dev/null 2>&1 && of_uv
}

candidates() {
    echo "${LAYER_COMPILER:-}"
    [ -n "${LAYER_COMPILER:-}" ] && return # one that is named is not second-guessed
    echo "$PATH" | tr : '\n' | sed "s|\$|/python$version|"
    command -v python3
    of_uv
    ls -d "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/"$version"*/bin/python"$version" 2>/dev/null
    prefix=$(pyenv prefix "$(pyenv latest "$version" 2>/dev/null)" 2>/dev/null) && echo "$prefix/bin/python$version"
}

first() { # of those on stdin
    while IFS= read -r candidate; do
        if is_it "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

candidates | first && exit
if [ -n "${LAYER_COMPILER:-}" ]; then
    echo "LAYER_COMPILER=$LAYER_COMPILER is no Python $version, which the layers' bytecode is compiled by." >&2
    exit 1
fi
fetched | first && exit
echo "Building the layers needs Python $version, Lambda's own, to compile bytecode: install it by your system's package manager or 'uv python install $version', or name it: LAYER_COMPILER=/path/to/python$version" >&2
exit 1
