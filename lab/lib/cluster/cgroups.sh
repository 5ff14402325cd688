# shellcheck shell=bash
# Every machine has cgroups of its own, so that no kubelet sees the pods of another, and none is left when it is down.

# cgroup_hierarchies: the mounted ones: with cgroup v1 one for each controller, and systemd's.
cgroup_hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/mounts; }

# cgroup_of NAME NODE: its folder's name in each of them.
cgroup_of() { echo "kubelift-cluster.$1.$2"; }

# cgroup_enter NAME NODE: makes them, and puts this shell into them.
cgroup_enter() {
  local hierarchy folder file
  while read -r hierarchy; do
    folder=$hierarchy/$(cgroup_of "$1" "$2")
    if [[ -w $hierarchy/cgroup.subtree_control && $hierarchy == /sys/fs/cgroup ]]; then
      # cgroup v2 alone: the machines' systemd hands these on to kubelets.
      for file in cpu cpuset io memory pids; do
        echo "+$file" >"$hierarchy/cgroup.subtree_control" 2>/dev/null || true
      done
    fi
    mkdir -p "$folder"
    if [[ -e $hierarchy/cpuset.cpus && ! -e $hierarchy/cgroup.controllers ]]; then
      # With cgroup v1 a new cpuset is empty, and takes no process.
      for file in cpuset.cpus cpuset.mems; do cat "$hierarchy/$file" >"$folder/$file"; done
      echo 1 >"$folder/cgroup.clone_children"
    fi
    echo "$BASHPID" >"$folder/cgroup.procs"
  done < <(cgroup_hierarchies)
}

# cgroups_down NAME: the folders of all its machines, the deepest first. A process that has just been ended may hold its
# cgroup for a moment.
cgroups_down() {
  local hierarchy folder attempt left
  for ((attempt = 0; attempt < 50; attempt++)); do
    left=0
    while read -r hierarchy; do
      for folder in "$hierarchy/$(cgroup_of "$1" '')"*; do
        [[ -d $folder ]] || continue
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [[ ! -d $folder ]] || left=1
      done
    done < <(cgroup_hierarchies)
    ((left == 1)) || return 0
    sleep 0.1
  done
  say "cgroups of $1 are left, for processes run in them"
}

# cgroup_memory NAME NODE: what all its processes hold, in MiB: anonymous memory, without the page cache.
cgroup_memory() {
  local file key=total_rss
  file=/sys/fs/cgroup/memory/$(cgroup_of "$1" "$2")/memory.stat
  [[ -e $file ]] || { file=${file/memory\//} && key=anon; }
  if [[ -e $file ]]; then awk -v key="$key" '$1 == key {print int($2 / 1048576)}' "$file"; else echo 0; fi
}
