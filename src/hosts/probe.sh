#!/bin/sh
# The node probe of kubelift: what only the machine itself can say, as one JSON document on stdout.
#
#   sh probe.sh [NONCE]          or, from elsewhere:   ssh NODE sudo sh -s < probe.sh > NODE.json
#
# It reads, and does nothing else: no file is written, none is made for a moment, and the only
# connections are to etcd's own listeners on loopback and to the container runtime's socket. Run as root it
# sees everything; as anybody else it says in "unread" what it could not see and why. What is not in the
# document and not in "unread" is not there. No key, token, password or kubeconfig is printed.
#
# It needs a POSIX shell and awk; date, df, du, od, sha256sum, stat, timeout, openssl, curl or wget are used
# where they are. Here-documents are avoided, for shells keep them in files.
#
#   KUBELIFT_NONCE    comes back as "nonce", so that the caller knows the answer is to its question
#   KUBELIFT_BACKUPS  folders that may hold etcd snapshots, separated by colons, in place of the usual ones
#   KUBELIFT_ROOT     put before every path that is read, for a root file system that is mounted
#                     somewhere and for tests; the document then has "root"

# Programs of awk are in single quotes on purpose, and A && B || C is meant as it is read.
# shellcheck disable=SC2016,SC2015

set -u
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin
export PATH
unset CDPATH ENV BASH_ENV GREP_OPTIONS 2>/dev/null
NL='
'
TAB='	'
IFS=" $TAB$NL"
R=${KUBELIFT_ROOT:-}
R=${R%/}
NONCE=${KUBELIFT_NONCE:-${1:-}}
ME=$(id -u 2>/dev/null)
ME=${ME:-unknown}

have() { command -v "$1" >/dev/null 2>&1; }

# --- From events to JSON ----------------------------------------------------------------------------
#
# Everything below prints events, one a line, and one awk makes the document of them, so that nothing
# else has to know how JSON is written:
#   { KEY   [ KEY   }   ]      open and close; KEY is left out inside a list
#   s KEY TEXT   n KEY NUMBER   b KEY true|false       v TEXT (a text inside a list)
#   u WHAT<tab>REASON          goes to "unread" at the end
#   .                          all went well: without it the document says that it is not whole
# An event without a value is dropped: an absent field is absent, never empty. Invalid UTF-8 becomes U+FFFD,
# control characters are dropped, texts are cut at 4 KiB, lists at 4096 entries, the whole at 3 MiB.
ENCODE='
BEGIN {
  for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
  MAXTEXT = 4096; MAXLIST = 4096; MAXBYTES = 3145728
  depth = 0; kind[0] = "o"; count[0] = 0; skip = 0; whole = 0; cut = 0; nu = 0
  put("{")
}
function put(s) { bytes += length(s); printf "%s", s }
function quote(s,   out, i, j, k, n, b, d, lo, hi, ok, seq) {
  if (length(s) > MAXTEXT) s = substr(s, 1, MAXTEXT) "..."
  if (s !~ /[^ -~]/ && index(s, "\"") == 0 && index(s, "\\") == 0) return "\"" s "\""
  out = ""; n = length(s)
  for (i = 1; i <= n; i++) {
    seq = substr(s, i, 1); b = ord[seq] + 0
    if (b < 32 || b == 127) continue
    if (seq == "\"" || seq == "\\") { out = out "\\" seq; continue }
    if (b < 128) { out = out seq; continue }
    k = (b >= 194 && b <= 223) ? 1 : (b >= 224 && b <= 239) ? 2 : (b >= 240 && b <= 244) ? 3 : 0
    ok = (k > 0)
    for (j = 1; j <= k && ok; j++) {
      lo = 128; hi = 191
      if (j == 1 && b == 224) lo = 160
      if (j == 1 && b == 237) hi = 159
      if (j == 1 && b == 240) lo = 144
      if (j == 1 && b == 244) hi = 143
      d = (i + j <= n) ? ord[substr(s, i + j, 1)] + 0 : 0
      if (d < lo || d > hi) ok = 0
    }
    if (!ok) { out = out "\\ufffd"; continue }
    if (!(b == 194 && ord[substr(s, i + 1, 1)] < 160)) out = out substr(s, i, k + 1)
    i += k
  }
  return "\"" out "\""
}
function path(   p, i) {
  p = ""
  for (i = 1; i <= depth; i++) if (name[i] != "") p = (p == "" ? "" : p ".") name[i]
  return p
}
function later(what, why) { if (nu < 2000) { uw[nu] = what; ur[nu] = why; nu++ } }
# Whether the next value may be written: counts it, and writes comma and key.
function begin(key) {
  if (skip) return 0
  if (kind[depth] == "a" && count[depth] >= MAXLIST) {
    if (count[depth]++ == MAXLIST) later(path(), "only the first " MAXLIST " are listed")
    return 0
  }
  if (bytes > MAXBYTES) {
    if (!cut) { cut = 1; later("probe", "the document was cut at 3 MiB, from " path() " on") }
    return 0
  }
  if (count[depth]++ > 0) put(",")
  put("\n")
  if (kind[depth] == "o") put(quote(key) ":")
  return 1
}
function open(key, k) {
  if (skip || !begin(key)) { skip++; return }
  depth++; kind[depth] = k; count[depth] = 0; name[depth] = key
  put(k == "o" ? "{" : "[")
}
function shut() {
  if (skip) { skip--; return }
  if (depth == 0) return
  put(kind[depth] == "o" ? "}" : "]"); depth--
}
{ op = substr($0, 1, 1); rest = substr($0, 3) }
op == "{" { open(rest, "o"); next }
op == "[" { open(rest, "a"); next }
op == "}" || op == "]" { shut(); next }
op == "v" { if (rest != "" && begin("")) put(quote(rest)); next }
op == "u" { i = index(rest, "\t"); later(substr(rest, 1, i - 1), substr(rest, i + 1)); next }
op == "." { whole = 1; next }
op == "s" || op == "n" || op == "b" {
  i = index(rest, " "); if (i == 0) next
  key = substr(rest, 1, i - 1); val = substr(rest, i + 1)
  if (val == "") next
  if (op == "s") { if (begin(key)) put(quote(val)) }
  else if (op == "n") {
    if (val ~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/ && length(val) <= 20) { if (begin(key)) put(val) }
    else later((path() == "" ? "" : path() ".") key, "not a number: " val)
  }
  else if (val == "true" || val == "false") { if (begin(key)) put(val) }
}
END {
  if (!whole) later("probe", "it ended early: the document is not whole")
  skip = 0
  while (depth > 0) shut()
  put((count[0] > 0 ? "," : "") "\n\"unread\":[")
  for (i = 0; i < nu; i++) put((i > 0 ? "," : "") "\n{\"what\":" quote(uw[i]) ",\"reason\":" quote(ur[i]) "}")
  put("]}\n")
}'

# A text on one line, as printf and awk will take it.
flat() {
  case $1 in
  *["$NL$TAB"]*) printf '%s' "$1" | tr '\n\t' '  ' ;;
  *) printf '%s' "$1" ;;
  esac
}
str() { [ -z "$2" ] || printf 's %s %s\n' "$1" "$(flat "$2")"; }
num() { [ -z "$2" ] || printf 'n %s %s\n' "$1" "$(flat "$2")"; }
bool() { printf 'b %s %s\n' "$1" "$2"; }
item() { [ -z "$1" ] || printf 'v %s\n' "$(flat "$1")"; }
unread() { printf 'u %s\t%s\n' "$(flat "$1")" "$(flat "$2")"; }
obj() { printf '{ %s\n' "${1:-}"; }
arr() { printf '[ %s\n' "${1:-}"; }
end() { printf '}\n'; }

# --- Looking, with bounds ---------------------------------------------------------------------------

# bounded SECONDS COMMAND…: killed when it takes longer, where timeout(1) is.
if timeout -s KILL 1 true >/dev/null 2>&1; then
  bounded() {
    b_seconds=$1
    shift
    timeout -s KILL "$b_seconds" "$@"
  }
else
  bounded() {
    shift
    "$@"
  }
fi

