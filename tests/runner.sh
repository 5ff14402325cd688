#!/usr/bin/env bash
# The runner of all tests must not call a failure a success: what tests/support/suites.sh counts.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit 1

right=0 wrong=0

# expect NAME WANTED SCRIPT: SCRIPT runs with the runner's functions in a shell of its own; its last line must be WANTED.
expect() {
  local got
  got=$(bash -c "set -uo pipefail; source support/suites.sh; $3" 2>&1 | tail -n 1)
  if [[ $got == "$2" ]]; then
    right=$((right + 1))
  else
    wrong=$((wrong + 1))
    printf '%s: wanted "%s", got "%s"\n' "$1" "$2" "$got"
  fi
}

rust='test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s'
broken='test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s'
ignored='test a::needs_more ... ignored, lab, nothing
test a::plain ... ok
test src/lib.rs - shown (line 3) ... ignored'

expect 'sums of several programs' '7 passed, 0 failed, 0 skipped' \
  "suite one printf '%s\n' '$rust' noise '$rust'; suite two echo '1 passed, 0 failed'; closing_line"
expect 'skipped of a shell suite' '1 passed, 0 failed, 4 skipped' "suite one echo '1 passed, 0 failed, 4 skipped'; closing_line"
expect 'counted failures' '1 passed, 2 failed, 0 skipped' "suite one bash -c 'echo \"$broken\"; exit 101'; closing_line"
expect 'a failure that nobody counted' '3 passed, 1 failed, 0 skipped' \
  "suite one echo '$rust'; suite two false; closing_line"
expect 'a failed suite is a failed run' 1 "(suite one echo '$rust'; suite two false; closing_line); echo \$?"
expect 'a good run is one' 0 "(suite one echo '$rust'; closing_line); echo \$?"
expect 'no test at all is no good run' 1 "(closing_line); echo \$?"
expect 'left out' '3 passed, 0 failed, 1 skipped' "suite one echo '$rust'; leave_out two reason; closing_line"
expect 'left out in CI' '3 passed, 1 failed, 1 skipped' "ci=true; suite one echo '$rust'; leave_out two reason; closing_line"
expect 'a program that is not there' 'no-such-program is not installed' "can sh no-such-program; echo \"\$missing\""
expect 'ignored tests by what they need' 'a::needs_more, src/lib.rs' \
  "ignored_rust_tests <<<'$ignored'; echo \${ignored['lab, nothing']}, \${ignored['no reason']}"
expect 'ignored tests that cannot be run' '0 passed, 0 failed, 2 skipped' \
  "can_lab() { :; }; ignored_rust_tests <<<'$ignored'; run_ignored_rust_tests; closing_line"

echo "$right passed, $wrong failed, 0 skipped"
((wrong == 0))
