#!/bin/sh
# needs: jq openssl sha256sum iconv
# The node probe, run by every shell and awk that is here, on trees of files made for it (KUBELIFT_ROOT). What it says
# of real machines is in fixtures/node-facts.
set -u
cd "$(dirname "$0")/.." || exit 1
PROBE=$PWD/src/hosts/probe.sh
SNAPSHOT=$PWD/tests/fixtures/etcd/snapshot.db
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
OUT=$WORK/out.json
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  echo "failed: $*"
}
skip() {
  skipped=$((skipped + 1))
  echo "skipped: $*"
}

# tree: a new, empty root file system in $T.
tree() {
  T=$(mktemp -d "$WORK/tree.XXXXXX")
  mkdir -p "$T/proc/self" "$T/sys/fs" "$T/sys/kernel/security" "$T/sys/module" "$T/etc/kubernetes/manifests" "$T/var/lib/kubelet"
}

# file PATH: standard input, into the tree.
file() {
  mkdir -p "$T/$(dirname "$1")"
  cat >"$T/$1"
}

# program PATH: standard input as a program of the tree.
program() {
  file "$1"
  chmod +x "$T/$1"
}

# lock_id PATH: how the kernel's table of locks calls a file of the tree.
lock_id() {
  # shellcheck disable=SC2046 # two words
  set -- $(stat -c '%d %i' "$T/$1")
  printf '%02x:%02x:%s' $((($1 >> 8) & 4095)) $((($1 & 255) | (($1 >> 12) & 1048320))) "$2"
}

