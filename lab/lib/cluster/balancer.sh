# shellcheck shell=bash
# Before several control planes: one address, from which connections go on to an API server that takes them.

LAB_BALANCER=balancer

balancer_start() { # FOLDER NAME
  local node servers=() pid
  while read -r node; do
    if [[ $node == cp* ]]; then servers+=("$(node_address "$node"):6443"); fi
  done <"$1/nodes"
  build_programs "$LAB_BALANCER"
  setsid nsenter --net="/run/netns/$(namespace_of_node "$2" balancer)" -- \
    "$(set_program "$LAB_BALANCER" balancer)" "$CLUSTER_BALANCER:6443" "${servers[@]}" \
    </dev/null >"$1/log/balancer.log" 2>&1 &
  pid=$!
  disown "$pid"
  echo "$pid $(started_at "$pid")" >"$1/balancer.pid"
}
