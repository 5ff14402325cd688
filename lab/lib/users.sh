# shellcheck shell=bash
# The lab's users, their kubeconfigs and their rights (rbac.yaml).

# The user that sets the lab up, so that the audit log tells its own writes from those of `admin`.
# shellcheck disable=SC2034 # used by control-plane.sh
LAB_USER=lab
LAB_USERS=(lab admin inspector partial namespaced nobody)

# user_subject USER: a client certificate's subject; O is the group.
user_subject() {
  case $1 in
    lab | admin) echo "/O=system:masters/CN=$1" ;;
    *) echo "/CN=$1" ;;
  esac
}

# kubeconfig NAME FOLDER USER SERVER CREDENTIAL: prints one. CREDENTIAL are lines of the user's entry.
kubeconfig() {
  cat <<END
apiVersion: v1
kind: Config
current-context: $3@$1
contexts:
- name: $3@$1
  context: {cluster: $1, user: $3$(if [[ $3 == namespaced ]]; then echo ', namespace: team'; fi)}
clusters:
- name: $1
  cluster:
    server: https://$(server_address "$4"):6443
    certificate-authority-data: $(base64 -w0 "$2/pki/ca.crt")
users:
- name: $3
  user:
$5
END
}

# users FOLDER NAME SERVERS: certificates and kubeconfigs; USER speaks to the first server, USER-N to server N, and
# inspector-token is the inspector with a bearer token instead of a certificate.
users() (
  local folder=$1 name=$2 user server token credential
  umask 077
  mkdir -p "$folder/kubeconfig" && cd "$folder/pki" || return
  for user in "${LAB_USERS[@]}"; do
    certificate ca "user-$user" "$(user_subject "$user")" clientAuth || return
    credential="    client-certificate-data: $(base64 -w0 "user-$user.crt")
    client-key-data: $(base64 -w0 "user-$user.key")"
    for ((server = 1; server <= $3; server++)); do
      kubeconfig "$name" "$folder" "$user" "$server" "$credential" >"$folder/kubeconfig/$user-$server"
    done
    ln -s "$user-1" "$folder/kubeconfig/$user"
  done
  token=$(openssl rand -hex 24)
  echo "$token,inspector,inspector," >tokens.csv
  kubeconfig "$name" "$folder" inspector 1 "    token: $token" >"$folder/kubeconfig/inspector-token"
)

# rights FOLDER NAME: the ready-made role for inspections as it ships, and the lab's own.
rights() {
  lab_kubectl "$1" "$2" apply -f "$LAB_ROOT/../deploy/inspector-rbac.yaml" -f "$LAB_ROOT/rbac.yaml" >/dev/null
  # `partial` has the inspector's role without two lists, derived so that it follows every change of it.
  lab_kubectl "$1" "$2" get clusterrole kubelift-inspector -o json |
    jq '{apiVersion, kind, metadata: {name: "lab-partial"},
         rules: [.rules[] | if .resources then .resources -= ["pods", "csinodes"] else . end
                          | select(.resources != [])]}' |
    lab_kubectl "$1" "$2" apply -f - >/dev/null
}