# probe [SHELL…]: of the tree, into $OUT; it must be a whole document, and there must be no complaint.
probe() {
  [ $# -gt 0 ] || set -- sh
  if ! KUBELIFT_ROOT=$T "$@" "$PROBE" >"$OUT" 2>"$WORK/err"; then
    bad "$*: exit code $?"
  elif [ -s "$WORK/err" ]; then
    bad "$*: complained: $(head -n 3 "$WORK/err")"
  elif ! jq -e '.schemaVersion == 1 and all(.unread[]; .what != "probe")' "$OUT" >/dev/null; then
    bad "$*: not a whole document"
  fi
}

# want TITLE FILTER: the filter is true of the document.
want() {
  if [ "$(jq "$2" "$OUT" 2>&1)" = true ]; then
    ok
  else
    bad "$1: $(jq -c "$2" "$OUT" 2>&1 | head -c 300)"
  fi
}

# unread WHAT REASON: the document says so.
unread() { want "unread $1" "any(.unread[]; .what == \"$1\" and (.reason | contains(\"$2\")))"; }

# --- Shells and awks --------------------------------------------------------------------------------

# A control plane with a bit of everything, and with names that could break something.
tree
printf 'cp\033[2J1\377"\\\n' | file proc/sys/kernel/hostname
printf '\355\240\200|\300\257|\364\220\200\200|\342\202\254|\302\205|\360\237\216\211|\342\202\n' | file etc/machine-id
echo 77aa | file proc/sys/kernel/random/boot_id
printf 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian \303\244 GNU/Linux"\n' | file etc/os-release
echo 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0' | file proc/self/mounts
echo 'cpu memory pids' | file sys/fs/cgroup/cgroup.controllers
echo Y | file sys/module/apparmor/parameters/enabled
printf 'k8s-web (enforce)\n/usr/bin/my app//sub (x) (complain)\nbroken line\n' | file sys/kernel/security/apparmor/profiles
printf 'Filename Type Size Used Priority\n/swap.img file 2097148 0 -2\n' | file proc/swaps
printf 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock --v 4 --bare"\n' |
  file var/lib/kubelet/kubeadm-flags.env
file var/lib/kubelet/config.yaml <<'YAML'
apiVersion: kubelet.config.k8s.io/v1beta1
cgroupDriver: systemd   # not cgroupfs
failCgroupV1: false
mergeDefaultEvictionSettings: true
evictionHard:
  memory.available: 100Mi
  "nodefs.available": '10%'
featureGates: {A: true}
evictionSoft: {}
imageGCHighThresholdPercent: 85
maxPods: many
staticPodPath: /etc/kubernetes/manifests
YAML
file etc/kubernetes/manifests/kube-apiserver.yaml <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --feature-gates=A=true,B=false
    - "--quoted=x"
    env:
    - name: HTTPS_PROXY
      value: http://user:hunter2@proxy:3128
    image: registry.k8s.io/kube-apiserver:v1.30.14
    livenessProbe:
      httpGet:
        path: /livez
  volumes:
  - hostPath:
      path: /etc/ssl/certs
    name: certs
YAML
touch -d 2026-01-02T03:04:05Z "$T/var/lib/kubelet/config.yaml"
printf '#!/bin/sh\necho %s\n' '{"images":[{"id":"sha256:0a","repoTags":["registry.k8s.io/pause:3.9"]}]}' | program usr/bin/crictl
printf '#!/bin/sh\nexit 0\n' | program usr/bin/dpkg-query
printf 'deb [arch=amd64 signed-by=/etc/apt/keyrings/k.gpg] https://pkgs.k8s.io/core:/stable:/v1.30/deb/ /\n' | file etc/apt/sources.list
mkdir -p "$T/run/containerd" "$T/var/lib/dpkg"
touch "$T/run/containerd/containerd.sock" "$T/var/lib/dpkg/lock-frontend"
echo "1: POSIX  ADVISORY  WRITE 4711 $(lock_id var/lib/dpkg/lock-frontend) 0 EOF" | file proc/locks
echo unattended-upgr | file proc/4711/comm
cp "$T/etc/kubernetes/manifests/kube-apiserver.yaml" "$T/etc/kubernetes/manifests/kube-apiserver.yaml.bak"
cp "$T/etc/kubernetes/manifests/kube-apiserver.yaml" "$T/etc/kubernetes/manifests/.hidden.yaml"
echo '{"kind":"Pod"}' >"$T/etc/kubernetes/manifests/$(printf 'a\nb\t"c\\ \377').json"
mkdir -p "$T/var/backups/etcd"
cp "$SNAPSHOT" "$T/var/backups/etcd/$(printf 'day\033 "1".db')"
before=$(cd "$T" && find . -type f -exec sha256sum {} + | sort)

first=
for shell in dash 'bash --posix' 'busybox sh' ksh mksh; do
  command -v "${shell%% *}" >/dev/null || continue
  # shellcheck disable=SC2086 # words
  probe $shell
  jq -S 'del(.collectedAt, .disk)' "$OUT" >"$WORK/this.json"
  if [ -z "$first" ]; then
    first=$shell
    mv "$WORK/this.json" "$WORK/first.json"
  elif cmp -s "$WORK/first.json" "$WORK/this.json"; then
    ok
  else
    bad "$shell and $first differ: $(diff "$WORK/first.json" "$WORK/this.json" | head -n 5)"
  fi
done
for awk in mawk gawk 'busybox awk' original-awk; do
  command -v "${awk%% *}" >/dev/null || continue
  mkdir -p "$WORK/awk"
  printf '#!/bin/sh\nexec %s "$@"\n' "$awk" >"$WORK/awk/awk"
  chmod +x "$WORK/awk/awk"
  probe env PATH="$WORK/awk:$PATH" sh
  jq -S 'del(.collectedAt, .disk)' "$OUT" >"$WORK/this.json"
  if cmp -s "$WORK/first.json" "$WORK/this.json"; then
    ok
  else
    bad "with $awk: $(diff "$WORK/first.json" "$WORK/this.json" | head -n 5)"
  fi
done
if [ "$before" = "$(cd "$T" && find . -type f -exec sha256sum {} + | sort)" ]; then ok; else bad 'the tree was changed'; fi
if LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" "$OUT"; then bad 'control characters came through'; else ok; fi

if iconv -f UTF-8 -t UTF-8 "$OUT" >/dev/null 2>&1; then ok; else bad 'the document is not UTF-8'; fi
want 'what is not UTF-8 shows' '.machineId == "\ufffd\ufffd\ufffd|\ufffd\ufffd|\ufffd\ufffd\ufffd\ufffd|€||🎉|\ufffd\ufffd"'
want 'names are cleaned' '.hostname == "cp[2J1\ufffd\"\\"'
want 'other letters stay' '.os.prettyName == "Debian ä GNU/Linux"'
want 'cgroup v2' '.cgroup == {version: "v2", fsType: "cgroup2", controllers: ["cpu", "memory", "pids"]}'
want 'profiles' '.appArmor.profiles == [{name: "k8s-web", mode: "enforce"}, {name: "/usr/bin/my app//sub (x)", mode: "complain"}]'
want 'swap' '.swap == {totalBytes: 2147479552, devices: [{path: "/swap.img", type: "file", sizeBytes: 2147479552}]}'
want 'flags' '[.kubelet.flagSources[] | select(.path == "/var/lib/kubelet/kubeadm-flags.env").flags[] | [.name, .value]]
  == [["container-runtime-endpoint", "unix:///run/containerd/containerd.sock"], ["v", "4"], ["bare", null]]'
want 'kubelet configuration' '.kubelet.config | .cgroupDriver == "systemd" and .failCgroupV1 == false and .mergeDefaultEvictionSettings == true and .evictionSoft == {}
  and .evictionHard == {"memory.available": "100Mi", "nodefs.available": "10%"} and .imageGCHighThresholdPercent == 85'
want "which bytes it has, and since when" '.kubelet.config | .modified == "2026-01-02T03:04:05Z" and .sha256 == "'"$(sha256sum <"$T/var/lib/kubelet/config.yaml" | cut -d ' ' -f 1)"'"'
want 'a lock of the packages' '.packages | .locked and .lockedBy == "unattended-upgr (4711), /var/lib/dpkg/lock-frontend"'
unread kubelet.config.featureGates 'flow style'
unread kubelet.config.maxPods 'not a number: many'
want 'static pods' '[.staticPods[].path | ltrimstr("/etc/kubernetes/manifests/")]
  == ["a b \"c\\ \ufffd.json", "kube-apiserver.yaml", "kube-apiserver.yaml.bak"]'
want 'one static pod' '.staticPods[1] | .name == "kube-apiserver" and .namespace == "kube-system" and .hostPaths == ["/etc/ssl/certs"]
  and .images == ["registry.k8s.io/kube-apiserver:v1.30.14"] and .proxyVariables == ["HTTPS_PROXY"]
  and [.flags[] | [.name, .value, .line]] == [["feature-gates", "A=true,B=false", 10], ["quoted", "x", 11]]'
want 'a manifest in JSON is unread' 'any(.unread[]; .what == "staticPods" and (.reason | contains("written as JSON")))'
want 'no etcd here' '.etcd == {local: false}'
want 'a snapshot' '[.backups.snapshots[] | [.path, .state]] == [["/var/backups/etcd/day \"1\".db", "verified"]]'
want 'the tree is named' '.root | test("tree")'

# --- Secrets ----------------------------------------------------------------------------------------

tree
printf 'KUBELET_EXTRA_ARGS="--token abcdef.0123456789abcdef --azure-secret=hunter2 --x=abcdef.0123456789abcdef --tls-private-key-file=/pki/kubelet.key"\n' |
  file etc/default/kubelet
mkdir -p "$T/etc/systemd/system/kubelet.service.d"
printf '[Service]\nEnvironment=PASSWORD=hunter2 "A=--proxy=http://user:hunter2@host:80"\n' | file etc/systemd/system/kubelet.service.d/9.conf
printf '    server: https://user:hunter2@10.0.0.1:6443\n    client-key-data: aHVudGVyMg==\n    token: hunter2\n' | file etc/kubernetes/kubelet.conf
openssl genrsa 512 2>/dev/null | file etc/kubernetes/pki/ca.key
cp "$T/etc/kubernetes/pki/ca.key" "$T/etc/kubernetes/pki/wrong.crt"
printf 'deb https://user:hunter2@pkgs.k8s.io/core:/stable:/v1.31/deb/ /\n# deb http://apt.kubernetes.io/ kubernetes-xenial main\n' |
  file etc/apt/sources.list.d/k8s.list
printf 'Types: deb\nURIs: https://mirror/core:/stable:/v1.30/deb/\nSuites: /\nEnabled: no\n\nURIs: https://mirror/v1.32/deb\n' | file etc/apt/sources.list.d/k8s.sources
printf '[kubernetes]\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.30/rpm/\nenabled=1\n[other]\nbaseurl=https://x/\n[old]\nbaseurl=https://x/v1.29/\nenabled=0\n' |
  file etc/yum.repos.d/kubernetes.repo
probe
if grep -qE 'hunter2|aHVudGVyMg|0123456789abcdef|BEGIN|MII' "$OUT"; then bad "a secret: $(grep -E 'hunter2|aHVudGVyMg|0123456789abcdef|BEGIN|MII' "$OUT" | head -n 1)"; else ok; fi
want 'paths of secrets stay' 'any(.kubelet.flagSources[].flags[]; .name == "tls-private-key-file" and .value == "/pki/kubelet.key")'
want 'masked flags' '[.kubelet.flagSources[].flags[] | select(.value == "[masked]").name] == ["token", "azure-secret", "x"]'
want 'server' '.kubelet.server == "https://[masked]@10.0.0.1:6443"'
unread certificates 'wrong.crt: openssl could not read'
want 'repositories' '[.packages.repositories[] | [(.path | sub(".*/"; "")), .line, .minor, .enabled]] == [
  ["k8s.list", 1, "1.31", true], ["k8s.list", 2, null, false], ["k8s.sources", 2, "1.30", false], ["k8s.sources", 6, "1.32", true],
  ["kubernetes.repo", 2, "1.30", true], ["kubernetes.repo", 7, "1.29", false]]'