# there PATH: 0 it is there, 1 it is not, 2 that cannot be seen, for a folder above it is closed.
there() {
  if [ -e "$1" ] || [ -L "$1" ]; then return 0; fi
  t_dir=${1%/*}
  while [ -n "$t_dir" ]; do
    if [ -d "$t_dir" ]; then
      if [ -x "$t_dir" ]; then return 1; else return 2; fi
    fi
    t_dir=${t_dir%/*}
  done
  return 1
}

# readable PATH WHAT: 0 a plain file that may be read, 1 not there, 2 cannot be read: an unread entry.
readable() {
  there "$1"
  case $? in
  1) return 1 ;;
  2)
    unread "$2" "a folder above ${1#"$R"} is closed to uid $ME"
    return 2
    ;;
  esac
  if [ ! -f "$1" ]; then
    unread "$2" "${1#"$R"} is not a plain file"
  elif [ ! -r "$1" ]; then
    unread "$2" "uid $ME may not read ${1#"$R"}"
  else
    return 0
  fi
  return 2
}

# listable DIR WHAT: as readable, of a folder.
listable() {
  there "$1"
  case $? in
  1) return 1 ;;
  2)
    unread "$2" "a folder above ${1#"$R"} is closed to uid $ME"
    return 2
    ;;
  esac
  if [ -d "$1" ] && [ -r "$1" ] && [ -x "$1" ]; then return 0; fi
  unread "$2" "uid $ME may not list ${1#"$R"}"
  return 2
}

# slurp FILE: at most 256 KiB of it.
slurp() { bounded 5 head -c 262144 "$1" 2>/dev/null; }

# first WHAT FILE: the file's first line as a text, under the last part of WHAT.
first() {
  if readable "$2" "$1"; then
    str "${1##*.}" "$(slurp "$2" | head -n 1)"
  elif [ $? -eq 1 ]; then
    unread "$1" "there is no ${2#"$R"}"
  fi
}

# program NAME: its path. With KUBELIFT_ROOT only one inside of it counts: another says nothing of it.
program() {
  if [ -z "$R" ]; then
    command -v "$1" 2>/dev/null
    return
  fi
  for p_dir in /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin /opt/bin; do
    if [ -f "$R$p_dir/$1" ] && [ -x "$R$p_dir/$1" ]; then
      printf '%s\n' "$R$p_dir/$1"
      return 0
    fi
  done
  return 1
}

# stamp SECONDS: a time since the epoch as RFC 3339.
stamp() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null; }

# version_of FILE: which bytes it has, and since when, so that a change of it shows.
version_of() {
  str sha256 "$(bounded 5 sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1)"
  str modified "$(stamp "$(stat -c %Y "$1" 2>/dev/null)")"
}

# --- The machine ------------------------------------------------------------------------------------

facts_machine() {
  num schemaVersion 1
  str probe kubelift
  str nonce "$(printf '%s' "$NONCE" | head -c 128)"
  str root "$R"
  str collectedAt "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  num uid "$ME"
  first hostname "$R/proc/sys/kernel/hostname"
  first machineId "$R/etc/machine-id"
  first bootId "$R/proc/sys/kernel/random/boot_id"
  for m_file in "$R/etc/os-release" "$R/usr/lib/os-release"; do
    [ -r "$m_file" ] || continue
    obj os
    slurp "$m_file" | awk '
      function val(s) { sub(/^[^=]*=/, "", s); gsub(/^["\047]|["\047]$/, "", s); return s }
      /^ID=/ { print "s id " val($0) }
      /^VERSION_ID=/ { print "s versionId " val($0) }
      /^PRETTY_NAME=/ { print "s prettyName " val($0) }'
    end
    break
  done
  obj kernel
  first kernel.release "$R/proc/sys/kernel/osrelease"
  [ -n "$R" ] || str machine "$(uname -m)"
  arr parameters
  if readable "$R/proc/cmdline" kernel.parameters; then
    # Only what decides about security modules, cgroups and swap: other parameters can be anybody's secret.
    slurp "$R/proc/cmdline" | tr ' ' '\n' | awk '
      /^(apparmor|security|lsm|selinux|enforcing|cgroup_no_v1|cgroup_enable|cgroup_disable|swapaccount)=/ ||
      /^systemd\.(unified_cgroup_hierarchy|legacy_systemd_cgroup_controller)/ || /^SYSTEMD_CGROUP_/ { print "v " $0 }'
  fi
  printf ']\n'
  end
}

# The kubelet takes the machine for v2 when /sys/fs/cgroup itself is a cgroup2 mount, and for v1 otherwise,
# hybrid included.
facts_cgroup() {
  if ! readable "$R/proc/self/mounts" cgroup; then
    [ -e "$R/proc/self/mounts" ] || unread cgroup "there is no /proc/self/mounts"
    return
  fi
  c_found=$(bounded 5 head -c 4194304 "$R/proc/self/mounts" | awk '
    $2 == "/sys/fs/cgroup" { root = $3 }
    $3 == "cgroup" && $2 ~ /^\/sys\/fs\/cgroup/ { v1 = 1 }
    $3 == "cgroup2" && $2 ~ /^\/sys\/fs\/cgroup\/./ { v2 = 1 }
    END { print (root == "cgroup2" ? "v2" : v1 ? (v2 ? "hybrid" : "v1") : "unknown"), (root == "" ? "-" : root) }')
  c_version=${c_found%% *}
  if [ "$c_version" = unknown ]; then
    unread cgroup "no cgroup hierarchy is mounted at /sys/fs/cgroup"
    return
  fi
  obj cgroup
  str version "$c_version"
  str fsType "${c_found#* }"
  arr controllers
  for c_file in "$R/sys/fs/cgroup/cgroup.controllers" "$R/sys/fs/cgroup/unified/cgroup.controllers"; do
    [ -r "$c_file" ] && slurp "$c_file" | tr ' ' '\n' | sed 's/^/v /'
  done
  printf ']\n'
  if [ "$c_version" != v2 ] && readable "$R/proc/cgroups" cgroup.v1Controllers; then
    arr v1Controllers
    slurp "$R/proc/cgroups" | awk '!/^#/ && $2 != 0 { print "v " $1 }'
    printf ']\n'
  fi
  end
}

# What the kubelet asks: securityfs has an apparmor folder, and the module says Y. containerd wants the
# parser as well, to load its default profile.
facts_apparmor() {
  a_sec=$R/sys/kernel/security/apparmor
  obj appArmor
  a_on=unknown
  if [ -r "$R/sys/module/apparmor/parameters/enabled" ]; then
    case $(slurp "$R/sys/module/apparmor/parameters/enabled") in
    Y*) a_on=true ;;
    *) a_on=false ;;
    esac
  elif [ -e "$R/sys/module/apparmor/parameters/enabled" ]; then
    unread appArmor.enabled "uid $ME may not read /sys/module/apparmor/parameters/enabled"
  elif [ -d "$R/sys/module" ]; then
    a_on=false
  else
    unread appArmor.enabled "there is no /sys/module"
  fi
  [ $a_on = unknown ] || bool enabled $a_on
  there "$a_sec"
  case $? in
  0) bool securityfs true ;;
  1)
    if [ -d "$R/sys/kernel" ]; then bool securityfs false; else unread appArmor.securityfs "there is no /sys/kernel"; fi
    ;;
  2) unread appArmor.securityfs "a folder above /sys/kernel/security/apparmor is closed to uid $ME" ;;
  esac
  if [ -e "$R/sbin/apparmor_parser" ] || [ -e "$R/usr/sbin/apparmor_parser" ]; then
    bool parser true
  else
    bool parser false
  fi
  if [ $a_on = false ]; then
    arr profiles
    printf ']\n'
  elif [ $a_on = true ]; then
    # -r says yes to a file that the kernel then refuses, so reading is tried.
    if head -c 1 "$a_sec/profiles" >/dev/null 2>&1; then
      arr profiles
      bounded 5 head -c 1048576 "$a_sec/profiles" | awk '
        { bytes += length($0) + 1 }
        match($0, / \([a-z]+\)$/) {
          print "{"; print "s name " substr($0, 1, RSTART - 1); print "s mode " substr($0, RSTART + 2, RLENGTH - 3); print "}"
        }
        END { if (bytes >= 1048576) print "u appArmor.profiles\tthe list is longer than 1 MiB" }'
      printf ']\n'
    elif [ "$ME" != 0 ]; then
      unread appArmor.profiles "not root: /sys/kernel/security/apparmor/profiles"
    else
      unread appArmor.profiles "/sys/kernel/security/apparmor/profiles cannot be read"
    fi
  else
    unread appArmor.profiles "it is not known if AppArmor is on"
  fi
  end
}

facts_selinux() {
  obj selinux
  if [ -d "$R/sys/fs/selinux" ] && [ -e "$R/sys/fs/selinux/enforce" ]; then
    case $(slurp "$R/sys/fs/selinux/enforce") in
    1*) str mode enforcing ;;
    0*) str mode permissive ;;
    *) unread selinux.mode "uid $ME may not read /sys/fs/selinux/enforce" ;;
    esac
  elif [ -d "$R/sys/fs" ]; then
    str mode disabled
  else
    unread selinux.mode "there is no /sys/fs"
  fi
  end
}

facts_swap() {
  if ! readable "$R/proc/swaps" swap; then
    [ -e "$R/proc/swaps" ] || unread swap "there is no /proc/swaps"
    return
  fi
  obj swap
  slurp "$R/proc/swaps" | awk '
    NR > 1 { total += $3; p[++n] = $1; t[n] = $2; size[n] = $3 }
    END {
      printf "n totalBytes %.0f\n[ devices\n", total * 1024
      for (i = 1; i <= n; i++) printf "{\ns path %s\ns type %s\nn sizeBytes %.0f\n}\n", p[i], t[i], size[i] * 1024
      print "]"
    }'
  end
}

# --- Flags ------------------------------------------------------------------------------------------

# hide NAME VALUE: the value, unless it is or may be a secret. Paths stay: they name a secret's file.
HIDE='
BEGIN { c = "[a-z0-9]"; t = c c c c c c "\\."; for (i = 0; i < 16; i++) t = t c; TOKEN = "(^|[^a-z0-9])" t "($|[^a-z0-9])" }
function hide(name, v) {
  if (tolower(name) ~ /token|passw|secret|apikey|bearer/ && v !~ /^\//) return "[masked]"
  if (v ~ TOKEN || v ~ /eyJ[A-Za-z0-9_-]+\./ || v ~ /PRIVATE KEY/) return "[masked]"
  gsub(/\/\/[^\/@ ]*@/, "//[masked]@", v)
  return v
}'

# The flags in lines of a shell-like environment file, a unit, a manifest or one argument a line (LINES=1:
# then a value may stand on the line after its flag). Each with the number of its line.
FLAGS='
function out() { if (f != "") { print "{\ns name " f; if (hasv) print "s value " hide(f, v); print "n line " at "\n}"; f = "" } }
BEGIN { print "[ flags" }
/^[ \t]*#/ { next }
{
  if (!LINES) { out(); gsub(/["\047\\]/, " "); gsub(/=[ \t]*--/, " --") }
  n = LINES ? 1 : split($0, word, /[ \t]+/)
  if (LINES) word[1] = $0
  for (i = 1; i <= n; i++) {
    w = word[i]
    if (w == "") continue
    if (w ~ /^--[A-Za-z]/) {
      out(); f = substr(w, 3); hasv = 0; at = NR
      if ((e = index(f, "=")) > 0) { v = substr(f, e + 1); f = substr(f, 1, e - 1); hasv = 1; full = 1 } else full = 0
      continue
    }
    if (f != "" && !full && w !~ /^[-$&|;<>]/) { v = w; hasv = 1; full = 1; continue }
    out()
  }
}
END { out(); print "]" }'

# flag_source KIND FILE WHAT: the file, with the flags in it and the names of its proxy variables.
flag_source() {
  readable "$2" "$3" || return 0
  obj
  str kind "$1"
  str path "${2#"$R"}"
  slurp "$2" | awk -v LINES=0 "$HIDE$FLAGS"
  end
}

# --- kubelet and kubeadm ----------------------------------------------------------------------------

KUBELET_CONFIG='
function text(s) { sub(/[ \t]+#.*$/, "", s); gsub(/^[ \t]+|[ \t]+$/, "", s); gsub(/^["\047]|["\047]$/, "", s); return s }
function flush() { if (map != "") print "}"; map = "" }
NR == 1 && /^[ \t]*\{/ { print "u kubelet.config\tit is written as JSON"; exit }
/^[ \t]*(#|$)/ || /^---/ { next }
/^[A-Za-z]/ {
  flush()
  i = index($0, ":"); if (i == 0) next
  key = substr($0, 1, i - 1); val = text(substr($0, i + 1))
  if (key ~ /^(featureGates|evictionHard|evictionSoft|evictionMinimumReclaim)$/) {
    if (val == "") { map = key; print "{ " key }
    else if (val != "{}" && val != "null") print "u kubelet.config." key "\tit is written in flow style: " val
    else print "{ " key "\n}"
  }
  else if (key ~ /^(failCgroupV1|failSwapOn|mergeDefaultEvictionSettings|rotateCertificates|serverTLSBootstrap)$/) print "b " key " " val
  else if (key ~ /^(imageGCHighThresholdPercent|imageGCLowThresholdPercent|maxPods)$/) print "n " key " " val
  else if (key ~ /^(apiVersion|cgroupDriver|containerRuntimeEndpoint|staticPodPath|resolvConf|cgroupRoot|systemReservedCgroup|kubeReservedCgroup)$/) print "s " key " " val
  next
}
map != "" { i = index($0, ":"); if (i > 0) { k = text(substr($0, 1, i - 1)); gsub(/ /, "_", k); print "s " k " " text(substr($0, i + 1)) } }
END { flush() }'

kubelet_unit() {
  k_shown=
  if [ -z "$R" ] && have systemctl; then
    k_shown=$(bounded 5 systemctl show -p LoadState -p ActiveState -p SubState -p FragmentPath -p DropInPaths \
      -p NeedDaemonReload -p UnitFileState -p MainPID kubelet.service 2>/dev/null)
  fi
  k_pid=
  if [ -n "$k_shown" ]; then
    obj unit
    printf '%s\n' "$k_shown" | awk '
      { i = index($0, "="); v = substr($0, i + 1) }
      /^LoadState=/ { print "s loadState " v }
      /^ActiveState=/ { print "s activeState " v }
      /^SubState=/ { print "s subState " v }
      /^UnitFileState=/ { print "s unitFileState " v }
      /^FragmentPath=/ { print "s path " v }
      /^NeedDaemonReload=/ { print "b needsReload " (v == "yes" ? "true" : "false") }'
    end
    k_files=$(printf '%s\n' "$k_shown" | sed -n 's/^FragmentPath=//p; s/^DropInPaths=//p')
    k_pid=$(printf '%s\n' "$k_shown" | sed -n 's/^MainPID=//p')
  else
    unread kubelet.unit "no answer from systemctl: unit and drop-ins were looked for in the usual folders"
    k_files=
    for k_dir in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
      [ -f "$R$k_dir/kubelet.service" ] && k_files="$k_files $k_dir/kubelet.service" && break
    done
    for k_dir in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
      [ "$k_dir" = /lib/systemd/system ] && [ -L "$R/lib" ] && continue
      for k_file in "$R$k_dir/kubelet.service.d"/*.conf; do
        [ -e "$k_file" ] && k_files="$k_files ${k_file#"$R"}"
      done
    done
    if [ -z "$R" ] && have pidof; then k_pid=$(pidof kubelet 2>/dev/null); fi
  fi
  case $k_pid in
  '' | 0 | *[!0-9]*) k_pid= ;;
  esac
}

facts_kubelet() {
  obj kubelet
  if k_bin=$(program kubelet); then
    str path "${k_bin#"$R"}"
    str version "$(bounded 10 "$k_bin" --version 2>/dev/null | sed -n 's/^Kubernetes //p' | head -n 1)"
  fi
  kubelet_unit
  if [ -n "$k_pid" ]; then
    obj process
    num pid "$k_pid"
    # Field 22 of stat, after the last parenthesis field 20: hundredths of a second since the boot.
    str startedAt "$(stamp "$(cat "/proc/$k_pid/stat" /proc/stat 2>/dev/null | awk '
      NR == 1 { sub(/^.*\) /, ""); ticks = $20 } $1 == "btime" { printf "%.0f", $2 + ticks / 100 }')")"
    # The program was replaced, and the old one runs on, when its file is gone.
    if k_exe=$(readlink "/proc/$k_pid/exe" 2>/dev/null); then
      case $k_exe in
      *' (deleted)') bool replaced true ;;
      *) bool replaced false ;;
      esac
    else
      unread kubelet.process.replaced "uid $ME may not read /proc/$k_pid/exe"
    fi
    end
  fi
  arr flagSources
  k_env=$(set -f; for k_file in $k_files; do [ -r "$R$k_file" ] && sed -n 's/^[ \t]*EnvironmentFile=-*//p' "$R$k_file"; done 2>/dev/null)
  set -f
  for k_file in $k_files; do flag_source unit "$R$k_file" kubelet.flagSources; done
  for k_file in /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet; do
    flag_source environment "$R$k_file" kubelet.flagSources
  done
  for k_file in $k_env; do
    case $k_file in
    /var/lib/kubelet/kubeadm-flags.env | /etc/default/kubelet | /etc/sysconfig/kubelet) ;;
    /*) flag_source environment "$R$k_file" kubelet.flagSources ;;
    esac
  done
  set +f
  if [ -n "$k_pid" ]; then
    if [ -r "/proc/$k_pid/cmdline" ]; then
      obj
      str kind process
      str path "/proc/$k_pid/cmdline"
      slurp "/proc/$k_pid/cmdline" | tr '\0\n' '\n ' | awk -v LINES=1 "$HIDE$FLAGS"
      end
    else
      unread kubelet.flagSources "uid $ME may not read /proc/$k_pid/cmdline"
    fi
  fi
  printf ']\n'
  k_config=$R/var/lib/kubelet/config.yaml
  if readable "$k_config" kubelet.config; then
    obj config
    str path "${k_config#"$R"}"
    version_of "$k_config"
    slurp "$k_config" | awk "$KUBELET_CONFIG"
    end
  fi
  if readable "$R/etc/kubernetes/kubelet.conf" kubelet.server; then
    str server "$(slurp "$R/etc/kubernetes/kubelet.conf" | sed -n 's/^ *server: *//p' | head -n 1 | tr -d "\"'" | sed 's#//[^/@]*@#//[masked]@#')"
  fi
  end
  obj kubeadm
  if k_bin=$(program kubeadm); then
    str path "${k_bin#"$R"}"
    str version "$(bounded 10 "$k_bin" version -o short 2>/dev/null | head -n 1)"
  fi
  end
}

