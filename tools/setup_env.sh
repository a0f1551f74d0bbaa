#!/usr/bin/env bash
# Make the environment VENV (default .venv) with this package, the tested
# versions and the extras named as arguments. Uses uv where it is installed,
# pip otherwise. An environment that is there already is brought up to date.
# CONSTRAINTS names another file of versions than constraints.txt.
#
#   bash tools/setup_env.sh lite timm
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
CONSTRAINTS=${CONSTRAINTS:-constraints.txt}
PYTHON=${PYTHON:-python3}
EXTRAS=$(IFS=,; echo "${*:-lite}")

"$PYTHON" - <<'CHECK'
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit('respike_mm needs Python 3.11 to 3.13, this is '
             f'{sys.version.split()[0]}; set PYTHON=/path/to/python3.11')
CHECK
if command -v uv >/dev/null; then
    [ -x "$VENV/bin/python" ] || uv venv --quiet --python "$PYTHON" "$VENV"
    uv pip install --quiet --python "$VENV/bin/python" \
        -e ".[$EXTRAS]" -c "$CONSTRAINTS"
else
    [ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --upgrade pip
    "$VENV/bin/python" -m pip install --quiet -e ".[$EXTRAS]" -c "$CONSTRAINTS"
fi
echo "environment: $VENV (activate with: source $VENV/bin/activate)"
