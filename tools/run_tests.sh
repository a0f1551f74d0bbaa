#!/usr/bin/env bash
# Environment and tests in one go. Arguments go to pytest, for example `-n 0`
# for one process.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
export MALLOC_MMAP_MAX_=${MALLOC_MMAP_MAX_:-0}
export MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-100000000000}
# Beside other jobs, threads that spin while they wait for each other take many
# times as long as threads that sleep.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

# Small tensors gain little from threads; files of tests side by side do, as
# many as memory surely holds.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

bash tools/setup_env.sh lite test
"$VENV/bin/python" -m pytest -n logical --maxprocesses 4 --dist loadfile "$@"
