# shellcheck shell=bash
# `lab cluster …`, one function each.

CLUSTER_RUN=${KUBELIFT_CLUSTER_RUN:-/var/lib/kubelift-cluster}

cluster_folder_of() { echo "$CLUSTER_RUN/$1"; }

every_cluster() {
  local entry
  for entry in "$CLUSTER_RUN"/*/; do
    if [[ -d $entry ]]; then basename "$entry"; fi
  done
}

# chosen_cluster: the one that KUBELIFT_LAB (or --lab) names, or the only one there is.
chosen_cluster() {
  local clusters
  if [[ -n ${KUBELIFT_LAB:-} ]]; then
    [[ -d $(cluster_folder_of "$KUBELIFT_LAB") ]] || die "there is no cluster $KUBELIFT_LAB"
    echo "$KUBELIFT_LAB"
    return
  fi
  mapfile -t clusters < <(every_cluster)
  case ${#clusters[@]} in
    1) echo "${clusters[0]}" ;;
    0) die 'no cluster is up: lab/lab cluster up makes one' ;;
    *) die "several clusters are up: say which with --lab (${clusters[*]})" ;;
  esac
}

# cluster_build [VERSION…]: all that machines of these versions need, into the cache.
cluster_build() {
  local version versions=("$@")
  ((EUID == 0)) || die "making the machines' root file system needs root"
  (($# > 0)) || versions=("$LAB_VERSION")
  build_programs "$LAB_PAUSE"
  build_programs "$LAB_CRI_TOOLS"
  build_programs "$LAB_COREDNS"
  build_programs "$LAB_ETCD"
  rootfs_build || die 'no root file system could be made'
  for version in "${versions[@]}"; do
    build_programs "kubernetes-$version"
    images_build "$version" || die "no images of $version could be made"
    repository_build "$version" || die "no packages of $version could be made"
  done
}

# cluster_offer VERSION…: lets the machines of the chosen cluster see that version's packages and images. What is bound
# into them is filled, never replaced, or they would keep seeing the old folder.
cluster_offer() {
  local version folder
  folder=$(cluster_folder_of "$(chosen_cluster)")
  (($# > 0)) || die 'which version?'
  for version in "$@"; do
    [[ -d $(repository_folder "$version") && -d $(images_folder "$version") ]] ||
      die "$version is not built: run lab/lab cluster build $version"
    offer "$folder/srv/apt/$(minor_of "$version")" "$(repository_folder "$version")"
    offer "$folder/srv/images/$version" "$(images_folder "$version")"
  done
}

# offer TO FROM: by hard links where both are on one file system.
offer() {
  mkdir -p "$1" && find "$1" -mindepth 1 -delete || return
  cp -al "$2/." "$1/" 2>/dev/null || cp -a "$2/." "$1/"
}

cluster_up() {
  local control_planes=1 workers=1 version=$LAB_VERSION owner='' name=lab folder node began=$SECONDS
  while (($# > 0)); do
    case $1 in
      --control-planes) control_planes=${2:?--control-planes needs a number} && shift ;;
      --workers) workers=${2:?--workers needs a number} && shift ;;
      --version) version=${2:?--version needs a version of Kubernetes} && shift ;;
      --owner) owner=${2:?--owner needs the id of a process} && shift ;;
      -*) die "no such option of cluster up: $1" ;;
      *) name=$1 ;;
    esac
    shift
  done
  valid_name "$name"
  [[ $control_planes =~ ^[1-9]$ ]] || die "not a number of control planes from 1 to 9: $control_planes"
  [[ $workers =~ ^[0-9]$ ]] || die "not a number of workers up to 9: $workers"
  ((EUID == 0)) || die 'a cluster needs root: its machines are real ones'
  need ip nsenter setsid flock openssl ssh ssh-keygen systemd-nspawn go awk
  cluster_build "$version"
  folder=$(cluster_folder_of "$name")
  (umask 077 && mkdir -p "$CLUSTER_RUN")
  mkdir -m 0700 "$folder" || die "there is a cluster $name already: lab/lab cluster down $name removes it"
  # shellcheck disable=SC2064 # with the names of now
  trap "cluster_up_failed $name" EXIT
  mkdir -p "$folder"/{log,bin,kubeconfig,machines,pki}
  echo "$version" >"$folder/version"
  cluster_nodes "$control_planes" "$workers" >"$folder/nodes"
  while read -r node; do printf '%s %s\n' "$(node_address "$node")" "$node"; done <"$folder/nodes" >"$folder/hosts"
  cp "$(set_program "kubernetes-$version" kubectl)" "$folder/bin/kubectl"
  if [[ -n $owner ]]; then
    echo "$owner $(started_at "$owner")" >"$folder/owner.pid"
    setsid "$LAB_ROOT/lab" cluster watch "$name" </dev/null >/dev/null 2>&1 &
  fi
  KUBELIFT_LAB=$name cluster_offer "$version"
  kernel_settings_keep
  ssh_files "$folder" || die 'no keys for ssh could be made'
  desk_up "$name"
  machines_up "$folder" "$name"
  say "machines up after $((SECONDS - began)) s"
  on_every_node "$folder" node_prepare "$folder" "$name" "$version"
  say "packages and images on them after $((SECONDS - began)) s"
  cluster_make "$folder" "$name" "$version"
  cluster_wait "$folder" "$name" 180
  trap - EXIT
  say "$name is up after $((SECONDS - began)) s: $(tr '\n' ' ' <"$folder/nodes")at $version, in $folder"
}

# cluster_nodes CONTROL_PLANES WORKERS: their names, one a line. Several control planes are reached by a balancer.
cluster_nodes() {
  local n
  (($1 == 1)) || echo balancer
  for ((n = 1; n <= $1; n++)); do echo "cp$n"; done
  for ((n = 1; n <= $2; n++)); do echo "worker$n"; done
}

# machines_of FOLDER: the nodes, without the balancer, which is no machine of its own.
machines_of() { grep -vx balancer "$1/nodes"; }

machines_up() { # FOLDER NAME
  local node
  while read -r node; do
    node_network_up "$2" "$node"
    [[ $node != balancer ]] || continue
    machine_files "$1" "$node" || die "the root of $node could not be mounted"
    machine_start "$1" "$2" "$node"
  done <"$1/nodes"
  while read -r node <&3; do machine_wait "$1" "$2" "$node" 60; done 3< <(machines_of "$1")
  if grep -qx balancer "$1/nodes"; then balancer_start "$1" "$2"; fi
}

# on_every_node FOLDER FUNCTION FOLDER NAME ARGUMENT…: on all machines at once; FUNCTION gets FOLDER NAME NODE
# ARGUMENT….
on_every_node() {
  local folder=$1 function=$2 name=$4 node pids=() pid
  shift 4
  while read -r node; do
    "$function" "$folder" "$name" "$node" "$@" >>"$folder/log/prepare-$node.log" 2>&1 </dev/null &
    pids+=($!)
  done < <(machines_of "$folder")
  for pid in "${pids[@]}"; do
    wait "$pid" || { tail -n 5 "$folder"/log/prepare-*.log >&2 && die "$function failed"; }
  done
}

# node_prepare FOLDER NAME NODE VERSION
node_prepare() {
  local status=0 images
  node_images "$@" &
  images=$!
  node_install "$@" && node_audit "$@" || status=1
  wait "$images" && ((status == 0))
}

# cluster_make FOLDER NAME VERSION: kubeadm on each machine, and the kubeconfigs.
cluster_make() {
  local folder=$1 name=$2 endpoint='' token key hash node
  token=$(openssl rand -hex 3).$(openssl rand -hex 8) key=$(openssl rand -hex 32)
  if grep -qx balancer "$folder/nodes"; then endpoint=$CLUSTER_BALANCER; fi
  kubeadm_init_config "$name" "$3" "$endpoint" "$token" "$key" |
    node_kubeadm "$folder" "$name" cp1 init --upload-certs
  (
    umask 077
    for file in ca.crt ca.key; do
      node_ssh "$folder" "$name" cp1 cat "/etc/kubernetes/pki/$file" >"$folder/pki/$file" </dev/null
    done
    node_ssh "$folder" "$name" cp1 cat /etc/kubernetes/admin.conf >"$folder/kubeconfig/admin" </dev/null
  )
  hash=$(openssl x509 -in "$folder/pki/ca.crt" -pubkey -noout | openssl pkey -pubin -outform der |
    sha256sum | cut -d' ' -f1)
  say "the first control plane is up"
  node_pod_network "$folder" "$name" cp1
  while read -r node <&3; do
    [[ $node != cp1 ]] || continue
    kubeadm_join_config "$node" "${endpoint:-$(node_address cp1)}" "$token" "$hash" "$key" |
      node_kubeadm "$folder" "$name" "$node" join
    if [[ $node == cp* ]]; then node_server_wait "$folder" "$name" "$node" </dev/null; fi
    node_pod_network "$folder" "$name" "$node" </dev/null
    say "$node has joined"
  done 3< <(machines_of "$folder")
  cluster_users "$folder" "$name" || die 'no users could be made'
}

# cluster_users FOLDER NAME: users with the roles that ship, and no other right: one inspects, the other upgrades as well.
cluster_users() (
  folder=$1 name=$2
  bind() { cluster_kubectl "$folder" "$name" create "$@" >/dev/null; }
  cluster_user "$@" inspector && cluster_user "$@" upgrader &&
    cluster_kubectl "$folder" "$name" apply -f "$LAB_ROOT/../deploy/inspector-rbac.yaml" \
      -f "$LAB_ROOT/../deploy/upgrader-rbac.yaml" >/dev/null &&
    bind clusterrolebinding lab-inspector --clusterrole=kubelift-inspector --user=inspector --user=upgrader &&
    bind -n kube-system rolebinding lab-inspector --role=kubelift-inspector-configuration \
      --user=inspector --user=upgrader &&
    bind clusterrolebinding lab-upgrader --clusterrole=kubelift-upgrader --user=upgrader
)

# cluster_user FOLDER NAME USER: a certificate and a kubeconfig of its own.
cluster_user() (
  umask 077
  config=$1/kubeconfig/$3
  edit() { "$1/bin/kubectl" --kubeconfig "$config" config "${@:2}" >/dev/null; }
  cd "$1/pki" && certificate ca "user-$3" "/CN=$3" clientAuth && cp "$1/kubeconfig/admin" "$config" &&
    edit "$1" set-credentials "$3" --embed-certs --client-certificate="user-$3.crt" --client-key="user-$3.key" &&
    edit "$1" set-context "$3@$2" --cluster="$2" --user="$3" && edit "$1" use-context "$3@$2" &&
    edit "$1" delete-user kubernetes-admin && edit "$1" delete-context "kubernetes-admin@$2"
)

# cluster_wait FOLDER NAME SECONDS: until every node is Ready and every pod of kube-system runs.
cluster_wait() {
  cluster_kubectl "$1" "$2" wait --for=condition=Ready nodes --all --timeout="$3s" >/dev/null &&
    cluster_kubectl "$1" "$2" -n kube-system wait --for=condition=Ready pods --all --timeout="$3s" >/dev/null &&
    return
  cluster_kubectl "$1" "$2" get nodes,pods -A -o wide >&2 || true
  die "the cluster is not ready after $3 s"
}

cluster_up_failed() {
  local log
  for log in "$(cluster_folder_of "$1")"/log/*.log; do
    if [[ -s $log ]]; then say "the end of $log:" && tail -n 5 "$log" >&2; fi
  done
  if [[ -n ${KUBELIFT_LAB_KEEP:-} ]]; then
    say "kept, since KUBELIFT_LAB_KEEP is set"
  else
    cluster_down "$1"
  fi
}

# cluster_down [NAME… | --all]: machines ended by id, mounts, namespaces, cgroups and files removed; also those of a
# cluster of which only a part is left.
cluster_down() {
  local name folder machine names=("$@")
  case ${1:-} in
    --all) mapfile -t names < <(every_cluster) ;;
    '') names=("$(chosen_cluster)") ;;
  esac
  for name in "${names[@]}"; do
    valid_name "$name"
    folder=$(cluster_folder_of "$name")
    finish "$folder/balancer.pid" TERM 5
    for machine in "$folder"/machines/*/; do
      if [[ -d $machine ]]; then machine_end "$folder" "$(basename "$machine")"; fi
    done
    mounts_down "$folder"
    namespaces_down "$name"
    cgroups_down "$name"
    rm -rf --one-file-system "$folder"
  done
  [[ -n $(every_cluster) ]] || kernel_settings_restore
}

