# shellcheck shell=bash disable=SC2154
# A laboratory for as long as a script runs: taken down at its end, however it ends. To be sourced by a script that has set
# `here` to this folder and LAB to a name of its own.

# shellcheck source-path=SCRIPTDIR
. "$here/topology.sh"
. "$here/internet.sh"
. "$here/appliance.sh"

if [ "$(id -u)" != 0 ]; then
    echo "network namespaces need root" >&2
    exit 1
fi
# leaving STATUS: what a script has to say before the laboratory is taken down; it stays if this fails.
leaving() { :; }
# gone STATUS: what it has to say after that.
gone() { :; }
finish() {
    local status=$?
    trap - EXIT INT TERM
    if leaving $status; then
        stop || true
        topology_down
        gone $status
    fi
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM
