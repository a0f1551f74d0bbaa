#!/usr/bin/env bash
# Train with several processes, one for each GPU (or gloo process on CPU):
#   tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# On several machines, on each: NNODES=2 NODE_RANK=0 MASTER_ADDR=host PORT=29500
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
config=$1
processes=$2
shift 2
# glibc keeps freed memory: returning it to the kernel slows training on CPU.
export MALLOC_MMAP_MAX_="${MALLOC_MMAP_MAX_-0}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-100000000000}"
exec python -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" \
    --master-port "${PORT:-29500}" --nproc-per-node "$processes" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
