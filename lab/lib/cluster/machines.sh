# shellcheck shell=bash
# A machine: systemd-nspawn over a root file system of its own, in a network namespace and cgroups of its own.

# machine_files FOLDER NODE: its root, an overlay, and what makes it itself.
machine_files() {
  local machine=$1/machines/$2 root
  mkdir -p "$machine"/{root,upper,work,containerd,kubelet,etcd} || return
  mount -t overlay overlay -o "lowerdir=$(rootfs_folder),upperdir=$machine/upper,workdir=$machine/work" \
    "$machine/root" || return
  root=$machine/root
  echo "$2" >"$root/etc/hostname"
  { printf '127.0.0.1 localhost\n' && cat "$1/hosts"; } >"$root/etc/hosts"
  openssl rand -hex 16 >"$root/etc/machine-id"
  ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$root/etc/ssh/ssh_host_ed25519_key" || return
  printf '%s,%s %s\n' "$2" "$(node_address "$2")" "$(<"$root/etc/ssh/ssh_host_ed25519_key.pub")" >>"$1/ssh/known_hosts"
  cp "$1/ssh/key.pub" "$root/root/.ssh/authorized_keys"
}

# machine_start FOLDER NAME NODE: boots it. The shell that nspawn replaces is in the machine's cgroups already, and what
# nspawn runs stays there (--keep-unit). No systemd is needed outside.
machine_start() {
  local machine=$1/machines/$3 pid
  (
    cgroup_enter "$2" "$3"
    export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_SECCOMP=0
    exec setsid systemd-nspawn --quiet -D "$machine/root" --machine="$2-$3" --hostname="$3" \
      --register=no --keep-unit --network-namespace-path="/run/netns/$(namespace_of_node "$2" "$3")" \
      --capability=all --resolv-conf=off --timezone=off --link-journal=no --bind=/dev/kmsg \
      --bind="$machine/containerd:/var/lib/containerd" --bind="$machine/kubelet:/var/lib/kubelet" \
      --bind="$machine/etcd:/var/lib/etcd" --bind-ro="$1/srv:/srv" --boot
  ) </dev/null >"$1/log/$3.log" 2>&1 &
  pid=$!
  disown "$pid"
  echo "$pid $(started_at "$pid")" >"$machine/nspawn.pid"
}

# machine_wait FOLDER NAME NODE SECONDS: until it answers by ssh; notes the id of its process 1 from outside.
machine_wait() {
  local machine=$1/machines/$3 deadline=$((SECONDS + $4)) pid
  until node_ssh "$1" "$2" "$3" true 2>/dev/null; do
    alive "$machine/nspawn.pid" || die "$3 of $2 has ended: $(tail -n 3 "$1/log/$3.log")"
    ((SECONDS < deadline)) || die "$3 of $2 does not answer after $4 s; its console is in $1/log/$3.log"
    sleep 0.3
  done
  read -r pid _ <"$machine/nspawn.pid"
  pid=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")
  echo "$pid $(started_at "$pid")" >"$machine/init.pid"
}

# machine_end FOLDER NODE: at once: with process 1 everything in its process namespace ends.
machine_end() {
  local machine=$1/machines/$2 pid
  if [[ ! -s $machine/init.pid ]] && alive "$machine/nspawn.pid"; then
    read -r pid _ <"$machine/nspawn.pid"
    pid=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children" 2>/dev/null) || pid=
    [[ -z $pid ]] || echo "$pid $(started_at "$pid")" >"$machine/init.pid"
  fi
  finish "$machine/init.pid" KILL 10
  # nspawn tidies up after its machine, and ends by itself.
  for ((pid = 0; pid < 30; pid++)); do
    alive "$machine/nspawn.pid" || break
    sleep 0.1
  done
  finish "$machine/nspawn.pid" TERM 10
}

# mounts_down FOLDER: whatever is mounted below it, the deepest first.
mounts_down() {
  local point
  while read -r point; do
    umount "$point" 2>/dev/null || umount --lazy "$point"
  done < <(awk -v folder="$1/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r)
}

# node_ssh FOLDER NAME NODE COMMAND…: as root, from the operator's desk.
node_ssh() (
  config=$1/ssh/config name=$2
  shift 2
  at_desk "$name" ssh -F "$config" "$@"
)

# ssh_files FOLDER: a key, and a configuration that trusts the machines' own keys and no others.
ssh_files() {
  mkdir -p "$1/ssh" && ssh-keygen -q -t ed25519 -N '' -C operator -f "$1/ssh/key" && : >"$1/ssh/known_hosts" || return
  cat >"$1/ssh/config" <<END
Host *
  User root
  IdentityFile $1/ssh/key
  IdentitiesOnly yes
  UserKnownHostsFile $1/ssh/known_hosts
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 5
  ServerAliveInterval 15
END
  local node
  while read -r node; do
    printf 'Host %s\n  HostName %s\n' "$node" "$(node_address "$node")"
  done <"$1/nodes" >>"$1/ssh/config"
}
