#!/usr/bin/env bash
# Environment and tests in one go. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
export MALLOC_MMAP_MAX_=${MALLOC_MMAP_MAX_:-0}
export MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-100000000000}

bash tools/setup_env.sh lite test
"$VENV/bin/python" -m pytest "$@"
