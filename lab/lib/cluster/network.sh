# shellcheck shell=bash
# A cluster's network: the operator's desk is a namespace with a bridge in it, each machine a namespace that hangs on the
# bridge. Every cluster has the same addresses, since none can see another, and none leads to this machine or beyond.

CLUSTER_DESK=10.89.0.1
CLUSTER_BALANCER=10.89.0.5

# node_address NODE: cp1 is 10.89.0.11, worker1 10.89.0.21.
node_address() {
  case $1 in
    cp?) echo "10.89.0.$((10 + ${1#cp}))" ;;
    worker?) echo "10.89.0.$((20 + ${1#worker}))" ;;
    balancer) echo "$CLUSTER_BALANCER" ;;
  esac
}

# desk_of NAME, namespace_of_node NAME NODE. A dot, since no lab's name has one.
desk_of() { echo "kubelift-cluster.$1"; }
namespace_of_node() { echo "kubelift-cluster.$1.$2"; }

desk_up() { # NAME
  local desk
  desk=$(desk_of "$1")
  ip netns add "$desk"
  ip -n "$desk" link set lo up
  ip -n "$desk" link add bridge0 type bridge
  ip -n "$desk" link set bridge0 up
  ip -n "$desk" address add "$CLUSTER_DESK/24" dev bridge0
}

# node_network_up NAME NODE. The default route leads nowhere, but without one an address of a Service has no route by the
# time that kube-proxy's rules would change it.
node_network_up() {
  local desk namespace
  desk=$(desk_of "$1") namespace=$(namespace_of_node "$1" "$2")
  ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  ip -n "$desk" link add "$2" type veth peer name eth0 netns "$namespace"
  ip -n "$desk" link set "$2" master bridge0 up
  ip -n "$namespace" link set eth0 up
  ip -n "$namespace" address add "$(node_address "$2")/24" dev eth0
  ip -n "$namespace" route add default dev eth0
}

# namespaces_down NAME: of the desk and of every machine.
namespaces_down() {
  local path
  for path in "/run/netns/$(desk_of "$1")" "/run/netns/$(desk_of "$1")".*; do
    if [[ -e $path ]]; then ip netns delete "${path##*/}"; fi
  done
}

# at_desk NAME PROGRAM…: replaces this shell by the program, in the operator's namespace.
at_desk() {
  local desk
  desk=$(desk_of "$1")
  shift
  exec nsenter --net="/run/netns/$desk" -- "$@"
}
