#!/usr/bin/env bash
# Environment and tests in one go. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
export MALLOC_MMAP_MAX_=${MALLOC_MMAP_MAX_:-0}
export MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-100000000000}
# Beside other jobs, threads that spin while they wait for each other take many
# times as long as threads that sleep.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

bash tools/setup_env.sh lite test
"$VENV/bin/python" -m pytest "$@"
