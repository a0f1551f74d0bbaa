#!/usr/bin/env bash
# Test with several processes, one for each GPU (or gloo process on CPU):
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
# On several machines, on each: NNODES=2 NODE_RANK=0 MASTER_ADDR=host PORT=29500
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
config=$1
checkpoint=$2
processes=$3
shift 3
# glibc keeps freed memory: returning it to the kernel is slow on CPU.
export MALLOC_MMAP_MAX_="${MALLOC_MMAP_MAX_-0}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-100000000000}"
exec python -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" \
    --master-port "${PORT:-29500}" --nproc-per-node "$processes" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
