# shellcheck shell=bash
# How one upstream program is compiled. The cache's key covers what is said here for a set: a change of that builds the
# set again.

# recipe_programs SET: the programs that a set can build, one a line.
recipe_programs() {
  case $1 in
    etcd-*) printf '%s\n' etcd etcdctl etcdutl ;;
    kubernetes-*) printf '%s\n' kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubeadm kubectl kubelet ;;
    cri-tools-*) echo crictl ;;
    coredns-*) echo coredns ;;
    pause-*) echo pause ;;
    seed) echo seed ;;
    balancer) echo balancer ;;
  esac
}

# recipe_package SET PROGRAM: the Go package whose main is that program.
recipe_package() {
  case $1/$2 in
    seed/seed | balancer/balancer | coredns-*/coredns | pause-*/pause) echo . ;;
    cri-tools-*/crictl) echo sigs.k8s.io/cri-tools/cmd/crictl ;;
    etcd-*/etcd) echo ./etcd ;;
    etcd-*/etcdctl) echo go.etcd.io/etcd/etcdctl/v3 ;;
    etcd-*/etcdutl) echo go.etcd.io/etcd/etcdutl/v3 ;;
    kubernetes-*) echo "k8s.io/kubernetes/cmd/$2" ;;
  esac
}

# recipe_ldflags SET: without the version set by the linker, Kubernetes' programs call themselves v0.0.0-master.
recipe_ldflags() {
  local version=${1##*-} package flags='-s -w'
  if [[ $1 == kubernetes-* ]]; then
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      flags+=" -X $package.gitVersion=v$version"
      flags+=" -X $package.gitMajor=$(cut -d. -f1 <<<"$version")"
      flags+=" -X $package.gitMinor=$(cut -d. -f2 <<<"$version")"
      flags+=" -X $package.gitTreeState=clean"
      flags+=" -X $package.gitCommit=0000000000000000000000000000000000000000"
      flags+=" -X $package.buildDate=1970-01-01T00:00:00Z"
    done
  fi
  [[ $1 != cri-tools-* ]] || flags+=" -X sigs.k8s.io/cri-tools/pkg/version.Version=v$version"
  [[ $1 != pause-* ]] || flags+=" -X main.version=$version"
  echo "$flags"
}

# recipe_compile SET PROGRAM OUT: run in the set's folder.
recipe_compile() {
  CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS='' go build -mod=readonly -buildvcs=false -trimpath \
    -ldflags "$(recipe_ldflags "$1")" -o "$3" "$(recipe_package "$1" "$2")"
}
