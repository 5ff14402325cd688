# shellcheck shell=bash
# A lab's network: a namespace of its own, with addresses that are real but lead nowhere else. Every lab has the same
# ones, since no lab can see another.

ETCD_ADDRESS=10.88.0.10

# server_address N: N counts from 1.
server_address() { echo "10.88.0.$((10 + $1))"; }

namespace_of() { echo "kubelift-$1"; }

# network_up NAME SERVERS
network_up() {
  local namespace server
  namespace=$(namespace_of "$1")
  ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  # An API server refuses to publish a loopback address in Endpoints, so the addresses need a device. Where the kernel
  # has no dummy devices, one end of a pair does as well.
  ip -n "$namespace" link add kubelift0 type dummy 2>/dev/null ||
    ip -n "$namespace" link add kubelift0 type veth peer name kubelift1
  ip -n "$namespace" link set kubelift0 up
  if ip -n "$namespace" link show kubelift1 >/dev/null 2>&1; then ip -n "$namespace" link set kubelift1 up; fi
  ip -n "$namespace" address add "$ETCD_ADDRESS/24" dev kubelift0
  for ((server = 1; server <= $2; server++)); do
    ip -n "$namespace" address add "$(server_address "$server")/24" dev kubelift0
  done
}

# network_down NAME: removes the namespace, and says who is still in it.
network_down() {
  local namespace left
  namespace=$(namespace_of "$1")
  [[ -e /run/netns/$namespace ]] || return 0
  left=$(ip netns pids "$namespace" 2>/dev/null | tr '\n' ' ') || left=
  [[ -z $left ]] || say "still running in the namespace of $1, and not the lab's to end: $left"
  ip netns delete "$namespace"
}

# inside NAME PROGRAM…: replaces this shell by the program, in the namespace. Unlike `ip netns exec`, nsenter leaves
# the mounts alone.
inside() {
  local name=$1
  shift
  exec nsenter --net="/run/netns/$(namespace_of "$name")" -- "$@"
}
