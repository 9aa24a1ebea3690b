#!/usr/bin/env bash
# The test command. It checks everything on this machine and needs Rust, Python 3.11 or newer and Node.js 20 or newer.
#
#   scripts/test.sh           everything
#   scripts/test.sh rust      the tests in Rust; they start Azurite, so this needs Node.js too
#   scripts/test.sh python    the programs, driven by the SDKs for Python
#   scripts/test.sh node      the programs, driven by the SDKs for JavaScript
#   scripts/test.sh budgets   what a request costs, in counts; this needs valgrind and a release build
#
# Without valgrind the budgets are not checked: that is said, and with CI set it is a failure.
#
# What the suites need is installed into target/conformance, conformance/node/node_modules and
# tests/azurite/node_modules, from pinned lists, and installed again only when a list changes. Nothing
# outside the repository is changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly suite="${1:-all}"
readonly installed=target/conformance
readonly cargo_target="${CARGO_TARGET_DIR:-target}"
export CONFORMANCE_BIN_DIR="$(mkdir -p "$cargo_target" && cd "$cargo_target" && pwd)/debug"

summary=()
failures=0

fail() {
  printf '\nscripts/test.sh: %s\n' "$1" >&2
  exit 1
}

# Says what runs, runs it, and goes on after a failure, so that one run shows all that is wrong.
check() {
  local title="$1" started=$SECONDS result=ok
  shift
  printf '\n=== %s\n    %s\n' "$title" "$*"
  "$@" || result=FAILED
  [[ $result == ok ]] || failures=$((failures + 1))
  summary+=("$(printf '%-7s %4d s  %s' "$result" $((SECONDS - started)) "$title")")
}

# Like check, but nothing that follows makes sense without it.
require() {
  check "$@"
  [[ $failures == 0 ]] || finish
}

finish() {
  printf '\n=== Summary\n'
  printf '%s\n' "${summary[@]}"
  if [[ $failures == 0 ]]; then
    printf 'All steps passed.\n'
    exit 0
  fi
  printf '%d step(s) FAILED.\n' "$failures"
  exit 1
}

# The tools are asked for by name: a missing one must not pass for a suite that had nothing to do.
check_tools() {
  command -v cargo > /dev/null || fail 'cargo is missing: install Rust with rustup, rust-toolchain.toml names the version'
  if [[ $suite == all || $suite == python ]]; then
    command -v python3 > /dev/null || fail 'python3 is missing: install Python 3.11 or newer'
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
      fail "Python 3.11 or newer is needed, python3 is $(python3 --version 2>&1)"
    python3 -c 'import ensurepip, venv' 2> /dev/null ||
      fail 'Python cannot make virtual environments: install its venv module (python3-venv on Debian and Ubuntu)'
  fi
  if [[ $suite != python && $suite != budgets ]]; then
    command -v node > /dev/null || fail 'node is missing: install Node.js 20 or newer'
    command -v npm > /dev/null || fail 'npm is missing: it comes with Node.js 20 or newer'
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' ||
      fail "Node.js 20 or newer is needed, node is $(node --version)"
  fi
}

# What an installation was made from: the list, the interpreters, and the place, which a virtual environment remembers.
stamp_text() {
  sha256sum < "$1"
  pwd
  python3 --version 2> /dev/null || true
  node --version 2> /dev/null || true
}

# Makes the virtual environment `name` with what `list` pins.
install_python() {
  local name="$1" list="$2"
  local stamp="$installed/$name.stamp"
  [[ -f $stamp && "$(cat "$stamp")" == "$(stamp_text "$list")" ]] && { echo "    already installed"; return; }
  rm -rf "${installed:?}/$name" "$stamp"
  python3 -m venv "$installed/$name" &&
    "$installed/$name/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$list" &&
    "$installed/$name/bin/python" -m pip check --disable-pip-version-check &&
    stamp_text "$list" > "$stamp"
}

# Installs what the lock file of a folder lists; its stamp is named after the folder.
install_node() {
  local folder="$1"
  local stamp="$installed/$(basename "$folder").stamp" list="$folder/package-lock.json"
  [[ -f $stamp && -d $folder/node_modules && "$(cat "$stamp")" == "$(stamp_text "$list")" ]] &&
    { echo "    already installed"; return; }
  rm -f "$stamp"
  npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts &&
    stamp_text "$list" > "$stamp"
}

pytest_suite() {
  "$installed/python/bin/python" -m pytest -c conformance/python/pytest.ini "conformance/python/$1"
}

# Where valgrind is missing nothing was counted, which must not look like a success.
no_budgets() {
  printf '\nNO BUDGET WAS CHECKED: valgrind is missing. On Debian and Ubuntu: apt-get install valgrind\n' >&2
  return 1
}

[[ $suite =~ ^(all|rust|python|node|budgets)$ ]] ||
  fail "unknown suite '$suite': say rust, python, node, budgets, or nothing for all"
check_tools
mkdir -p "$installed"

if [[ $suite == all || $suite == rust ]]; then
  require 'Rust: install Azurite, the Table Storage of the tests' install_node tests/azurite
  # Most integration tests wait, for a deadline or for another process, and leave the processor to others.
  export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((3 * $(getconf _NPROCESSORS_ONLN)))}"
  check 'Rust: unit and integration tests' cargo test --workspace --locked
fi
if [[ $suite != rust && $suite != budgets ]]; then
  # Without --tests the libraries lack features that the tests ask for, and are built a second time.
  build=(cargo build --workspace --locked --bins)
  [[ $suite == all ]] && build+=(--tests)
  require 'Build the programs that the suites start' "${build[@]}"
fi
if [[ $suite == all || $suite == python ]]; then
  require 'Python: install the SDKs' install_python python conformance/python/requirements.txt
  require 'Python: install the command-line client llm' install_python llm conformance/python/requirements-llm.txt
  check "Python: Microsoft's SDKs against the emulator" pytest_suite emulator
  check 'Python: openai, LangChain and llm against the gateway' pytest_suite gateway
fi
if [[ $suite == all || $suite == node ]]; then
  require 'Node: install the SDKs' install_node conformance/node
  check "Node: Microsoft's SDKs against the emulator" node conformance/node/run.js emulator
  check 'Node: openai against the gateway' node conformance/node/run.js gateway
fi
if [[ $suite == all || $suite == budgets ]]; then
  if command -v valgrind > /dev/null; then
    check 'Budgets: instructions and allocations of a request' cargo bench --locked --bench budgets
  elif [[ -n ${CI:-} || $suite == budgets ]]; then
    check 'Budgets: instructions and allocations of a request' no_budgets
  else
    no_budgets || summary+=('NOT RUN          Budgets: valgrind is missing, nothing was counted')
  fi
fi
finish