# cluster_watch NAME: takes it down when its owner has ended without doing so.
cluster_watch() {
  local folder
  folder=$(cluster_folder_of "$1")
  while [[ -d $folder ]] && alive "$folder/owner.pid"; do sleep 1; done
  if [[ -d $folder ]]; then cluster_down "$1"; fi
}

# cluster_status: each machine, whether it runs, and the memory that its processes hold.
cluster_status() {
  local name folder node state
  while read -r name; do
    folder=$(cluster_folder_of "$name")
    while read -r node; do
      state=down
      if alive "$folder/machines/$node/nspawn.pid"; then state=running; fi
      if [[ $node == balancer ]] && alive "$folder/balancer.pid"; then state=running; fi
      printf '%s\t%s\t%s\t%s\t%s MiB\n' "$name" "$node" "$(node_address "$node")" "$state" \
        "$(cgroup_memory "$name" "$node")"
    done <"$folder/nodes"
  done < <(every_cluster)
}

cluster_ssh() { # NODE [COMMAND…]
  local name
  name=$(chosen_cluster)
  grep -qx "${1:?which node?}" "$(cluster_folder_of "$name")/nodes" || die "$name has no node $1"
  node_ssh "$(cluster_folder_of "$name")" "$name" "$@"
}

cluster_exec() { # PROGRAM…: at the operator's desk, with the administrator's kubeconfig unless KUBECONFIG is set.
  local name
  name=$(chosen_cluster)
  KUBECONFIG=${KUBECONFIG:-$(cluster_folder_of "$name")/kubeconfig/admin}
  export KUBECONFIG
  at_desk "$name" "$@"
}

