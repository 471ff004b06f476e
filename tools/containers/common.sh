# Sourced by the scripts beside it.
say() { echo "${SAY_AS:-containers}: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

missing() { # PROGRAM...
    local program
    for program in "$@"; do command -v "$program" >/dev/null || return 0; done
    return 1
}

# In CI nothing is skipped in silence.
skip() { # REASON
    [ "${CI:-}" != true ] || fail "$1"
    say "skipped: $1"
    exit 0
}

# Debian's packages, if they can be had here.
installed() { # PACKAGE...
    command -v apt-get >/dev/null || skip "no $* here, and no apt-get to install them"
    [ "$(id -u)" = 0 ] || skip "no $* here; as root: apt-get install --no-install-recommends $*"
    apt_install "$@"
}

require_root() { # WHAT-FOR
    [ "$(id -u)" = 0 ] || fail "$1 needs root; run this as root, or use an engine and an image that are there"
}

# Package lists may be stale or missing, as in a fresh image; they are fetched only if they have to be.
apt_install() { # PACKAGE...
    command -v apt-get >/dev/null || fail "install $*: there is no apt-get here to do it"
    say "installing $*"
    quietly apt-get install --yes --no-install-recommends "$@" ||
        { quietly apt-get update && quietly apt-get install --yes --no-install-recommends "$@"; } ||
        fail "apt-get could not install $*"
}

# Shows what a command said only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null || status=$?
    [ "$status" = 0 ] || tail -n 30 "$log" >&2
    rm -f "$log"
    return "$status"
}