# --- Keys of repositories, locks --------------------------------------------------------------------

tree
file etc/apt/sources.list.d/k8s.list <<'LIST'
deb [ arch=amd64,arm64 signed-by=/etc/apt/keyrings/a.gpg,/etc/apt/keyrings/b.gpg trusted=yes ] https://pkgs.k8s.io/core:/stable:/v1.31/deb/ /
deb [trusted=no] https://pkgs.k8s.io/core:/stable:/v1.32/deb/ /
# deb https://pkgs.k8s.io/core:/stable:/v1.33/deb/ /
LIST
file etc/apt/sources.list.d/k8s.sources <<'SOURCES'
Types: deb
Trusted: yes
URIs: https://pkgs.k8s.io/core:/stable:/v1.30/deb/
Suites: /
Signed-By: /etc/apt/keyrings/c.gpg

URIs: https://pkgs.k8s.io/core:/stable:/v1.29/deb/
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQENBGMHoXcBCADXKE3M0Yz0nYz0
 -----END PGP PUBLIC KEY BLOCK-----
Suites: /
SOURCES
file etc/yum.repos.d/kubernetes.repo <<'REPO'
[kubernetes]
baseurl=https://pkgs.k8s.io/core:/stable:/v1.30/rpm/
gpgcheck=1
gpgkey=https://user:hunter2@pkgs.k8s.io/core:/stable:/v1.30/rpm/repodata/repomd.xml.key
  file:///etc/pki/rpm-gpg/K
