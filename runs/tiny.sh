#!/usr/bin/env bash
# A whole experiment on drawings: data, encoders, findings, decoder, bundle, drafts, scores. About a minute.
#
#   runs/tiny.sh [FOLDER]      (default: a new temporary folder)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export WETREAD_RUNS=${1:-$(mktemp -d)}
PY=${PYTHON:-python}
wetread() { "$PY" -m wetread "$@"; }

"$PY" "$here/tiny_data.py" "$WETREAD_RUNS/tiny_films"
wetread data prepare folder "$WETREAD_RUNS/tiny_films" "$WETREAD_RUNS/tiny_data" --reports "$WETREAD_RUNS/tiny_films/reports.csv"
wetread train "$here/tiny.toml"
wetread export "$WETREAD_RUNS/tiny" "$WETREAD_RUNS/tiny_bundle" --force
echo "the bundle is in $WETREAD_RUNS/tiny_bundle"
