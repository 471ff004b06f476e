#!/usr/bin/env bash
# Runs a command with a Docker engine: the one that answers, or one of its own, which ends with the command.
# An engine of its own keeps everything in a scratch folder; Debian's package is installed if there is none.
# Usage: with-engine.sh COMMAND [ARGUMENT...]
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

READY_SECONDS=60
STOP_SECONDS=30

answers() { command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1; }

stop() {
    local status=$?
    trap - EXIT
    say "stopping the engine"
    if kill "$engine" 2>/dev/null; then
        for _ in $(seq $((STOP_SECONDS * 10))); do kill -0 "$engine" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$engine" 2>/dev/null || true
    fi
    wait "$engine" 2>/dev/null || true
    ip link delete "$bridge" 2>/dev/null || true
    rm -rf --one-file-system "$scratch" || say "could not remove all of $scratch"
    exit "$status"
}

# A network of its own, beside that of any other engine. Nothing is forwarded from it: a container reaches this
# machine, and through it whatever is led there, but no other machine.
make_bridge() {
    local subnet
    for subnet in $(shuf -i 0-255); do
        [ -n "$(ip -4 route list root "10.213.$subnet.0/24")" ] || break
    done
    ip link add name "$bridge" type bridge
    ip addr add "10.213.$subnet.1/24" dev "$bridge"
    ip link set "$bridge" up
}

[ $# -gt 0 ] || fail "usage: with-engine.sh COMMAND [ARGUMENT...]"

if answers; then
    say "using the engine that answers"
    exec "$@"
fi

require_root "starting a Docker engine"
command -v dockerd >/dev/null || apt_install docker.io
command -v docker >/dev/null || apt_install docker-cli # a package of its own since Debian 13
if answers; then # the package's installation started its service
    trap 'say "stopping the engine"; systemctl stop docker.socket docker.service' EXIT
    "$@"
    exit
fi
command -v ip >/dev/null || apt_install iproute2

scratch=$(mktemp -d)
bridge=lambda$$
export DOCKER_HOST="unix://$scratch/docker.sock"
make_bridge
# A session of its own: Ctrl-C reaches the command first, and the engine is stopped after it.
setsid dockerd --host "$DOCKER_HOST" --data-root "$scratch/data" --exec-root "$scratch/exec" \
    --pidfile "$scratch/docker.pid" --bridge "$bridge" --iptables=false --ip6tables=false --ip-forward=false >"$scratch/dockerd.log" 2>&1 </dev/null &
engine=$!
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for _ in $(seq "$READY_SECONDS"); do
    answers && break
    kill -0 "$engine" 2>/dev/null || break
    sleep 1
done
if ! answers; then
    tail -n 20 "$scratch/dockerd.log" >&2
    fail "the Docker engine did not start"
fi
say "started an engine of its own, $(docker version --format '{{.Server.Version}}')"
"$@"