# --- The container runtime --------------------------------------------------------------------------

# Every key with its whole path, so that the layouts of containerd's config versions 1, 2 and 3 are one.
CONTAINERD='
function text(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); if (s ~ /^"/) { sub(/^"/, "", s); sub(/".*$/, "", s) } else if (s ~ /^\047/) { sub(/^\047/, "", s); sub(/\047.*$/, "", s) } else sub(/[ \t]*#.*$/, "", s); return s }
/^[ \t]*#/ { next }
/^[ \t]*\[/ { sec = $0; sub(/#.*$/, "", sec); gsub(/[] \t"\047[]/, "", sec); next }
{
  i = index($0, "="); if (i == 0) next
  key = substr($0, 1, i - 1); gsub(/[ \t"\047]/, "", key)
  if (sec != "") key = sec "." key
  val = substr($0, i + 1)
  if (key == "version") version = text(val)
  else if (key == "imports" && val ~ /["\047]/) imports = val
  else if (key == "disabled_plugins") { if (val ~ /cri["\047]/) off = 1 }
  else if (key ~ /^plugins\..*default_runtime_name$/) runtime = text(val)
  else if (key ~ /\.runtimes\.[^.]*\.options\.SystemdCgroup$/) { r = key; sub(/\.options\.SystemdCgroup$/, "", r); sub(/^.*\.runtimes\./, "", r); driver[r] = text(val) }
  else if (key ~ /^plugins\.(io\.containerd\.grpc\.v1\.)?cri\.systemd_cgroup$/) old = text(val)
  else if (key ~ /^plugins\.(io\.containerd\.grpc\.v1\.)?cri\.sandbox_image$/ || key ~ /\.pinned_images\.sandbox$/) image = text(val)
  else if (key ~ /^plugins\.(io\.containerd\.(grpc\.v1\.cri|cri\.v1\.runtime)|cri)\.disable_apparmor$/) noaa = text(val)
}
END {
  if (runtime == "") runtime = "runc"
  d = (runtime in driver) ? driver[runtime] : ""
  if (old == "true") d = "true"
  print "n version " (version == "" ? 1 : version)
  if (DUMP || imports == "" || d != "") print "s cgroupDriver " (d == "true" ? "systemd" : "cgroupfs")
  else print "u runtime.config.cgroupDriver\tfiles that the configuration imports were not read: " imports
  print "s runtimeHandler " runtime
  if (image != "") print "s sandboxImage " image
  else print "u runtime.config.sandboxImage\tthe configuration does not name it: it is the one built into the runtime"
  print "b appArmorDisabled " (noaa == "true" ? "true" : "false")
  print "b criDisabled " (off ? "true" : "false")
}'

CRIO='
function text(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); gsub(/"/, "", s); sub(/[ \t]*#.*$/, "", s); return s }
/^[ \t]*#/ { next }
/^[ \t]*cgroup_manager[ \t]*=/ { sub(/^[^=]*=/, ""); driver = text($0) }
/^[ \t]*pause_image[ \t]*=/ { sub(/^[^=]*=/, ""); image = text($0) }
END {
  print "s cgroupDriver " (driver == "" ? "systemd" : driver)
  if (image != "") print "s sandboxImage " image
  else print "u runtime.config.sandboxImage\tthe configuration does not name it: it is the one built into the runtime"
}'

# Of a list of images in JSON or one a line: those of Kubernetes itself, with their tags.
IMAGES='
{ bytes += length($0) + 1; gsub(/[][{},]/, "\n"); n = split($0, part, "\n")
  for (i = 1; i <= n; i++) {
    name = part[i]; gsub(/^[ \t]+|[ \t]+$/, "", name); gsub(/"/, "", name)
    if (name ~ /^[A-Za-z0-9._:\/-]+$/ && name ~ /(^|\/)(kube-(apiserver|controller-manager|scheduler|proxy)|etcd|coredns|pause):[A-Za-z0-9_.-]+$/) print "v " name
  }
}
END { if (bytes >= 1048576) print "u runtime.images\tthe list is longer than 1 MiB" }'

# runtime_images SOCKET: what an upgrade need not pull. With KUBELIFT_ROOT nobody listens on that root's socket.
runtime_images() {
  i_list=
  i_asked=
  if [ "$ME" != 0 ]; then
    unread runtime.images "not root: the runtime's socket"
    return
  elif [ -z "$1" ]; then
    unread runtime.images "there is no socket of a runtime to ask"
    return
  fi
  if i_bin=$(program crictl); then
    i_asked=crictl
    i_list=$(bounded 10 "$i_bin" --runtime-endpoint "unix://$R$1" --image-endpoint "unix://$R$1" --timeout 8s images -o json 2>/dev/null | head -c 1048576)
  fi
  case $1 in
  *containerd.sock)
    # containerd's own client says nothing at all where there is no image.
    if [ -z "$i_list" ] && i_bin=$(program ctr); then
      i_asked="${i_asked:+$i_asked and }ctr"
      i_list=$(bounded 10 "$i_bin" -a "$R$1" --connect-timeout 5s -n k8s.io images ls -q 2>/dev/null && echo .)
      i_list=$(printf '%s\n' "$i_list" | head -c 1048576)
    fi
    ;;
  esac
  if [ -n "$i_list" ]; then
    arr images
    printf '%s\n' "$i_list" | awk "$IMAGES" | sort -u
    printf ']\n'
  elif [ -n "$i_asked" ]; then
    unread runtime.images "$i_asked gave no answer"
  else
    unread runtime.images "neither crictl nor ctr is on this machine"
  fi
}

facts_runtime() {
  obj runtime
  r_first=
  arr sockets
  for r_socket in /run/containerd/containerd.sock /run/crio/crio.sock /var/run/crio/crio.sock /run/cri-dockerd.sock /run/dockershim.sock; do
    [ "$r_socket" = /var/run/crio/crio.sock ] && [ -L "$R/var/run" ] && continue
    there "$R$r_socket"
    case $? in
    0)
      item "unix://$r_socket"
      r_first=${r_first:-$r_socket}
      ;;
    2) unread runtime.sockets "a folder above $r_socket is closed to uid $ME" ;;
    esac
  done
  printf ']\n'
  if r_bin=$(program containerd); then
    str name containerd
    # "containerd github.com/containerd/containerd v1.7.2 0cae528…", or without "v" from a distribution.
    str version "$(bounded 10 "$r_bin" --version 2>/dev/null | awk '{ sub(/^v/, "", $3); print $3; exit }')"
    obj config
    r_file=$R/etc/containerd/config.toml
    r_dump=
    [ -n "$R" ] || r_dump=$(bounded 10 "$r_bin" config dump 2>/dev/null | head -c 262144)
    if [ -n "$r_dump" ] && { [ -r "$r_file" ] || ! [ -e "$r_file" ]; }; then
      str source "containerd config dump"
      printf '%s\n' "$r_dump" | awk -v DUMP=1 "$CONTAINERD"
    elif readable "$r_file" runtime.config; then
      str source "${r_file#"$R"}"
      slurp "$r_file" | awk -v DUMP=0 "$CONTAINERD"
    elif [ $? -eq 1 ]; then
      # Without a file containerd takes its defaults.
      str source default
      str cgroupDriver cgroupfs
      unread runtime.config.sandboxImage "there is no ${r_file#"$R"}: it is the one built into the runtime"
    fi
    end
  elif r_bin=$(program crio); then
    str name cri-o
    str version "$(bounded 10 "$r_bin" --version 2>/dev/null | awk '/^crio version/ { print $3; exit } /^Version:/ { print $2; exit }')"
    obj config
    str source "/etc/crio/crio.conf and crio.conf.d"
    for r_file in "$R/etc/crio/crio.conf" "$R/etc/crio/crio.conf.d"/*; do
      [ -e "$r_file" ] && readable "$r_file" runtime.config && slurp "$r_file"
    done | awk "/^u runtime\\.config\\t/ { print; next }$CRIO"
    end
  else
    unread runtime.name "neither containerd nor crio is in the usual folders"
  fi
  if r_bin=$(program runc); then
    str runc "$(bounded 10 "$r_bin" --version 2>/dev/null | awk '/^runc version/ { print $3; exit }')"
  fi
  runtime_images "$r_first"
  end
}

# Tools that a step may need: each is there or it is not. They say their version without asking anybody.
facts_tools() {
  arr tools
  for o_name in crictl etcdctl etcdutl; do
    o_bin=$(program $o_name) || continue
    obj
    str name $o_name
    str path "${o_bin#"$R"}"
    case $o_name in
    crictl) o_ask=--version ;;
    *) o_ask=version ;;
    esac
    str version "$(ETCDCTL_API=3 bounded 5 "$o_bin" $o_ask 2>/dev/null | sed -n "s/^$o_name version:* *v*\([0-9][0-9A-Za-z.+-]*\).*/\1/p" | head -n 1)"
    end
  done
  printf ']\n'
}

# --- Packages ---------------------------------------------------------------------------------------

# Lines of apt's and dnf's sources that name a repository of Kubernetes; names and passwords are taken out.
REPOSITORY='
function repo(line, uri, on,   i) {
  gsub(/\/\/[^\/@ ]*@/, "//[masked]@", uri)
  print "{\ns path " FILE "\nn line " line "\ns uri " uri "\nb enabled " on
  if (match(uri, /\/v1\.[0-9]+/)) print "s minor " substr(uri, RSTART + 2, RLENGTH - 2)
  print "[ signedBy"; for (i = 1; i <= ns; i++) print "v " key[i]; print "]"
  if (trust != "") print "b trusted " trust
  print "}"
}
function ours(s) { return s ~ /k8s|kubernetes|\/v1\.[0-9]/ }
function yes(s) { return tolower(s) ~ /^(yes|true|on|1|with|enable)[ \t]*$/ }
function fresh() { n = 0; ns = 0; inkeys = 0; state = "true"; trust = (FILE ~ /\.repo$/ ? "" : "false") }
function flush(   i) { for (i = 1; i <= n; i++) repo(at[i], found[i], state); fresh() }
function keys(s,   i, m, w) {
  gsub(/\/\/[^\/@ ]*@/, "//[masked]@", s); m = split(s, w, /[ \t,]+/)
  for (i = 1; i <= m; i++) if (w[i] != "") key[++ns] = w[i]
}
# The words between brackets: "[arch=amd64 signed-by=/etc/apt/keyrings/k.gpg trusted=yes]".
function options(s,   i, m, w) {
  m = split(s, w, /[ \t]+/)
  for (i = 1; i <= m; i++) {
    if (w[i] ~ /^signed-by=/) keys(substr(w[i], 11))
    else if (w[i] ~ /^trusted=/) trust = (yes(substr(w[i], 9)) ? "true" : "false")
  }
}
BEGIN { FILE = ENVIRON["FILE"]; fresh() }
FILE ~ /\.list$/ {
  fresh()
  on = "true"; line = $0
  if (line ~ /^[ \t]*#[ \t]*deb /) { on = "false"; sub(/^[ \t]*#[ \t]*/, "", line) }
  if (line ~ /^[ \t]*deb(-src)?[ \t]/ && ours(line)) {
    if (match(line, /\[[^]]*\]/)) { options(substr(line, RSTART + 1, RLENGTH - 2)); line = substr(line, 1, RSTART - 1) " " substr(line, RSTART + RLENGTH) }
    m = split(line, w, /[ \t]+/)
    for (i = 1; i <= m; i++) if (w[i] ~ /^[a-z+]+:/) { repo(NR, w[i], on); break }
  }
  next
}
/^[ \t]*$/ && FILE ~ /\.sources$/ { flush(); next }
/^\[/ && FILE ~ /\.repo$/ { flush(); next }
# A value may go on in the lines below, and a key of apt may be there itself.
inkeys && /^[ \t]/ { if ($0 ~ /BEGIN PGP/) { key[++ns] = "inline"; inkeys = 0 } else keys($0); next }
{ inkeys = 0 }
/^[Ss]igned-[Bb]y[ \t]*:/ || /^gpgkey[ \t]*=/ { sub(/^[^:=]*[:=][ \t]*/, ""); keys($0); inkeys = 1; next }
/^[Tt]rusted[ \t]*:/ { sub(/^[^:]*:[ \t]*/, ""); trust = (yes($0) ? "true" : "false"); next }
/^gpgcheck[ \t]*=/ { sub(/^[^=]*=[ \t]*/, ""); trust = (yes($0) ? "false" : "true"); next }
/^[Ee]nabled[ \t]*[:=]/ { v = $0; sub(/^[^:=]*[:=][ \t]*/, "", v); if (v ~ /^(no|0|false)/) state = "false" }
(/^URIs:/ || /^baseurl[ \t]*=/) && ours($0) {
  sub(/^[^:=]*[:=][ \t]*/, ""); m = split($0, w, /[ \t]+/)
  for (i = 1; i <= m; i++) if (w[i] != "") { n++; at[n] = NR; found[n] = w[i] }
}
END { flush() }'

# lock_holder FILE: the id of a process that holds a lock on it, by the kernel's table. That knows the device of the
# file system, which may be another than stat's: then the process must have the file open.
lock_holder() {
  l_stat=$(stat -c '%d %i' "$1" 2>/dev/null) || return 1
  l_dev=${l_stat% *}
  l_inode=${l_stat#* }
  l_id=$(printf '%02x:%02x:%s' $(((l_dev >> 8) & 4095)) $(((l_dev & 255) | ((l_dev >> 12) & 1048320))) "$l_inode")
  # "1: POSIX ADVISORY WRITE 4711 fd:00:123 0 EOF"; a line with an arrow only waits.
  awk -v inode="$l_inode" '$2 != "->" && split($6, id, ":") == 3 && id[3] == inode { print $5, $6 }' "$R/proc/locks" | {
    while read -r l_pid l_seen; do
      [ "$l_seen" = "$l_id" ] && echo "$l_pid" && exit 0
      for l_open in "$R/proc/$l_pid/fd"/*; do
        l_to=$(readlink "$l_open" 2>/dev/null)
        if [ "$l_to" = "$1" ] || [ "$l_to" = "${1#"$R"}" ]; then echo "$l_pid" && exit 0; fi
      done
    done
    exit 1
  }
}

# packages_locked FILE…: whether a package manager is at work now, which another would have to wait for.
packages_locked() {
  if ! readable "$R/proc/locks" packages.locked; then
    [ -e "$R/proc/locks" ] || unread packages.locked "there is no /proc/locks"
    return
  fi
  for p_file in "$@"; do
    [ -e "$R$p_file" ] || continue
    case $p_file in
    # dnf writes its id into a file, which it may leave behind.
    *.pid) p_pid=$(slurp "$R$p_file" | tr -cd 0-9) && [ -n "$p_pid" ] && [ -d "$R/proc/$p_pid" ] ;;
    *) p_pid=$(lock_holder "$R$p_file") ;;
    esac && {
      bool locked true
      str lockedBy "$(slurp "$R/proc/$p_pid/comm") ($p_pid), ${p_file}"
      return
    }
  done
  bool locked false
}

NAMES='kubeadm kubelet kubectl cri-tools kubernetes-cni containerd containerd.io cri-o runc'

facts_packages() {
  obj packages
  if p_bin=$(program dpkg-query) || { [ -n "$R" ] && [ -d "$R/var/lib/dpkg" ] && p_bin=$(command -v dpkg-query); }; then
    str manager apt
    arr installed
    # Status is "want error status": "hold ok installed" is what apt-mark hold leaves.
    # shellcheck disable=SC2086
    bounded 10 "$p_bin" --admindir="$R/var/lib/dpkg" -W -f '${Package} ${Version} ${Status}\n' $NAMES 2>/dev/null | awk '
      $5 == "not-installed" || $5 == "config-files" { next }
      { print "{\ns name " $1 "\ns version " $2 "\nb held " ($3 == "hold" ? "true" : "false") "\ns status " $5 "\n}" }'
    printf ']\n'
    arr broken
    bounded 10 "$p_bin" --admindir="$R/var/lib/dpkg" -W -f '${Package} ${Status}\n' 2>/dev/null | awk '
      $4 !~ /^(installed|config-files|not-installed)$/ || $3 != "ok" { print "{\ns name " $1 "\ns status " $4 "\n}" }'
    printf ']\n'
    packages_locked /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock
  elif [ -z "$R" ] && have rpm; then
    str manager dnf
    p_locks=
    for p_file in /etc/dnf/plugins/versionlock.list /etc/yum/pluginconf.d/versionlock.list; do
      [ -r "$p_file" ] && p_locks="$p_locks $(slurp "$p_file" | grep -v '^#' | tr '\n' ' ')"
    done
    arr installed
    # shellcheck disable=SC2086
    bounded 10 rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' $NAMES 2>/dev/null | LOCKS=$p_locks awk '
      NF == 2 { print "{\ns name " $1 "\ns version " $2 "\nb held " (index(ENVIRON["LOCKS"], " " $1 "-") ? "true" : "false") "\ns status installed\n}" }'
    printf ']\n'
    packages_locked /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock /var/lib/dnf/rpmdb_lock.pid /var/cache/dnf/metadata_lock.pid \
      /var/cache/dnf/download_lock.pid
  else
    str manager none
  fi
  arr repositories
  for p_file in "$R/etc/apt/sources.list" "$R/etc/apt/sources.list.d"/*.list "$R/etc/apt/sources.list.d"/*.sources "$R/etc/yum.repos.d"/*.repo; do
    [ -e "$p_file" ] || continue
    readable "$p_file" packages.repositories && slurp "$p_file" | FILE=${p_file#"$R"} awk "$REPOSITORY"
  done
  printf ']\n'
  if [ -e "$R/usr/sbin/needrestart" ]; then bool needrestart true; else bool needrestart false; fi
  end
}

# --- Disk -------------------------------------------------------------------------------------------

facts_disk() {
  arr disk
  for d_path in / /var/lib/kubelet /var/lib/containerd /var/lib/containers /var/lib/etcd /etc/kubernetes /var/log; do
    there "$R$d_path"
    case $? in
    1) continue ;;
    2)
      unread "disk $d_path" "a folder above it is closed to uid $ME"
      continue
      ;;
    esac
    d_line=$(bounded 5 df -Pk "$R$d_path" 2>/dev/null | awk 'NR == 2 { printf "%.0f %.0f %s", $2 * 1024, $4 * 1024, $1 }')
    if [ -z "$d_line" ]; then
      unread "disk $d_path" "df gave no answer"
      continue
    fi
    obj
    str path "$d_path"
    d_rest=${d_line#* }
    num totalBytes "${d_line%% *}"
    num freeBytes "${d_rest%% *}"
    str device "${d_rest#* }"
    bounded 5 df -Pi "$R$d_path" 2>/dev/null | awk 'NR == 2 && $2 ~ /^[0-9]+$/ { printf "n inodesTotal %.0f\nn inodesFree %.0f\n", $2, $4 }'
    end
  done
  printf ']\n'
}

# folder_size WHAT DIR: bytes in use below it, or an unread entry.
folder_size() {
  if f_size=$(bounded 20 du -sk "$2" 2>/dev/null) && [ -n "$f_size" ]; then
    printf '%s\n' "$f_size" | awk -v K="${1##*.}" '{ printf "n %s %.0f\n", K, $1 * 1024; exit }'
  else
    unread "$1" "du could not go through ${2#"$R"}"
  fi
}

# --- Certificates -----------------------------------------------------------------------------------

# The output of "openssl x509 -subject -issuer -enddate": "notAfter=Nov  4 23:57:00 2026 GMT".
X509='
/^subject=/ { sub(/^subject= */, ""); print "s subject " $0 }
/^issuer=/ { sub(/^issuer= */, ""); print "s issuer " $0 }
/^notAfter=/ {
  sub(/^notAfter=/, ""); m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3
  printf "s notAfter %s-%02d-%02dT%sZ\n", $4, m, $2, $3; ok = 1
}
END { if (!ok) print "u certificates\t" ENVIRON["FILE"] ": openssl could not read a certificate in it" }'

x509() { bounded 5 openssl x509 -noout -subject -issuer -enddate -nameopt RFC2253 2>/dev/null | FILE=$(flat "$1") awk "$X509"; }

# Of a kubeconfig only its certificate is taken out, and only what openssl says of that is printed.
kubeconfig_certificate() {
  obj
  str path "${1#"$R"}"
  slurp "$1" | sed -n 's/^ *client-certificate-data: *//p' | head -n 1 | tr -d "\"' " |
    openssl base64 -d -A 2>/dev/null | x509 "${1#"$R"}"
  end
}

facts_certificates() {
  if ! have openssl; then
    unread certificates "openssl is not on this machine"
    return
  fi
  arr certificates
  for x_dir in /etc/kubernetes/pki /etc/kubernetes/pki/etcd; do
    listable "$R$x_dir" certificates || continue
    for x_file in "$R$x_dir"/*.crt; do
      there "$x_file" && readable "$x_file" certificates || continue
      obj
      str path "${x_file#"$R"}"
      slurp "$x_file" | x509 "${x_file#"$R"}"
      end
    done
  done
  for x_file in admin super-admin controller-manager scheduler; do
    x_file=$R/etc/kubernetes/$x_file.conf
    readable "$x_file" certificates && kubeconfig_certificate "$x_file"
  done
  # The kubelet's own is in kubelet.conf only until it has renewed it for the first time.
  x_file=$R/etc/kubernetes/kubelet.conf
  if [ -r "$x_file" ] && grep -q client-certificate-data "$x_file" 2>/dev/null; then kubeconfig_certificate "$x_file"; fi
  x_file=$R/var/lib/kubelet/pki/kubelet-client-current.pem
  if readable "$x_file" certificates; then
    obj
    str path "${x_file#"$R"}"
    slurp "$x_file" | x509 "${x_file#"$R"}"
    end
  fi
  printf ']\n'
}

# --- Static pods ------------------------------------------------------------------------------------

# A manifest as kubeadm writes it: block style. Names, images, host paths, flags, and the names of proxy
# variables, for a shell's proxy gets in there. Flow style and JSON are said to be unread.
MANIFEST='
function text(s) { sub(/[ \t]+#.*$/, "", s); gsub(/^[ \t]+|[ \t]+$/, "", s); gsub(/^["\047]|["\047]$/, "", s); return s }
NR == 1 && /^[ \t]*\{/ { json = 1; exit }
/^[ \t]*#/ { next }
/^[A-Za-z]/ { top = $1 }
/^kind:/ { kind = text(substr($0, 6)) }
top == "metadata:" && /^  name:/ { pod = text(substr($0, 8)) }
top == "metadata:" && /^  namespace:/ { space = text(substr($0, 13)) }
/^[ \t]*(- )?image:/ { v = $0; sub(/^[ \t]*(- )?image:/, "", v); image[++ni] = text(v) }
/^[ \t]*(- )?hostPath:/ { host = 1; next }
host && /^[ \t]*path:/ { v = $0; sub(/^[ \t]*path:/, "", v); mount[++nm] = text(v); host = 0 }
/^[ \t]*- name: *(HTTP_PROXY|HTTPS_PROXY|NO_PROXY|ALL_PROXY|http_proxy|https_proxy|no_proxy|all_proxy)/ { proxy[++np] = text($3) }
END {
  if (json) { print "u staticPods\t" ENVIRON["FILE"] " is written as JSON"; exit }
  if (kind != "") print "s kind " kind
  if (pod != "") print "s name " pod; else print "u staticPods\t" ENVIRON["FILE"] ": no metadata.name in block style was found"
  if (space != "") print "s namespace " space
  print "[ images"; for (i = 1; i <= ni; i++) print "v " image[i]; print "]"
  print "[ hostPaths"; for (i = 1; i <= nm; i++) print "v " mount[i]; print "]"
  print "[ proxyVariables"; for (i = 1; i <= np; i++) print "v " proxy[i]; print "]"
}'

MANIFESTS=$R/etc/kubernetes/manifests
if [ -r "$R/var/lib/kubelet/config.yaml" ]; then
  m_path=$(slurp "$R/var/lib/kubelet/config.yaml" | sed -n 's/^staticPodPath: *//p' | head -n 1 | tr -d "\"' ")
  [ -z "$m_path" ] || MANIFESTS=$R${m_path%/}
fi

# Like the kubelet: every plain file of the folder but those that begin with a dot, whatever they are called.
facts_static_pods() {
  str staticPodPath "${MANIFESTS#"$R"}"
  listable "$MANIFESTS" staticPods
  case $? in
  1)
    arr staticPods
    printf ']\n'
    return
    ;;
  2) return ;;
  esac
  arr staticPods
  for s_file in "$MANIFESTS"/*; do
    [ -d "$s_file" ] && continue
    there "$s_file" && readable "$s_file" staticPods || continue
    obj
    str path "${s_file#"$R"}"
    slurp "$s_file" | FILE=$(flat "${s_file#"$R"}") awk "$MANIFEST"
    slurp "$s_file" | awk -v LINES=0 "$HIDE$FLAGS"
    version_of "$s_file"
    end
  done
  printf ']\n'
}

# --- CNI --------------------------------------------------------------------------------------------

facts_cni() {
  obj cni
  for n_pair in binaries:/opt/cni/bin configs:/etc/cni/net.d; do
    listable "$R${n_pair#*:}" "cni.${n_pair%%:*}"
    [ $? -ne 2 ] || continue
    arr "${n_pair%%:*}"
    for n_file in "$R${n_pair#*:}"/*; do
      [ -f "$n_file" ] && item "${n_file##*/}"
    done
    printf ']\n'
  done
  end
}

# --- etcd -------------------------------------------------------------------------------------------

# From a JSON answer to events: the value of the first key PICK (or all of it) under the key AS. Nothing is
# printed of what is not whole JSON; a list that is left out because it is empty is printed as empty.
PASS='
function ws() { while (substr(T, P, 1) ~ /^[ \t\r]$/) P++ }
function say(line) { out[++no] = line }
function string(   s, c) {
  P++; s = ""
  while (P <= N) {
    c = substr(T, P, 1); P++
    if (c == "\"") return s
    if (c == "\\") { c = substr(T, P, 1); P++; if (c == "u") { P += 4; c = "?" } else if (c !~ /["\\\/]/) c = " " }
    s = s c
  }
  bad = 1; return s
}
function value(key, show, d,   c, k, s, in_list) {
  if (d > 16) bad = 1
  if (bad) return
  ws(); c = substr(T, P, 1); in_list = (key == "")
  if (c == "{") {
    if (show) say("{ " key)
    P++; ws()
    if (substr(T, P, 1) == "}") P++
    else while (!bad) {
      ws(); if (substr(T, P, 1) != "\"") { bad = 1; break }
      k = string(); gsub(/[ \t]/, "_", k); if (k == "") k = "_"
      ws(); if (substr(T, P, 1) != ":") { bad = 1; break }
      P++
      if (!show && !picked && k == PICK) { picked = 1; value(AS, 1, d + 1) } else value(k, show, d + 1)
      ws(); c = substr(T, P, 1); P++
      if (c == "}") break
      if (c != ",") bad = 1
    }
    if (show) say("}")
  } else if (c == "[") {
    if (show) say("[ " key)
    P++; ws()
    if (substr(T, P, 1) == "]") P++
    else while (!bad) {
      value("", show, d + 1); ws(); c = substr(T, P, 1); P++
      if (c == "]") break
      if (c != ",") bad = 1
    }
    if (show) say("]")
  } else if (c == "\"") {
    s = string(); if (show) say(in_list ? "v " s : "s " key " " s)
  } else if (match(substr(T, P, 40), /^(true|false|null)/)) {
    s = substr(T, P, RLENGTH); P += RLENGTH
    if (show && s != "null") say(in_list ? "v " s : "b " key " " s)
  } else if (match(substr(T, P, 40), /^-?[0-9]+(\.[0-9]+)?/)) {
    s = substr(T, P, RLENGTH); P += RLENGTH
    if (show) say(in_list ? "v " s : "n " key " " s)
  } else bad = 1
}
{ T = T $0 " " }
END {
  N = length(T); P = 1
  value(PICK == "" ? AS : "_", PICK == "", 0); ws()
  if (bad || P <= N) { print "u etcd." AS "\tthe answer was not whole JSON"; exit }
  for (i = 1; i <= no; i++) print out[i]
  if (PICK != "" && !picked) print "[ " AS "\n]"
}'

METRICS='
function whole(v) { return sprintf("%.0f", v + 0) }
$1 == "etcd_mvcc_db_total_size_in_bytes" { print "n dbSizeBytes " whole($2) }
$1 == "etcd_mvcc_db_total_size_in_use_in_bytes" { print "n dbSizeInUseBytes " whole($2) }
$1 == "etcd_server_quota_backend_bytes" { print "n quotaBytes " whole($2) }
$1 == "etcd_server_has_leader" { print "b hasLeader " ($2 + 0 ? "true" : "false") }
$1 == "etcd_server_is_leader" { print "b isLeader " ($2 + 0 ? "true" : "false") }
$1 == "etcd_server_is_learner" { print "b isLearner " ($2 + 0 ? "true" : "false") }
$1 == "etcd_server_leader_changes_seen_total" { print "n leaderChanges " whole($2) }
/^etcd_server_version\{/ { split($0, q, "\""); print "s serverVersion " q[2] }
/^etcd_cluster_version\{/ { split($0, q, "\""); print "s clusterVersion " q[2] }'

# The first loopback URL of a comma-separated list; etcd is asked nowhere else.
loopback() {
  printf '%s\n' "$1" | tr ',' '\n' | sed -n 's/^ *//; /^https\{0,1\}:\/\/\(127\.[0-9.]*\|localhost\|\[::1\]\):[0-9]\{1,5\}$/p' | head -n 1
}

etcd_flag() { slurp "$MANIFESTS/etcd.yaml" | sed -n "s/^ *- *[\"']\{0,1\}--$1=\([^\"']*\).*/\1/p" | head -n 1; }

E_PKI=$R/etc/kubernetes/pki/etcd
# etcd_ask PATH [BODY]: by curl with the client certificate that kubeadm made for health checks.
etcd_ask() {
  if [ $# -gt 1 ]; then
    set -- "$1" -H 'Content-Type: application/json' -d "$2"
  fi
  e_path=$1
  shift
  curl -q -s -f --max-time 5 --noproxy '*' --cacert "$E_PKI/ca.crt" --cert "$E_PKI/healthcheck-client.crt" \
    --key "$E_PKI/healthcheck-client.key" "$@" "$e_url$e_path" 2>/dev/null | head -c 262144
}

etcd_ctl() {
  ETCDCTL_API=3 bounded 10 etcdctl --endpoints="$e_url" --cacert="$E_PKI/ca.crt" --cert="$E_PKI/healthcheck-client.crt" \
    --key="$E_PKI/healthcheck-client.key" --command-timeout=5s "$@" -w json 2>/dev/null | head -c 262144
}

# etcd_take AS PICK: an answer on stdin, or an unread entry when there is none.
etcd_take() {
  e_text=$(cat)
  if [ -n "$e_text" ]; then
    printf '%s\n' "$e_text" | awk -v AS="$1" -v PICK="$2" "$PASS"
  else
    unread "etcd.$1" "etcd at $e_url gave no answer"
  fi
}

plain_get() {
  if have curl; then
    curl -q -s -f --max-time 5 --noproxy '*' "$1" 2>/dev/null | head -c 1048576
  else
    http_proxy='' HTTP_PROXY='' WGETRC=/dev/null bounded 5 wget -q -O - "$1" 2>/dev/null | head -c 1048576
  fi
}

etcd_inside() {
  e_url=$(loopback "$(etcd_flag listen-client-urls)")
  e_metrics=$(loopback "$(etcd_flag listen-metrics-urls)")
  e_via=
  if [ "$ME" != 0 ]; then
    unread etcd.members "not root: etcd's client certificate"
    return
  fi
  if [ -z "$e_url" ]; then
    unread etcd.members "etcd listens for clients on no loopback address"
  elif ! [ -r "$E_PKI/healthcheck-client.key" ]; then
    unread etcd.members "there is no ${E_PKI#"$R"}/healthcheck-client.key"
  elif have curl && [ -n "$(etcd_ask /health)" ]; then
    e_via="curl $e_url"
    etcd_ask /v3/cluster/member/list '{}' | etcd_take members members
    etcd_ask /v3/maintenance/status '{}' | etcd_take status ''
    etcd_ask /v3/maintenance/alarm '{"action":"GET"}' | etcd_take alarms alarms
    etcd_ask /health | etcd_take health ''
  elif have etcdctl && e_text=$(etcd_ctl member list) && [ -n "$e_text" ]; then
    e_via="etcdctl $e_url"
    printf '%s\n' "$e_text" | etcd_take members members
    etcd_ctl endpoint status | etcd_take status Status
    etcd_ctl alarm list | etcd_take alarms alarms
  elif have curl || have etcdctl; then
    unread etcd.members "etcd at $e_url gave no answer"
  else
    unread etcd.members "neither curl nor etcdctl is on this machine"
  fi
  if [ -z "$e_metrics" ]; then
    unread etcd.metrics "etcd serves its metrics on no loopback address"
  elif ! have curl && ! have wget; then
    unread etcd.metrics "neither curl nor wget is on this machine"
  else
    e_text=$(plain_get "$e_metrics/metrics" | grep '^etcd_')
    if [ -n "$e_text" ]; then
      obj metrics
      printf '%s\n' "$e_text" | awk "$METRICS"
      end
      case $e_via in
      curl*) ;;
      *) plain_get "$e_metrics/health" | etcd_take health '' ;;
      esac
      e_via="${e_via:+$e_via, }metrics $e_metrics"
    else
      unread etcd.metrics "etcd's metrics at $e_metrics gave no answer"
    fi
  fi
  str via "$e_via"
}

facts_etcd() {
  readable "$MANIFESTS/etcd.yaml" etcd
  case $? in
  1)
    obj etcd
    bool local false
    end
    return
    ;;
  2) return ;;
  esac
  obj etcd
  bool local true
  str image "$(slurp "$MANIFESTS/etcd.yaml" | sed -n 's/^ *\(- \)\{0,1\}image: *//p' | head -n 1 | tr -d "\"' ")"
  e_dir=$(etcd_flag data-dir)
  str dataDir "$e_dir"
  if [ -z "$e_dir" ]; then
    unread etcd.dataBytes "the manifest has no --data-dir"
  elif listable "$R$e_dir/member/snap" etcd.dataBytes; then
    folder_size etcd.dataBytes "$R$e_dir"
    num dbFileBytes "$(stat -c %s "$R$e_dir/member/snap/db" 2>/dev/null)"
  elif [ $? -eq 1 ]; then
    unread etcd.dataBytes "there is no $e_dir/member/snap"
  fi
  etcd_inside
  end
}

# --- Backups ----------------------------------------------------------------------------------------
#
# A snapshot of etcd is a bbolt file (its magic after the first page's header of 16 bytes) and the SHA-256
# of that file, 32 bytes, so that its size is 32 more than whole sectors. What is said of one:
#   unrecognised  no such magic: not etcd's, or packed
#   unsound       the magic is there, but not the sum: a copy of the live file, cut off, or damaged
#   saved         it has the form of a snapshot; its sum was not compared
#   verified      its sum is right
#   drilled       and a restore of exactly these bytes was tried and went well: NAME.kubelift-drill.json says
#                 so beside it: {"schemaVersion":1,"snapshot":NAME,"sha256":SUM,"result":"passed","drilledAt":RFC3339}

B_UNTIL=0 # the second after which no further file is hashed

hex() { od -An -v -tx1 | tr -d ' \n'; }

snapshot() {
  b_file=$1
  b_stat=$(bounded 5 stat -c '%s %Y' "$b_file" 2>/dev/null)
  b_size=${b_stat% *}
  obj
  str path "${b_file#"$R"}"
  num sizeBytes "$b_size"
  str modified "$(stamp "${b_stat#* }")"
  if ! [ -r "$b_file" ] || [ -z "$b_stat" ]; then
    unread "backups ${b_file#"$R"}" "uid $ME may not read it"
    end
    return
  fi
  b_magic=$(head -c 20 "$b_file" 2>/dev/null | tail -c +17 | hex)
  if [ "$b_magic" != edda0ced ]; then
    str state unrecognised
    str why "it does not begin as a bbolt file"
    end
    return
  fi
  # Some shells count in 32 bits.
  b_form=$(awk -v n="$b_size" 'BEGIN { printf "%s %.0f", (n % 512 != 32 ? "odd" : n > 2147483648 ? "large" : "right"), n - 32 }')
  if [ "${b_form% *}" = odd ]; then
    str state unsound
    str why "its size is not whole sectors and 32 bytes: a copy of the live file, or cut off"
    end
    return
  fi
  b_state=saved
  b_why=
  b_sum=$(tail -c 32 "$b_file" 2>/dev/null | hex)
  if [ "${b_form% *}" = large ]; then
    b_why="not checked: larger than 2 GiB"
  elif [ "$(date +%s)" -ge $B_UNTIL ]; then
    b_why="not checked: the time for sums was over"
  else
    b_got=$(head -c "${b_form#* }" "$b_file" 2>/dev/null | bounded 30 sha256sum 2>/dev/null)
    b_got=${b_got%% *}
    if [ "$(stat -c '%s %Y' "$b_file" 2>/dev/null)" != "$b_stat" ]; then
      b_why="not checked: it is being written"
    elif [ -z "$b_got" ]; then
      b_why="not checked: sha256sum gave no answer"
    elif [ "$b_got" != "$b_sum" ]; then
      b_state=unsound
      b_why="its SHA-256 is not the one it ends with"
    else
      b_state=verified
    fi
  fi
  b_drill=$b_file.kubelift-drill.json
  if [ -f "$b_drill" ] && ! [ -L "$b_drill" ]; then
    b_said=$(slurp "$b_drill" | tr '\n' ' ')
    b_value() { printf '%s\n' "$b_said" | sed -n "s/.*\"$1\"[ ]*:[ ]*\"\([^\"]*\)\".*/\1/p"; }
    if [ "$b_state" != verified ]; then
      b_why="${b_why:+$b_why; }there is a record of a drill, but the sum was not found right"
    elif [ "$(b_value sha256)" != "$b_sum" ]; then
      b_why="there is a record of a drill, but of other bytes"
    elif [ "$(b_value result)" != passed ]; then
      b_why="the drill that is recorded beside it did not pass"
    else
      b_state=drilled
      str drilledAt "$(b_value drilledAt)"
    fi
  fi
  str state "$b_state"
  str why "$b_why"
  [ "$b_state" = unsound ] || str sha256 "$b_sum"
  end
}

# snapshots DIR: every file in it that may be a snapshot, the newest first. Links are not followed. The files are sorted
# by number, for a name can hold anything.
snapshots() {
  z_dir=$1
  set -- "$z_dir"/*
  z_i=0
  for z_file in "$@"; do
    z_i=$((z_i + 1))
    case ${z_file##*/} in
    *.kubelift-drill.json) continue ;;
    *.db | *.snap | *snapshot*) ;;
    *) continue ;;
    esac
    if [ -L "$z_file" ]; then
      printf '0 %s\n' $z_i
    elif [ -f "$z_file" ]; then
      printf '%s %s\n' "$(stat -c %Y "$z_file" 2>/dev/null)" $z_i
    fi
  done | sort -rn | head -n 401 | {
    z_n=0 z_name=
    while read -r z_time z_i; do
      z_n=$((z_n + 1))
      eval "z_name=\${$z_i}"
      if [ $z_n -gt 400 ]; then
        unread "backups ${z_dir#"$R"}" "only the 400 newest files were judged"
      elif [ "$z_time" = 0 ]; then
        unread "backups ${z_name#"$R"}" "a link: it was not followed"
      else
        snapshot "$z_name"
      fi
    done
  }
}

facts_backups() {
  B_UNTIL=$(($(date +%s) + 60))
  obj backups
  set -f
  if [ -n "${KUBELIFT_BACKUPS:-}" ]; then
    b_ifs=$IFS
    IFS=:
    # shellcheck disable=SC2086
    set -- $KUBELIFT_BACKUPS
    IFS=$b_ifs
  else
    set -- /var/backups/etcd /var/lib/etcd-backup /var/lib/etcd-backups /var/lib/etcd/backup /opt/etcd-backup /opt/etcd/backup /opt/backup/etcd \
      /backup/etcd /backups/etcd /backup /backups /srv/backup/etcd /root/etcd-backup /root/backup /home/etcd-backup /mnt/backup/etcd
  fi
  set +f
  arr looked
  for b_dir in "$@"; do
    obj
    str path "$b_dir"
    there "$R$b_dir"
    b_there=$?
    if [ $b_there -eq 1 ]; then
      str state absent
    elif [ $b_there -eq 0 ] && ! bounded 5 ls "$R$b_dir/" >/dev/null 2>&1; then
      str state unreadable
      unread "backups $b_dir" "uid $ME may not list it, or it did not answer in 5 s"
    elif [ $b_there -eq 0 ]; then
      str state read
    else
      str state unreadable
      unread "backups $b_dir" "a folder above it is closed to uid $ME"
    fi
    end
  done
  printf ']\n'
  arr snapshots
  for b_dir in "$@"; do
    [ -d "$R$b_dir" ] && bounded 5 ls "$R$b_dir/" >/dev/null 2>&1 || continue
    # A folder for each day, or each node, is common.
    for b_inner in "$R$b_dir" "$R$b_dir"/*/; do
      b_inner=${b_inner%/}
      if [ "$b_inner" = "$R$b_dir" ] || ! [ -L "$b_inner" ]; then snapshots "$b_inner"; fi
    done
  done
  printf ']\n'
  # kubeadm keeps a copy of etcd's live folder there at every upgrade. That is no backup, but it fills disks.
  if listable "$R/etc/kubernetes/tmp" backups.kubeadmTmpBytes; then
    folder_size backups.kubeadmTmpBytes "$R/etc/kubernetes/tmp"
  fi
  end
}

# --- All of it --------------------------------------------------------------------------------------

facts() {
  facts_machine
  facts_cgroup
  facts_apparmor
  facts_selinux
  facts_swap
  facts_kubelet
  facts_runtime
  facts_tools
  facts_packages
  facts_disk
  facts_certificates
  facts_static_pods
  facts_cni
  facts_etcd
  facts_backups
  printf '.\n'
}

if have awk; then
  # Nothing may read the script itself, which may be on stdin.
  facts </dev/null | awk "$ENCODE"
else
  printf '{"schemaVersion":1,"probe":"kubelift","unread":[{"what":"probe","reason":"awk is not on this machine"}]}\n'
fi
