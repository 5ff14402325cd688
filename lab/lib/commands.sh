# shellcheck shell=bash
# The lab's commands, one function each.

# folder_of NAME: where that lab keeps everything.
folder_of() { echo "$LAB_RUN/$1"; }

# every_lab: the names of the labs that are up, or were and left something behind.
every_lab() {
  local entry
  for entry in "$LAB_RUN"/*/; do
    if [[ -d $entry ]]; then basename "$entry"; fi
  done
}

# chosen_lab: the lab that KUBELIFT_LAB (or --lab) names, or the only one there is.
chosen_lab() {
  local labs
  if [[ -n ${KUBELIFT_LAB:-} ]]; then
    [[ -d $(folder_of "$KUBELIFT_LAB") ]] || die "there is no lab $KUBELIFT_LAB"
    echo "$KUBELIFT_LAB"
    return
  fi
  mapfile -t labs < <(every_lab)
  case ${#labs[@]} in
    1) echo "${labs[0]}" ;;
    0) die 'no lab is up: lab/lab up makes one' ;;
    *) die "several labs are up: say which with --lab (${labs[*]})" ;;
  esac
}

valid_name() { [[ $1 =~ ^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$ ]] || die "not a lab's name: $1 (a-z, 0-9 and -)"; }

# command_up [--servers N] [--version V] [--owner PID] [NAME] [-- FLAG…]: FLAGs go to each kube-apiserver as they are.
command_up() {
  local servers=1 version='' owner='' name=lab folder server began=$SECONDS
  while (($# > 0)) && [[ $1 != -- ]]; do
    case $1 in
      --servers) servers=${2:?--servers needs a number} && shift ;;
      --version) version=${2:?--version needs a version of Kubernetes} && shift ;;
      --owner) owner=${2:?--owner needs the id of a process} && shift ;;
      -*) die "no such option of up: $1" ;;
      *) name=$1 ;;
    esac
    shift
  done
  (($# == 0)) || shift
  valid_name "$name"
  [[ $servers =~ ^[1-9]$ ]] || die "not a number of servers from 1 to 9: $servers"
  ((EUID == 0)) || die 'a lab needs root: it makes a network namespace'
  need ip nsenter unshare setsid openssl jq base64
  folder=$(folder_of "$name")
  (umask 077 && mkdir -p "$LAB_RUN")
  mkdir -m 0700 "$folder" || die "there is a lab $name already: lab/lab down $name removes it"
  # Nothing is left behind by a lab that did not come up, but its logs are shown.
  # shellcheck disable=SC2064 # with the names of now
  trap "up_failed $name" EXIT
  mkdir "$folder/log" "$folder/audit"
  echo "$servers" >"$folder/servers"
  { (($# == 0)) || printf '%s\n' "$@"; } >"$folder/server-flags"
  link_program "$folder" etcd etcd
  link_program "$folder" desk kubectl
  for ((server = 1; server <= servers; server++)); do
    link_program "$folder" "cp$server" kube-apiserver ${version:+"$version"}
  done
  if [[ -n $owner ]]; then
    echo "$owner $(started_at "$owner")" >"$folder/owner.pid"
    setsid "$LAB_ROOT/lab" watch "$name" </dev/null >/dev/null 2>&1 &
  fi
  network_up "$name" "$servers"
  certificates "$folder/pki" "$servers" || die 'openssl made no certificates'
  users "$folder" "$name" "$servers" || die 'no kubeconfigs could be written'
  start_etcd "$folder" "$name"
  for ((server = 1; server <= servers; server++)); do start_server "$folder" "$name" "$server"; done
  for ((server = 1; server <= servers; server++)); do wait_for_server "$folder" "$name" "$server" 60; done
  rights "$folder" "$name"
  wait_for_addresses "$folder" "$name" "$servers"
  trap - EXIT
  say "$name is up after $((SECONDS - began)) s: $servers API server(s), $("$folder/bin/cp1/kube-apiserver" --version) in $folder"
}

up_failed() {
  local log
  for log in "$(folder_of "$1")"/log/*.log; do
    if [[ -s $log ]]; then say "the end of $log:" && tail -n 5 "$log" >&2; fi
  done
  command_down "$1"
}

# command_down [NAME… | --all]: what a lab started is ended, by its id, and what it made is removed. Works as well on a
# lab of which only a part is left.
command_down() {
  local name folder pidfile names=("$@")
  case ${1:-} in
    --all) mapfile -t names < <(every_lab) ;;
    '') names=("$(chosen_lab)") ;;
  esac
  for name in "${names[@]}"; do
    valid_name "$name"
    folder=$(folder_of "$name")
    for pidfile in "$folder"/server-*.pid "$folder/etcd.pid"; do
      finish "$pidfile" KILL 10
    done
    network_down "$name"
    rm -rf "$folder"
  done
}

# command_watch NAME: takes the lab down when its owner has ended without doing so; ends when the lab is gone.
command_watch() {
  local folder
  folder=$(folder_of "$1")
  while [[ -d $folder ]] && alive "$folder/owner.pid"; do sleep 1; done
  if [[ -d $folder ]]; then command_down "$1"; fi
}

command_status() {
  local name folder server state
  while read -r name; do
    folder=$(folder_of "$name")
    state=down
    if alive "$folder/etcd.pid"; then state=running; fi
    printf '%s\tetcd\thttps://%s:2379\t%s\n' "$name" "$ETCD_ADDRESS" "$state"
    for ((server = 1; server <= $(<"$folder/servers"); server++)); do
      state=down
      if alive "$folder/server-$server.pid"; then state=running; fi
      printf '%s\tkube-apiserver %s\thttps://%s:6443\t%s\n' "$name" "$server" "$(server_address "$server")" "$state"
    done
  done < <(every_lab)
}

# command_kubeconfig USER[-N]: the path of that user's kubeconfig.
command_kubeconfig() {
  local name file
  name=$(chosen_lab)
  file=$(folder_of "$name")/kubeconfig/${1:?which user? ${LAB_USERS[*]} inspector-token}
  [[ -e $file ]] || die "no such user: $1 (those that are there: ${LAB_USERS[*]} inspector-token; NAME-N for server N)"
  echo "$file"
}

# command_exec PROGRAM…: runs it in the lab's network, with admin's kubeconfig unless KUBECONFIG is set.
command_exec() {
  local name folder
  name=$(chosen_lab)
  folder=$(folder_of "$name")
  export KUBECONFIG=${KUBECONFIG:-$folder/kubeconfig/admin} KUBECACHEDIR=$folder/kubectl-cache
  inside "$name" "$@"
}

command_kubectl() {
  local name
  name=$(chosen_lab)
  KUBECONFIG='' command_exec "$(folder_of "$name")/bin/desk/kubectl" "$@"
}

# command_seed OPTION…: fills the lab's first server with a big cluster's worth of objects (build/seed).
command_seed() {
  local name folder
  name=$(chosen_lab)
  folder=$(folder_of "$name")
  build_programs seed
  inside "$name" "$(program seed)" -server "https://$(server_address 1):6443" \
    -ca "$folder/pki/ca.crt" -cert "$folder/pki/user-$LAB_USER.crt" -key "$folder/pki/user-$LAB_USER.key" "$@"
}

# command_folder: where the chosen lab keeps its logs, audit logs and kubeconfigs.
command_folder() {
  local name
  name=$(chosen_lab)
  folder_of "$name"
}

# server_number N: checks that the chosen lab has it.
server_number() {
  local name
  name=$(chosen_lab)
  [[ ${1:-} =~ ^[1-9]$ && -e $(folder_of "$name")/bin/cp$1 ]] || die "$name has no API server ${1:-}"
}

# command_stop_server N [--kill]: asked to end, or killed with requests under way. Its address stays, so a connection is
# refused at once.
command_stop_server() {
  local name signal=TERM
  name=$(chosen_lab)
  server_number "${1:-}"
  [[ ${2:-} != --kill ]] || signal=KILL
  finish "$(folder_of "$name")/server-$1.pid" "$signal" 70
}

# command_start_server N [--version V]: with a version, the server comes back as another one, half an upgrade.
command_start_server() {
  local name folder
  name=$(chosen_lab)
  server_number "${1:-}"
  folder=$(folder_of "$name")
  ! alive "$folder/server-$1.pid" || die "API server $1 of $name runs already"
  [[ ${2:-} != --version ]] || link_program "$folder" "cp$1" kube-apiserver "${3:?which version?}"
  start_server "$folder" "$name" "$1"
  wait_for_server "$folder" "$name" "$1" 60
}