[unchecked]
baseurl=https://x/v1.31/
gpgcheck=0
[silent]
baseurl=https://x/v1.32/
REPO
probe
if grep -qE 'hunter2|mQENB|BEGIN' "$OUT"; then bad 'a key was printed'; else ok; fi
want 'keys' '[.packages.repositories[] | [.minor, .signedBy, .trusted]] == [
  ["1.31", ["/etc/apt/keyrings/a.gpg", "/etc/apt/keyrings/b.gpg"], true], ["1.32", [], false], ["1.33", [], false],
  ["1.30", ["/etc/apt/keyrings/c.gpg"], true], ["1.29", ["inline"], false],
  ["1.30", ["https://[masked]@pkgs.k8s.io/core:/stable:/v1.30/rpm/repodata/repomd.xml.key", "file:///etc/pki/rpm-gpg/K"], false],
  ["1.31", [], true], ["1.32", [], null]]'
want 'no package manager, no lock' '.packages | .manager == "none" and .locked == null'

tree
printf '#!/bin/sh\nexit 0\n' | program usr/bin/dpkg-query
mkdir -p "$T/var/lib/dpkg" "$T/var/lib/apt/lists"
touch "$T/var/lib/dpkg/lock" "$T/var/lib/apt/lists/lock"
probe
want 'without the table of locks it is not known' '.packages.locked == null'
unread packages.locked 'no /proc/locks'
{
  echo "1: -> POSIX  ADVISORY  WRITE 7 $(lock_id var/lib/dpkg/lock) 0 EOF"
  echo "2: POSIX  ADVISORY  READ 8 ff:ff:$(stat -c %i "$T/var/lib/dpkg/lock") 0 EOF"
  echo "3: FLOCK  ADVISORY  WRITE 9 $(lock_id var/lib/dpkg) 0 EOF"
} | file proc/locks
probe
want 'who waits, or locks another file, holds none' '.packages.locked == false'
mkdir -p "$T/proc/8/fd"
ln -s /var/lib/dpkg/lock "$T/proc/8/fd/4"
probe
want 'a file that is open, on a device of another number' '.packages | .locked and (.lockedBy | contains("(8), /var/lib/dpkg/lock"))'
if command -v flock >/dev/null && [ -r /proc/locks ]; then
  rm -r "$T/proc/8"
  ln -sf /proc/locks "$T/proc/locks"
  probe
  want 'as the kernel says, free' '.packages.locked == false'
  exec 9>"$T/var/lib/apt/lists/lock"
  flock 9
  probe
  exec 9>&-
  want 'and held' '.packages | .locked and (.lockedBy | endswith("/var/lib/apt/lists/lock"))'
else
  skip 'a real lock: no flock, or no /proc/locks'
fi

# --- cgroups, AppArmor ------------------------------------------------------------------------------

cgroups() {
  tree
  printf '%b' "$2" | file proc/self/mounts
  printf '#subsys_name hierarchy num enabled\ncpu 2 1 1\nrdma 0 1 1\n' | file proc/cgroups
  probe
  want "cgroup $1" "$3"
}
cgroups v1 'tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n' '.cgroup | .version == "v1" and .v1Controllers == ["cpu"]'
cgroups hybrid 'tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n' '.cgroup.version == "hybrid"'
cgroups 'v2 over v1' 'cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n' '.cgroup.version == "v2"'
cgroups none 'tmpfs / tmpfs rw 0 0\ncgroup2 /mnt cgroup2 rw 0 0\n' '.cgroup == null'
unread cgroup 'no cgroup hierarchy'

