#!/usr/bin/env bash
# Lets Arize Phoenix, a backend that knows the GenAI conventions, receive a conversation of the gateway, and asks it
# for agents, tokens and session. Installs Phoenix (two minutes, a gigabyte) into target/conformance/phoenix, or takes
# the program that PHOENIX_PROGRAM names. Run scripts/test.sh python once before: it installs what the suites need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly version=20.26.1
readonly python=target/conformance/python/bin/python
readonly installed=target/conformance/phoenix

[[ -x $python ]] || { echo "$python is missing: run scripts/test.sh python first" >&2; exit 1; }
if [[ -z ${PHOENIX_PROGRAM:-} ]]; then
  if [[ "$(cat "$installed/version" 2> /dev/null)" != "$version" ]]; then
    python3 -m venv --clear "$installed"
    "$installed/bin/python" -m pip install --quiet --disable-pip-version-check "arize-phoenix==$version"
    echo "$version" > "$installed/version"
  fi
  PHOENIX_PROGRAM="$PWD/$installed/bin/phoenix"
fi
cargo build --workspace --locked
PHOENIX_PROGRAM="$PHOENIX_PROGRAM" exec "$python" -m pytest -c conformance/python/pytest.ini -s conformance/python/acceptance
