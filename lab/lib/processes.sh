# shellcheck shell=bash
# What the lab starts is known by a pid file: the process's id and its start time, so that an id which the kernel has
# given to somebody else since is never ended.

# started_at PID: the start time in clock ticks since boot (field 22 of stat; the name in field 2 may hold spaces). A
# zombie has ended, whether or not somebody has asked for its result.
started_at() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != Z ]] || return 1
  echo "${fields[19]}"
}

# alive PIDFILE: true when the very process that was noted still runs.
alive() {
  local pid since
  [[ -s $1 ]] && read -r pid since <"$1" && [[ $(started_at "$pid") == "$since" ]]
}

# launch NAME HOSTNAME PIDFILE LOG PROGRAM…: starts a program in the lab's network, under a host name of its own (an
# API server's identity, and so its Lease, is made from the host's name). Every link of the chain replaces the one
# before it, so the shell's $! is the program's id.
launch() {
  local name=$1 host=$2 pidfile=$3 log=$4 pid
  shift 4
  # shellcheck disable=SC2016 # expanded by the inner shell
  setsid nsenter --net="/run/netns/$(namespace_of "$name")" -- unshare --uts -- \
    bash -c 'echo "$1" >/proc/sys/kernel/hostname && shift && exec "$@"' launch "$host" "$@" \
    </dev/null >>"$log" 2>&1 &
  pid=$!
  disown "$pid"
  echo "$pid $(started_at "$pid")" >"$pidfile"
}

# finish PIDFILE SIGNAL SECONDS: ends the noted process, by force when it does not go in time.
finish() {
  local pid since deadline=$((SECONDS + $3))
  if alive "$1"; then
    read -r pid since <"$1"
    kill -s "$2" "$pid" 2>/dev/null || true
    while alive "$1"; do
      if ((SECONDS >= deadline)); then
        say "process $pid did not end in $3 s; killed"
        kill -s KILL "$pid" 2>/dev/null || true
        deadline=$((SECONDS + 5))
      fi
      sleep 0.05
    done
  fi
  rm -f "$1"
}