tree
probe
want 'no AppArmor' '.appArmor == {enabled: false, securityfs: false, parser: false, profiles: []}'
echo N | file sys/module/apparmor/parameters/enabled
probe
want 'AppArmor off' '.appArmor | .enabled == false and .profiles == []'
echo Y | file sys/module/apparmor/parameters/enabled
probe
want 'profiles that cannot be read are not none' '.appArmor.enabled == true and .appArmor.profiles == null'
want 'and have a reason' 'any(.unread[]; .what == "appArmor.profiles")'
awk 'BEGIN { for (i = 0; i < 5000; i++) print "profile-" i " (enforce)" }' | file sys/kernel/security/apparmor/profiles
probe
want 'a long list is cut' '.appArmor.profiles | length == 4096'
unread appArmor.profiles 'only the first 4096'
rm -r "$T/sys"
probe
want 'without /sys nothing is said' '.appArmor.enabled == null and .appArmor.securityfs == null and .selinux == {}'
unread appArmor.enabled 'no /sys/module'

# --- Container runtimes -----------------------------------------------------------------------------

containerd() {
  tree
  file etc/containerd/config.toml
  printf '#!/bin/sh\necho containerd github.com/containerd/containerd v1.7.2 0cae528\n' | file usr/bin/containerd
  chmod +x "$T/usr/bin/containerd"
  probe
  want "$1" "$2"
}
containerd 'containerd, version 2' '.runtime.version == "1.7.2" and .runtime.config == {source: "/etc/containerd/config.toml", version: 2, cgroupDriver: "systemd",
  runtimeHandler: "runc", sandboxImage: "registry.k8s.io/pause:3.9", appArmorDisabled: true, criDisabled: false}' <<'TOML'
version = 2
disabled_plugins = ["aufs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.9" # pinned
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.other.options]
    SystemdCgroup = false
TOML
containerd 'containerd, version 3' '.runtime.config | .version == 3 and .cgroupDriver == "cgroupfs" and .runtimeHandler == "nvidia" and .sandboxImage == "pause:3.10"' <<'TOML'
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'pause:3.10'
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "nvidia"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true
TOML
containerd 'containerd, version 1' '.runtime.config | .version == 1 and .cgroupDriver == "systemd" and .sandboxImage == "old:3"' <<'TOML'
[plugins.cri]
systemd_cgroup = true
sandbox_image = "old:3"
TOML
containerd 'containerd, dotted keys' '.runtime.config.cgroupDriver == "systemd"' <<'TOML'
version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
options.SystemdCgroup = true
TOML
containerd "a distribution's, with CRI off" '.runtime.config.criDisabled == true' <<'TOML'
disabled_plugins = ["cri"]
TOML
containerd 'imported files may say otherwise' '.runtime.config.cgroupDriver == null' <<'TOML'
imports = ["/etc/containerd/conf.d/*.toml"]
TOML
unread runtime.config.cgroupDriver 'imports'
rm "$T/etc/containerd/config.toml"
probe
want 'defaults of containerd' '.runtime.config == {source: "default", cgroupDriver: "cgroupfs"}'

tree
printf '#!/bin/sh\necho crio version 1.30.4\n' | file usr/bin/crio
chmod +x "$T/usr/bin/crio"
printf '[crio.runtime]\n# cgroup_manager = "other"\ncgroup_manager = "systemd"\n' | file etc/crio/crio.conf
printf '[crio.runtime]\ncgroup_manager = "cgroupfs"\n[crio.image]\npause_image = "registry.k8s.io/pause:3.9"\n' | file etc/crio/crio.conf.d/10.conf
probe
want 'CRI-O' '.runtime | .name == "cri-o" and .version == "1.30.4" and .config.cgroupDriver == "cgroupfs" and .config.sandboxImage == "registry.k8s.io/pause:3.9"'

