#!/usr/bin/env bash
# Holds a load of conversations against two gateways while everything around them fails, and checks every answer.
# docs/soak.md says what it does and what its figures mean. Ends with 1 when anything was wrong.
#
#   scripts/soak.sh                       15 minutes, 64 conversations at a time
#   scripts/soak.sh --minutes 2 --seed 7  shorter; the faults and conversations of an earlier run again
#   scripts/soak.sh --minutes 1 --falsify the model lies now and then: this run must fail
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in cargo npm node; do
  command -v "$tool" > /dev/null || { echo "scripts/soak.sh: $tool is missing" >&2; exit 1; }
done

if [[ ! -d tests/azurite/node_modules ]]; then
  npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts
fi
cargo build --release --locked -p foundry-gateway -p soak
readonly built="${CARGO_TARGET_DIR:-target}/release"
exec "$built/soak" --gateway "$built/foundry-gateway" "$@"
