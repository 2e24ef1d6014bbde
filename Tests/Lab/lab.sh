#!/bin/bash
# The laboratory that stays: Tests/Lab/lab.sh up | down | show | enter NODE [COMMAND...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/topology.sh"
. "$here/internet.sh"
. "$here/appliance.sh"

show() {
    cat <<END
The laboratory $LAB stands. Its nodes: $NODES.

  enter a node       $0 enter client
  from the client    ip netns exec $LAB-client curl http://v4.example.net/
                     ip netns exec $LAB-client dig AAAA v4.example.net
                     ip netns exec $LAB-client ping v4.example.net
                     ip netns exec $LAB-client traceroute -6 v4.example.net
  the appliance      $WORK/appliance-ctl --socket $SOCKET status
  its HTTP API       curl --unix-socket $SOCKET http://localhost/v1/status
  its settings       $CONFIG
  its log            $LOG
  names              v4 (A), dual (A and AAAA), www and shop (CNAME to v4), private (a private A), many; all in example.net
  take it down       make lab-down
END
}

case ${1:-} in
up)
    trap 'topology_down' ERR INT TERM
    topology_up
    internet_up
    configure ""
    start
    show
    ;;
down)
    topology_down
    ;;
show)
    [ -e "/run/netns/$LAB-box" ] || { echo "no laboratory stands; make lab" >&2; exit 1; }
    show
    ;;
enter)
    node=${2:?which node: $NODES}
    shift 2
    [ $# -gt 0 ] || set -- "${SHELL:-/bin/bash}"
    on "$node" "$@"
    ;;
*)
    echo "usage: $0 up | down | show | enter NODE [COMMAND...]" >&2
    exit 2
    ;;
esac
