#!/usr/bin/env bash
# Checks Cargo.lock for crates that must not come back, without any tool but grep.
# TLS is rustls with ring: one implementation, no C library of the machine, no second crypto build.
# deny.toml says the same to cargo-deny, which checks more and is not everywhere installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly banned=(aws-lc-rs aws-lc-sys native-tls openssl openssl-sys)

found=0
for crate in "${banned[@]}"; do
  if grep --quiet --fixed-strings --line-regexp "name = \"$crate\"" Cargo.lock; then
    echo "Cargo.lock holds the banned crate $crate; find who wants it with: cargo tree --workspace --target all --invert $crate" >&2
    found=1
  fi
done
if [[ "$(grep '^source = ' Cargo.lock | sort --unique)" != 'source = "registry+'* ]] ||
  [[ "$(grep '^source = ' Cargo.lock | sort --unique | wc --lines)" != 1 ]]; then
  echo 'Cargo.lock holds a crate that does not come from the one public registry' >&2
  found=1
fi
[[ $found == 0 ]] || exit 1
echo "Cargo.lock holds none of: ${banned[*]}; everything comes from the one public registry"
