# shellcheck shell=bash
# Debian packages of the lab's programs, under upstream's names and in upstream's form of version, and a flat apt
# repository of them for each minor: the package steps on a machine are real ones, with holds and locks.

# repository_folder VERSION
repository_folder() {
  local key
  key=$({ cache_folder "kubernetes-$1"; cache_folder "$LAB_CRI_TOOLS"
    cat "$LAB_ROOT/lib/cluster/packages.sh" "$LAB_ROOT"/cluster/{kubelet.service,10-kubeadm.conf}; } |
    sha256sum | cut -c1-16)
  echo "$LAB_CACHE/apt-$1-$key"
}

# minor_of VERSION: v1.30 of 1.30.14, as upstream's repositories are called.
minor_of() { echo "v${1%.*}"; }

# repository_build VERSION
repository_build() (
  local folder
  folder=$(repository_folder "$1")
  [[ ! -d $folder ]] || return 0
  need dpkg-deb
  exec 9>"$folder.lock"
  flock 9
  [[ ! -d $folder ]] || return 0
  say "making the packages of Kubernetes $1"
  rm -rf "$folder.part" && mkdir -p "$folder.part" || return
  package "$folder.part" kubelet "$1-1.1" \
    'iptables, iproute2, socat, ethtool, conntrack, mount, util-linux, containernetworking-plugins' \
    "$(set_program "kubernetes-$1" kubelet)" &&
    package "$folder.part" kubeadm "$1-1.1" 'kubelet (>= 1.19.0), kubectl (>= 1.19.0), cri-tools (>= 1.30.0)' \
      "$(set_program "kubernetes-$1" kubeadm)" &&
    package "$folder.part" kubectl "$1-1.1" '' "$(set_program "kubernetes-$1" kubectl)" &&
    package "$folder.part" cri-tools "${LAB_CRI_TOOLS##*-}-1.1" '' "$(set_program "$LAB_CRI_TOOLS" crictl)" &&
    repository_index "$folder.part" "$(minor_of "$1")" &&
    mv "$folder.part" "$folder"
)

# package FOLDER NAME VERSION DEPENDS PROGRAM
package() {
  local tree=$1/tree
  mkdir -p "$tree/DEBIAN" "$tree/usr/bin" && install -m 0755 "$5" "$tree/usr/bin/" || return
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\n' "$2" "$3" "$(dpkg --print-architecture)"
    printf 'Maintainer: The lab <lab@example.org>\nSection: admin\nPriority: optional\n'
    [[ -z $4 ]] || printf 'Depends: %s\n' "$4"
    printf 'Description: %s, built by the lab from its source\n' "$2"
  } >"$tree/DEBIAN/control"
  "package_$2" "$tree" && dpkg-deb -Znone --root-owner-group --build "$tree" "$1/$2_$3.deb" >/dev/null && rm -rf "$tree"
}

package_kubectl() { :; }
package_cri-tools() { echo 'runtime-endpoint: unix:///run/containerd/containerd.sock' |
  install -D -m 0644 /dev/stdin "$1/etc/crictl.yaml"; }
package_kubeadm() {
  install -D -m 0644 "$LAB_ROOT/cluster/10-kubeadm.conf" "$1/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
}
# The kubelet is enabled when first installed, and not restarted by an upgrade of its package: that is a step of its own.
package_kubelet() {
  install -D -m 0644 "$LAB_ROOT/cluster/kubelet.service" "$1/usr/lib/systemd/system/kubelet.service" &&
    echo 'KUBELET_EXTRA_ARGS=' | install -D -m 0644 /dev/stdin "$1/etc/default/kubelet" &&
    echo /etc/default/kubelet >"$1/DEBIAN/conffiles" &&
    install -m 0755 /dev/stdin "$1/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ -z "$2" ]; then systemctl enable --now kubelet; fi
fi
END
}

# repository_index FOLDER MINOR: Packages and Release, as apt reads them.
repository_index() (
  local package
  cd "$1" || return
  for package in *.deb; do
    dpkg-deb -f "$package"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$package")" \
      "$(sha256sum "$package" | cut -d' ' -f1)"
  done >Packages || return
  {
    printf 'Origin: lab\nLabel: Kubernetes %s\nDate: %s\nSHA256:\n' "$2" "$(date -Ru)"
    printf ' %s %s Packages\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)"
  } >Release
)
