# shellcheck shell=bash
# etcd and the API servers of one lab.

# link_program FOLDER HOST NAME [VERSION]: what a lab runs is noted in its folder, so that it stays what it was. A link
# bears the program's own name: an API server calls itself by it, in user agents and in managedFields.
link_program() {
  local path
  path=$(program "${@:3}") || return
  mkdir -p "$1/bin/$2"
  ln -sfn "$path" "$1/bin/$2/$3"
}

start_etcd() { # FOLDER NAME
  launch "$2" etcd "$1/etcd.pid" "$1/log/etcd.log" "$1/bin/etcd/etcd" \
    --name=etcd --data-dir="$1/etcd" --unsafe-no-fsync --quota-backend-bytes=8589934592 \
    --listen-client-urls="https://$ETCD_ADDRESS:2379,https://127.0.0.1:2379" \
    --advertise-client-urls="https://$ETCD_ADDRESS:2379" \
    --listen-peer-urls="https://$ETCD_ADDRESS:2380" --initial-advertise-peer-urls="https://$ETCD_ADDRESS:2380" \
    --initial-cluster="etcd=https://$ETCD_ADDRESS:2380" --listen-metrics-urls=http://127.0.0.1:2381 \
    --cert-file="$1/pki/etcd.crt" --key-file="$1/pki/etcd.key" \
    --client-cert-auth --trusted-ca-file="$1/pki/etcd-ca.crt" \
    --peer-cert-file="$1/pki/etcd.crt" --peer-key-file="$1/pki/etcd.key" \
    --peer-client-cert-auth --peer-trusted-ca-file="$1/pki/etcd-ca.crt"
}

# start_server FOLDER NAME N. The ServiceAccount admission plugin is off, as in envtest: with no controller-manager no
# namespace has the account that it asks for, and no pod could be made.
start_server() {
  local address flags=()
  address=$(server_address "$3")
  mapfile -t flags <"$1/server-flags"
  launch "$2" "cp$3" "$1/server-$3.pid" "$1/log/kube-apiserver-$3.log" "$1/bin/cp$3/kube-apiserver" \
    --advertise-address="$address" --bind-address="$address" --secure-port=6443 \
    --etcd-servers="https://$ETCD_ADDRESS:2379" --etcd-cafile="$1/pki/etcd-ca.crt" \
    --etcd-certfile="$1/pki/apiserver-etcd-client.crt" --etcd-keyfile="$1/pki/apiserver-etcd-client.key" \
    --client-ca-file="$1/pki/ca.crt" --token-auth-file="$1/pki/tokens.csv" \
    --tls-cert-file="$1/pki/apiserver.crt" --tls-private-key-file="$1/pki/apiserver.key" \
    --requestheader-client-ca-file="$1/pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$1/pki/front-proxy-client.crt" --proxy-client-key-file="$1/pki/front-proxy-client.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$1/pki/sa.pub" --service-account-signing-key-file="$1/pki/sa.key" \
    --service-cluster-ip-range=10.96.0.0/16 --allow-privileged=true \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --disable-admission-plugins=ServiceAccount \
    --audit-policy-file="$LAB_ROOT/audit-policy.yaml" --audit-log-path="$1/audit/server-$3.log" \
    --audit-log-mode=blocking-strict --audit-log-maxsize=100000 "${flags[@]}"
}

# lab_kubectl FOLDER NAME ARGUMENT…: kubectl as the user that sets the lab up.
lab_kubectl() (
  export KUBECONFIG=$1/kubeconfig/$LAB_USER KUBECACHEDIR=$1/kubectl-cache
  kubectl=$1/bin/desk/kubectl name=$2
  shift 2
  inside "$name" "$kubectl" "$@"
)

# wait_for_server FOLDER NAME N SECONDS: until the server is ready, by its own word.
wait_for_server() {
  local deadline=$((SECONDS + $4)) config=$1/kubeconfig/$LAB_USER-$3
  until lab_kubectl "$1" "$2" --kubeconfig "$config" get --raw /readyz --request-timeout=2s >/dev/null 2>&1; do
    alive "$1/server-$3.pid" || die "API server $3 of $2 has ended: $(tail -n 3 "$1/log/kube-apiserver-$3.log")"
    ((SECONDS < deadline)) || die "API server $3 of $2 is not ready after $4 s; its log is in $1/log"
    sleep 0.2
  done
}

# wait_for_addresses FOLDER NAME N: until the Service default/kubernetes leads to N servers, and each has its Lease. A
# server publishes itself a moment after it is ready.
wait_for_addresses() {
  local deadline=$((SECONDS + 30)) endpoints leases
  while :; do
    endpoints=$(lab_kubectl "$1" "$2" get endpointslice kubernetes -o 'jsonpath={.endpoints[*].addresses[*]}' | wc -w)
    leases=$(lab_kubectl "$1" "$2" -n kube-system get lease -o name \
      -l apiserver.kubernetes.io/identity=kube-apiserver | wc -l)
    if ((endpoints == $3 && leases == $3)); then return; fi
    ((SECONDS < deadline)) || die "$endpoints addresses and $leases Leases for $3 API servers after 30 s"
    sleep 0.3
  done
}
