#!/usr/bin/env bash
# Mutation tests of the pure modules: changes the code in small ways, one at a time, and asks whether a unit test notices.
# Prints what was caught, missed, unviable and out of time, and ends with 1 below 90 %. docs/mutation-testing.md says more.
#
#   scripts/mutants.sh                       all mutants
#   scripts/mutants.sh --file 'src/sse/*'    those of some files
#   scripts/mutants.sh --re 'in retry'       those whose name matches
#   scripts/mutants.sh --shard 0/4           every fourth
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo mutants --version > /dev/null 2>&1 || {
  echo 'scripts/mutants.sh: cargo-mutants is missing: cargo install cargo-mutants --locked' >&2
  exit 1
}
exec python3 scripts/mutants.py "$@"
