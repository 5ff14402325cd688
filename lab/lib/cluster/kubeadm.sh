# shellcheck shell=bash
# From machines to a cluster: packages, images, `kubeadm init` and `kubeadm join`, as an administrator would.

# What a machine in a machine cannot have; HTTPProxyCIDR, since kubeadm 1.30 makes a URL of a bracketed IPv4 address,
# which later versions of Go refuse.
KUBEADM_IGNORED='[SystemVerification, FileContent--proc-sys-net-bridge-bridge-nf-call-iptables, Mem, NumCPU, Swap,
    HTTPProxyCIDR]'

# node_install FOLDER NAME NODE VERSION: Kubernetes' packages from the repository of that minor, held, and its images.
node_install() {
  node_ssh "$1" "$2" "$3" bash -s "$4" "$(minor_of "$4")" <<'END'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
echo "deb [trusted=yes] file:/srv/apt/$2 ./" >/etc/apt/sources.list.d/kubernetes.list
apt-get update -q
apt-get install -qy --no-install-recommends "kubelet=$1-1.1" "kubeadm=$1-1.1" "kubectl=$1-1.1" cri-tools
apt-mark hold kubelet kubeadm kubectl
END
}

# node_images FOLDER NAME NODE VERSION: loads what that machine will run.
node_images() {
  node_ssh "$1" "$2" "$3" bash -s "$4" <<'END'
set -euo pipefail
cd "/srv/images/$1"
for image in *.tar; do
  case $HOSTNAME/$image in worker*/kube-proxy* | worker*/coredns* | worker*/pause* | cp*) ;; *) continue ;; esac
  ctr -n k8s.io images import "$image"
done
END
}

# node_audit FOLDER NAME NODE: what its API server, where it has one, is to write into its audit log.
node_audit() {
  node_ssh "$1" "$2" "$3" 'install -D -m 0644 /dev/stdin /etc/kubernetes/audit/policy.yaml' <"$LAB_ROOT/audit-policy.yaml"
}

# kubeadm_registration NODE
kubeadm_registration() {
  cat <<END
nodeRegistration:
  name: $1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  ignorePreflightErrors: $KUBEADM_IGNORED
  kubeletExtraArgs: {node-ip: $(node_address "$1")}
END
}

# kubeadm_init_config NAME VERSION ENDPOINT TOKEN KEY
kubeadm_init_config() {
  cat <<END
apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
bootstrapTokens: [{token: $4, ttl: 24h0m0s}]
certificateKey: $5
localAPIEndpoint: {advertiseAddress: $(node_address cp1), bindPort: 6443}
$(kubeadm_registration cp1)
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v$2
clusterName: $1
$(if [[ -n $3 ]]; then echo "controlPlaneEndpoint: $3:6443"; fi)
networking: {podSubnet: 10.244.0.0/16}
apiServer:
  extraArgs:
    audit-policy-file: /etc/kubernetes/audit/policy.yaml
    audit-log-path: /var/log/kubernetes/audit.log
  extraVolumes:
  - {name: audit-policy, hostPath: /etc/kubernetes/audit, mountPath: /etc/kubernetes/audit, readOnly: true}
  - {name: audit-log, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes, pathType: DirectoryOrCreate}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failSwapOn: false
resolvConf: /etc/resolv.conf
enforceNodeAllocatable: [none]
# No thresholds on the disk: it is this machine's own, and may be nearly full for reasons of its own.
evictionHard: {nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
imageGCHighThresholdPercent: 100
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0}
END
}

# kubeadm_join_config NODE ENDPOINT TOKEN HASH KEY
kubeadm_join_config() {
  cat <<END
apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
discovery:
  bootstrapToken: {apiServerEndpoint: "$2:6443", token: $3, caCertHashes: ["sha256:$4"]}
$(kubeadm_registration "$1")
END
  [[ $1 != cp* ]] || cat <<END
controlPlane:
  localAPIEndpoint: {advertiseAddress: $(node_address "$1"), bindPort: 6443}
  certificateKey: $5
END
}

# node_kubeadm FOLDER NAME NODE ARGUMENTS…: kubeadm with the configuration from standard input, which stays on the node.
node_kubeadm() {
  local folder=$1 name=$2 node=$3
  shift 3
  node_ssh "$folder" "$name" "$node" "umask 077 && cat >/root/kubeadm.yaml && kubeadm $* --config /root/kubeadm.yaml" \
    >>"$folder/log/kubeadm-$node.log" 2>&1 || {
    tail -n 15 "$folder/log/kubeadm-$node.log" >&2
    die "kubeadm $1 failed on $node"
  }
}

# node_server_wait FOLDER NAME NODE: until the node's API server is ready by its own word. kubeadm does not wait for it, and
# the balancer leads to whatever listens: a server that has not read the tokens yet refuses whoever joins by it.
node_server_wait() {
  local deadline=$((SECONDS + 90)) server
  server=https://$(node_address "$3"):6443
  until cluster_kubectl "$1" "$2" --server="$server" get --raw /readyz --request-timeout=2s >/dev/null 2>&1; do
    ((SECONDS < deadline)) || die "the API server of $3 is not ready after 90 s"
    sleep 0.5
  done
}

# node_pod_network FOLDER NAME NODE: once the controller-manager has given the node its pods' addresses, a network for
# them on the node, and a route to them on every other.
node_pod_network() {
  local range='' deadline=$((SECONDS + 60)) other template=$LAB_ROOT/cluster/pod-network.json
  until [[ -n $range ]]; do
    range=$(cluster_kubectl "$1" "$2" get node "$3" -o 'jsonpath={.spec.podCIDR}' 2>/dev/null) || range=
    [[ -z $range ]] || break
    ((SECONDS < deadline)) || die "$3 has no range of pod addresses after 60 s"
    sleep 0.5
  done
  sed "s|RANGE|$range|" "$template" |
    node_ssh "$1" "$2" "$3" 'mkdir -p /etc/cni/net.d && cat >/etc/cni/net.d/10-lab.conflist' || return
  while read -r other; do
    [[ $other == "$3" || $other == balancer ]] ||
      ip -n "$(namespace_of_node "$2" "$other")" route replace "$range" via "$(node_address "$3")"
  done <"$1/nodes"
}

# cluster_kubectl FOLDER NAME ARGUMENT…: as the administrator.
cluster_kubectl() (
  export KUBECONFIG=$1/kubeconfig/admin KUBECACHEDIR=$1/kubectl-cache
  kubectl=$1/bin/kubectl name=$2
  shift 2
  at_desk "$name" "$kubectl" "$@"
)
