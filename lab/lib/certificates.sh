# shellcheck shell=bash
# Certificate authorities, and what they sign, made anew for each lab. Curves instead of RSA: made in milliseconds.

# authority NAME: NAME.crt and NAME.key in the current folder.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature \
    -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

# certificate AUTHORITY NAME SUBJECT USES [NAMES]: NAME.crt and NAME.key. USES as in extendedKeyUsage, NAMES as in
# subjectAltName.
certificate() {
  local extensions="basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$4"
  [[ -z ${5:-} ]] || extensions+="
subjectAltName=$5"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$3" -keyout "$2.key" 2>/dev/null |
    openssl x509 -req -days 30 -CA "$1.crt" -CAkey "$1.key" -set_serial "0x$(openssl rand -hex 8)" \
      -extfile <(printf '%s\n' "$extensions") -out "$2.crt" 2>/dev/null
}

# certificates FOLDER SERVERS
certificates() (
  # errexit does not reach in here when a caller tests the result, hence the chain.
  local addresses server names
  addresses="IP:$ETCD_ADDRESS,IP:127.0.0.1,DNS:localhost"
  names="DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  names+=",DNS:localhost,IP:127.0.0.1,IP:10.96.0.1"
  for ((server = 1; server <= $2; server++)); do
    names+=",IP:$(server_address "$server")"
  done
  umask 077
  mkdir -p "$1" && cd "$1" &&
    authority ca && authority etcd-ca && authority front-proxy-ca &&
    certificate etcd-ca etcd /CN=etcd serverAuth,clientAuth "$addresses" &&
    certificate etcd-ca apiserver-etcd-client /CN=apiserver-etcd-client clientAuth &&
    certificate ca apiserver /CN=kube-apiserver serverAuth "$names" &&
    certificate front-proxy-ca front-proxy-client /CN=front-proxy-client clientAuth &&
    openssl ecparam -name prime256v1 -genkey -noout -out sa.key &&
    openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
)
