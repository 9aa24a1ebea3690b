#!/usr/bin/env bash
# Builds the release binary so that it runs on any x86-64 Linux with glibc 2.31 or newer, which is what the
# oldest image of the Functions host has. A plain release build needs the glibc of the machine it was built on.
#
# Links with Zig, installed from PyPI into target/portable. Prints the path of the binary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly target=x86_64-unknown-linux-gnu
readonly glibc=2.31
readonly cargo_target="${CARGO_TARGET_DIR:-target}"
readonly tools="$cargo_target/portable"

command -v python3 > /dev/null || { echo 'scripts/build-portable.sh: python3 is missing' >&2; exit 1; }
if [[ ! -x $tools/bin/cargo-zigbuild ]]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check 'cargo-zigbuild==0.24.0' 'ziglang==0.17.1'
fi

# The same sources give the same bytes, wherever they and Cargo's downloads are: messages of panics name files.
readonly cargo_home="${CARGO_HOME:-$HOME/.cargo}"
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=. --remap-path-prefix=$cargo_home=cargo"
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=cargo"

# A message of the allocator tells the day it was built.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-315532800}"

# What is deployed has no use for the `demo` command, and less memory without it.
PATH="$(cd "$tools/bin" && pwd):$PATH" cargo zigbuild --release --locked -p foundry-gateway \
  --no-default-features --features deployed --target "$target.$glibc" >&2
printf '%s\n' "$cargo_target/$target/release/foundry-gateway"
