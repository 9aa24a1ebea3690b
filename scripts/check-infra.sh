#!/usr/bin/env bash
# Checks what is deployed but not compiled: Bicep, the workflows, the documented az commands. Each check needs a tool;
# one that is not there is named, loudly, and does not fail the run.
#
#   bicepcheck   BICEPCHECK holds its command line, or it is on the PATH
#   bicep        the compiler, on the PATH (or where the Azure CLI puts it)
#   actionlint   ACTIONLINT holds its command line, or it is on the PATH
#   az           on the PATH; only its help is asked
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0

# Runs a check, and goes on after a failure, so that one run shows all that is wrong.
check() {
  printf '=== %s\n' "$*" >&2
  "$@" >&2 || { failed=1; printf 'FAILED: %s\n' "$*" >&2; }
}

not_checked() {
  printf '\n*** NOT CHECKED: %s (%s is not installed) ***\n\n' "$1" "$2" >&2
}

read -r -a bicepcheck <<< "${BICEPCHECK:-$(command -v bicepcheck || true)}"
if [[ ${#bicepcheck[@]} -gt 0 ]]; then
  check "${bicepcheck[@]}" infra
else
  not_checked 'types and symbols of infra/*.bicep' bicepcheck
fi

bicep="$(command -v bicep || command -v "$HOME/.azure/bin/bicep" || true)"
if [[ -n $bicep ]]; then
  # The compiler needs no network: there are no modules from a registry.
  check "$bicep" build infra/main.bicep --no-restore --stdout > /dev/null
  check "$bicep" lint infra/main.bicep --no-restore
  FOUNDRY_ACCOUNT_NAME=account FOUNDRY_PROJECT_NAME=project \
    check "$bicep" build-params infra/main.bicepparam --no-restore --stdout > /dev/null
else
  not_checked 'infra/main.bicep by the Bicep compiler' bicep
fi

read -r -a actionlint <<< "${ACTIONLINT:-$(command -v actionlint || true)}"
if [[ ${#actionlint[@]} -gt 0 ]]; then
  for workflow in .github/workflows/*.yml; do
    check "${actionlint[@]}" "$workflow"
  done
else
  not_checked '.github/workflows' actionlint
fi

if command -v az > /dev/null; then
  check python3 scripts/check-az-commands.py README.md docs/*.md .github/workflows/*.yml
else
  not_checked 'the az commands of the documents' az
fi
exit "$failed"
