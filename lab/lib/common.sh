# shellcheck shell=bash
# What every part of the lab uses: messages, and where things are.
# shellcheck disable=SC2034 # used by the other parts

LAB_CACHE=${KUBELIFT_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubelift/lab}
# Labs that run, one folder each, with keys in it: on disk, since etcd may grow, and only for root.
LAB_RUN=${KUBELIFT_LAB_RUN:-/var/lib/kubelift-lab}
LAB_ETCD=etcd-3.5.23
LAB_VERSION=${KUBELIFT_LAB_VERSION:-1.30.14}

say() { printf 'lab: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# need PROGRAM…: ends with the list of those that are missing.
need() {
  local program missing=()
  for program in "$@"; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  ((${#missing[@]} == 0)) || die "not found: ${missing[*]} (lab/README.md says what a lab needs)"
}