# Images are asked of the root's own socket, as root; the fake id makes anybody root.
mkdir -p "$WORK/root"
printf '#!/bin/sh\necho 0\n' >"$WORK/root/id"
printf '#!/bin/sh\necho 1000\n' >"$WORK/root/nobody"
chmod +x "$WORK/root"/*
image_probe() { probe env PATH="$WORK/root:$PATH" sh; }
tree
image_probe
unread runtime.images 'no socket of a runtime'
mkdir -p "$T/run/containerd"
touch "$T/run/containerd/containerd.sock"
image_probe
want 'without a client nothing is said' '.runtime.images == null'
unread runtime.images 'neither crictl nor ctr'
program usr/bin/ctr <<SH
#!/bin/sh
[ "\$*" = "-a $T/run/containerd/containerd.sock --connect-timeout 5s -n k8s.io images ls -q" ] || exit 1
cat <<'LIST'
docker.io/library/nginx:1.27
registry.k8s.io/kube-proxy:v1.30.6
registry.k8s.io/kube-proxy@sha256:0000
registry.k8s.io/etcd:3.5.15-0
mirror.example.com:5000/k8s/coredns/coredns:v1.11.3
registry.k8s.io/etcd-backup:1
registry.k8s.io/pause
sha256:0000
LIST
SH
image_probe
want "containerd's client" '.runtime.images == ["mirror.example.com:5000/k8s/coredns/coredns:v1.11.3", "registry.k8s.io/etcd:3.5.15-0", "registry.k8s.io/kube-proxy:v1.30.6"]'
program usr/local/bin/crictl <<SH
#!/bin/sh
[ "\$1" = --version ] && echo crictl version v1.30.1 && exit
[ "\$*" = "--runtime-endpoint unix://$T/run/containerd/containerd.sock --image-endpoint unix://$T/run/containerd/containerd.sock --timeout 8s images -o json" ] || exit 1
cat <<'JSON'
{
  "images": [
    { "id": "sha256:1", "repoTags": ["registry.k8s.io/kube-apiserver:v1.30.6", "registry.k8s.io/kube-apiserver:v1.30.6"],
      "repoDigests": ["registry.k8s.io/kube-apiserver@sha256:1"], "pinned": false },
    {"id":"sha256:2","repoTags":["registry.k8s.io/pause:3.9"],"repoDigests":[],"spec":{"annotations":{}}}
  ]
}
JSON
SH
image_probe
want 'crictl' '.runtime.images == ["registry.k8s.io/kube-apiserver:v1.30.6", "registry.k8s.io/pause:3.9"]'
printf '#!/bin/sh\nexit 1\n' | program usr/local/bin/crictl
image_probe
want 'where crictl fails, the other is asked' '.runtime.images | length == 3'
printf '#!/bin/sh\nexit 1\n' | program usr/bin/ctr
image_probe
want 'where both fail it is not known' '.runtime.images == null'
unread runtime.images 'crictl and ctr gave no answer'
printf '#!/bin/sh\nexit 0\n' | program usr/bin/ctr
image_probe
want 'no image is an empty list' '.runtime.images == []'
mv "$WORK/root/nobody" "$WORK/root/id"
image_probe
unread runtime.images 'not root'

# Tools.
printf '#!/bin/sh\nprintf "etcdctl version: 3.5.15\\nAPI version: 3.5\\n"\n' | program usr/local/bin/etcdctl
printf '#!/bin/sh\necho crictl version v1.30.1\n' | program usr/local/bin/crictl
printf '#!/bin/sh\nexit 1\n' | program usr/bin/etcdutl
probe
want 'tools' '.tools == [{name: "crictl", path: "/usr/local/bin/crictl", version: "1.30.1"}, {name: "etcdctl", path: "/usr/local/bin/etcdctl", version: "3.5.15"}, {name: "etcdutl", path: "/usr/bin/etcdutl"}]'

# --- Backups ----------------------------------------------------------------------------------------

tree
mkdir -p "$T/b/day" "$T/c"
cp "$SNAPSHOT" "$T/b/day/etcd-snapshot-1"
head -c 20480 "$SNAPSHOT" >"$T/b/live.db"
head -c 10000 "$SNAPSHOT" >"$T/b/torn.snap"
{ head -c 9000 "$SNAPSHOT" && printf X && tail -c +9002 "$SNAPSHOT"; } >"$T/b/damaged.db"
printf 'SQLite format 3' >"$T/b/app.db"
cp "$SNAPSHOT" "$T/b/notes.txt"
cp "$SNAPSHOT" "$T/b/huge.db"
truncate -s $((512 * 8388608 + 32)) "$T/b/huge.db"
ln -s day/etcd-snapshot-1 "$T/b/latest.db"
mkfifo "$T/b/pipe.db"
sum=$(tail -c 32 "$SNAPSHOT" | od -An -v -tx1 | tr -d ' \n')
drill() {
  cp "$SNAPSHOT" "$T/c/$1.db"
  printf '{"schemaVersion":1,"snapshot":"%s.db","sha256":"%s","result":"%s","drilledAt":"2026-01-02T03:04:05Z"}\n' "$1" "$2" "$3" >"$T/c/$1.db.kubelift-drill.json"
}
drill good "$sum" passed
drill other 00 passed
drill bad "$sum" failed
mkdir -p "$T/etc/kubernetes/tmp/kubeadm-backup-etcd-1"
head -c 100000 /dev/zero >"$T/etc/kubernetes/tmp/kubeadm-backup-etcd-1/db"
KUBELIFT_BACKUPS=/b:/c:/nowhere
export KUBELIFT_BACKUPS
probe
unset KUBELIFT_BACKUPS
want 'folders' '[.backups.looked[] | [.path, .state]] == [["/b", "read"], ["/c", "read"], ["/nowhere", "absent"]]'
want 'judgements' '[.backups.snapshots[] | [.path, .state]] | sort == [["/b/app.db", "unrecognised"], ["/b/damaged.db", "unsound"], ["/b/day/etcd-snapshot-1", "verified"],
  ["/b/huge.db", "saved"], ["/b/live.db", "unsound"], ["/b/torn.snap", "unsound"], ["/c/bad.db", "verified"], ["/c/good.db", "drilled"], ["/c/other.db", "verified"]]'
want 'why it is not more' '[.backups.snapshots[] | select(.path == "/b/huge.db" or .path == "/b/damaged.db" or .path == "/c/other.db").why] | sort
  == ["its SHA-256 is not the one it ends with", "not checked: larger than 2 GiB", "there is a record of a drill, but of other bytes"]'
want 'when it was drilled' '[.backups.snapshots[].drilledAt // empty] == ["2026-01-02T03:04:05Z"]'
unread 'backups /b/latest.db' 'a link'
want "kubeadm's copy is only a size" '.backups.kubeadmTmpBytes >= 100000 and (.backups.kubeadmTmpBytes < 300000)'

# --- etcd, by answers that it may give --------------------------------------------------------------

tree
file etc/kubernetes/manifests/etcd.yaml <<'YAML'
kind: Pod
metadata:
  name: etcd
spec:
  containers:
  - command:
    - etcd
    - --data-dir=/data/etcd
    - --listen-client-urls=https://10.0.0.1:2379,https://127.0.0.1:2379
    - --listen-metrics-urls=http://127.0.0.1:2381
    image: registry.k8s.io/etcd:3.5.15-0
YAML
mkdir -p "$T/etc/kubernetes/pki/etcd" "$T/data/etcd/member/snap" "$WORK/bin"
touch "$T/etc/kubernetes/pki/etcd/healthcheck-client.key"
head -c 65536 /dev/zero >"$T/data/etcd/member/snap/db"
printf '#!/bin/sh\necho 0\n' >"$WORK/bin/id"
# A curl that gives what lies in $WORK/answers, and fails like curl -f where nothing does.
cat >"$WORK/bin/curl" <<SH
#!/bin/sh
for url; do :; done
case \$url in https://127.0.0.1:2379/* | http://127.0.0.1:2381/*) ;; *) echo "\$url" >>"$WORK/elsewhere" ;; esac
cat "$WORK/answers/\$(echo "\$url" | sed 's#.*//[^/]*/##; s#/#_#g')" 2>/dev/null || exit 22
SH
printf '#!/bin/sh\nexit 1\n' >"$WORK/bin/etcdctl"
chmod +x "$WORK/bin"/*
answer() { cat >"$WORK/answers/$1"; }
etcd_probe() { probe env PATH="$WORK/bin:$PATH" sh; }
mkdir "$WORK/answers"

etcd_probe
unread etcd.members 'at https://127.0.0.1:2379 gave no answer'
unread etcd.metrics 'gave no answer'
want 'what the disk tells' '.etcd | .local and .dataDir == "/data/etcd" and .dbFileBytes == 65536 and .dataBytes >= 65536'

echo '{"health":"false","reason":"ALARM NOSPACE"}' | answer health
printf '%s\n' '{"header":{"cluster_id":"1"},"members":[{"ID":"10276657743932975437","name":"a\"\\b","peerURLs":["https://x:2380"]},{"ID":"2","isLearner":true}]}' |
  answer v3_cluster_member_list
echo '{"header":{"member_id":"2"},"version":"3.5.15","dbSize":"2147483648","errors":["etcdserver: no leader"],"isLearner":true}' | answer v3_maintenance_status
echo '{"header":{},"alarms":[{"memberID":"2","alarm":"NOSPACE"}]}' | answer v3_maintenance_alarm
printf '# HELP x\netcd_server_has_leader 0\netcd_server_quota_backend_bytes 2.147483648e+09\netcd_server_version{server_version="3.5.15"} 1\n' | answer metrics
etcd_probe
want 'members' '.etcd.members == [{ID: "10276657743932975437", name: "a\"\\b", peerURLs: ["https://x:2380"]}, {ID: "2", isLearner: true}]'
want 'status' '.etcd.status | .version == "3.5.15" and .isLearner and .errors == ["etcdserver: no leader"]'
want 'alarms' '.etcd.alarms == [{memberID: "2", alarm: "NOSPACE"}] and .etcd.health.health == "false"'
want 'metrics' '.etcd.metrics == {hasLeader: false, quotaBytes: 2147483648, serverVersion: "3.5.15"}'
want 'by which way' '.etcd.via == "curl https://127.0.0.1:2379, metrics http://127.0.0.1:2381"'

echo '{"header":{}}' | answer v3_maintenance_alarm
echo '{"members":[{"ID":"1"' | answer v3_cluster_member_list
echo '<html>login</html>' | answer v3_maintenance_status
etcd_probe
want 'no alarm is an empty list' '.etcd.alarms == []'
want 'half an answer is none' '.etcd.members == null and .etcd.status == null'
unread etcd.members 'not whole JSON'
unread etcd.status 'not whole JSON'

rm "$WORK/answers"/*
cat >"$WORK/bin/etcdctl" <<'SH'
#!/bin/sh
case "$*" in
*'member list'*) echo '{"header":{"cluster_id":7},"members":[{"ID":10276657743932975437,"name":"cp1"}]}' ;;
*'endpoint status'*) echo '[{"Endpoint":"https://127.0.0.1:2379","Status":{"version":"3.5.15","dbSize":20480,"leader":10276657743932975437}}]' ;;
*'alarm list'*) echo '{"header":{}}' ;;
esac
SH
etcd_probe
want 'etcdctl' '.etcd | .via == "etcdctl https://127.0.0.1:2379" and .members[0].name == "cp1" and .status.version == "3.5.15" and .alarms == []'
if grep -q '"ID":10276657743932975437' "$OUT"; then ok; else bad 'a large number was changed'; fi
sed -i 's#https://127.0.0.1:2379#https://10.0.0.2:2379#; s#http://127.0.0.1:2381#http://127.0.0.1.example.com:2381#' "$T/etc/kubernetes/manifests/etcd.yaml"
etcd_probe
unread etcd.members 'no loopback address'
unread etcd.metrics 'no loopback address'
if [ -e "$WORK/elsewhere" ]; then bad "asked elsewhere: $(cat "$WORK/elsewhere")"; else ok; fi

# --- Rights, ways to be run, an early end -----------------------------------------------------------

tree
printf 'x\n' | file var/lib/kubelet/config.yaml
printf 'kind: Pod\n' | file etc/kubernetes/manifests/etcd.yaml
mkdir -p "$T/var/backups/etcd"
chmod 0 "$T/var/lib/kubelet" "$T/etc/kubernetes/manifests" "$T/var/backups/etcd"
chmod 0755 "$WORK" "$T"
if [ "$(id -u)" != 0 ]; then
  probe
elif command -v setpriv >/dev/null; then
  cp "$PROBE" "$WORK/probe.sh"
  PROBE_HERE=$PROBE PROBE=$WORK/probe.sh
  probe setpriv --reuid=65534 --regid=65534 --clear-groups sh
  PROBE=$PROBE_HERE
fi
unread kubelet.config 'a folder above /var/lib/kubelet/config.yaml is closed'
unread staticPods 'may not list /etc/kubernetes/manifests'
unread etcd 'a folder above /etc/kubernetes/manifests/etcd.yaml is closed'
unread 'backups /var/backups/etcd' 'may not list it'
want 'what is closed is not empty' '.staticPods == null and .etcd == null and .kubelet.config == null'
chmod 0755 "$T/var/lib/kubelet" "$T/etc/kubernetes/manifests" "$T/var/backups/etcd"

KUBELIFT_NONCE='a"b' sh -s <"$PROBE" >"$OUT"
want 'on standard input, with a nonce' '.nonce == "a\"b" and .root == null and (.bootId | length) == 36'
sh "$PROBE" n-2 >"$OUT"
want 'a nonce as argument' '.nonce == "n-2"'

sed "s/^  facts_swap\$/  exit/" "$PROBE" >"$WORK/short.sh"
sh "$WORK/short.sh" >"$OUT"
want 'an early end is said' '.etcd == null and .selinux != null'
unread probe 'ended early'

if strace -qq -o /dev/null true 2>/dev/null; then
  strace -f -qq -e trace=%file,%network -o "$WORK/trace" sh "$PROBE" >/dev/null 2>&1
  # Only what succeeded counts; writing to /dev/null is no writing.
  grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|mkdir|mknod|unlink|rename|chmod|chown|symlink|[^a-z]link\(|truncate|utimensat|AF_INET.*connect|connect.*AF_INET' "$WORK/trace" |
    grep -vE '"/dev/(null|tty)"|= -1 |readlink' >"$WORK/writes"
  if [ -s "$WORK/writes" ]; then bad "it wrote: $(head -n 3 "$WORK/writes")"; else ok; fi
else
  skip 'that nothing is written: strace cannot be used here'
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
