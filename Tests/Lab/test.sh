#!/bin/bash
# The laboratory's tests: the real daemon, real clients, real routers. Prints a sentence per test and a closing count.
#
#   Tests/Lab/test.sh [CASES...]     one or more of Tests/Lab/cases; all of them when none is named
#   ONLY=WORDS Tests/Lab/test.sh     only sentences with these words
#   KEEP=yes                         leaves the laboratory standing after a failure
set -euo pipefail
LAB=${LAB:-nat64-test-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"
. "$here/sentences.sh"

leaving() {
    [ "$1" != 0 ] && [ "${KEEP:-}" = yes ] || return 0
    echo "left standing: LAB=$LAB $here/lab.sh show"
    return 1
}
gone() { rm -f "$sentence_log"; }

on_failure() {
    [ -s "$LOG" ] || return 0
    echo "the log of the appliance ends so:"
    tail -n 25 "$LOG"
}

# scenario CONFIGURATION: the daemon, started afresh with an empty state folder and these tables.
scenario() {
    stop || true
    rm -rf "$STATE"
    : >"$LOG"
    configure "${1:-}"
    if ! start; then
        failed=$((failed + 1))
        printf 'FAILED  the appliance starts for the scenario:\n%s\n' "${1:-(empty configuration)}"
        return 0
    fi
}

[ $# -gt 0 ] || set -- traffic stacks share hostile clat uplink path-mtu pool policy views comparison recursion encrypted lifecycle network trouble
topology_up
internet_up
for cases in "$@"; do
    printf '\n-- %s\n' "$cases"
    # shellcheck source=/dev/null
    . "$here/cases/$cases.sh"
done
stop || true
echo
summary
