#!/usr/bin/env bash
# Fuzzes the gateway: every target of fuzz/ with made-up inputs, for so many seconds each. docs/fuzzing.md says what
# each target holds the gateway to.
#
#   scripts/fuzz.sh                        ten minutes a target
#   scripts/fuzz.sh --seconds 60           a minute a target
#   scripts/fuzz.sh --target jwt           one target; may stand several times
#   scripts/fuzz.sh --jobs 2               two targets at a time
#
# It needs the nightly toolchain, which it does not install, and cargo-fuzz, which it installs into target/tools where
# it is missing. The working corpora are in target/fuzz/corpus: they begin with the seeds of fuzz/seeds, and grow.
# An input that breaks a property is in target/fuzz/findings; put it into fuzz/findings/<target> with the correction,
# where `cargo test --lib fuzzing` tries it for ever.
#
# Status: 0 nothing was found, 1 something was, 2 it was called wrongly, 3 NOT RUN because a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# FUZZ_TOOLCHAIN=nightly-2026-05-15 takes another toolchain than the newest that is installed.
readonly toolchain="${FUZZ_TOOLCHAIN:-nightly}"
readonly cargo_fuzz_version=0.13.2
readonly work=target/fuzz
readonly max_length=16384

seconds=600 jobs=1 targets=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --seconds | --jobs | --target)
      [[ -n ${2:-} ]] || { echo "scripts/fuzz.sh: $1 needs a value" >&2; exit 2; }
      case "$1" in
        --seconds) seconds="$2" ;;
        --jobs) jobs="$2" ;;
        --target) targets+=("$2") ;;
      esac
      shift 2
      ;;
    *) echo "scripts/fuzz.sh: unknown option '$1'; the beginning of this file lists them" >&2; exit 2 ;;
  esac
done
[[ $seconds =~ ^[1-9][0-9]*$ && $jobs =~ ^[1-9][0-9]*$ ]] ||
  { echo 'scripts/fuzz.sh: --seconds and --jobs take whole numbers from 1' >&2; exit 2; }

not_run() {
  printf '\n=== Fuzzing was NOT RUN: %s\n    %s\n' "$1" "$2" >&2
  exit 3
}

rustup run "$toolchain" rustc --version > /dev/null 2>&1 ||
  not_run "the toolchain $toolchain is missing" "rustup toolchain install $toolchain --profile minimal"
export PATH="$PWD/target/tools/bin:$PATH"
if ! cargo-fuzz --version > /dev/null 2>&1; then
  install=(cargo install cargo-fuzz --version "$cargo_fuzz_version" --locked --root target/tools)
  echo "cargo-fuzz is missing: ${install[*]}"
  "${install[@]}" || not_run 'cargo-fuzz cannot be installed' "${install[*]}"
fi

mapfile -t known < <(sed -n 's|^path = "targets/\(.*\)\.rs"$|\1|p' fuzz/Cargo.toml)
[[ ${#targets[@]} -gt 0 ]] || targets=("${known[@]}")
for target in "${targets[@]}"; do
  [[ " ${known[*]} " == *" $target "* ]] ||
    { echo "scripts/fuzz.sh: no target '$target'; there are: ${known[*]}" >&2; exit 2; }
done

# The targets have a lock file of their own, which follows that of the gateway.
host="$(rustup run "$toolchain" rustc -vV | sed -n 's/^host: //p')"
fetch=(cargo "+$toolchain" fetch --manifest-path fuzz/Cargo.toml --target "$host")
if ! "${fetch[@]}" --locked; then
  echo "fuzz/Cargo.lock may not follow Cargo.lock; it is written anew by: ${fetch[*]}" >&2
  [[ ${CI:-} != true ]] || exit 1
  "${fetch[@]}"
fi

# Without a sanitizer: the crate forbids unsafe code, so that one would look for nothing and halve the speed.
cargo_fuzz=(cargo "+$toolchain" fuzz)
built=(--sanitizer none --target-dir "$work/build")
echo "building ${#known[@]} targets with $toolchain"
CARGO_INCREMENTAL=0 "${cargo_fuzz[@]}" build "${built[@]}"
mkdir -p "$work"/{corpus,findings,logs}

fuzz() {
  local target="$1" corpus="$work/corpus/$1" findings="$work/findings/$1/" started=$SECONDS status=0
  mkdir -p "$corpus" "$findings"
  cp "fuzz/seeds/$target"/* "$corpus/"
  [[ ! -d fuzz/findings/$target ]] || cp "fuzz/findings/$target"/* "$corpus/"
  nice -n 19 "${cargo_fuzz[@]}" run "${built[@]}" "$target" "$corpus" -- \
    "-max_total_time=$seconds" "-artifact_prefix=$PWD/$findings" "-max_len=$max_length" -timeout=20 \
    -rss_limit_mb=2048 -print_final_stats=1 > "$work/logs/$target.log" 2>&1 || status=$?
  echo $((SECONDS - started)) > "$work/logs/$target.seconds"
  return "$status"
}

# A line for the summary; fails where something was found.
report() {
  local target="$1" status="$2" log="$work/logs/$1.log" inputs edges took
  took="$(cat "$work/logs/$target.seconds")"
  inputs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)"
  edges="$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)"
  printf '%-18s %5d s %11s inputs %7s edges   ' "$target" "$took" "${inputs:-?}" "${edges:-?}"
  if [[ $status == 0 && -n $inputs && -n $edges ]]; then
    echo 'nothing found'
  else
    echo "FOUND (status $status): $log, $work/findings/$target/"
    return 1
  fi
}

found=0
for ((next = 0; next < ${#targets[@]}; next += jobs)); do
  group=("${targets[@]:next:jobs}") ids=()
  for target in "${group[@]}"; do
    fuzz "$target" &
    ids+=($!)
  done
  for index in "${!group[@]}"; do
    status=0
    wait "${ids[$index]}" || status=$?
    report "${group[$index]}" "$status" || found=$((found + 1))
  done
done
[[ $found == 0 ]] || { echo "$found target(s) with a finding" >&2; exit 1; }
