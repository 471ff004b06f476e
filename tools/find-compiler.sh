#!/bin/sh
# Prints a Python of exactly one version, to compile bytecode for Lambda. Usage: find-compiler.sh 3.13
# LAYER_COMPILER names one; otherwise every python of that version on PATH is tried, then uv's and pyenv's.
set -u
version=$1

is_it() {
    [ -n "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]
}

candidates() {
    echo "${LAYER_COMPILER:-}"
    [ -n "${LAYER_COMPILER:-}" ] && return # one that is named is not second-guessed
    echo "$PATH" | tr : '\n' | sed "s|\$|/python$version|"
    command -v python3
    "${UV:-uv}" python find --no-project --managed-python "$version" 2>/dev/null
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python"$version" 2>/dev/null
    prefix=$(pyenv prefix "$(pyenv latest "$version" 2>/dev/null)" 2>/dev/null) && echo "$prefix/bin/python$version"
}

candidates | {
    while IFS= read -r candidate; do
        if is_it "$candidate"; then
            echo "$candidate"
            exit 0
        fi
    done
    exit 1
} || {
    echo "Python $version is needed to compile the layers' bytecode, without which imports take 2 to 4 times as long." >&2
    echo "Install it ('uv python install $version' does), or name it: LAYER_COMPILER=/path/to/python$version" >&2
    exit 1
}
