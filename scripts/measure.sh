#!/usr/bin/env bash
# Measures the portable release build of the gateway, the one to ship: time to first answer, memory at rest, size, and what it needs of the C library.
# It prints numbers and judges nothing: they depend on the machine.
#
#   scripts/measure.sh                    build, then measure
#   scripts/measure.sh --against-direct   also measure what the gateway adds to an answer of the emulator
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  '' | --against-direct) ;;
  *)
    echo 'usage: scripts/measure.sh [--against-direct]' >&2
    exit 64
    ;;
esac

for tool in cargo python3 objdump; do
  command -v "$tool" > /dev/null || { echo "scripts/measure.sh: $tool is missing" >&2; exit 1; }
done

gateway="$(scripts/build-portable.sh)"
readonly gateway
if [[ "${1:-}" == --against-direct ]]; then
  cargo build --release --locked -p foundry-emulator
fi

readonly emulator="${CARGO_TARGET_DIR:-target}/release/foundry-emulator"

# Debian's and Ubuntu's version suffixes sort as numbers; a static binary names no version at all.
highest_glibc="$(objdump -T "$gateway" 2> /dev/null | grep --only-matching 'GLIBC_[0-9.]*' | sort --version-sort --unique | tail -n 1 || true)"

printf '\n%-28s %s\n' 'binary size' "$(python3 -c 'import os, sys; print(f"{os.path.getsize(sys.argv[1]) / 1e6:.2f} MB")' "$gateway")"
printf '%-28s %s\n' 'highest glibc symbol' "${highest_glibc:-none (static)}"
exec python3 scripts/measure.py "$gateway" "$emulator" "$@"
