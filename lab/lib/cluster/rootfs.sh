# shellcheck shell=bash
# The root file system that all machines lie over: Debian, a container runtime, and no Kubernetes.

CLUSTER_SUITE=bookworm
CLUSTER_MIRROR=${KUBELIFT_LAB_MIRROR:-http://deb.debian.org/debian}
CLUSTER_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,iproute2,iptables,conntrack,socat,ethtool,kmod,sudo,procps
CLUSTER_PACKAGES+=,containerd,runc,containernetworking-plugins,ca-certificates,apt-utils,curl,iputils-ping

# What must not run in a machine that shares its kernel with others: settings of the kernel, its clock, its console.
CLUSTER_MASKED=(systemd-sysctl systemd-modules-load systemd-binfmt systemd-timesyncd systemd-remount-fs
  console-getty getty@tty1 apt-daily.timer apt-daily-upgrade.timer)

# rootfs_folder: where it is or will be, named by what it is made from.
rootfs_folder() {
  local key
  key=$({ echo "$CLUSTER_SUITE $CLUSTER_PACKAGES ${CLUSTER_MASKED[*]}"; declare -f rootfs_make rootfs_settle
    cat "$LAB_ROOT"/cluster/{containerd.toml,early.service,early.sh}; } | sha256sum | cut -c1-16)
  echo "$LAB_CACHE/root-$CLUSTER_SUITE-$key"
}

# rootfs_build: makes it once, with the cache locked against a second maker.
rootfs_build() (
  local folder
  folder=$(rootfs_folder)
  [[ ! -d $folder ]] || return 0
  need debootstrap chroot
  mkdir -p "$LAB_CACHE"
  exec 9>"$folder.lock"
  flock 9
  [[ ! -d $folder ]] || return 0
  say "making the machines' root file system in $folder"
  rm -rf "$folder.part"
  rootfs_make "$folder.part" 9>&- && rootfs_settle "$folder.part" && mv "$folder.part" "$folder"
)

rootfs_make() { # FOLDER
  debootstrap --variant=minbase --include="$CLUSTER_PACKAGES" "$CLUSTER_SUITE" "$1" "$CLUSTER_MIRROR" \
    >"$1.log" 2>&1 || { tail -n 5 "$1.log" >&2 && return 1; }
}

rootfs_settle() { # FOLDER
  local unit
  rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,man,locale} \
    "$1"/etc/ssh/ssh_host_* "$1"/etc/cni/net.d/* || return
  : >"$1/etc/machine-id"
  # Packages come from the lab's own repositories only; nothing of it needs to survive a power failure.
  rm -f "$1/etc/apt/sources.list"
  echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/lab"
  # Nothing listens there, so that a lookup fails at once.
  echo 'nameserver 10.89.0.1' >"$1/etc/resolv.conf"
  mkdir -p "$1/etc/containerd" "$1/etc/systemd/journald.conf.d" "$1/srv/apt" "$1/srv/images" "$1/root/.ssh"
  chmod 0700 "$1/root/.ssh"
  cp "$LAB_ROOT/cluster/containerd.toml" "$1/etc/containerd/config.toml" || return
  printf '[Journal]\nReadKMsg=no\nStorage=volatile\n' >"$1/etc/systemd/journald.conf.d/lab.conf"
  install -m 0755 "$LAB_ROOT/cluster/early.sh" "$1/usr/local/sbin/lab-early" || return
  install -m 0644 "$LAB_ROOT/cluster/early.service" "$1/etc/systemd/system/lab-early.service" || return
  for unit in "${CLUSTER_MASKED[@]}"; do
    [[ $unit == *.timer ]] || unit+=.service
    ln -sf /dev/null "$1/etc/systemd/system/$unit" || return
  done
  chroot "$1" systemctl enable lab-early ssh containerd >/dev/null 2>&1
}
