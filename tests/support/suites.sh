# shellcheck shell=bash
# How tests/run runs suites and counts what they say.

ci=false
passed=0 failed=0 skipped=0
left_out=() broken=()
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# suite TITLE COMMAND…: runs it, shows and keeps its output, and adds up the closing lines of the test runners in it. A
# command that fails without having counted a failure is one.
suite() {
  local title=$1 began=$SECONDS status counted
  shift
  printf '\n== %s\n' "$title"
  "$@" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  counted=$failed
  count
  if ((status != 0 && failed == counted)); then failed=$((failed + 1)); fi
  if ((status != 0 || failed > counted)); then broken+=("$title"); fi
  printf '== %s: %s s\n' "$title" $((SECONDS - began))
}

# count: adds up `test result: ok. N passed; N failed; …` of Rust and `N passed, N failed, N skipped` of shell suites.
# What Rust calls ignored is counted where it is run, or left out.
count() {
  local rust='^test result: [a-zA-Z]+\. ([0-9]+) passed; ([0-9]+) failed; '
  local shell='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'
  while IFS= read -r line; do
    if [[ $line =~ $rust || $line =~ $shell ]]; then
      passed=$((passed + BASH_REMATCH[1]))
      failed=$((failed + BASH_REMATCH[2]))
      skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
    fi
  done <"$output"
}

# can WORD…: whether all of it can be had here; otherwise `missing` says what cannot.
can() {
  local word
  missing=
  for word in "$@"; do
    case $word in
      lab) can_lab || missing+="${missing:+; }$lab_missing" ;;
      cluster) can_cluster || missing+="${missing:+; }$cluster_missing" ;;
      # It can be had everywhere: who runs cargo test after each change has not got them.
      minutes) ;;
      *) command -v "$word" >/dev/null || missing+="${missing:+; }$word is not installed" ;;
    esac
  done
  [[ -z $missing ]]
}

# can_lab: builds the lab's programs when first asked. A build that fails is a failure, not something left out.
lab_state=
can_lab() {
  local program programs=(ip nsenter unshare setsid flock openssl jq)
  if [[ -z $lab_state ]]; then
    lab_state=had lab_missing=
    [[ -n ${KUBEBUILDER_ASSETS:-} ]] || programs+=(go)
    for program in "${programs[@]}"; do
      command -v "$program" >/dev/null || lab_missing+="${lab_missing:+, }$program"
    done
    if ((EUID != 0)); then
      lab_missing='a lab needs root'
    elif [[ -n $lab_missing ]]; then
      lab_missing="a lab needs $lab_missing"
    fi
    if [[ -n $lab_missing ]]; then lab_state=missing; else suite "the lab's programs" lab/lab build; fi
  fi
  [[ $lab_state == had ]]
}

# can_cluster: the lab's real machines; makes their root file system, images and packages when first asked.
cluster_state=
can_cluster() {
  local program
  if [[ -z $cluster_state ]]; then
    cluster_state=had cluster_missing=
    for program in go debootstrap systemd-nspawn dpkg-deb ssh ip nsenter flock openssl; do
      command -v "$program" >/dev/null || cluster_missing+="${cluster_missing:+, }$program"
    done
    if ((EUID != 0)); then
      cluster_missing="the lab's machines need root"
    elif [[ -n $cluster_missing ]]; then
      cluster_missing="the lab's machines need $cluster_missing"
    fi
    if [[ -n $cluster_missing ]]; then
      cluster_state=missing
    else
      suite "the lab's machines" lab/lab cluster build
    fi
  fi
  [[ $cluster_state == had ]]
}

# leave_out TITLE REASON [COUNT]
leave_out() {
  left_out+=("$1: $2")
  skipped=$((skipped + ${3:-1}))
}

# ignored_rust_tests: notes from cargo test's output, for each reason, the tests that it ignored.
declare -A ignored=()
ignored_rust_tests() {
  local line pattern='^test ([^ ]+)( - [^.]*)? \.\.\. ignored(, (.*))?$'
  while IFS= read -r line; do
    if [[ $line =~ $pattern ]]; then ignored[${BASH_REMATCH[4]:-no reason}]+=" ${BASH_REMATCH[1]}"; fi
  done
}

# run_ignored_rust_tests: those whose needs can be had, by their exact names, two at a time: a lab takes most of a core.
run_ignored_rust_tests() {
  local reason names
  for reason in "${!ignored[@]}"; do
    read -ra names <<<"${ignored[$reason]}"
    # shellcheck disable=SC2086 # words
    if [[ ! $reason =~ ^[a-z]+(, [a-z]+)*$ ]]; then
      # Not something to be had: a doc test that is only shown, a test for another occasion.
      echo "not run: $reason: ${names[*]}"
      skipped=$((skipped + ${#names[@]}))
    elif can ${reason//,/}; then
      suite "Rust, with $reason" cargo test --no-fail-fast --lib --bins --tests -- \
        --ignored --exact --test-threads=2 "${names[@]}"
    else
      leave_out "${#names[@]} Rust tests with $reason" "$missing" "${#names[@]}"
    fi
  done
}

# shell_scripts: every script of the project, by name or first line.
shell_scripts() {
  local file first
  while IFS= read -r file; do
    if [[ $file == *.sh ]]; then
      echo "$file"
    elif [[ -f $file && -x $file ]]; then
      IFS= read -r first <"$file" || continue
      if [[ $first =~ ^#!.*[/\ ](ba|da)?sh$ ]]; then echo "$file"; fi
    fi
  done < <(git ls-files)
}

# closing_line: what was left out and what broke, then the sum; exits.
closing_line() {
  local entry
  echo
  for entry in "${left_out[@]}"; do echo "left out: $entry"; done
  if $ci && ((${#left_out[@]} > 0)); then
    echo 'in CI nothing may be left out'
    failed=$((failed + ${#left_out[@]}))
  fi
  for entry in "${broken[@]}"; do echo "failed: $entry"; done
  echo "$passed passed, $failed failed, $skipped skipped"
  ((failed == 0 && passed > 0))
  exit
}