cluster_kubectl_command() {
  local name
  name=$(chosen_cluster)
  cluster_kubectl "$(cluster_folder_of "$name")" "$name" "$@"
}

cluster_kubeconfig() { # USER
  local file
  file=$(cluster_folder_of "$(chosen_cluster)")/kubeconfig/${1:-admin}
  [[ -e $file ]] || die "no such user: ${1:-} (those that are there: admin, inspector, upgrader)"
  echo "$file"
}

cluster_folder() { cluster_folder_of "$(chosen_cluster)"; }

# cluster_probe DIR: what kubelift's probe says of every machine, as root, a file a node.
cluster_probe() {
  local name folder kubelift node
  name=$(chosen_cluster)
  folder=$(cluster_folder_of "$name")
  kubelift=${KUBELIFT:-$(command -v kubelift)} || die 'no kubelift in PATH: say where it is with KUBELIFT'
  mkdir -p "${1:?into which folder?}"
  "$kubelift" probe --script >"$folder/probe.sh"
  while read -r node <&3; do
    node_ssh "$folder" "$name" "$node" sh -s <"$folder/probe.sh" >"$1/.$node.part"
    mv "$1/.$node.part" "$1/$node.json"
  done 3< <(machines_of "$folder")
}

command_cluster() {
  local command=${1:-help}
  (($# == 0)) || shift
  case $command in
    build | up | offer | down | watch | status | ssh | exec | kubeconfig | folder | probe) "cluster_$command" "$@" ;;
    kubectl) cluster_kubectl_command "$@" ;;
    *) usage >&2 && exit 2 ;;
  esac
}
